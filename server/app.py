"""The one place that builds things: configuration in, a server ready to be started out."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import grpc.aio
import redis.asyncio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from engine.embedded import EmbeddedStore
from engine.engine import Engine
from engine.errors import EngineError
from engine.link import connect
from holdfast.inventory.v1 import (
    inventory_pb2,
    inventory_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
)
from server.config import Config
from server.deadlines import Deadlines
from server.guard import Guarded
from server.inventory import InventoryServicer
from server.operations import OperationsServicer
from server.stock import StockServicer
from server.store_watch import StoreWatch

log = structlog.get_logger()

SERVICES = (
    *(service.full_name for service in inventory_pb2.DESCRIPTOR.services_by_name.values()),
    *(service.full_name for service in operations_pb2.DESCRIPTOR.services_by_name.values()),
)
GRPC_OPTIONS = (
    # A second server on the port is refused, not silently given half of the connections.
    ("grpc.so_reuseport", 0),
    # gRPC core drops calls at random above 1,000 pending; the engine's own queue decides instead.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    # A page of 1,000 reservations of 200 lines is larger than any request may be.
    ("grpc.max_send_message_length", -1),
)


class App:
    """What a server is made of."""

    def __init__(self, config: Config, client: "redis.asyncio.Redis") -> None:
        self.config = config
        self.client = client
        self.health = health.aio.HealthServicer()
        self.watch = StoreWatch(client, config.durability, self.set_serving)
        self.engine = Engine(client, config.engine_settings(), self._on_failure)
        self.grpc_server = self._grpc_server()
        self.bound_port = 0  # known once it is bound

    async def set_serving(self, serving: bool) -> None:
        """Tells health checks whether the engine serves."""
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if serving else states.NOT_SERVING
        for service in ("", *SERVICES):
            await self.health.set(service, state)

    def _on_failure(self, failure: EngineError) -> None:
        log.warning("a batch was not judged", failure=type(failure).__name__, problem=str(failure))
        self.watch.suspect()

    def _grpc_server(self) -> grpc.aio.Server:
        server = grpc.aio.server(options=GRPC_OPTIONS)
        deadlines = Deadlines(self.config.deadline_ms_max)
        servicers: list[tuple[Callable[[Any, Any], None], object]] = [
            (
                inventory_pb2_grpc.add_InventoryServiceServicer_to_server,
                InventoryServicer(self.engine, deadlines),
            ),
            (
                inventory_pb2_grpc.add_StockServiceServicer_to_server,
                StockServicer(self.engine, deadlines),
            ),
            (
                operations_pb2_grpc.add_OperationsServiceServicer_to_server,
                OperationsServicer(self.engine, self.client, self.watch),
            ),
        ]
        for add_to_server, servicer in servicers:
            add_to_server(Guarded(servicer), server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        if self.config.reflection:
            names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return server


async def open_store(config: Config) -> tuple[str, Callable[[], Awaitable[None]]]:
    """The URL of the store, started if it is the server's own, and how to stop it.

    Raises StoreStartFailed.
    """
    if config.redis_url:

        async def leave_it() -> None:
            """Somebody else's store goes on."""

        return config.redis_url, leave_it
    store = EmbeddedStore(Path(config.data_dir), lambda event, about: log.info(event, **about))
    await store.start()
    return store.url, store.stop


def build(config: Config, store_url: str) -> App:
    """The server of a store. Raises ConfigError if the URL is none."""
    return App(config, connect(store_url))
