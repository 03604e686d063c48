"""The receipt (小票) of a paid order, or of a free one (O18): made once, the same from then on.

Nothing of it is personal: it names neither the buyer nor where the goods go.
"""

import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, structs

from holdfast.money import amount_text
from order_service.order.draft import Draft
from order_service.order.model import Amounts, Order, Payment
from order_service.order.refusals import wrong_state
from order_service.order.states import SOLD, PaymentState

COLUMNS: Final = 42


class ReceiptLine(Struct, frozen=True):
    """Units of one article, bought at one price."""

    sku: str
    title: str
    quantity: int
    unit_price_minor: int

    @property
    def goods_minor(self) -> int:
        """The price of the units, before discounts and taxes of the whole order."""
        return self.quantity * self.unit_price_minor


class ReceiptPayment(Struct, frozen=True):
    """A payment of the order."""

    payment_id: str
    method: str
    captured_minor: int


class Receipt(Struct, frozen=True):
    """A document for a paid order. `text` is what is printed."""

    tenant: str
    order_id: str
    issued_at_ms: int
    placed_at_ms: int
    currency: str
    lines: tuple[ReceiptLine, ...]
    amounts: Amounts
    payments: tuple[ReceiptPayment, ...]
    text: str = ""


def issue_receipt(draft: Draft) -> Receipt:
    """Makes the order's receipt. Raises Refused(WRONG_STATE) for an order that is not paid; for one
    that costs nothing, until it is sold.
    """
    order = draft.order
    paid = [payment for payment in order.payments if payment.state is PaymentState.CAPTURED]
    if not paid and not (order.costs_nothing and order.state in SOLD):
        state = order.state if order.costs_nothing else f"{order.state} and not paid"
        raise wrong_state("order", order.order_id, state, "a receipt")
    receipt = receipt_of(order, paid, draft.now_ms)
    draft.record(receipt)
    return receipt


def receipt_of(order: Order, paid: list[Payment], issued_at_ms: int) -> Receipt:
    """The receipt of an order that was paid with `paid`."""
    units: dict[tuple[str, str, int], int] = {}
    for line in order.lines:
        article = (line.sku, line.title, line.unit_price_minor)
        units[article] = units.get(article, 0) + line.quantity
    receipt = Receipt(
        tenant=order.tenant,
        order_id=order.order_id,
        issued_at_ms=issued_at_ms,
        placed_at_ms=order.created_at_ms,
        currency=order.currency,
        lines=tuple(
            ReceiptLine(sku, title, quantity, price)
            for (sku, title, price), quantity in units.items()
        ),
        amounts=order.amounts,
        payments=tuple(
            ReceiptPayment(payment.payment_id, payment.method, payment.captured_minor)
            for payment in paid
        ),
    )
    return structs.replace(receipt, text="\n".join(_printed(receipt)) + "\n")


def _printed(receipt: Receipt) -> Iterator[str]:
    """The receipt in lines of 42 columns."""
    currency, amounts = receipt.currency, receipt.amounts
    yield "RECEIPT".center(COLUMNS).rstrip()
    yield f"Order   {receipt.order_id}"
    yield f"Shop    {_cut(receipt.tenant, COLUMNS - 8)}"
    yield f"Placed  {_utc(receipt.placed_at_ms)}"
    yield f"Issued  {_utc(receipt.issued_at_ms)}"
    yield "-" * COLUMNS
    for line in receipt.lines:
        yield _cut(line.title or line.sku, COLUMNS)
        price = amount_text(line.unit_price_minor, currency)
        yield _row(f"  {line.quantity:,} x {price}", amount_text(line.goods_minor, currency))
    yield "-" * COLUMNS
    for name, amount_minor in (
        ("Goods", amounts.goods_minor),
        ("Discount", -amounts.discount_minor),
        ("Coupon", -amounts.coupon_minor),
        ("Freight", amounts.freight_minor),
        ("Tax", amounts.tax_minor),
    ):
        if amount_minor:
            yield _row(name, amount_text(amount_minor, currency))
    yield _row(f"TOTAL {currency}", amount_text(amounts.total_minor, currency))
    for payment in receipt.payments:
        yield _row(f"Paid by {payment.method}", amount_text(payment.captured_minor, currency))


def _row(name: str, amount: str) -> str:
    """A name on the left, an amount on the right."""
    name = _cut(name, COLUMNS - len(amount) - 1)
    return f"{name}{' ' * (COLUMNS - _width(name) - len(amount))}{amount}"


def _cut(text: str, columns: int) -> str:
    """As much of a text as fits into so many columns."""
    while _width(text) > columns:
        text = text[:-1]
    return text


def _width(text: str) -> int:
    """The width of a text in columns of a printer: Chinese characters are two wide."""
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
