"""Puts the figures of a demo together from what its replay left behind. Pure."""

from collections import Counter
from collections.abc import Mapping

from holdfast.demo.figures import (
    DemoReport,
    HotSku,
    LogFigures,
    MishapFigures,
    MoneyFigures,
    OrderFigures,
    ProofFigures,
    ReturnFigures,
    Setting,
    SpeedFigures,
    UnitFigures,
)
from holdfast.demo.ledger import Ledger, Standing
from holdfast.demo.order_log import CURRENCY, OrderLog
from holdfast.demo.proof import DELIVERED
from holdfast.demo.replay import Replay
from holdfast.demo.requests import position_of
from holdfast.demo.returns import ReturnsDesk
from holdfast.order.v1 import order_pb2
from serving.percentile import percentile

HOTTEST_SKUS = 8
PROBLEMS_SHOWN_MAX = 20


def build_report(setting: Setting, replay: Replay, elapsed_s: float) -> DemoReport:
    """The figures of a replay, which took `elapsed_s` with its servers' start and end."""
    ledger = replay.ledger
    left = {sku: level.available for sku, level in ledger.levels().items()}
    sold_units = _sold_units(ledger)
    return DemoReport(
        setting,
        _log_figures(replay.plan.log, ledger.stock),
        _order_figures(replay),
        MoneyFigures(
            CURRENCY,
            *replay.books.ours,
            books_balance=not replay.books.differences
            and replay.crossing_audit.summary.books_balance,
        ),
        _unit_figures(ledger, sold_units, left),
        _return_figures(replay.desk),
        _proof_figures(replay, left),
        replay.happened,
        _mishap_figures(replay),
        _speed_figures(replay, elapsed_s),
        _hottest(replay, sold_units, left),
        _problems(replay),
    )


def _problems(replay: Replay) -> tuple[str, ...]:
    crossing = replay.crossing_audit
    problems = (
        *(
            f"audit: {one.invariant}: {one.row}: {one.detail}"
            for one in replay.engine_audit.findings
        ),
        *(f"crossing audit: {one.invariant}: {one.row}: {one.detail}" for one in crossing.findings),
        *(f"crossing audit: {one.row} is not settled: {one.detail}" for one in crossing.unsettled),
        *replay.books.differences,
        *replay.effects.double_effects,
        *replay.effects.unexpected_answers,
        *replay.differences,
    )
    return problems[:PROBLEMS_SHOWN_MAX]


def _log_figures(log: OrderLog, stock: Mapping[str, int]) -> LogFigures:
    demand = log.demand_units()
    return LogFigures(
        rows=log.rows,
        orders=len(log.orders),
        lines=log.line_count(),
        units=demand.total(),
        skus=len(demand),
        buyers=len({order.buyer_id for order in log.orders if order.buyer_id}),
        stock_units=sum(stock.values()),
        skipped_rows=sum(log.skipped.values()),
        skipped_by_reason={reason.value: count for reason, count in log.skipped.items()},
    )


def _order_figures(replay: Replay) -> OrderFigures:
    accounts = replay.ledger.accounts
    accepted = replay.ledger.accepted_orders()
    sold = sum(account.sold for account in accounts)
    refunded = {
        position_of(order.order_key)
        for order in replay.orders.values()
        if any(refund.state == order_pb2.Refund.DONE for refund in order.refunds)
    }
    states = Counter(order.state for order in replay.orders.values())
    return OrderFigures(
        accepted=accepted,
        accepted_late=accepted - replay.sale.accepted,
        refused=len(accounts) - accepted,
        sold=sold,
        released=sum(
            account.accepted
            and not account.sold
            and not account.expired
            and account.standing is Standing.NOTHING
            for account in accounts
        ),
        expired=sum(account.expired for account in accounts),
        reacquired=sum(account.expired and account.sold for account in accounts),
        orders_placed=accepted,
        orders_paid=sold,
        orders_refunded=len(refunded),
        orders_delivered=sum(states[state] for state in DELIVERED),
        orders_completed=states[order_pb2.Order.COMPLETED],
    )


