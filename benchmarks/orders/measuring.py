"""Measures the order services in turns: each places orders and has them paid, every round.

After the last round each is audited twice: the engine's own audit of what was reserved, and the
order service's, which holds orders, stock and the provider's books against one another.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmarks.orders.loads import CURRENCY, ORDERS_SET, SKUS, UNIT_PRICE_MINOR, OrdersLoad
from benchmarks.orders.service import OrderService
from benchmarks.processor_time import cpu_s
from benchmarks.rounds import UNITS, Audit, Measurements, Tell, audit
from benchmarks.sample import APPLIED, Reading, Sample, Used, reading_of
from benchmarks.scenarios import Benchmark
from benchmarks.servers import LoadFailed, output_of
from benchmarks.stage import Stage
from holdfast.order.v1 import catalogue_pb2, operations_pb2
from holdfast.orders import OrderClient

LOAD = "benchmarks.orders.load"
QUIET_S_MAX = 60.0
POLL_S = 0.1


class OrderRounds:
    """Rounds over order services. What they measure goes where the engine's does, too."""

    def __init__(
        self, directory: Path, stage: Stage, services: Sequence[OrderService], tell: Tell
    ) -> None:
        self._directory = directory
        self._stage = stage
        self._services = services
        self._tell = tell
        self._placed = dict.fromkeys(services, 0)
        self._empty_bytes: dict[OrderService, int] = {}

    def measure(self, found: Measurements, load: OrdersLoad, echo: Benchmark, rounds: int) -> None:
        """Runs the echo and then each service's orders, every round. Raises LoadFailed."""
        for service in self._services:
            asyncio.run(open_shop(service))
            stock_up(self._stage, service)
            self._empty_bytes[service] = service.database.bytes_used()
        for number in range(rounds):
            self._tell(f"round {number + 1} of {rounds}: {echo.title}")
            found.run(echo, number)
            for service in self._services[:: -1 if number % 2 else 1]:
                self._tell(f"round {number + 1} of {rounds}: orders on {service.name}")
                found.note(number, self._way(service, load, number))
        for service in self._services:
            self._tell(f"audit of the orders on {service.name}")
            found.audits |= self._audited(service)

    def _way(self, service: OrderService, load: OrdersLoad, number: int) -> dict[str, Reading]:
        """One load goes the whole way."""
        load = replace(
            load,
            target=service.target,
            callbacks=service.callbacks,
            sandbox=service.sandbox,
            tenant=service.tenant,
            prefix=f"{service.name}.{number}",
            file=str(self._directory / "orders.txt"),
        )
        placed = _measured(service, load, "place")
        self._placed[service] += placed.accepted
        _sent(load, "begin")
        paid = _measured(service, load, "pay")
        asyncio.run(_quiet(service))
        grown = service.database.bytes_used() - self._empty_bytes[service]
        paid = replace(paid, bytes_an_order=round(grown / self._placed[service]))
        return {_name(service, "place"): placed, _name(service, "pay"): paid}

    def _audited(self, service: OrderService) -> dict[str, Audit]:
        of_stock = audit(self._stage.holdfast, service.tenant)
        of_orders = asyncio.run(audit_orders(service))
        findings = of_stock.findings + of_stock.unsettled
        findings += of_orders.findings + of_orders.unsettled + (not of_orders.books_balance)
        together = Audit(of_stock.reservations, self._placed[service], findings)
        return {_name(service, "pay"): together}


def _name(service: OrderService, step: str) -> str:
    (name,) = [one.name for one in ORDERS_SET if (one.service, one.step) == (service.name, step)]
    return name


def _sent(load: OrdersLoad, step: str) -> bytes:
    return output_of(LOAD, step, msgspec.json.encode(load).decode())


def _measured(service: OrderService, load: OrdersLoad, step: str) -> Reading:
    before = _used(service)
    sample = msgspec.json.decode(_sent(load, step), type=Sample)
    return reading_of(sample, APPLIED, _used(service).since(before))


def _used(service: OrderService) -> Used:
    return Used(cpu_s([service.pid]), service.database.cpu_s(), 0.0, 0)


def stock_up(stage: Stage, service: OrderService) -> None:
    """Gives the engine what the order service sells."""
    with stage.holdfast.client() as client:
        for number in range(SKUS):
            client.set_stock(f"SKU-{number}", UNITS, tenant=service.tenant)


async def open_shop(service: OrderService) -> None:
    """Gives its catalogue what it sells."""
    async with OrderClient(service.target, tenant=service.tenant) as client:
        articles = [
            catalogue_pb2.Article(
                sku=f"SKU-{number}",
                merchant_id="merchant-1",
                title="A thing that is measured",
                price_minor=UNIT_PRICE_MINOR,
                currency=CURRENCY,
            )
            for number in range(SKUS)
        ]
        await client.ask(catalogue_pb2.PutArticlesRequest(articles=articles))


async def audit_orders(service: OrderService) -> operations_pb2.AuditOrdersSummary:
    """Holds its orders against engine and provider."""
    async with OrderClient(service.target, tenant=service.tenant) as client:
        async for event in client.audit():
            if event.HasField("summary"):
                return event.summary
    raise LoadFailed(f"the audit of the orders on {service.name} ended without a summary")


async def _quiet(service: OrderService) -> None:
    """Waits until nothing is left to be done for the orders at once."""
    give_up_at_s = time.monotonic() + QUIET_S_MAX
    async with OrderClient(service.target, tenant=service.tenant) as client:
        while time.monotonic() < give_up_at_s:
            status = await client.ask(operations_pb2.GetStatusRequest())
            if not any(queue.due for queue in status.queues):
                return
            await asyncio.sleep(POLL_S)
