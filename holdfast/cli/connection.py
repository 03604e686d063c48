"""The options that every command for a running server has, and the client they make."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from holdfast.cli.arguments import SERVER_AND_OUTPUT
from holdfast.cli.failures import failure_of_call

if TYPE_CHECKING:
    from holdfast.sync_client import SyncClient

# A person waits, and can repeat the command: where nobody answers, that is said soon.
ATTEMPTS_MAX = 4

Output = Annotated[Literal["table", "json"], Parameter(alias="-o", group=SERVER_AND_OUTPUT)]


@Parameter(name="*", group=SERVER_AND_OUTPUT)
@dataclass(frozen=True, slots=True)
class Connection:
    """Which server a command asks, for which tenant, and how it prints the answer."""

    target: str | None = None
    """HOST:PORT of the server [default: the environment's HOLDFAST_TARGET, else 127.0.0.1:7600]."""

    tenant: str = "default"
    """The shop."""

    output: Output = "table"
    """A table for people, or one JSON document."""

    @property
    def as_json(self) -> bool:
        """Whether the answer is to be one JSON document."""
        return self.output == "json"

    @contextmanager
    def client(self, hint: str = "", *, lost_hint: str = "") -> Iterator["SyncClient"]:
        """A client of the server; a call that fails is a Failure, with `hint` at its end.

        `lost_hint` is the hint where no answer came, and the call may have had its effect.
        """
        quiet_grpc()
        from holdfast.errors import HoldfastError
        from holdfast.sync_client import SyncClient

        target = self.target or ""
        try:
            with SyncClient(self.target, tenant=self.tenant, attempts_max=ATTEMPTS_MAX) as client:
                target = client.target
                yield client
        except HoldfastError as error:
            raise failure_of_call(error, target, hint, lost_hint=lost_hint) from error

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Makes a Failure of an error that calls of another client end with."""
        quiet_grpc()
        from holdfast.errors import HoldfastError

        try:
            yield
        except HoldfastError as error:
            raise failure_of_call(error, self.target or "") from error


DEFAULT_CONNECTION = Connection()


def quiet_grpc() -> None:
    """Keeps gRPC's own log off stderr: what went wrong is in the error. Before grpc is imported."""
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
