"""The document of a run as rows of tables, and as text for a terminal."""

from collections.abc import Iterable, Sequence

from benchmarks.document import Document, Ratio, Result
from benchmarks.rounds import Audit

Row = Sequence[str]

RESULT_COLUMNS = ("benchmark", "accepted/s", "refused/s", "p50 ms", "p99 ms", "errors", "audit")
RATIO_COLUMNS = ("ratio or floor", "measured", "must reach", "reached")
HEADLINE_COLUMNS = ("what", "per second", "p50", "p99")
COST_COLUMNS = ("benchmark", "server CPU", "store CPU", "load CPU", "in scripts", "a batch")


# What a reader of the first page is shown.
HEADLINES = (
    "echo_64",
    "reserve_64",
    "refused_64",
    "naive_64",
    "apply_hot",
    "apply_spread",
    "apply_orders",
    "apply_pairs",
    "apply_refused",
    "sdk_1000",
    "postgres_statement_pgbench",
    "postgres_transaction_pgbench",
    "orders_place_postgres",
    "orders_pay_postgres",
    "orders_place_sqlite",
    "orders_pay_sqlite",
)


def headline_rows(document: Document) -> list[Row]:
    """A row a benchmark of the first page."""
    return [
        (result.title, f"{result.per_s:,.0f}", _ms(result.p50_ms), _ms(result.p99_ms))
        for result in document.results
        if result.name in HEADLINES
    ]


def machine_line(document: Document) -> str:
    """When, on what and how it was measured."""
    machine, ran = document.machine, document.versions
    return (
        f"{document.date}, {machine['cpus']} cores of {machine['cpu']}, {machine['memory_gib']} "
        f"GiB, {machine['system']}, fsync {machine['fsync_ms']:g} ms; Python {ran['python']}, "
        f"{ran['store']}, PostgreSQL {ran['postgres']}; {document.workers} worker, medians of "
        f"{document.rounds} rounds{_smaller(document.scale)}."
    )


def _smaller(scale: float) -> str:
    return f", loads of {scale:.0%} for a busy machine" if scale < 1 else ""


def result_rows(results: Iterable[Result]) -> list[Row]:
    """A row a benchmark; what is accepted and what is refused stand apart."""
    return [
        (
            result.title,
            f"{result.per_s:,.0f}" if result.accepted else "",
            f"{result.per_s:,.0f}" if result.refused else "",
            _figure(result.p50_ms),
            _figure(result.p99_ms),
            str(result.errors),
            _audited(result.audit),
        )
        for result in results
    ]


def ratio_rows(ratios: Iterable[Ratio]) -> list[Row]:
    """A row a ratio or floor."""
    return [
        (ratio.title, _figure(ratio.value), _bound(ratio), _reached(ratio.reached))
        for ratio in ratios
    ]


def missed_line(document: Document) -> str:
    """The goals that a run has missed, each with its figure."""
    judged = [ratio for ratio in document.ratios if ratio.reached is not None]
    missed = [ratio for ratio in judged if not ratio.reached]
    if not missed:
        return f"All {len(judged)} goals are reached."
    named = "; ".join(f"{ratio.title}: {_figure(ratio.value)}, {_bound(ratio)}" for ratio in missed)
    return f"Missed of {len(judged)} goals: {len(missed)} ({named})."


def cost_rows(results: Iterable[Result]) -> list[Row]:
    """A row a benchmark whose costs are known: microseconds a command, and the size of a batch."""
    return [
        (
            result.title,
            *(
                "" if figure is None else _figure(figure)
                for figure in (
                    result.server_cpu_us,
                    result.store_cpu_us,
                    result.load_cpu_us,
                    result.script_us,
                    result.commands_a_batch,
                )
            ),
        )
        for result in results
        if result.server_cpu_us is not None or result.store_cpu_us is not None
    ]


def for_terminal(document: Document) -> str:
    """Everything, as text in columns."""
    parts = [
        aligned(RESULT_COLUMNS, result_rows(document.results)),
        aligned(RATIO_COLUMNS, ratio_rows(document.ratios)),
        "Costs in microseconds a command:",
        aligned(COST_COLUMNS, cost_rows(document.results)),
        audit_line(document),
    ]
    return "\n\n".join(parts)


def audit_line(document: Document) -> str:
    """The verdict of all audits together."""
    total = document.audit
    verdict = "nothing wrong" if total.ok else f"NOT SOUND ({total.findings:,} findings)"
    return (
        f"Audit after each of {total.benchmarks} benchmarks, "
        f"{total.reservations:,} reservations read: {verdict}"
    )


def aligned(columns: Row, rows: Iterable[Row]) -> str:
    """Columns as wide as they need be, the first to the left, all others to the right."""
    lines = [columns, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(columns: Row, rows: Iterable[Row]) -> str:
    """A table for a README, its first column to the left, all others to the right."""
    rule = ["---", *["--:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, rule, *rows))


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def _ms(value: float) -> str:
    return f"{_figure(value)} ms"


def _bound(ratio: Ratio) -> str:
    if ratio.at_least is not None:
        return f"at least {ratio.at_least:,g}"
    return f"at most {ratio.at_most:,g}" if ratio.at_most is not None else ""


def _reached(reached: bool | None) -> str:
    return {None: "", True: "yes", False: "NO"}[reached]


def _audited(audit: Audit | None) -> str:
    if audit is None:
        return ""
    return (
        "ok"
        if audit.ok
        else f"{audit.findings} findings, {audit.reservations:,} of {audit.answered:,}"
    )
