"""The stages of the main job: stock, sale, money, parcels, returns, audits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from holdfast.client import Client
from holdfast.demo.buyers import Sale, SaleTime
from holdfast.demo.callers import Callers, Clients, Tally, for_each, insist
from holdfast.demo.checkout import Checkout
from holdfast.demo.effects import Effects
from holdfast.demo.ledger import Ledger, order_differences
from holdfast.demo.money import MoneyAccount, Sums, sums_of, waiting_minor
from holdfast.demo.money_desk import MoneyDesk
from holdfast.demo.order_log import CURRENCY, OrderLog, prices_of
from holdfast.demo.outside import Outside
from holdfast.demo.plan import Buyer, PlannedReturn
from holdfast.demo.requests import catalogue_of
from holdfast.demo.returns import ReturnsDesk, take_returns
from holdfast.demo.shop import Happenings, Shop
from holdfast.demo.waiting import Stages, until_idle
from holdfast.demo.warehouse import Warehouse, deliver, say_received
from holdfast.order.v1 import operations_pb2, order_pb2, payment_pb2
from holdfast.orders import OrderClient
from holdfast.types import AuditFinding, AuditProgress, AuditSummary, StockLevel

STOCK_CALLS_AT_ONCE = 50
READS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a replay: the log, the units of each SKU to begin with, who does what."""

    log: OrderLog
    stock: Mapping[str, int]
    buyers: Sequence[Buyer]
    returns: Sequence[PlannedReturn]
    concurrency: int


class EngineAudit(NamedTuple):
    """The engine's findings in its own stock, reservations and journal."""

    findings: Sequence[AuditFinding]
    summary: AuditSummary


class CrossingAudit(NamedTuple):
    """The order service's findings between its orders, the engine and the provider."""

    findings: Sequence[operations_pb2.AuditOrdersFinding]
    unsettled: Sequence[operations_pb2.AuditOrdersUnsettled]
    summary: operations_pb2.AuditOrdersSummary


@dataclass(frozen=True, slots=True)
class Replay:
    """Everything that a replay leaves behind for the report.

    `levels` are the engine's, `orders` (by id) and `books` the order service's at the end.
    `differences` are those of levels and orders from what the answers say, `money_differences`
    every way in which the money is not where it has to be.
    """

    plan: Plan
    ledger: Ledger
    effects: Effects
    tally: Tally
    happened: Happenings
    desk: ReturnsDesk
    sale: SaleTime
    levels: Sequence[StockLevel]
    orders: Mapping[str, order_pb2.Order]
    differences: Sequence[str]
    books: Sums
    money_differences: Sequence[str]
    callbacks: Mapping[str, int]
    engine_audit: EngineAudit
    crossing_audit: CrossingAudit


async def replay(
    plan: Plan, clients: Sequence[Clients], outside: Outside, progress: Stages
) -> Replay:
    """Replays `plan` against the servers of `clients`, which have to be empty.

    Gives everything there is to report on. Raises HoldfastError (in a group) if a server stops
    answering, DemoStuckError if it does not get on.
    """
    started_at = datetime.now(UTC)
    ledger, tally = Ledger(plan.stock, plan.log.orders), Tally()
    shop = Shop(
        buyers={buyer.order.position: buyer for buyer in plan.buyers},
        prices_minor=prices_of(plan.log.orders),
        ledger=ledger,
        money=MoneyAccount(CURRENCY),
        callers=Callers(clients, Effects(), tally),
        outside=outside,
        progress=progress,
        concurrency=plan.concurrency,
    )
    engine = clients[0].engine
    checkout = Checkout(shop)
    sale = Sale(shop, checkout, engine, lambda: time.time() * 1_000)
    money_desk = MoneyDesk(shop, checkout, started_at)
    desk = ReturnsDesk(plan.returns, ledger.accounts)

    progress.begin("Sale and payments")
    await _open(shop, plan, engine)
    sale_time = await sale.sell(money_desk.see_to_payments)
    await money_desk.see_to_payments()
    progress.begin("Parcels and returns")
    await _go_on(shop, sale, money_desk, Warehouse(shop), desk)
    progress.begin("Proof")
    unreconciled = await money_desk.reconcile(report_only=True)
    orders = await _read_orders(shop)
    answer = await shop.orders.ask(payment_pb2.GetPaymentBooksRequest())
    books = sums_of(answer.books)
    provider_books = await outside.provider_sums(CURRENCY)
    differences = shop.money.differences(
        orders.values(), books, provider_books, waiting_minor(answer.books)
    )
    levels = [level async for level in engine.list_stock()]
    return Replay(
        plan=plan,
        ledger=ledger,
        effects=shop.effects,
        tally=tally,
        happened=shop.happened,
        desk=desk,
        sale=sale_time,
        levels=levels,
        orders=orders,
        differences=[
            *ledger.differences(levels),
            *order_differences(ledger.accounts, orders),
        ],
        books=books,
        money_differences=[*unreconciled, *differences],
        callbacks=await outside.callback_counts(),
        engine_audit=await _audit_engine(engine, progress),
        crossing_audit=await _audit_orders(shop.orders, progress),
    )


async def _open(shop: Shop, plan: Plan, engine: Client) -> None:
    """Fills the shelves and the catalogue, and lets things go wrong from now on."""
    shop.progress.enter("Loading stock", len(plan.stock))

    async def load(level: tuple[str, int]) -> None:
        await insist(partial(engine.set_stock, *level))
        shop.progress.step()

    await for_each(list(plan.stock.items()), STOCK_CALLS_AT_ONCE, load)
    for request in catalogue_of(plan.log):
        await shop.orders.ask(request)
    await shop.outside.misbehave()


async def _go_on(
    shop: Shop, sale: Sale, money_desk: MoneyDesk, warehouse: Warehouse, desk: ReturnsDesk
) -> None:
    """Ships what was sold and takes back what is returned, until nothing moves any more."""
    while True:
        shop.progress.enter("Offering again what came back")
        while await sale.offer_again():
            await money_desk.see_to_payments()
        await deliver(shop, await warehouse.send_out())
        await say_received(shop)
        await until_idle(shop.orders, shop.progress)
        if not await take_returns(shop, desk):
            break
        await until_idle(shop.orders, shop.progress)


async def _read_orders(shop: Shop) -> dict[str, order_pb2.Order]:
    order_ids = list(shop.order_ids())
    orders: dict[str, order_pb2.Order] = {}
    shop.progress.enter("Reading every order", len(order_ids))

    async def read(order_id: str) -> None:
        orders[order_id] = await shop.orders.get(order_id)
        shop.progress.step()

    await for_each(order_ids, READS_AT_ONCE, read)
    return orders


async def _audit_engine(engine: Client, progress: Stages) -> EngineAudit:
    progress.enter("Auditing the stock")
    findings = []
    async for event in engine.audit():
        match event:
            case AuditProgress(checked, total):
                progress.reach(checked, total)
            case AuditFinding():
                findings.append(event)
            case AuditSummary():
                return EngineAudit(findings, event)
    raise RuntimeError("the audit ended without a summary")


async def _audit_orders(orders: OrderClient, progress: Stages) -> CrossingAudit:
    progress.enter("Auditing orders, stock and money")
    findings, unsettled = [], []
    async for event in orders.audit():
        match event.WhichOneof("kind"):
            case "progress":
                progress.reach(event.progress.orders_checked, event.progress.orders_total)
            case "finding":
                findings.append(event.finding)
            case "unsettled":
                unsettled.append(event.unsettled)
            case "summary":
                return CrossingAudit(findings, unsettled, event.summary)
    raise RuntimeError("the audit of the orders ended without a summary")
