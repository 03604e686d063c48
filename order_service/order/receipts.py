"""The receipt (小票) of a paid order, or of a free one (O18): what was sold, what came of it, and
what went back.

It is made once, of what is so then, and is the same from then on. Nothing of it is personal: it
names neither the buyer nor where the goods go.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final

from msgspec import Struct, structs

from holdfast.money import amount_text
from order_service.order.draft import Draft
from order_service.order.joint_rules import SOLD
from order_service.order.model import CASH_ON_DELIVERY, Line, Order, Payment
from order_service.order.placed import Amounts
from order_service.order.receipt_words import ENGLISH, refund_word, words_of
from order_service.order.refusals import wrong_state
from order_service.order.states import OrderState, PaymentState, RefundState

COLUMNS: Final = 42
_NAME_COLUMNS: Final = 8
_PAID: Final = frozenset({PaymentState.CAPTURED, PaymentState.RETURNED})


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


class ReceiptRefund(Struct, frozen=True):
    """Money that went back, or is to go back."""

    refund_id: str
    amount_minor: int
    state: RefundState


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
    not_sent: tuple[ReceiptLine, ...] = ()
    """Units that did not leave, and never will."""
    refunds: tuple[ReceiptRefund, ...] = ()
    not_due_minor: int = 0
    """The part of the total that was not to be paid at the door, for what did not come."""
    is_cancelled: bool = False


def issue_receipt(draft: Draft, language: str = ENGLISH, zone: tzinfo = UTC) -> Receipt:
    """Makes the order's receipt. Raises Refused(WRONG_STATE) for an order that is not paid; for one
    that costs nothing, until it is sold.
    """
    order = draft.order
    if not paid_with(order) and not (order.costs_nothing and order.state in SOLD):
        state = order.state if order.costs_nothing else f"{order.state} and not paid"
        raise wrong_state("order", order.order_id, state, "a receipt")
    receipt = receipt_of(order, paid_with(order), draft.now_ms, language, zone)
    draft.record(receipt)
    return receipt


def paid_with(order: Order) -> list[Payment]:
    """The payments that paid an order, also those whose money went back since."""
    return [payment for payment in order.payments if payment.state in _PAID]


def receipt_of(
    order: Order,
    paid: list[Payment],
    issued_at_ms: int,
    language: str = ENGLISH,
    zone: tzinfo = UTC,
) -> Receipt:
    """The receipt of an order that was paid with `paid`."""
    captured_minor = sum(payment.captured_minor for payment in paid)
    at_the_door = order.payment_method == CASH_ON_DELIVERY and captured_minor > 0
    not_due_minor = max(0, order.amounts.total_minor - captured_minor) if at_the_door else 0
    of_payments = {payment.payment_id for payment in paid}
    receipt = Receipt(
        tenant=order.tenant,
        order_id=order.order_id,
        issued_at_ms=issued_at_ms,
        placed_at_ms=order.created_at_ms,
        currency=order.currency,
        lines=_lines((line, line.quantity) for line in order.lines),
        amounts=order.amounts,
        payments=tuple(
            ReceiptPayment(payment.payment_id, payment.method, payment.captured_minor)
            for payment in paid
        ),
        not_sent=_lines((line, line.cancelled) for line in order.lines if line.cancelled),
        refunds=tuple(
            ReceiptRefund(refund.refund_id, refund.amount_minor, refund.state)
            for refund in order.refunds
            if refund.payment_id in of_payments
        ),
        not_due_minor=not_due_minor,
        is_cancelled=order.state is OrderState.CANCELLED,
    )
    return structs.replace(receipt, text="\n".join(_printed(receipt, language, zone)) + "\n")


def _lines(sold: Iterable[tuple[Line, int]]) -> tuple[ReceiptLine, ...]:
    """Units by article and price."""
    units: dict[tuple[str, str, int], int] = {}
    for line, quantity in sold:
        article = (line.sku, line.title, line.unit_price_minor)
        units[article] = units.get(article, 0) + quantity
    return tuple(
        ReceiptLine(sku, title, quantity, price) for (sku, title, price), quantity in units.items()
    )


def _printed(receipt: Receipt, language: str, zone: tzinfo) -> Iterator[str]:
    """The receipt in lines of 42 columns."""
    words, currency = words_of(language), receipt.currency
    title = words["receipt"]
    yield " " * ((COLUMNS - _width(title)) // 2) + title
    yield _named(words["order"], receipt.order_id)
    yield _named(words["shop"], _cut(receipt.tenant, COLUMNS - _NAME_COLUMNS))
    yield _named(words["placed"], _time(receipt.placed_at_ms, zone))
    yield _named(words["issued"], _time(receipt.issued_at_ms, zone))
    if receipt.is_cancelled:
        yield words["cancelled"]
    yield "-" * COLUMNS
    for line in receipt.lines:
        yield _cut(line.title or line.sku, COLUMNS)
        price = amount_text(line.unit_price_minor, currency)
        yield _row(f"  {line.quantity:,} x {price}", amount_text(line.goods_minor, currency))
    if receipt.not_sent:
        yield words["not_sent"]
        for line in receipt.not_sent:
            yield _cut(f"  {line.quantity:,} x {line.title or line.sku}", COLUMNS)
    yield "-" * COLUMNS
    yield from _amounts_printed(receipt, words)
    yield from _money_printed(receipt, words, language)


def _amounts_printed(receipt: Receipt, words: dict[str, str]) -> Iterator[str]:
    amounts, currency = receipt.amounts, receipt.currency
    for name, amount_minor in (
        ("goods", amounts.goods_minor),
        ("discount", -amounts.discount_minor),
        ("coupon", -amounts.coupon_minor),
        ("freight", amounts.freight_minor),
        ("tax", amounts.tax_minor),
        ("not_due", -receipt.not_due_minor),
    ):
        if amount_minor:
            yield _row(words[name], amount_text(amount_minor, currency))
    total_minor = amounts.total_minor - receipt.not_due_minor
    yield _row(f"{words['total']} {currency}", amount_text(total_minor, currency))


def _money_printed(receipt: Receipt, words: dict[str, str], language: str) -> Iterator[str]:
    currency = receipt.currency
    for payment in receipt.payments:
        paid = amount_text(payment.captured_minor, currency)
        yield _row(f"{words['paid']} {payment.method}", paid)
    for refund in receipt.refunds:
        word = refund_word(language, refund.state)
        yield _row(word, amount_text(-refund.amount_minor, currency))
    if receipt.refunds:
        captured_minor = sum(payment.captured_minor for payment in receipt.payments)
        kept_minor = captured_minor - sum(refund.amount_minor for refund in receipt.refunds)
        yield _row(f"{words['kept']} {currency}", amount_text(kept_minor, currency))


def _named(name: str, value: str) -> str:
    """A name in a column of its own, and its value."""
    return f"{name}{' ' * (_NAME_COLUMNS - _width(name))}{value}"


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


def _time(at_ms: int, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(at_ms / 1_000, UTC).astimezone(zone)
    return at.strftime("%Y-%m-%d %H:%M %Z")
