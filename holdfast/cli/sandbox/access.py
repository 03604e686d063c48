"""Access to the sandbox of `holdfast dev`: its address and key, and the calls that steer it.

The key is new at each start. `dev` keeps it beside the sandbox's books, for this user alone.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cyclopts import Parameter

from holdfast.cli.arguments import SERVER_AND_OUTPUT
from holdfast.cli.connection import Output
from holdfast.cli.failures import UNREACHABLE, USAGE, Failure

if TYPE_CHECKING:
    from urllib.error import HTTPError

ACCESS_FILE = Path("sandbox", "access.json")
DATA_DIR_DEFAULT = "holdfast-data"
TIMEOUT_S = 10.0
URL, API_KEY = "HOLDFAST_SANDBOX_URL", "HOLDFAST_SANDBOX_API_KEY"


class Access(NamedTuple):
    """Where a sandbox is, and the key that it asks for."""

    url: str
    api_key: str


def keep_sandbox_access(environment: Mapping[str, str]) -> None:
    """Writes down how to reach the sandbox that is about to be started."""
    path = Path(environment["HOLDFAST_DATA_DIR"]) / ACCESS_FILE
    try:
        # One after the other: what is made on the way to a directory has not its mode.
        path.parents[1].mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump({"url": environment[URL], "api_key": environment[API_KEY]}, file)
    except OSError as error:
        raise Failure(
            f"cannot write {path}: {error.strerror}. Name another directory with --data-dir",
            reason="DATA_DIR_UNUSABLE",
            exit_status=USAGE,
            details={"path": str(path)},
        ) from error


@Parameter(name="*", group=SERVER_AND_OUTPUT)
@dataclass(frozen=True, slots=True)
class SandboxConnection:
    """Which sandbox a command steers, and how it prints the answer."""

    data_dir: Path | None = None
    """Data directory of the `holdfast dev` that runs it [default: the environment's
    HOLDFAST_SANDBOX_URL and HOLDFAST_SANDBOX_API_KEY, else its HOLDFAST_DATA_DIR, else
    holdfast-data]."""

    output: Output = "table"
    """A line for people, or one JSON document."""

    @property
    def as_json(self) -> bool:
        """Whether the answer is to be one JSON document."""
        return self.output == "json"

    def access(self) -> Access:
        """How the sandbox is reached. Raises Failure."""
        return _access(os.environ, self.data_dir)

    def ask(self, path: str, content: object = None) -> Any:
        """The answer to a call: GET, or POST of some content. Raises Failure."""
        import urllib.error
        import urllib.request

        access = self.access()
        request = urllib.request.Request(
            access.url.rstrip("/") + path,
            data=None if content is None else json.dumps(content).encode(),
            headers={
                "authorization": f"Bearer {access.api_key}",
                "content-type": "application/json",
            },
        )
        # Straight there: a proxy of the environment knows nothing of this machine's ports.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=TIMEOUT_S) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise _refused(error) from error
        except (OSError, ValueError) as error:
            cause = getattr(error, "reason", error)
            raise Failure(
                f"no sandbox answers at {access.url} ({cause}). `holdfast dev` starts one",
                reason="UNAVAILABLE",
                exit_status=UNREACHABLE,
                details={"url": access.url},
            ) from error


DEFAULT_SANDBOX = SandboxConnection()


def _access(environment: Mapping[str, str], data_dir: Path | None) -> Access:
    if data_dir is None and environment.get(URL) and environment.get(API_KEY):
        return Access(environment[URL], environment[API_KEY])
    directory = data_dir or Path(environment.get("HOLDFAST_DATA_DIR") or DATA_DIR_DEFAULT)
    path = directory / ACCESS_FILE
    try:
        found = json.loads(path.read_text())
        return Access(found["url"], found["api_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(
            f"{path} does not say where a sandbox is. Start `holdfast dev`, run this command in "
            "the directory where it runs, or name its data directory with --data-dir",
            reason="NO_SANDBOX",
            exit_status=USAGE,
            details={"path": str(path)},
        ) from error


def _refused(error: "HTTPError") -> Failure:
    try:
        problem = json.loads(error.read())["error"]
    except (OSError, ValueError, KeyError, TypeError):
        problem = error.reason
    known = {401: "WRONG_KEY", 404: "NOT_FOUND", 409: "TOO_LATE"}
    return Failure(f"the sandbox: {problem}", reason=known.get(error.code, "REFUSED"))