def _unit_figures(ledger: Ledger, sold_units: Counter[str], left: Mapping[str, int]) -> UnitFigures:
    accounts = ledger.accounts
    return UnitFigures(
        units_sold=sold_units.total(),
        units_shipped=sum(account.shipped.total() for account in accounts),
        units_cancelled=sum(account.cancelled.total() for account in accounts),
        units_refused=sum(
            sum(account.units.values()) for account in accounts if not account.accepted
        ),
        units_left=sum(left.values()),
        sold_out_skus=sum(left[sku] == 0 and units > 0 for sku, units in ledger.stock.items()),
    )


def _return_figures(desk: ReturnsDesk) -> ReturnFigures:
    return ReturnFigures(
        return_lines=desk.lines(),
        returns=desk.matched_lines(),
        returned_units=desk.returned_units(),
        unmatched_returns=desk.lines() - desk.matched_lines(),
        unmatched_return_units=desk.unmatched_units(),
    )


def _proof_figures(replay: Replay, left: Mapping[str, int]) -> ProofFigures:
    ledger, audit = replay.ledger, replay.engine_audit.summary
    crossing = replay.crossing_audit.summary
    engine_left = {level.sku: level.available for level in replay.levels}
    return ProofFigures(
        oversold_units=ledger.oversold_units(),
        # A leak may show in the engine's levels or only against the answers: whichever is worse.
        undersold_units=max(ledger.undersold_units(left), ledger.undersold_units(engine_left)),
        double_effects=len(replay.effects.double_effects),
        unexpected_answers=len(replay.effects.unexpected_answers),
        ledger_differences=len(replay.differences),
        money_differences=len(replay.books.differences),
        audit_ok=audit.ok,
        audit_findings=audit.findings,
        audit_levels=audit.levels,
        audit_reservations=audit.reservations,
        audit_journal_entries=audit.journal_entries,
        crossing_ok=crossing.ok,
        crossing_findings=crossing.findings,
        crossing_unsettled=crossing.unsettled,
        crossing_orders=crossing.orders,
        crossing_lines=crossing.lines,
    )


def _mishap_figures(replay: Replay) -> MishapFigures:
    tally = replay.tally
    return MishapFigures(
        duplicates_sent=tally.duplicates_sent,
        duplicates_replayed=tally.duplicates_replayed,
        clients_killed=tally.clients_killed,
        clients_resumed=tally.clients_resumed,
        killed_after_effect=tally.killed_after_effect,
        callbacks_sent=replay.callbacks.sent,
        callbacks_lost=replay.callbacks.lost,
    )


def _speed_figures(replay: Replay, elapsed_s: float) -> SpeedFigures:
    latencies_ms = sorted(replay.tally.place_ms)
    sale = replay.sale
    return SpeedFigures(
        reservations_per_second=round(sale.accepted / sale.seconds, 1),
        calls_per_second=round(sale.calls / sale.seconds, 1),
        p50_ms=round(percentile(latencies_ms, 0.50), 3),
        p99_ms=round(percentile(latencies_ms, 0.99), 3),
        sale_ms=round(sale.seconds * 1_000),
        elapsed_ms=round(elapsed_s * 1_000),
    )


def _sold_units(ledger: Ledger) -> Counter[str]:
    sold: Counter[str] = Counter()
    for account in ledger.accounts:
        if account.sold:
            sold.update(account.units)
            sold.subtract(account.cancelled)
    return sold


def _hottest(
    replay: Replay, sold_units: Counter[str], left: Mapping[str, int]
) -> tuple[HotSku, ...]:
    back: Counter[str] = Counter()
    for account in replay.ledger.accounts:
        back.update(account.restocked)
    log = replay.plan.log
    return tuple(
        HotSku(
            sku=sku,
            description=log.descriptions.get(sku, ""),
            demand=demand,
            stock=replay.ledger.stock[sku],
            back=back[sku],
            sold=sold_units[sku],
            left=left[sku],
        )
        for sku, demand in log.demand_units().most_common(HOTTEST_SKUS)
    )
