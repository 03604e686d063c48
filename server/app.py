"""The parts of a server, built for its configuration and ready to be started."""

import asyncio
import time
from typing import Any

import grpc.aio
import redis.asyncio
import structlog
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from engine.engine import Engine
from engine.errors import EngineError
from engine.seen import Place
from engine.store.own_trouble import trouble_of_own_store
from holdfast.inventory.v1 import (
    inventory_pb2,
    inventory_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
)
from server.config import Config
from server.failures import TRANSLATIONS
from server.inventory import InventoryServicer, StockServicer
from server.metrics import ServerMetrics
from server.operations import OperationsServicer, clock_warning
from server.store_watch import StoreWatch
from serving.accepting import AcceptingServer
from serving.deadlines import Deadlines
from serving.grpc_server import GRPC_OPTIONS, DecodingServer
from serving.guard import Guarded

log = structlog.get_logger()

SERVICES = (
    *(service.full_name for service in inventory_pb2.DESCRIPTOR.services_by_name.values()),
    *(service.full_name for service in operations_pb2.DESCRIPTOR.services_by_name.values()),
)
# A failure hits every batch while it lasts; it is logged once in this time.
LOG_PAUSE_S = 5.0
# The tenants whose stores are held against what was seen of them, each second.
RECOGNISED_PER_LOOK = 200


class App:
    """The parts of a server."""

    def __init__(
        self,
        config: Config,
        client: "redis.asyncio.Redis",
        place: Place,
        metrics: ServerMetrics,
        *,
        shares_port: bool,
    ) -> None:
        self.config = config
        self.client = client
        self.metrics = metrics
        self.health = health.aio.HealthServicer()
        self.place = place
        self.engine = Engine(
            client, config.engine_settings(), self._on_failure, metrics.batch, place
        )
        self.watch = StoreWatch(
            client,
            config.durability,
            self._engine_trouble,
            lambda answers: trouble_of_own_store(config.data_dir, answers=answers),
            self.set_serving,
        )
        self.grpc_server = self._grpc_server(shares_port)
        self._clock_is_off = False
        self._quiet_until: dict[str, float] = {}
        self.bound_port = 0  # known once it is bound

    async def set_serving(self, serving: bool) -> None:
        """Tells health checks and metrics whether the engine serves."""
        self.metrics.serving(serving)
        states = health_pb2.HealthCheckResponse
        state = states.SERVING if serving else states.NOT_SERVING
        for service in ("", *SERVICES):
            await self.health.set(service, state)

    async def _engine_trouble(self) -> str:
        """Why the engine refuses tenants: what was seen is held against the store, a few at a time,
        and brought onto the disk.
        """
        await asyncio.to_thread(self.place.sync)
        await self.engine.recognise_store(RECOGNISED_PER_LOOK)
        await self.engine.follow_clock()
        self._look_at_clock(self.engine.clock_off_ms)
        return self.engine.trouble()

    def _look_at_clock(self, off_ms: int) -> None:
        """Tells the log, once, and the metrics of a step of the store's clock."""
        self.metrics.clock_off(off_ms)
        if bool(off_ms) != self._clock_is_off:
            self._clock_is_off = bool(off_ms)
            if off_ms:
                log.error("the store's clock made a step", warning=clock_warning(off_ms))
            else:
                log.info("the store's clock is right")

    def _on_failure(self, failure: Exception) -> None:
        self.watch.suspect()
        self.metrics.batch_failed(failure)
        if not isinstance(failure, EngineError):
            log.error("internal error", exc_info=failure)
            return
        kind, now = type(failure).__name__, time.monotonic()
        if now >= self._quiet_until.get(kind, 0.0):
            self._quiet_until[kind] = now + LOG_PAUSE_S
            log.warning("a batch was not judged", failure=kind, problem=str(failure))

    def _grpc_server(self, shares_port: bool) -> grpc.aio.Server:
        # Alone, a second server on the port is refused, not silently given half of the connections;
        # of workers, the supervisor sees to that (server/port.py).
        options = (*GRPC_OPTIONS, ("grpc.so_reuseport", int(shares_port)))
        server = AcceptingServer(options)
        deadlines = Deadlines(self.config.deadline_ms_max)
        gate, calls = self.watch.refuse_if_unsafe, self.metrics.calls
        inventory: Any = InventoryServicer(self.engine, deadlines)
        inventory = Guarded(inventory, calls, TRANSLATIONS, gate)
        stock: Any = Guarded(StockServicer(self.engine, deadlines), calls, TRANSLATIONS, gate)
        operations: Any = OperationsServicer(self.engine, self.client, self.watch, deadlines)
        operations = Guarded(operations, calls, TRANSLATIONS)
        decoding: Any = DecodingServer(server)
        inventory_pb2_grpc.add_InventoryServiceServicer_to_server(inventory, decoding)
        inventory_pb2_grpc.add_StockServiceServicer_to_server(stock, decoding)
        operations_pb2_grpc.add_OperationsServiceServicer_to_server(operations, decoding)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        if self.config.reflection:
            names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return server
