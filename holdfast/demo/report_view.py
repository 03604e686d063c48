"""The demo's report for people, as something rich can print."""

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from holdfast.demo.report import Figures
from holdfast.money import amount_text, money_text

DESCRIPTION_LENGTH_MAX = 30

ORDERS = {
    "placed, with stock reserved": "orders_placed",
    "  once units came back": "accepted_late",
    "refused for lack of stock": "refused",
    "paid": "orders_paid",
    "cancelled before that": "released",
    "expired": "expired",
    "delivered": "orders_delivered",
    "  received, says the buyer": "orders_completed",
}
PAYMENTS = {
    "paid twice": "paid_twice",
    "paid in a wrong amount": "wrong_amounts",
    "declined, then paid": "declined",
    "paid late": "paid_late",
    "  and the stock was gone": "late_refunded",
    "paid after cancelling": "paid_after_cancelling",
}
UNITS = {
    "sold": "units_sold",
    "shipped": "units_shipped",
    "cancelled after the sale": "units_cancelled",
    "came back in {returns:,} returns": "returned_units",
    "asked for and refused": "units_refused",
    "left": "units_left",
}
PARCELS = {
    "shipped and delivered": "parcels",
    "picked in part, the rest later": "short_picks",
    "packed wrong, and noticed": "wrong_scans",
    "orders read by a person": "read_by_person",
    "  and not let through": "refused_by_person",
}
MISHAPS = {
    "calls sent twice": "duplicates_sent",
    "  recognised as replays": "duplicates_replayed",
    "clients killed in a call": "clients_killed",
    "  after it took effect": "killed_after_effect",
    "callbacks lost, of {callbacks_sent:,}": "callbacks_lost",
    "  found in the statement": "found_in_statement",
}
"""Rows of the tables: a name, in which other figures may be, and the key of its figure."""


def view(report: Figures) -> RenderableType:
    """The whole report: the verdict, what happened, the hottest articles, what was left out."""
    parts: list[RenderableType] = [_headline(report), _verdict(report), _happenings(report)]
    parts.append(_hottest(report))
    if report["skipped_rows"] or report["unmatched_returns"]:
        parts.append(_left_out(report))
    parts.append(_fine_print(report))
    return Group(*parts)


def _headline(report: Figures) -> Text:
    sizes = " for {units:,} units of {skus:,} articles; {stock_units:,} units in stock\n"
    source = "{concurrency:,} buyers at once; order log: {source}\n"
    return Text.assemble(
        ("\n{orders:,} orders".format_map(report), "bold"),
        sizes.format_map(report),
        (source.format_map(report), "dim"),
    )


def _verdict(report: Figures) -> Panel:
    rows = Table.grid(padding=(0, 2))
    for good, name, figures in _checks(report):
        mark = Text("ok", style="bold green") if good else Text("FAILED", style="bold red")
        rows.add_row(mark, Text(name, style="bold"), Text(figures))
    body: list[RenderableType] = [rows]
    if report["problems"]:
        body.append(Text("\n" + "\n".join(report["problems"]), style="red"))
    right = "Every unit went to exactly one order, and every penny with it"
    title = right if report["ok"] else "Something is wrong: see below"
    colour = "green" if report["ok"] else "red"
    return Panel(Group(*body), title=f"[bold]{title}[/]", border_style=colour, padding=(0, 1))


def _checks(report: Figures) -> list[tuple[bool, str, str]]:
    """The proofs: whether each holds, its name, and its figures."""
    captured = money_text(report["captured_minor"], report["currency"])
    refunded = amount_text(report["refunded_minor"], report["currency"])
    shown = report | {"captured": captured, "refunded": refunded}
    mistakes = report["double_effects"] + report["unexpected_answers"]
    checks = [
        (not report["oversold_units"], "Oversold", "{oversold_units:,} units"),
        (
            not report["undersold_units"],
            "Undersold",
            "{undersold_units:,} units refused that were there to sell",
        ),
        (
            report["books_balance"],
            "Money",
            "{captured} captured, {refunded} refunded, {money_differences:,} differences",
        ),
        (
            not mistakes,
            "Answers",
            "{double_effects:,} applied twice, {unexpected_answers:,} unexpected",
        ),
        (
            not report["ledger_differences"],
            "Stock, orders",
            "{ledger_differences:,} differences from what the answers add up to",
        ),
        (
            report["audit_ok"],
            "Engine audit",
            (
                "{audit_findings:,} findings in {audit_levels:,} levels, "
                "{audit_reservations:,} reservations, {audit_journal_entries:,} entries"
            ),
        ),
        (
            report["crossing_ok"],
            "Crossing audit",
            (
                "{crossing_findings:,} findings in {crossing_orders:,} orders, "
                "{crossing_lines:,} lines, all books"
            ),
        ),
    ]
    return [(good, name, figures.format_map(shown)) for good, name, figures in checks]


