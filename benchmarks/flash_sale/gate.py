"""The conditions that must hold after a sale, each with its limit and what was seen: one table.

The same rows are the audit tab, the printed table and the JSON; the gate is passed when every
condition in them holds.
"""

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.types import AuditSummary

AT_THE_END = "known at the end"
DIGITS_BELOW_MS = ((10, 2), (100, 1), (1_000, 0), (10_000, -1))
"""Response times below this many milliseconds keep this many decimals; longer ones round to 100."""
DIGITS_OF_LONG = -2


class Row(NamedTuple):
    """One line of the table. `holds` is None for a figure, and for what is not yet known."""

    what: str
    seen: str
    limit: str = ""
    holds: bool | None = None


def bucket_response_time(response_time_ms: float) -> float:
    """The time under which Locust counts a response: three significant digits, at most 0.01 ms.

    Locust keeps a count for each: at most 3,700 up to 10 s, each off by 0.5 % at most from 1 ms on.
    """
    for below_ms, digits in DIGITS_BELOW_MS:
        if response_time_ms < below_ms:
            return round(response_time_ms, digits)
    return round(response_time_ms, DIGITS_OF_LONG)


class SkuCount(NamedTuple):
    """The units of an article: at the start, and by the engine's stock level now."""

    sku: str
    start: int
    sold: int
    reserved: int
    available: int

    @property
    def oversold(self) -> int:
        """Units that more buyers have than there were."""
        return max(0, self.sold + self.reserved - self.start)


class LoadSeen(NamedTuple):
    """Locust's measurements. `accepted` and `refused` are Reserve calls."""

    accepted: int
    refused: int
    p99_ms: float
    errors: int
    exceptions: int


class Closing(NamedTuple):
    """The outcome of a sale when nobody was there any more and no reservation was live.

    `wanted` is the demand for each SKU: units sold, and units that somebody asked for in vain.
    """

    counts: Sequence[SkuCount]
    wanted: dict[str, int]
    contradictions: Sequence[str]
    beyond_limit: int

    @property
    def winners_due(self) -> dict[str, int]:
        """Units of each SKU that must be sold: the demand, as far as the stock went."""
        return {count.sku: min(self.wanted[count.sku], count.start) for count in self.counts}

    @property
    def undersold(self) -> int:
        """Units left unsold although somebody wanted them."""
        due = self.winners_due
        return sum(max(0, due[count.sku] - count.sold) for count in self.counts)


class Seen(NamedTuple):
    """All that is known of a sale so far; `problem` is why it could not be looked at."""

    counts: Sequence[SkuCount] = ()
    audit: AuditSummary | None = None
    closing: Closing | None = None
    problem: str = ""


def table(seen: Seen, load: LoadSeen, slo_p99_ms: float) -> list[Row]:
    """The figures of a sale, and then its conditions."""
    return [*_figures(seen, load), *_conditions(seen, load, slo_p99_ms)]


def passed(rows: Sequence[Row]) -> bool:
    """Whether every condition holds; one that is not known does not."""
    return all(row.holds for row in rows if row.limit)


def _figures(seen: Seen, load: LoadSeen) -> list[Row]:
    counts = seen.counts
    return [
        Row("units on hand at the start", _number(sum(count.start for count in counts))),
        Row("units sold (confirmed)", _number(sum(count.sold for count in counts))),
        Row("units reserved", _number(sum(count.reserved for count in counts))),
        Row("units available", _number(sum(count.available for count in counts))),
        Row("Reserve calls accepted", _number(load.accepted)),
        Row("Reserve calls refused", _number(load.refused)),
    ]


def _conditions(seen: Seen, load: LoadSeen, slo_p99_ms: float) -> list[Row]:
    return [
        _latency(load, slo_p99_ms),
        _none("calls that failed", load.errors),
        _none("exceptions in the users", load.exceptions),
        _none("units oversold", sum(count.oversold for count in seen.counts)),
        *_closing_conditions(seen.closing),
        *_audit_conditions(seen.audit, settled=seen.closing is not None),
        Row("the sale was brought to its end", *_ended(seen)),
    ]


def _latency(load: LoadSeen, slo_p99_ms: float) -> Row:
    what, limit = "p99 of accepted Reserve calls", f"at most {slo_p99_ms:g} ms"
    if not load.accepted:
        return Row(what, "none yet", limit)
    return Row(what, f"{load.p99_ms:g} ms", limit, load.p99_ms <= slo_p99_ms)


def _closing_conditions(closing: Closing | None) -> list[Row]:
    undersold, winners = "units undersold", "units sold = min(demand, stock)"
    beyond = "reservations beyond the limit per buyer"
    contradicted = "answers to buyers that the engine contradicts"
    if closing is None:
        return [Row(name, AT_THE_END, "0") for name in (undersold, beyond, contradicted)] + [
            Row(winners, AT_THE_END, "all")
        ]
    due = closing.winners_due
    sold = sum(count.sold for count in closing.counts)
    each_due = all(due[count.sku] == count.sold for count in closing.counts)
    return [
        _none(undersold, closing.undersold),
        _none(beyond, closing.beyond_limit),
        _none(contradicted, len(closing.contradictions)),
        Row(winners, _number(sold), _number(sum(due.values())), each_due),
    ]


def _audit_conditions(audit: AuditSummary | None, settled: bool) -> list[Row]:
    findings, unsettled = "findings of the engine's audit", "rows that the audit could not settle"
    if audit is None:
        return [Row(name, "not yet audited", "0") for name in (findings, unsettled)]
    checked = f"in {_number(audit.reservations)} reservations"
    return [
        Row(findings, f"{audit.findings} {checked}", "0", audit.findings == 0),
        # In the middle of a sale rows change while they are read; that is no fault.
        Row(unsettled, f"{audit.unsettled}", "0", audit.unsettled == 0 if settled else None),
    ]


def _ended(seen: Seen) -> tuple[str, str, bool | None]:
    if seen.problem:
        return "no, see below", "yes", False
    return ("yes", "yes", True) if seen.closing is not None else ("not yet", "yes", None)


def _none(what: str, number: int) -> Row:
    return Row(what, _number(number), "0", number == 0)


def _number(value: int) -> str:
    return f"{value:,}"
