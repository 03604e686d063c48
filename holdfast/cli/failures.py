"""Failures of a command: the message on stderr, and the exit status.

Exit status: 0 done, 1 refused or not found, 2 usage, 3 server unreachable.
"""

import json
import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts import CycloptsError

    from holdfast.errors import HoldfastError

REFUSED = 1
USAGE = 2
UNREACHABLE = 3
INTERRUPTED = 130


class Failure(Exception):
    """A command that was not done.

    `message` names the thing, the value and the way out; `reason` is a stable UPPER_SNAKE name, and
    `details` are the values, both for the JSON document of the error.
    """

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        exit_status: int = REFUSED,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.exit_status = exit_status
        self.details = details or {}


def usage_failure(message: str) -> Failure:
    """The failure of a command that was called in a wrong way."""
    return Failure(message, reason="USAGE", exit_status=USAGE)


def failure_of_call(
    error: "HoldfastError",
    target: str,
    hint: str = "",
    *,
    lost_hint: str = "",
    names: str = "--target or HOLDFAST_TARGET",
) -> Failure:
    """The failure of a call to the server at `target`; `hint` is added to the message.

    `lost_hint` is added instead where the answer was lost. `names` are the option and the variable
    that name another server.
    """
    import grpc

    lost = error.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    if lost and error.reason is None:
        message = (
            f"no answer from a server at {target} ({_cause(error.message)}). Start one with "
            f"`holdfast dev`, or name another with {names}"
        )
    elif error.code is grpc.StatusCode.UNIMPLEMENTED:
        from holdfast.cli.whats_there import what_is_at

        message = f"the server at {target} does not offer this call: {what_is_at(target)}"
    else:
        message = error.message + _ADVICE.get(str(error.reason), "").format(**error.metadata)
    hint = lost_hint if lost and lost_hint else hint
    return Failure(
        f"{message}. {hint}" if hint else message,
        reason=str(error.reason or error.code.name),
        exit_status=_exit_status(lost, error.code is grpc.StatusCode.INVALID_ARGUMENT),
        details=error.metadata,
    )


# The commands that do what an error advises; filled from its metadata.
_ADVICE = {
    "ON_HAND_BELOW_COMMITTED": ": `holdfast reservation list --sku {sku}` tells which there are, "
    "`holdfast reservation release ID` gives a live one back, `holdfast reservation cancel ID` a "
    "sold one",
    "STOCK_NOT_FOUND": ": `holdfast stock set {sku} 0 --location {location}`",
    "NOT_ENOUGH_UNITS": ". `holdfast stock get {sku}` tells what there is where",
}

_CAUSES = re.compile(
    r"Connection refused|Connection reset by peer|Connection timed out|No route to host"
    r"|Network is unreachable|Name or service not known|DNS resolution failed|Socket closed"
    r"|Deadline Exceeded|FD Shutdown|Domain name not found"
)


def _cause(message: str) -> str:
    """Why there was no connection, without gRPC's list of the addresses that it has tried."""
    if "http1" in message.lower() or "http/1" in message.lower():
        return "it speaks HTTP, not gRPC: that is the port of callbacks, metrics or the sandbox"
    causes = _CAUSES.findall(message)
    return str(causes[-1]) if causes else message


def _exit_status(lost: bool, invalid: bool) -> int:
    if lost:
        return UNREACHABLE
    return USAGE if invalid else REFUSED


def failure_of_usage(error: "CycloptsError") -> Failure:
    """The failure of a command line that cannot be understood."""
    message = str(error)
    argument, token = error.argument, getattr(error, "token", None)
    if getattr(error, "msg", None) and argument and (token is None or token.keyword is None):
        # A converter of ours refused a value given by position: say which.
        message = f"{argument.name.lstrip('-').upper()}: {message}"
    command = " ".join(("holdfast", *(error.command_chain or ())))
    end = "" if message.endswith((".", "?")) else "."
    return usage_failure(f"{message}{end} See `{command} --help`")


def print_failure(failure: Failure, *, as_json: bool) -> None:
    """Prints the failure to stderr: a line for a person, or one JSON document."""
    if as_json:
        error = {
            "reason": failure.reason,
            "message": failure.message,
            "details": failure.details,
            "exit_status": failure.exit_status,
        }
        print(json.dumps({"error": error}), file=sys.stderr)
    else:
        print(f"holdfast: {failure.message}", file=sys.stderr)
