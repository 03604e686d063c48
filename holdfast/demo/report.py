"""The figures of a demo, put together from the log, the ledger, the tally and the audit."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from holdfast.demo.callers import Tally
from holdfast.demo.ledger import Ledger
from holdfast.demo.order_log import OrderLog
from holdfast.demo.returns import ReturnsDesk
from holdfast.types import AuditFinding, AuditSummary, State, StockLevel

HOTTEST_SKUS = 8
PROBLEMS_SHOWN_MAX = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """What the demo was run with; `source` says where the log is from."""

    source: str
    seed: int
    stock_ratio: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay leaves behind, to report on.

    `levels` are the engine's at the end. `sale_s` is how long orders came in, `sale_accepted` and
    `sale_calls` what that time came to.
    """

    setting: Setting
    log: OrderLog
    ledger: Ledger
    tally: Tally
    desk: ReturnsDesk
    levels: Sequence[StockLevel]
    findings: Sequence[AuditFinding]
    audit: AuditSummary
    sale_s: float
    sale_accepted: int
    sale_calls: int


@dataclass(frozen=True, slots=True)
class LogFigures:
    """What was to be replayed. Every one of the `rows` is one of `lines`, of the return lines, or
    of `skipped_rows`. `units` were ordered, `stock_units` were there to sell.
    """

    rows: int
    orders: int
    lines: int
    units: int
    skus: int
    buyers: int
    stock_units: int
    skipped_rows: int
    skipped_by_reason: dict[str, int]


@dataclass(frozen=True, slots=True)
class OrderFigures:
    """What became of the orders; `accepted` and `refused` are all of them.

    Accepted is an order that was reserved at some time, `accepted_late` only when units came back;
    refused is one that never was. `sold` were confirmed, `expired` passed their deadline,
    `reacquired` were confirmed after it.
    """

    accepted: int
    accepted_late: int
    refused: int
    sold: int
    released: int
    expired: int
    reacquired: int


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """What became of the units: `units_sold` without the cancelled ones, `units_left` on sale.

    `sold_out_skus` had stock, and have none left.
    """

    units_sold: int
    units_shipped: int
    units_cancelled: int
    units_refused: int
    units_left: int
    sold_out_skus: int


@dataclass(frozen=True, slots=True)
class ReturnFigures:
    """The returns of the log, by line and by unit.

    `returns` are lines of which at least one unit came back, `unmatched_returns` those that match
    nothing shipped to that buyer before. `unmatched_return_units` counts the rest of lines that
    were matched in part, too.
    """

    return_lines: int
    returns: int
    returned_units: int
    unmatched_returns: int
    unmatched_return_units: int


@dataclass(frozen=True, slots=True)
class ProofFigures:
    """Whether every unit went to exactly one order. `ledger` says what each figure means.

    `ledger_differences` counts the figures of stock levels that are not what the answers say.
    """

    oversold_units: int
    undersold_units: int
    double_effects: int
    unexpected_answers: int
    ledger_differences: int
    audit_ok: bool
    audit_findings: int
    audit_levels: int
    audit_reservations: int
    audit_journal_entries: int

    @property
    def ok(self) -> bool:
        """Whether all is as it has to be."""
        return self.audit_ok and not (
            self.oversold_units
            or self.undersold_units
            or self.double_effects
            or self.unexpected_answers
            or self.ledger_differences
            or self.audit_findings
        )


@dataclass(frozen=True, slots=True)
class MishapFigures:
    """What went wrong on purpose.

    `duplicates_replayed` were told that they came twice; the others were refused both times.
    `killed_after_effect` counts the killed clients whose command had been applied.
    """

    duplicates_sent: int
    duplicates_replayed: int
    clients_killed: int
    clients_resumed: int
    killed_after_effect: int


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """How fast it was, measured in the client, which shares the machine with the server.

    `reservations_per_second`: accepted in `sale_ms`, the time in which orders came in;
    `calls_per_second`: all calls of that time, confirmations and shipments too. `p50_ms` and
    `p99_ms`: of the first answered Reserve of every order.
    """

    reservations_per_second: float
    calls_per_second: float
    p50_ms: float
    p99_ms: float
    sale_ms: int
    elapsed_ms: int


@dataclass(frozen=True, slots=True)
class HotSku:
    """One of the most wanted articles, in units.

    `back` units were returned and could be sold again; `left` can still be reserved.
    """

    sku: str
    description: str
    demand: int
    stock: int
    back: int
    sold: int
    left: int


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything a demo found; `problems` says in words what is not as it has to be."""

    setting: Setting
    log: LogFigures
    orders: OrderFigures
    units: UnitFigures
    returns: ReturnFigures
    proof: ProofFigures
    mishaps: MishapFigures
    speed: SpeedFigures
    hottest: tuple[HotSku, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every unit went to exactly one order."""
        return self.proof.ok

    def to_json(self) -> dict[str, Any]:
        """The report as one flat document: the figures' field names are its keys."""
        document: dict[str, Any] = {"ok": self.ok}
        for figures in (
            self.setting,
            self.log,
            self.orders,
            self.units,
            self.returns,
            self.proof,
            self.mishaps,
            self.speed,
        ):
            document |= asdict(figures)
        document["hottest"] = [asdict(hot) for hot in self.hottest]
        document["problems"] = list(self.problems)
        return document


