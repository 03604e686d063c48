"""The one place that builds things: settings in, an order service ready to be started out."""

import asyncio
import os
import random
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from holdfast.client import Client
from holdfast.order.v1 import (
    aftersales_pb2,
    aftersales_pb2_grpc,
    catalogue_pb2,
    catalogue_pb2_grpc,
    fulfilment_pb2,
    fulfilment_pb2_grpc,
    operations_pb2,
    operations_pb2_grpc,
    order_pb2,
    order_pb2_grpc,
    payment_pb2,
    payment_pb2_grpc,
    policies_pb2,
    policies_pb2_grpc,
    returns_pb2,
    returns_pb2_grpc,
    settlement_pb2,
    settlement_pb2_grpc,
)
from order_service.aftersales.asking_carriers import InterceptTasks
from order_service.aftersales.follow import follow
from order_service.aftersales.handlers import CaseTasks
from order_service.aftersales.policy.book import PolicyBook
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.taking_in import ReturnTasks
from order_service.aftersales.terms import Terms
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.contracts import Contract, in_force
from order_service.config import NO_DEFAULT, Config, listed
from order_service.edge.aftersales import AfterSalesServicer
from order_service.edge.catalogue import CatalogueServicer
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.fulfilment import FulfilmentServicer
from order_service.edge.operations import OperationsServicer
from order_service.edge.orders import OrderServicer
from order_service.edge.payments import PaymentServicer
from order_service.edge.policies import PolicyServicer
from order_service.edge.returns import ReturnServicer
from order_service.edge.settlement import SettlementServicer
from order_service.engine_clock import EngineClock
from order_service.fulfilment.cancelling import Cancelling
from order_service.fulfilment.follow import FulfilmentSettings
from order_service.fulfilment.handlers import FulfilmentTasks
from order_service.fulfilment.intake import TrackingIntake, carrier_callbacks
from order_service.fulfilment.queries import remarks_to_read
from order_service.fulfilment.remarks import REMARK_WORDS
from order_service.fulfilment.review import ReviewInput
from order_service.fulfilment.review_rules import ReviewRules
from order_service.notifications.handlers import NotificationTasks
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order
from order_service.order.placed import SubOrder
from order_service.order.tasks import TaskKind
from order_service.outside import Outside
from order_service.payment.callbacks import payment_callbacks
from order_service.payment.handlers import PaymentTasks
from order_service.payment.methods import methods_of
from order_service.payment.starting import PaymentDesk
from order_service.placing.backorders import Backorders
from order_service.placing.claims import WaitingRules
from order_service.placing.elsewhere import Elsewhere
from order_service.placing.place import Placing
from order_service.placing.queue import StockDesk
from order_service.placing.reserving import Reserving
from order_service.placing.stock_tasks import StockTasks
from order_service.relay.handler import Handler, handlers_of
from order_service.relay.metrics import order_metrics
from order_service.relay.needs_watch import NeedsWatch
from order_service.relay.relay import Relay
from order_service.relay.retention_watch import RetentionWatch
from order_service.relay.self_watch import SelfWatch
from order_service.settlement.closing import Settlement
from order_service.settlement.earning_due import EarningRules, settle_parts
from order_service.settlement.handlers import SettlementTasks
from order_service.settlement.posting import post
from order_service.settlement.terms import UnknownTerms
from order_service.storage.clock import DatabaseClock
from order_service.storage.database import open_database
from order_service.storage.orders import Orders
from order_service.storage.tasks import Taken
from serving.accepting import AcceptingServer
from serving.deadlines import Deadlines
from serving.grpc_server import ALONE_ON_PORT, GRPC_OPTIONS, DecodingServer
from serving.guard import Guarded
from serving.loops import Loops, kept
from serving.metrics import CallMetrics
from serving.private_files import private_directory
from serving.settings import ConfigError, name_of

SERVICES: Final = tuple(
    service.full_name
    for module in (
        aftersales_pb2,
        catalogue_pb2,
        fulfilment_pb2,
        operations_pb2,
        order_pb2,
        payment_pb2,
        policies_pb2,
        returns_pb2,
        settlement_pb2,
    )
    for service in module.DESCRIPTOR.services_by_name.values()
)


# What waits for the engine is tried again by tasks; a call that waits longer keeps others waiting.
ENGINE_ATTEMPTS_MAX = 4
# The relay itself stops its tasks before that; it is not waited for if it hangs.
RELAY_END_S_MAX = 30.0