def _happenings(report: Figures) -> Table:
    currency = report["currency"]
    money = {
        "captured": amount_text(report["captured_minor"], currency),
        f"refunded, {report['orders_refunded']:,} orders": amount_text(
            report["refunded_minor"], currency
        ),
    }
    sold_out = {"articles sold out": "{sold_out_skus:,} of {skus:,}".format_map(report)}
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(
        _figures("Orders", _counts(report, ORDERS)),
        _figures(f"Money, {currency}", money | _counts(report, PAYMENTS)),
    )
    grid.add_row(
        _figures("Units", _counts(report, UNITS) | sold_out),
        _figures("Parcels", _counts(report, PARCELS)),
    )
    grid.add_row(_engine_speed(report), _figures("Gone wrong on purpose", _counts(report, MISHAPS)))
    grid.add_row(_speed(report), _times(report))
    return grid


def _counts(report: Figures, rows: dict[str, str]) -> dict[str, str]:
    return {name.format_map(report): f"{report[key]:,}" for name, key in rows.items()}


def _engine_speed(report: Figures) -> Table:
    if not report["engine_concurrency"]:
        return _figures("Engine alone", {"not tried": ""})
    return _figures(
        "Engine alone, SDK, {engine_concurrency:,} at once".format_map(report),
        {
            "reserved per second": f"{report['engine_reservations_per_second']:,}",
            "reserve, p50": f"{report['engine_p50_ms']:,.1f} ms",
            "reserve, p99": f"{report['engine_p99_ms']:,.1f} ms",
            "units of one article": f"{report['engine_reserved']:,}",
            "sale": f"{report['engine_sale_ms'] / 1_000:,.1f} s",
        },
    )


def _times(report: Figures) -> Table:
    parts = {name: f"{ms / 1_000:,.1f} s" for name, ms in report["part_ms"].items()}
    return _figures("Time", parts | {"all": f"{report['elapsed_ms'] / 1_000:,.1f} s"})


def _speed(report: Figures) -> Table:
    return _figures(
        "Whole way, {concurrency:,} buyers at once".format_map(report),
        {
            "reserved per second": f"{report['reservations_per_second']:,.0f}",
            "calls per second": f"{report['calls_per_second']:,.0f}",
            "PlaceOrder, crowd, p50": f"{report['p50_ms']:,.1f} ms",
            "PlaceOrder, crowd, p99": f"{report['p99_ms']:,.1f} ms",
            "reserving": f"{report['reserving_ms'] / 1_000:,.1f} s",
            "sale, with payments": f"{report['sale_ms'] / 1_000:,.1f} s",
        },
    )


def _figures(title: str, rows: dict[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column(title)
    table.add_column(justify="right")
    for name, figure in rows.items():
        table.add_row(name, figure)
    return table


def _hottest(report: Figures) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("Hottest articles", no_wrap=True)
    table.add_column(no_wrap=True, ratio=1)
    for name in ("wanted", "stock", "back", "sold", "left"):
        table.add_column(name, justify="right")
    for hot in report["hottest"]:
        table.add_row(
            Text(hot["sku"]),
            Text(hot["description"][:DESCRIPTION_LENGTH_MAX]),
            *(f"{hot[key]:,}" for key in ("demand", "stock", "back", "sold")),
            Text(f"{hot['left']:,}", style="" if hot["left"] else "bold"),
        )
    return table


def _left_out(report: Figures) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column(f"Left out of {report['rows']:,} rows")
    table.add_column("rows", justify="right")
    for reason, count in report["skipped_by_reason"].items():
        table.add_row(Text(reason), f"{count:,}")
    if unmatched := report["unmatched_returns"]:
        table.add_row("return that matches nothing shipped to that buyer before", f"{unmatched:,}")
    return table


def _fine_print(report: Figures) -> Text:
    return Text(
        "An order is reserved whole or not at all. Refused orders were placed again whenever units "
        "came back, until nothing fitted any more. The engine alone is asked for one unit a "
        "call. Times are measured in the client, whose own work is in them: buyers, staff and all "
        "servers share this machine. "
        f"Stock is {report['stock_ratio']:g} of the demand. Seed {report['seed']}.",
        style="dim",
    )
