"""The stages of the main job: stock, sale, what came back, returns, audit."""

import time
from collections.abc import Mapping, Sequence
from functools import partial

from holdfast.client import Client
from holdfast.demo.buyers import Sale
from holdfast.demo.callers import Callers, Tally, for_each, insist
from holdfast.demo.ledger import Ledger
from holdfast.demo.order_log import OrderLog
from holdfast.demo.plan import Buyer, PlannedReturn
from holdfast.demo.progress import Stages
from holdfast.demo.report import Replay, Setting
from holdfast.demo.returns import ReturnsDesk
from holdfast.types import AuditFinding, AuditProgress, AuditSummary

STOCK_CALLS_AT_ONCE = 50


async def replay(
    setting: Setting,
    log: OrderLog,
    stock: Mapping[str, int],
    buyers: Sequence[Buyer],
    returns: Sequence[PlannedReturn],
    clients: Sequence[Client],
    at: Stages,
) -> Replay:
    """Replays `log` with `buyers` against the engine of `clients`, which has to be empty.

    Gives everything there is to report on. Raises HoldfastError (in a group) if the engine stops
    answering.
    """
    ledger = Ledger(stock, log.orders)
    tally = Tally()
    callers = Callers(clients, ledger, tally)
    sale = Sale(callers, ledger, tally, buyers, setting.concurrency, lambda: time.time() * 1_000)
    desk = ReturnsDesk(returns, ledger.accounts.values())

    at.enter("Loading stock", len(stock))
    await _load_stock(clients[0], stock, at)
    at.enter("Selling", len(buyers))
    sale_s = await sale.sell(at.step, lambda: at.enter("Waiting for the last deadlines"))
    sale_accepted, sale_calls = ledger.accepted_orders(), tally.calls
    at.enter("Offering again what came back, and taking returns")
    while await sale.offer_again() + await sale.take_returns(desk):
        pass
    at.enter("Auditing")
    findings, audit = await _audit(clients[0], at)
    levels = [level async for level in clients[0].list_stock()]
    return Replay(
        setting=setting,
        log=log,
        ledger=ledger,
        tally=tally,
        desk=desk,
        levels=levels,
        findings=findings,
        audit=audit,
        sale_s=sale_s,
        sale_accepted=sale_accepted,
        sale_calls=sale_calls,
    )


async def _load_stock(client: Client, stock: Mapping[str, int], at: Stages) -> None:
    async def load(level: tuple[str, int]) -> None:
        await insist(partial(client.set_stock, *level))
        at.step()

    await for_each(list(stock.items()), STOCK_CALLS_AT_ONCE, load)


async def _audit(client: Client, at: Stages) -> tuple[list[AuditFinding], AuditSummary]:
    findings = []
    async for event in client.audit():
        match event:
            case AuditProgress(checked, total):
                at.reach(checked, total)
            case AuditFinding():
                findings.append(event)
            case AuditSummary():
                return findings, event
    raise RuntimeError("the audit ended without a summary")