def build_report(replay: Replay, elapsed_s: float) -> DemoReport:
    """The figures of a replay, which took `elapsed_s` with its server's start and end."""
    ledger = replay.ledger
    differences = ledger.differences(replay.levels)
    left = {sku: level.available for sku, level in ledger.levels().items()}
    sold_units = _sold_units(ledger)
    problems = (
        *(f"audit: {found.invariant}: {found.row}: {found.detail}" for found in replay.findings),
        *ledger.double_effects,
        *ledger.unexpected_answers,
        *differences,
    )
    return DemoReport(
        replay.setting,
        _log_figures(replay.log, ledger.stock),
        _order_figures(replay),
        _unit_figures(ledger, sold_units, left),
        _return_figures(replay.desk),
        _proof_figures(replay, left, len(differences)),
        _mishap_figures(replay.tally),
        _speed_figures(replay, elapsed_s),
        _hottest(replay, sold_units, left),
        problems[:PROBLEMS_SHOWN_MAX],
    )


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank)."""
    return ascending[max(math.ceil(share * len(ascending)), 1) - 1]


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
    accounts = replay.ledger.accounts.values()
    accepted = replay.ledger.accepted_orders()
    return OrderFigures(
        accepted=accepted,
        accepted_late=accepted - replay.sale_accepted,
        refused=len(accounts) - accepted,
        sold=sum(account.is_sold for account in accounts),
        released=sum(account.state is State.RELEASED for account in accounts),
        expired=replay.tally.expired,
        reacquired=replay.tally.reacquired,
    )


def _unit_figures(ledger: Ledger, sold_units: Counter[str], left: Mapping[str, int]) -> UnitFigures:
    accounts = ledger.accounts.values()
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


def _proof_figures(replay: Replay, left: Mapping[str, int], differences: int) -> ProofFigures:
    ledger, audit = replay.ledger, replay.audit
    engine_left = {level.sku: level.available for level in replay.levels}
    return ProofFigures(
        oversold_units=ledger.oversold_units(),
        # A leak may show in the engine's levels or only against the answers: whichever is worse.
        undersold_units=max(ledger.undersold_units(left), ledger.undersold_units(engine_left)),
        double_effects=len(ledger.double_effects),
        unexpected_answers=len(ledger.unexpected_answers),
        ledger_differences=differences,
        audit_ok=audit.ok,
        audit_findings=audit.findings,
        audit_levels=audit.levels,
        audit_reservations=audit.reservations,
        audit_journal_entries=audit.journal_entries,
    )


def _mishap_figures(tally: Tally) -> MishapFigures:
    return MishapFigures(
        duplicates_sent=tally.duplicates_sent,
        duplicates_replayed=tally.duplicates_replayed,
        clients_killed=tally.clients_killed,
        clients_resumed=tally.clients_resumed,
        killed_after_effect=tally.killed_after_effect,
    )


def _speed_figures(replay: Replay, elapsed_s: float) -> SpeedFigures:
    latencies_ms = sorted(replay.tally.reserve_ms)
    return SpeedFigures(
        reservations_per_second=round(replay.sale_accepted / replay.sale_s, 1),
        calls_per_second=round(replay.sale_calls / replay.sale_s, 1),
        p50_ms=round(percentile(latencies_ms, 0.50), 3),
        p99_ms=round(percentile(latencies_ms, 0.99), 3),
        sale_ms=round(replay.sale_s * 1_000),
        elapsed_ms=round(elapsed_s * 1_000),
    )


def _sold_units(ledger: Ledger) -> Counter[str]:
    sold: Counter[str] = Counter()
    for account in ledger.accounts.values():
        if account.is_sold:
            sold.update(account.units)
            sold.subtract(account.cancelled)
    return sold


def _hottest(
    replay: Replay, sold_units: Counter[str], left: Mapping[str, int]
) -> tuple[HotSku, ...]:
    back: Counter[str] = Counter()
    for account in replay.ledger.accounts.values():
        back.update(account.restocked)
    return tuple(
        HotSku(
            sku=sku,
            description=replay.log.descriptions.get(sku, ""),
            demand=demand,
            stock=replay.ledger.stock[sku],
            back=back[sku],
            sold=sold_units[sku],
            left=left[sku],
        )
        for sku, demand in replay.log.demand_units().most_common(HOTTEST_SKUS)
    )
