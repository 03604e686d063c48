"""The sandbox's start page: what it is, which payments wait for buyers, and how it is steered.

It is read with a browser on the machine that runs `holdfast dev`, so it asks for no key, as the
pages of the payments do. Pure.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from order_service.sandbox.carrier_books import SandboxShipment
from order_service.sandbox.provider_books import SandboxPayment

SHOWN_MAX: Final = 50
_STEERING: Final = (
    ("holdfast sandbox pay ORDER", "its buyer pays"),
    ("holdfast sandbox decline ORDER", "the buyer's bank says no"),
    ("holdfast sandbox lose ORDER", "the buyer pays, and the callback is lost"),
    ("holdfast sandbox late ORDER --by 30s", "the buyer pays, and the callback comes late"),
    ("holdfast sandbox wrong-amount ORDER", "another amount is paid than was asked for"),
    ("holdfast sandbox lose-parcel ORDER", "the carrier loses its parcel"),
    ("holdfast sandbox refuse ORDER", "its buyer refuses the parcel, which comes back"),
    ("holdfast sandbox return-parcel ORDER", "nobody opens, and the parcel comes back"),
    ("holdfast sandbox misbehave --help", "shares of what goes wrong by itself"),
)


def start_page(payments: Sequence[SandboxPayment], shipments: Sequence[SandboxShipment]) -> str:
    """The page, in HTML; the newest payments and parcels come first."""
    return (
        "<!doctype html><title>Holdfast sandbox</title><h1>Holdfast sandbox</h1>"
        "<p>A payment provider and a carrier that are pretended: no money moves, and no parcel."
        f"<h2>Payments</h2>{_table(map(_payment, payments)) or '<p>None yet.'}"
        f"<h2>Parcels</h2>{_table(map(_shipment, shipments)) or '<p>None yet.'}"
        f"<h2>Commands</h2>{_table((f'<code>{name}</code>', does) for name, does in _STEERING)}"
    )


def _payment(payment: SandboxPayment) -> tuple[str, ...]:
    amount = f"{payment.amount_minor:,} minor units of {escape(payment.currency)}"
    name = escape(payment.payment_id)
    if payment.kind == "OPEN":
        name = f'<a href="/provider/pay/{escape(payment.provider_ref)}">{name}</a>'
    return name, amount, payment.kind


def _shipment(shipment: SandboxShipment) -> tuple[str, ...]:
    stops = shipment.journey[: shipment.happened]
    last = stops[-1].kind if stops else shipment.state
    return escape(shipment.shipment_id), escape(shipment.waybill), last


def _table(rows: Iterable[Sequence[str]]) -> str:
    cells = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{cells}</table>" if cells else ""
