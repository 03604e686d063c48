"""`holdfast orders audit`: whether every unit sold and every cent captured is accounted for."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from holdfast.cli.audit import print_findings
from holdfast.cli.failures import Failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.output import plain, print_json, print_remark, print_table, progress_bar, table_of

if TYPE_CHECKING:
    from rich.progress import Progress

    from holdfast.orders import OrderClient

SHOWN_MAX = 1_000


@dataclass(slots=True)
class Audited:
    """The first findings of an audit, and its summary unless it broke off."""

    findings: list[Any] = field(default_factory=list)
    unsettled: list[Any] = field(default_factory=list)
    left_out: int = 0
    summary: Any = None


def audit(*, connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION) -> None:
    """Proves that orders, stock and money agree: nothing sold twice, no cent lost.

    Holds every order of a tenant against the engine's reservations and the
    payment providers' statements. Reads only, and may run while the shop sells.
    Exit status 1 if something breaks an invariant, if the books do not balance,
    or if orders could not be proven because they changed all the time.

    For example:
      holdfast orders audit
      holdfast orders audit --tenant shop-2 -o json
    """
    with progress_bar() as progress:
        audited = connection.run(lambda client: _follow(client, progress))
    if audited.summary is None:
        raise Failure(
            "the audit broke off before its summary; start it again", reason="AUDIT_BROKE_OFF"
        )
    if connection.as_json:
        _print_document(audited)
    else:
        _print_tables(audited)
    summary = audited.summary
    if not summary.ok:
        raise Failure(
            f"the audit failed: {summary.findings:,} findings, {summary.unsettled:,} orders that "
            f"could not be proven{'' if summary.books_balance else ', the books do not balance'}"
            f"{', not all could be asked' if summary.not_proven else ''}",
            reason="AUDIT_FAILED",
            details={
                "findings": summary.findings,
                "unsettled": summary.unsettled,
                "books_balance": summary.books_balance,
                "not_proven": list(summary.not_proven),
            },
        )


async def _follow(client: "OrderClient", progress: "Progress") -> Audited:
    """Collects what an audit finds, while `progress` shows how far it is."""
    bar = progress.add_task("Auditing", total=None)
    audited = Audited()
    async for message in client.audit():
        match message.WhichOneof("kind"):
            case "progress":
                step = message.progress
                copying = step.reservations_read and not step.orders_checked
                about = f"Auditing ({step.reservations_read:,} reservations read)"
                progress.update(
                    bar,
                    completed=step.orders_checked,
                    total=step.orders_total,
                    description=about if copying else "Auditing",
                )
            case "finding":
                audited.findings.append(message.finding)
            case "unsettled":
                audited.unsettled.append(message.unsettled)
            case "summary":
                audited.summary = message.summary
        for kept in (audited.findings, audited.unsettled):
            audited.left_out += max(0, len(kept) - SHOWN_MAX)
            del kept[SHOWN_MAX:]
    return audited


def _print_document(audited: Audited) -> None:
    document = {
        **plain(audited.summary),
        "findings_total": audited.summary.findings,
        "findings": audited.findings,
        "unsettled_orders": audited.unsettled,
    }
    print_json(document)


def _print_tables(audited: Audited) -> None:
    summary = audited.summary
    if audited.findings:
        print_findings(audited.findings)
        mends = {found.invariant: found.mend for found in audited.findings}
        print_table(("Invariant", "To mend it"), mends.items())
    if audited.unsettled:
        print_table(("Unsettled", "Detail"), [(it.row, it.detail) for it in audited.unsettled])
    if summary.books:
        _print_books(summary.books)
    if audited.left_out:
        print_remark(f"... and {audited.left_out:,} more.")
    if summary.not_proven:
        print_table(("Not proven",), [(why,) for why in summary.not_proven])
    if summary.reservations_of_others:
        print(
            f"Beside the orders the engine has {summary.reservations_of_others:,} reservations of "
            f"other callers, with {summary.units_of_others:,} units."
        )
    print(
        f"Audit {'ok' if summary.ok else 'FAILED'}: {summary.orders:,} orders with "
        f"{summary.lines:,} lines, {summary.units_sold:,} units sold and "
        f"{summary.units_reserved:,} reserved, checked in {summary.elapsed_ms / 1_000:.1f} s."
    )


_print_books = table_of(
    {
        "Currency": "currency",
        "Captured": "captured_minor",
        "Refunded": "refunded_minor",
        "Quarantined": "quarantined_minor",
        "Captured there": "provider_captured_minor",
        "Refunded there": "provider_refunded_minor",
        "Cash": "cash_minor",
        "Refunded by hand": "refunded_by_hand_minor",
    }
)
