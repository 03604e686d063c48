"""The figures of a demo, as values: their names are the keys of its JSON document."""

from dataclasses import asdict, dataclass
from typing import Any

from holdfast.demo.shop import Happenings


@dataclass(frozen=True, slots=True)
class Setting:
    """The settings of the demo; `source` says where the log is from."""

    source: str
    seed: int
    stock_ratio: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class LogFigures:
    """The log that was replayed. Every one of the `rows` is one of `lines`, of the return lines, or
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
    """The ends of the orders of the log; `accepted` and `refused` are all of them.

    Accepted is an order that was reserved at some time, `accepted_late` only when units came back;
    refused is one that never was. `sold` were paid and became effective, `released` were cancelled
    by their buyers before that, `expired` passed their deadline, `reacquired` were paid after it
    and got their stock again. `orders_placed` are the accepted ones, `orders_paid` the sold ones;
    `orders_refunded` had money go back, all or some of it; `orders_delivered` arrived whole, and
    `orders_completed` of them were said to be received.
    """

    accepted: int
    accepted_late: int
    refused: int
    sold: int
    released: int
    expired: int
    reacquired: int
    orders_placed: int
    orders_paid: int
    orders_refunded: int
    orders_delivered: int
    orders_completed: int


@dataclass(frozen=True, slots=True)
class MoneyFigures:
    """The order service's books at the end, in minor units of `currency`.

    `books_balance`: they are the provider's and the buyers', every captured unit is an order's or
    was refunded, and nothing waits.
    """

    currency: str
    captured_minor: int
    refunded_minor: int
    books_balance: bool


@dataclass(frozen=True, slots=True)
class UnitFigures:
    """The ends of the units: `units_sold` without the cancelled ones, `units_left` on sale.

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

    `returns` are lines with at least one unit that came back, `unmatched_returns` those that match
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
    """Whether every unit went to exactly one order, and every penny with it.

    `oversold_units` to `ledger_differences`: see `ledger`, `effects` and `proof`; differences are
    those of stock levels and orders from what the answers say. `money_differences`: see `money`.
    `audit_...` is the engine's own audit, `crossing_...` the one across orders, stock and provider.
    """

    oversold_units: int
    undersold_units: int
    double_effects: int
    unexpected_answers: int
    ledger_differences: int
    money_differences: int
    audit_ok: bool
    audit_findings: int
    audit_levels: int
    audit_reservations: int
    audit_journal_entries: int
    crossing_ok: bool
    crossing_findings: int
    crossing_unsettled: int
    crossing_orders: int
    crossing_lines: int

    @property
    def ok(self) -> bool:
        """Whether all is as it has to be."""
        return (
            self.audit_ok
            and self.crossing_ok
            and not (
                self.oversold_units
                or self.undersold_units
                or self.double_effects
                or self.unexpected_answers
                or self.ledger_differences
                or self.money_differences
                or self.audit_findings
                or self.crossing_findings
                or self.crossing_unsettled
            )
        )


@dataclass(frozen=True, slots=True)
class MishapFigures:
    """Mishaps on purpose, of calls and callbacks.

    `duplicates_replayed` were recognised as replays; the others were refused both times.
    `killed_after_effect` counts the killed clients whose command had been applied.
    """

    duplicates_sent: int
    duplicates_replayed: int
    clients_killed: int
    clients_resumed: int
    killed_after_effect: int
    callbacks_sent: int
    callbacks_lost: int


@dataclass(frozen=True, slots=True)
class SpeedFigures:
    """How fast it was, measured in the client, which shares the machine with the servers.

    `reservations_per_second`: orders accepted in `sale_ms`, the time in which orders came in;
    `calls_per_second`: all calls of that time, payments too. `p50_ms` and `p99_ms`: of PlaceOrder,
    to the first answer.
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
    money: MoneyFigures
    units: UnitFigures
    returns: ReturnFigures
    proof: ProofFigures
    happened: Happenings
    mishaps: MishapFigures
    speed: SpeedFigures
    hottest: tuple[HotSku, ...]
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether every unit and every penny is where it has to be."""
        return self.proof.ok and self.money.books_balance

    def to_json(self) -> dict[str, Any]:
        """The report as one flat document: the figures' field names are its keys."""
        document: dict[str, Any] = {"ok": self.ok}
        for figures in (
            self.setting,
            self.log,
            self.orders,
            self.money,
            self.units,
            self.returns,
            self.proof,
            self.happened,
            self.mishaps,
            self.speed,
        ):
            document |= asdict(figures)
        document["hottest"] = [asdict(hot) for hot in self.hottest]
        document["problems"] = list(self.problems)
        return document
