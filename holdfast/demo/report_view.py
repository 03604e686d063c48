"""The demo's report for people, as something rich can print."""

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from holdfast.demo.figures import DemoReport
from holdfast.money import amount_text, money_text

DESCRIPTION_LENGTH_MAX = 30


def view(report: DemoReport) -> RenderableType:
    """The whole report: the verdict, what happened, the hottest articles, what was left out."""
    parts: list[RenderableType] = [_headline(report), _verdict(report), _happenings(report)]
    parts.append(_hottest(report))
    if report.log.skipped_rows or report.returns.unmatched_returns:
        parts.append(_left_out(report))
    parts.append(_fine_print(report))
    return Group(*parts)


def _headline(report: DemoReport) -> Text:
    log, setting = report.log, report.setting
    return Text.assemble(
        (f"\n{log.orders:,} orders", "bold"),
        f" for {log.units:,} units of {log.skus:,} articles; {log.stock_units:,} units in stock\n",
        (f"{setting.concurrency:,} buyers at once; order log: {setting.source}\n", "dim"),
    )


def _verdict(report: DemoReport) -> Panel:
    rows = Table.grid(padding=(0, 2))
    for good, name, figures in _checks(report):
        mark = Text("ok", style="bold green") if good else Text("FAILED", style="bold red")
        rows.add_row(mark, Text(name, style="bold"), Text(figures))
    body: list[RenderableType] = [rows]
    if report.problems:
        body.append(Text("\n" + "\n".join(report.problems), style="red"))
    right = "Every unit went to exactly one order, and every penny with it"
    title = right if report.ok else "Something is wrong: see below"
    colour = "green" if report.ok else "red"
    return Panel(Group(*body), title=f"[bold]{title}[/]", border_style=colour, padding=(0, 1))


def _checks(report: DemoReport) -> list[tuple[bool, str, str]]:
    """The proofs: whether each holds, its name, and its figures."""
    proof, money = report.proof, report.money
    captured = money_text(money.captured_minor, money.currency)
    refunded = amount_text(money.refunded_minor, money.currency)
    return [
        (proof.oversold_units == 0, "Oversold", f"{proof.oversold_units:,} units"),
        (
            proof.undersold_units == 0,
            "Undersold",
            f"{proof.undersold_units:,} units refused that were there to sell",
        ),
        (
            money.books_balance,
            "Money",
            f"{captured} captured, {refunded} refunded, {proof.money_differences:,} differences",
        ),
        (
            proof.double_effects + proof.unexpected_answers == 0,
            "Answers",
            f"{proof.double_effects:,} applied twice, {proof.unexpected_answers:,} unexpected",
        ),
        (
            proof.ledger_differences == 0,
            "Stock, orders",
            f"{proof.ledger_differences:,} differences from what the answers add up to",
        ),
        (
            proof.audit_ok,
            "Engine audit",
            (
                f"{proof.audit_findings:,} findings in {proof.audit_levels:,} levels, "
                f"{proof.audit_reservations:,} reservations, "
                f"{proof.audit_journal_entries:,} entries"
            ),
        ),
        (
            proof.crossing_ok,
            "Crossing audit",
            (
                f"{proof.crossing_findings:,} findings in {proof.crossing_orders:,} orders, "
                f"{proof.crossing_lines:,} lines, all books"
            ),
        ),
    ]


def _happenings(report: DemoReport) -> Table:
    grid = Table.grid(expand=True, padding=(0, 2))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(_orders(report), _money(report))
    grid.add_row(_units(report), _parcels(report))
    grid.add_row(_speed(report), _mishaps(report))
    return grid


def _orders(report: DemoReport) -> Table:
    orders = report.orders
    return _figures(
        "Orders",
        {
            "placed, with stock reserved": f"{orders.orders_placed:,}",
            "  once units came back": f"{orders.accepted_late:,}",
            "refused for lack of stock": f"{orders.refused:,}",
            "paid": f"{orders.orders_paid:,}",
            "cancelled before that": f"{orders.released:,}",
            "expired": f"{orders.expired:,}",
            "delivered": f"{orders.orders_delivered:,}",
            "  received, says the buyer": f"{orders.orders_completed:,}",
        },
    )


