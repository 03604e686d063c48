"""An order service in this process, without its loops: it works only when a test says so."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, cast

import grpc
import pytest
from prometheus_client import CollectorRegistry

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.orders import OrderClient
from order_service import app as application
from order_service.app import App
from order_service.config import from_environment
from order_service.fulfilment.carriers.port import CarrierUnreachable
from order_service.order.ids import Ids
from order_service.payment.providers.port import ProviderUnreachable
from order_service.relay.handler import TryLater
from order_service.storage.database import Conflict, StorageUnavailable, open_database
from order_service.storage.group_commit import Overloaded
from tests.http import posted
from tests.order_service.model.links import Brake, Link, Linked
from tests.order_service.model.relay import RelayByHand

TIMEOUT_MS = 60_000
TASKS_AT_A_TIME_MAX = 200
# Errors that a process has to bear with, and after which it tries again.
_TROUBLE = (HoldfastError, TryLater, StorageUnavailable, Conflict, Overloaded)


def _unreachable() -> HoldfastError:
    return HoldfastError(None, grpc.StatusCode.UNAVAILABLE, "unreachable", {})


class Links:
    """The links of a process."""

    def __init__(self) -> None:
        self.database = Link(lambda: StorageUnavailable("cut"))
        self.engine = Link(_unreachable)
        self.provider = Link(lambda: ProviderUnreachable("cut"))
        self.carrier = Link(lambda: CarrierUnreachable("cut"))

    @property
    def all(self) -> list[Link]:
        """Each of them."""
        return [self.database, self.engine, self.provider, self.carrier]


class Process:
    """One order service. `begin` makes one."""

    def __init__(self, app: App, brake: Brake, links: Links, port: int, tenant: str) -> None:
        self.app = app
        self.brake = brake
        self.links = links
        self.relay = cast(RelayByHand, app.relay)
        self._client = OrderClient(
            f"127.0.0.1:{port}", tenant=tenant, timeout_ms=TIMEOUT_MS, attempts_max=1, channels=1
        )
        self._left: list[asyncio.Task[Any]] = []

    @property
    def is_awake(self) -> bool:
        """Whether the process works on, and is not held by its brake."""
        return not self.brake.holds

    async def ask(self, request: Any) -> Any:
        """The answer to a request of the API; None where there is none, whatever was done."""
        return await self._unless_stopped(self._answered(request))

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Hands a callback over; the status of the answer, 0 where there is none."""
        status = await self._unless_stopped(self._posted(path, body, headers))
        return int(status or 0)

    async def work(self, tasks_max: int = TASKS_AT_A_TIME_MAX) -> None:
        """Does tasks that are due, and serves who waits for stock."""
        for _ in range(tasks_max):
            if not await self._unless_stopped(self._bearing(self.relay.do_next())):
                break
        if self.is_awake:
            await self._unless_stopped(self._bearing(self.app.backorders.serve()))

    async def go_on(self) -> None:
        """Goes on where it had stopped, and ends what it had begun."""
        self.brake.release()
        left, self._left = self._left, []
        for ended in await asyncio.gather(*left, return_exceptions=True):
            if isinstance(ended, BaseException):
                raise ended

    async def end(self) -> None:
        """Ends as with SIGKILL: nothing is finished."""
        self.brake.kill()
        for task in self._left:
            task.cancel()
        await asyncio.gather(*self._left, return_exceptions=True)
        await self.app.grpc_server.stop(None)
        await self._client.close()
        with suppress(Exception):
            await self.app.close()

    async def _unless_stopped(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """The result of a coroutine; None where the process stops before it is done."""
        task = asyncio.ensure_future(doing)
        await self.brake.until_done_or_stopped(task)
        if task.done():
            return task.result()
        self._left.append(task)
        return None

    async def _answered(self, request: Any) -> Any:
        try:
            return await self._client.ask(request)
        except HoldfastError as error:
            if error.reason in (Reason.INTERNAL, Reason.INVALID_FIELD):
                raise
            return None

    async def _posted(self, path: str, body: bytes, headers: Mapping[str, str]) -> int:
        return await posted(self.app.callbacks, path, body, headers)

    async def _bearing(self, doing: Awaitable[Any]) -> Any:
        try:
            return await doing
        except _TROUBLE:
            return None


async def begin(
    settings: Mapping[str, str], tenant: str, clock_ms: Callable[[], int], seed: int
) -> Process:
    """An order service that serves its API, and does nothing by itself."""
    brake, links = Brake(), Links()
    linked = partial(Linked, brake=brake)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(
            application,
            "open_database",
            lambda url: linked(open_database(url), link=links.database, plain="close"),
        )
        patched.setattr(
            application,
            "Client",
            lambda target, **_: linked(Client(target), link=links.engine, plain="close"),
        )
        patched.setattr(application, "Relay", RelayByHand)
        patched.setattr(application, "Ids", partial(Ids, random.Random(seed)))
        app = App(from_environment(settings), CollectorRegistry(), clock_ms)
    _link(app.outside.providers, links.provider, linked)
    _link(app.outside.carriers, links.carrier, linked)
    port = app.grpc_server.add_insecure_port("127.0.0.1:0")
    await app.grpc_server.start()
    await app.catalogue.refresh()
    return Process(app, brake, links, port, tenant)


def _link(parts: Mapping[str, Any], link: Link, linked: Callable[..., Linked]) -> None:
    for name, part in parts.items():
        cast(dict[str, Any], parts)[name] = linked(part, link=link, plain="aclose")