class App:
    """The parts of an order service, built and wired. Raises ConfigError.

    `clock_ms` is for tests; without it the database's clock is that of all its processes.
    """

    def __init__(
        self,
        config: Config,
        registry: CollectorRegistry,
        clock_ms: Callable[[], int] | None = None,
    ) -> None:
        self.config = config
        self.database = _database(config)
        self.clock = DatabaseClock(self.database)
        clock_ms = clock_ms or self.clock
        self._clock_ms = clock_ms
        self.outside = Outside(config, clock_ms)
        self.engine = Client(config.target, attempts_max=ENGINE_ATTEMPTS_MAX)
        self.engine_clock = EngineClock(clock_ms)
        self.health = health.aio.HealthServicer()
        owner = f"{socket.gethostname()}-{os.getpid()}-{random.SystemRandom().getrandbits(32):08x}"
        self.terms = Terms(self._versions, self._pauses)
        settings = FulfilmentSettings(config.pick_within_ms, config.complete_after_ms)
        self.earning = EarningRules(config.complete_after_ms, config.return_days, config.time_zone)
        self.orders = Orders(
            self.database,
            clock_ms,
            Ids(),
            owner=owner,
            on_tasks=self._offer,
            post=self._post,
            follow=partial(follow, settings=settings, terms=self.terms),
            announce=self.outside.announcer.announce,
        )
        self.methods = methods_of(self.outside.providers)
        self.intake = TrackingIntake(self.orders, self.outside.carriers)
        self.catalogue = Catalogue(self.orders)
        self.policies = PolicyBook(self.orders)
        waiting_rules = WaitingRules(
            config.waiting_units_max, config.waiting_ms, config.waiting_pay_within_ms
        )
        self.settlement = Settlement(self.orders, self._contract_in_force)
        self.stock_desk = StockDesk(
            self.orders,
            Reserving(self.engine, self.catalogue, self.methods, self.engine_clock, waiting_rules),
        )
        default_country = config.default_country.replace(NO_DEFAULT, "")
        self.placing = Placing(
            self.orders, self.stock_desk, self.catalogue, self.methods, default_country
        )
        self.backorders = Backorders(self.orders, self.catalogue, self.stock_desk, self.methods)
        self.review_rules = ReviewRules(
            config.review_off_percent_max,
            config.review_freight_percent_max,
            tuple(listed(config.review_words)) or REMARK_WORDS,
        )
        self.cancelling = Cancelling(self.orders, self.outside.providers)
        self.relay = Relay(self.orders, owner, self._handlers(), random.Random())
        self.callbacks = self._callbacks()
        self.needs = NeedsWatch(
            self.orders,
            lambda: self.catalogue.tenants,
            config.pick_within_ms,
            config.review_within_ms,
        )
        self.loops = Loops()
        self.watch = SelfWatch(
            self.orders,
            self.clock,
            self.engine_clock,
            owner,
            self._on_change,
            lambda: self.loops.hanging,
        )
        self.retention = RetentionWatch(self.engine, config.returns_within_ms)
        calls = order_metrics(
            registry,
            self.relay.counts,
            lambda: self.needs.last,
            self.watch,
            lambda: self.orders.queued,
            clock_ms,
        )
        self.grpc_server = self._grpc_server(calls)
        self._loops: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Serves, and begins with what is to be done."""
        await self.catalogue.refresh()
        await self.policies.refresh()
        begin = self.loops.begin
        self._loops = [
            begin("relay", self.relay.run, lambda: self.relay.rounds),
            begin("backorders", self.backorders.run, lambda: self.backorders.rounds),
            begin("catalogue", self.catalogue.run, lambda: self.catalogue.rounds),
            begin("policies", self.policies.run, lambda: self.policies.rounds),
            begin("statements", self.settlement.run, lambda: self.settlement.rounds),
            begin("needs", self.needs.run, lambda: self.needs.rounds, is_vital=False),
            begin("self watch", self.watch.run, lambda: self.watch.rounds),
            asyncio.create_task(self.loops.watch()),
            asyncio.create_task(kept("retention", self.retention.run)),
        ]
        await self.watch.look()
        await self.grpc_server.start()

    async def drain(self) -> None:
        """Health checks fail first, then nothing new is taken, then what is under way ends."""
        await self.health.enter_graceful_shutdown()
        await self.grpc_server.stop(self.config.drain_ms / 1000)
        self.relay.stop()
        self.backorders.stop()
        relay, backorders, *looking = self._loops
        await asyncio.wait([relay], timeout=RELAY_END_S_MAX)
        for loop in (relay, *looking):
            loop.cancel()
        # What it has reserved is to be written down; should that take too long, a task does it.
        await asyncio.wait([backorders], timeout=self.config.drain_ms / 1000)
        backorders.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await self.orders.drain()

    async def close(self) -> None:
        """Ends all connections."""
        await self.outside.aclose()
        await self.engine.close()
        await self.database.close()

    async def _on_change(self, serves: bool) -> None:
        status = health_pb2.HealthCheckResponse
        for service in ("", *SERVICES):
            await self.health.set(service, status.SERVING if serves else status.NOT_SERVING)

    def _clock_s(self) -> float:
        return self._clock_ms() / 1000

    def _versions(self, tenant: str) -> Sequence[Policy]:
        return self.policies.versions(tenant)

    def _pauses(self, tenant: str) -> Sequence[Pause]:
        return self.policies.pauses(tenant)

    def _offer(self, taken: Sequence[Taken]) -> None:
        self.relay.offer(taken)

    def _post(self, draft: Draft) -> None:
        """Enters what a draft has done to money, and what merchants have earned by it."""
        post(draft, self._terms_of)
        settle_parts(draft, self.earning, self._terms_of)

    def _contract_in_force(self, tenant: str, merchant_id: str) -> Contract:
        """The contract of a merchant by now, whose periods its statements have."""
        contracts = self.catalogue.assortment(tenant).contracts
        found = in_force(contracts, merchant_id, self._clock_ms())
        return found if found.contract_no else Contract(zone=self.config.time_zone)

    def _terms_of(self, tenant: str, part: SubOrder) -> Contract:
        """The contract of a merchant's part. Raises UnknownTerms."""
        found = self.catalogue.contract(tenant, part.merchant_id, part.terms)
        if found is None:
            raise UnknownTerms(f"contract {part.terms} of {part.merchant_id} is not known here")
        return found

    def _handlers(self) -> dict[TaskKind, Handler]:
        """The handler of each kind of task."""
        outside = self.outside
        handlers = handlers_of(
            StockTasks(self.engine, self.stock_desk, self.methods),
            Elsewhere(self.engine, self.catalogue),
            PaymentTasks(outside.providers, self.engine, self.engine_clock),
            self.cancelling,
            FulfilmentTasks(
                self.engine,
                outside.carriers,
                outside.carrier_rules,
                self._read_review_input,
                self.config.pick_within_ms,
            ),
            self.intake,
            ReturnTasks(self.engine),
            InterceptTasks(outside.carriers),
            SettlementTasks(),
            CaseTasks(self.terms),
            NotificationTasks(
                outside.channels, outside.subscribers, outside.merchants, outside.composing
            ),
        )
        missing = set(TaskKind) - set(handlers)
        assert not missing, f"nobody does {missing}"
        return handlers

    def _callbacks(self) -> Starlette:
        return Starlette(
            routes=[
                carrier_callbacks(self.intake, self.outside.carriers, self._clock_s),
                payment_callbacks(self.orders, self.outside.providers, self._clock_s),
            ]
        )

    async def _read_review_input(self, order: Order) -> ReviewInput:
        rules = self.review_rules
        remarks = await self.orders.look(
            partial(remarks_to_read, order_id=order.order_id, words=rules.remark_words)
        )
        return ReviewInput(remarks, self.catalogue.assortment(order.tenant).articles, rules)

    def _grpc_server(self, calls: CallMetrics) -> grpc.aio.Server:
        server = AcceptingServer((*GRPC_OPTIONS, ALONE_ON_PORT))
        decoding: Any = DecodingServer(server)
        for add, servicer in self._servicers():
            add(Guarded(servicer, calls, TRANSLATIONS), decoding)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, server)
        if self.config.reflection:
            names = (*SERVICES, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return server

    def _servicers(self) -> Iterator[tuple[Callable[[Any, Any], None], object]]:
        """Every service of the contract: how it is added, and what it is."""
        orders, providers = self.orders, self.outside.providers
        deadlines = Deadlines(self.config.deadline_ms_max)
        yield (
            order_pb2_grpc.add_OrderServiceServicer_to_server,
            OrderServicer(
                orders,
                self.placing,
                self.cancelling,
                deadlines,
                self.review_rules.remark_words,
                self.outside.composing.zone,
            ),
        )
        yield (
            payment_pb2_grpc.add_PaymentServiceServicer_to_server,
            PaymentServicer(
                orders,
                providers,
                PaymentDesk(orders, providers, self.methods),
                deadlines,
                self.config.goodwill_percent_max,
            ),
        )
        yield (
            fulfilment_pb2_grpc.add_FulfilmentServiceServicer_to_server,
            FulfilmentServicer(
                orders,
                self._read_review_input,
                self.stock_desk.reserving.only_location,
                self.config.pick_within_ms,
                self.config.review_within_ms,
                deadlines,
            ),
        )
        yield (
            catalogue_pb2_grpc.add_CatalogueServiceServicer_to_server,
            CatalogueServicer(orders, self.catalogue, deadlines),
        )
        yield (
            policies_pb2_grpc.add_PolicyServiceServicer_to_server,
            PolicyServicer(
                orders,
                self.policies,
                lambda tenant: self.catalogue.assortment(tenant).articles,
                deadlines,
            ),
        )
        yield (
            aftersales_pb2_grpc.add_AfterSalesServiceServicer_to_server,
            AfterSalesServicer(orders, self.catalogue, self.terms, deadlines),
        )
        yield (
            returns_pb2_grpc.add_ReturnServiceServicer_to_server,
            ReturnServicer(orders, deadlines, self.terms),
        )
        yield (
            settlement_pb2_grpc.add_SettlementServiceServicer_to_server,
            SettlementServicer(orders, self.catalogue, self.settlement, deadlines),
        )
        yield (
            operations_pb2_grpc.add_OperationsServiceServicer_to_server,
            OperationsServicer(
                orders,
                self.engine,
                providers,
                self.needs,
                self.watch,
                deadlines,
                self.retention,
            ),
        )


def _database(config: Config) -> Any:
    if not config.database_url:
        private_directory(Path(config.data_dir))
    try:
        return open_database(config.orders_database_url)
    except ValueError as error:
        raise ConfigError(f"{name_of('database_url')}: {error}") from error
