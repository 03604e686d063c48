"""The report of a demo: one flat document, made from what its replay left behind. Pure.

The names of its figures are the keys of `holdfast demo -o json`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from holdfast.demo.engine_alone import EngineSale
from holdfast.demo.ledger import DELIVERED, Ledger, Standing
from holdfast.demo.order_log import CURRENCY, OrderLog
from holdfast.demo.replay import Replay
from holdfast.demo.requests import position_of
from holdfast.demo.returns import ReturnsDesk
from holdfast.order.v1 import operations_pb2, order_pb2
from holdfast.types import AuditFinding
from serving.percentile import percentile

HOTTEST_SKUS = 8
PROBLEMS_SHOWN_MAX = 20

MUST_HOLD = ("books_balance", "audit_ok", "crossing_ok")
MUST_BE_ZERO = (
    "oversold_units",
    "undersold_units",
    "double_effects",
    "unexpected_answers",
    "engine_differences",
    "ledger_differences",
    "money_differences",
    "audit_findings",
    "crossing_findings",
    "crossing_unsettled",
)
"""With these every unit went to exactly one order, and every penny with it."""
AUDIT_FIGURES = ("ok", "findings", "levels", "reservations", "journal_entries")
CROSSING_FIGURES = ("ok", "findings", "unsettled", "orders", "lines")

Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Timing:
    """The time that all took with the servers' start and end, and each part of it.

    `alone` is the sale of the engine alone.
    """

    elapsed_s: float
    part_s: Mapping[str, float]
    alone: EngineSale


def build_report(setting: Figures, replay: Replay, timing: Timing) -> Figures:
    """The report of a replay.

    `setting`: the demo's settings, and where the log is from. `ok`: every unit and every penny is
    where it has to be. `hottest`: the most wanted articles. `problems`: what is not as it has to
    be, in words.
    """
    report: Figures = {"ok": False}
    for figures in (setting, *figures_of(replay, timing)):
        report |= figures
    report["ok"] = all(report[name] for name in MUST_HOLD) and not any(
        report[name] for name in MUST_BE_ZERO
    )
    report["hottest"] = _hottest(replay)
    problems = [*_problems_of_engine(timing.alone), *_problems(replay)]
    report["problems"] = problems[:PROBLEMS_SHOWN_MAX]
    return report


def figures_of(replay: Replay, timing: Timing) -> Sequence[Figures]:
    """The figures of a replay by subject; no two have a name in common."""
    left = _left_units(replay.ledger)
    return (
        _log_figures(replay.plan.log, replay.ledger.stock),
        _order_figures(replay),
        _money_figures(replay),
        _unit_figures(replay.ledger, left),
        _return_figures(replay.desk),
        _proof_figures(replay, left),
        asdict(replay.happened),
        _mishap_figures(replay),
        _speed_figures(replay),
        _engine_figures(timing.alone),
        _time_figures(timing),
    )


def _log_figures(log: OrderLog, stock: Mapping[str, int]) -> Figures:
    """The log that was replayed. Every one of the `rows` is one of `lines`, of the return lines, or
    of `skipped_rows`. `units` were ordered, `stock_units` were there to sell.
    """
    demand = log.demand_units()
    return {
        "rows": log.rows,
        "orders": len(log.orders),
        "lines": log.line_count(),
        "units": demand.total(),
        "skus": len(demand),
        "buyers": len({order.buyer_id for order in log.orders if order.buyer_id}),
        "stock_units": sum(stock.values()),
        "skipped_rows": sum(log.skipped.values()),
        "skipped_by_reason": {reason.value: count for reason, count in log.skipped.items()},
    }


def _order_figures(replay: Replay) -> Figures:
    """The ends of the orders of the log; `accepted` and `refused` are all of them.

    Accepted is an order that was reserved at some time, `accepted_late` only when units came back;
    refused is one that never was. `sold` were paid and became effective, `released` were cancelled
    by their buyers before that, `expired` passed their deadline, `reacquired` were paid after it
    and got their stock again. `orders_placed` are the accepted ones, `orders_paid` the sold ones;
    `orders_refunded` had money go back, all or some of it; `orders_delivered` arrived whole, and
    `orders_completed` of them were said to be received.
    """
    accounts = replay.ledger.accounts
    accepted = replay.ledger.accepted_orders()
    sold = sum(account.sold for account in accounts)
    refunded = {
        position_of(order.order_key)
        for order in replay.orders.values()
        if any(refund.state == order_pb2.Refund.DONE for refund in order.refunds)
    }
    states = Counter(order.state for order in replay.orders.values())
    return {
        "accepted": accepted,
        "accepted_late": accepted - replay.sale.accepted,
        "refused": len(accounts) - accepted,
        "sold": sold,
        "released": sum(
            account.accepted
            and not account.sold
            and not account.expired
            and account.standing is Standing.NOTHING
            for account in accounts
        ),
        "expired": sum(account.expired for account in accounts),
        "reacquired": sum(account.expired and account.sold for account in accounts),
        "orders_placed": accepted,
        "orders_paid": sold,
        "orders_refunded": len(refunded),
        "orders_delivered": sum(states[state] for state in DELIVERED),
        "orders_completed": states[order_pb2.Order.COMPLETED],
    }


def _money_figures(replay: Replay) -> Figures:
    """The order service's books at the end, in minor units of `currency`.

    `books_balance`: they are the provider's and the buyers', every captured unit is an order's or
    was refunded, and nothing waits.
    """
    balance = replay.crossing_audit.summary.books_balance and not replay.money_differences
    sums = replay.books._asdict()
    return {"currency": CURRENCY, **sums, "books_balance": balance}


def _unit_figures(ledger: Ledger, left: Mapping[str, int]) -> Figures:
    """The ends of the units: `units_sold` without the cancelled ones, `units_left` on sale.

    `sold_out_skus` had stock, and have none left.
    """
    accounts = ledger.accounts
    refused = (account for account in accounts if not account.accepted)
    return {
        "units_sold": _sold_units(ledger).total(),
        "units_shipped": sum(account.shipped.total() for account in accounts),
        "units_cancelled": sum(account.cancelled.total() for account in accounts),
        "units_refused": sum(sum(account.units.values()) for account in refused),
        "units_left": sum(left.values()),
        "sold_out_skus": sum(left[sku] == 0 and units > 0 for sku, units in ledger.stock.items()),
    }


def _return_figures(desk: ReturnsDesk) -> Figures:
    """The returns of the log, by line and by unit.

    `returns` are lines with at least one unit that came back, `unmatched_returns` those that match
    nothing shipped to that buyer before. `unmatched_return_units` counts the rest of lines that
    were matched in part, too.
    """
    return {
        "return_lines": desk.lines(),
        "returns": desk.matched_lines(),
        "returned_units": desk.returned_units(),
        "unmatched_returns": desk.lines() - desk.matched_lines(),
        "unmatched_return_units": desk.unmatched_units(),
    }


def _proof_figures(replay: Replay, left: Mapping[str, int]) -> Figures:
    """Whether every unit went to exactly one order, and every penny with it.

    `oversold_units` to `ledger_differences`: see `ledger` and `effects`; differences are those of
    stock levels and orders from what the answers say. `money_differences`: see `money`.
    `audit_...` is the engine's own audit, `crossing_...` the one across orders, stock and provider.
    """
    ledger, effects = replay.ledger, replay.effects
    audit, crossing = replay.engine_audit.summary, replay.crossing_audit.summary
    engine_left = {level.sku: level.available for level in replay.levels}
    return {
        "oversold_units": ledger.oversold_units(),
        # A leak may show in the engine's levels or only against the answers: whichever is worse.
        "undersold_units": max(ledger.undersold_units(left), ledger.undersold_units(engine_left)),
        "double_effects": len(effects.double_effects),
        "unexpected_answers": len(effects.unexpected_answers),
        "ledger_differences": len(replay.differences),
        "money_differences": len(replay.money_differences),
        **{f"audit_{name}": getattr(audit, name) for name in AUDIT_FIGURES},
        **{f"crossing_{name}": getattr(crossing, name) for name in CROSSING_FIGURES},
    }


def _mishap_figures(replay: Replay) -> Figures:
    """Mishaps on purpose, of calls and callbacks.

    `duplicates_replayed` were recognised as replays; the others were refused both times.
    `killed_after_effect` counts the killed clients whose command had been applied.
    """
    tally = replay.tally
    return {
        "duplicates_sent": tally.duplicates_sent,
        "duplicates_replayed": tally.duplicates_replayed,
        "clients_killed": tally.clients_killed,
        "clients_resumed": tally.clients_resumed,
        "killed_after_effect": tally.killed_after_effect,
        **replay.callbacks,
    }


def _speed_figures(replay: Replay) -> Figures:
    """How fast the whole way was, measured in the client, which shares the machine with all.

    `reservations_per_second`: orders that had their stock in `reserving_ms`, the time until the
    last was told; buyers paid in it, too. `calls_per_second`: all calls of `sale_ms`, until the
    last buyer had paid or left. `p50_ms` and `p99_ms`: of PlaceOrder, to the first answer.
    """
    latencies_ms = sorted(replay.tally.place_ms)
    sale = replay.sale
    return {
        "reservations_per_second": round(sale.reserved / sale.reserving_s, 1),
        "calls_per_second": round(sale.calls / sale.seconds, 1),
        "p50_ms": round(percentile(latencies_ms, 0.50), 3),
        "p99_ms": round(percentile(latencies_ms, 0.99), 3),
        "reserving_ms": round(sale.reserving_s * 1_000),
        "sale_ms": round(sale.seconds * 1_000),
    }


def _engine_figures(alone: EngineSale) -> Figures:
    """The sale of the engine alone: `engine_concurrency` callers of one process reserve through the
    SDK, one unit of one article a call. All zero where there was none.
    """
    latencies_ms = alone.latencies_ms or (0.0,)
    return {
        "engine_reservations_per_second": round(alone.reserved / max(alone.seconds, 1e-3)),
        "engine_p50_ms": round(percentile(latencies_ms, 0.50), 3),
        "engine_p99_ms": round(percentile(latencies_ms, 0.99), 3),
        "engine_concurrency": alone.concurrency,
        "engine_reserved": alone.reserved,
        "engine_sale_ms": round(alone.seconds * 1_000),
        "engine_differences": abs(alone.held_units - alone.reserved),
    }


def _time_figures(timing: Timing) -> Figures:
    """The time that all took, and each part of it."""
    parts_ms = {part: round(took_s * 1_000) for part, took_s in timing.part_s.items()}
    return {"elapsed_ms": round(timing.elapsed_s * 1_000), "part_ms": parts_ms}


def _left_units(ledger: Ledger) -> dict[str, int]:
    return {sku: level.available for sku, level in ledger.levels().items()}


def _sold_units(ledger: Ledger) -> Counter[str]:
    sold: Counter[str] = Counter()
    for account in ledger.accounts:
        if account.sold:
            sold.update(account.units)
            sold.subtract(account.cancelled)
    return sold


def _hottest(replay: Replay) -> list[Figures]:
    """The most wanted articles, in units.

    `back` units were returned and could be sold again; `left` can still be reserved.
    """
    ledger, log = replay.ledger, replay.plan.log
    left, sold = _left_units(ledger), _sold_units(ledger)
    return [
        {
            "sku": sku,
            "description": log.descriptions.get(sku, ""),
            "demand": demand,
            "stock": ledger.stock[sku],
            "back": sum(account.restocked[sku] for account in ledger.accounts),
            "sold": sold[sku],
            "left": left[sku],
        }
        for sku, demand in log.demand_units().most_common(HOTTEST_SKUS)
    ]


def _problems_of_engine(alone: EngineSale) -> list[str]:
    if alone.held_units == alone.reserved:
        return []
    held = f"{alone.held_units:,} units are reserved"
    return [f"the engine alone: {held}, and {alone.reserved:,} callers were answered that they are"]


def _problems(replay: Replay) -> list[str]:
    crossing = replay.crossing_audit
    return [
        *(f"audit: {_finding(one)}" for one in replay.engine_audit.findings),
        *(f"crossing audit: {_finding(one)}" for one in crossing.findings),
        *(f"crossing audit: {one.row} is not settled: {one.detail}" for one in crossing.unsettled),
        *replay.money_differences,
        *replay.effects.double_effects,
        *replay.effects.unexpected_answers,
        *replay.differences,
    ]


def _finding(one: AuditFinding | operations_pb2.AuditOrdersFinding) -> str:
    return f"{one.invariant}: {one.row}: {one.detail}"