def _money(report: DemoReport) -> Table:
    money, happened = report.money, report.happened
    return _figures(
        f"Money, {money.currency}",
        {
            "captured": amount_text(money.captured_minor, money.currency),
            f"refunded, {report.orders.orders_refunded:,} orders": amount_text(
                money.refunded_minor, money.currency
            ),
            "paid twice": f"{happened.paid_twice:,}",
            "paid in a wrong amount": f"{happened.wrong_amounts:,}",
            "declined, then paid": f"{happened.declined:,}",
            "paid late": f"{happened.paid_late:,}",
            "  and the stock was gone": f"{happened.late_refunded:,}",
            "paid after cancelling": f"{happened.paid_after_cancelling:,}",
        },
    )


def _units(report: DemoReport) -> Table:
    units, returns = report.units, report.returns
    return _figures(
        "Units",
        {
            "sold": f"{units.units_sold:,}",
            "shipped": f"{units.units_shipped:,}",
            "cancelled after the sale": f"{units.units_cancelled:,}",
            f"came back in {returns.returns:,} returns": f"{returns.returned_units:,}",
            "asked for and refused": f"{units.units_refused:,}",
            "left": f"{units.units_left:,}",
            "articles sold out": f"{units.sold_out_skus:,} of {report.log.skus:,}",
        },
    )


def _parcels(report: DemoReport) -> Table:
    happened = report.happened
    return _figures(
        "Parcels",
        {
            "shipped and delivered": f"{happened.parcels:,}",
            "picked in part, the rest later": f"{happened.short_picks:,}",
            "packed wrong, and noticed": f"{happened.wrong_scans:,}",
            "orders read by a person": f"{happened.read_by_person:,}",
            "  and not let through": f"{happened.refused_by_person:,}",
        },
    )


def _speed(report: DemoReport) -> Table:
    speed = report.speed
    return _figures(
        "Speed",
        {
            "reserved per second": f"{speed.reservations_per_second:,.0f}",
            "calls per second": f"{speed.calls_per_second:,.0f}",
            "PlaceOrder, p50": f"{speed.p50_ms:,.1f} ms",
            "PlaceOrder, p99": f"{speed.p99_ms:,.1f} ms",
            "sale": f"{speed.sale_ms / 1_000:,.1f} s",
            "all": f"{speed.elapsed_ms / 1_000:,.1f} s",
        },
    )


def _mishaps(report: DemoReport) -> Table:
    mishaps = report.mishaps
    return _figures(
        "Gone wrong on purpose",
        {
            "calls sent twice": f"{mishaps.duplicates_sent:,}",
            "  recognised as replays": f"{mishaps.duplicates_replayed:,}",
            "clients killed in a call": f"{mishaps.clients_killed:,}",
            "  after it took effect": f"{mishaps.killed_after_effect:,}",
            f"callbacks lost, of {mishaps.callbacks_sent:,}": f"{mishaps.callbacks_lost:,}",
            "  found in the statement": f"{report.happened.found_in_statement:,}",
        },
    )


def _figures(title: str, rows: dict[str, str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column(title)
    table.add_column(justify="right")
    for name, figure in rows.items():
        table.add_row(name, figure)
    return table


def _hottest(report: DemoReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column("Hottest articles", no_wrap=True)
    table.add_column(no_wrap=True, ratio=1)
    for name in ("wanted", "stock", "back", "sold", "left"):
        table.add_column(name, justify="right")
    for hot in report.hottest:
        table.add_row(
            Text(hot.sku),
            Text(hot.description[:DESCRIPTION_LENGTH_MAX]),
            *(f"{units:,}" for units in (hot.demand, hot.stock, hot.back, hot.sold)),
            Text(f"{hot.left:,}", style="bold" if hot.left == 0 else ""),
        )
    return table


def _left_out(report: DemoReport) -> Table:
    table = Table(box=box.SIMPLE_HEAD, expand=True, pad_edge=False)
    table.add_column(f"Left out of {report.log.rows:,} rows")
    table.add_column("rows", justify="right")
    for reason, count in report.log.skipped_by_reason.items():
        table.add_row(Text(reason), f"{count:,}")
    if report.returns.unmatched_returns:
        table.add_row(
            "return that matches nothing shipped to that buyer before",
            f"{report.returns.unmatched_returns:,}",
        )
    return table


def _fine_print(report: DemoReport) -> Text:
    setting = report.setting
    return Text(
        "An order is reserved whole or not at all. Refused orders were placed again whenever units "
        "came back, until nothing fitted any more. Times are measured in the client, whose own "
        "work is in them: buyers, staff and all servers share this machine. "
        f"Stock is {setting.stock_ratio:g} of the demand. Seed {setting.seed}.",
        style="dim",
    )
