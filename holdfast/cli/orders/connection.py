"""The options that every command for a running order service has, and the calls they make."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from cyclopts import Parameter

from holdfast.cli.arguments import SERVER_AND_OUTPUT
from holdfast.cli.connection import ATTEMPTS_MAX, Output, quiet_grpc
from holdfast.cli.failures import UNREACHABLE, Failure, failure_of_call

if TYPE_CHECKING:
    from holdfast.orders import OrderClient

T = TypeVar("T")

# The option and the variable that name another order service.
NAMES = "--orders-target or HOLDFAST_ORDERS_TARGET"

# Short enough to be typed again, and to stand in a table.
KEY_BYTES = 8
PAGE_SIZE_MAX = 1_000


@Parameter(name="*", group=SERVER_AND_OUTPUT)
@dataclass(frozen=True, slots=True)
class OrdersConnection:
    """Which order service a command asks, for which tenant, and how it prints the answer."""

    orders_target: str | None = None
    """HOST:PORT of the order service [default: HOLDFAST_ORDERS_TARGET, else 127.0.0.1:7610]."""

    tenant: str = "default"
    """The shop."""

    output: Output = "table"
    """A table for people, or one JSON document."""

    @property
    def as_json(self) -> bool:
        """Whether the answer is to be one JSON document."""
        return self.output == "json"

    def run(self, asking: Callable[["OrderClient"], Awaitable[T]]) -> T:
        """Calls `asking` with a client of the service. Raises Failure for a call that fails."""
        quiet_grpc()
        import asyncio

        from holdfast.errors import HoldfastError
        from holdfast.orders import OrderClient

        target = self.orders_target or ""

        async def asked() -> T:
            nonlocal target
            async with OrderClient(
                self.orders_target, tenant=self.tenant, attempts_max=ATTEMPTS_MAX, channels=1
            ) as client:
                target = client.target
                return await asking(client)

        try:
            return asyncio.run(asked())
        except HoldfastError as error:
            raise failure_of_call(error, target, names=NAMES) from error

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Makes a Failure of an error that calls of another client end with."""
        quiet_grpc()
        from holdfast.errors import HoldfastError

        try:
            yield
        except HoldfastError as error:
            raise failure_of_call(error, self.orders_target or "", names=NAMES) from error

    def ask(self, request: Any) -> Any:
        """The answer to one request of `holdfast.order.v1`."""
        return self.run(lambda client: client.ask(request))

    def decide(self, request: Any) -> Any:
        """The answer to a request that has an outcome. Raises Failure for a refusal."""
        return accepted(self.ask(request))

    def decide_once(self, request: Any, key: str, option: str = "--key") -> Any:
        """The answer to a request that has a key. If it is lost, the Failure names the key.

        Without the key, repeating the command would do it twice.
        """
        try:
            return self.decide(request)
        except Failure as failure:
            if failure.exit_status != UNREACHABLE:
                raise
            raise Failure(
                f"{failure.message}. It may have been done: repeat it with {option} {key}",
                reason=failure.reason,
                exit_status=failure.exit_status,
                details=failure.details | {"key": key},
            ) from failure

    def rows(self, request: Any, field: str, limit: int) -> Iterator[Any]:
        """The things of a list, read page by page as they are taken. Raises Failure.

        `limit` is how many are wanted: no page is much larger.
        """
        quiet_grpc()
        import asyncio

        from holdfast.errors import HoldfastError
        from holdfast.orders import OrderClient

        request.page_size = min(limit + 1, PAGE_SIZE_MAX)
        with asyncio.Runner() as runner:
            target = self.orders_target or ""
            try:
                client = runner.run(_connected(OrderClient, self.orders_target, self.tenant))
                target = client.target
                pages = client.pages(request)
                try:
                    while (page := runner.run(_next_of(pages))) is not None:
                        yield from getattr(page, field)
                finally:
                    runner.run(client.close())
            except HoldfastError as error:
                raise failure_of_call(error, target, names=NAMES) from error


async def _connected(kind: Any, target: str | None, tenant: str) -> "OrderClient":
    client: OrderClient = kind(target, tenant=tenant, attempts_max=ATTEMPTS_MAX, channels=1)
    return client


async def _next_of(pages: AsyncIterator[Any]) -> Any:
    return await anext(pages, None)


DEFAULT_ORDERS_CONNECTION = OrdersConnection()


def accepted(answer: Any) -> Any:
    """The answer, if its outcome is APPLIED. Raises Failure with the outcome as its reason."""
    from holdfast.order.v1 import order_pb2

    if answer.outcome == order_pb2.ORDER_OUTCOME_APPLIED:
        return answer
    name = order_pb2.OrderOutcome.Name(answer.outcome).removeprefix("ORDER_OUTCOME_")
    raise Failure(answer.detail or name, reason=name)


def new_key(given: str) -> str:
    """The key of a request: the one given, else a new one."""
    import secrets

    return given or secrets.token_hex(KEY_BYTES)
