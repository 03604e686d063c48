"""Rules of the ledger: it has of each order what the order says of its money."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from order_service.audit.case import Case, Rule
from order_service.order.chargebacks import OPEN, Chargeback, ChargebackState
from order_service.order.journals import Account, AccountKind
from order_service.order.model import Order
from order_service.order.states import OrderState
from order_service.payment.methods import CASH
from order_service.payment.undisputed import kept_by_banks
from order_service.payment.whereabouts import consumed_minor, escrow_minor, gone_minor, holder_of

Sums = Counter[tuple[str, str]]
"""Amounts by account and currency: a debit above 0."""


def _ledger_has_its_money(case: Case) -> Iterator[str]:
    order = case.order
    taken = [payment for payment in order.payments if payment.captured_minor]
    if case.posted is None or not all(payment.booked for payment in taken):
        return  # money of before there was a ledger is entered with the next change
    expected = _expected(order)
    posted = Counter(case.posted)
    for account, currency in sorted(expected.keys() | posted.keys()):
        if account.partition(":")[0] not in _HELD_AGAINST:
            continue
        if expected[account, currency] != posted[account, currency]:
            yield (
                f"{account}: {posted[account, currency]} {currency} are posted, the order has "
                f"{expected[account, currency]}"
            )


_HELD_AGAINST: Final = frozenset({"escrow", "refunding", "suspense", "provider", "chargeback"})


def _expected(order: Order) -> Sums:
    sums: Sums = Counter()
    for payment in order.payments:
        currency = payment.captured_currency
        if holder_of(payment).kind is AccountKind.SUSPENSE:
            kept_minor = payment.captured_minor - payment.refunded_minor
            sums["suspense", currency] -= kept_minor
        if payment.provider != CASH:
            sums[_provider(payment.provider), currency] += payment.captured_minor
    for chargeback in order.parts_of(Chargeback):
        name = _provider(order.payment(chargeback.payment_id).provider)
        is_back = chargeback.state is ChargebackState.WON
        gone = chargeback.fee_minor + (0 if is_back else chargeback.amount_minor)
        sums[name, chargeback.currency] -= gone
        if chargeback.state in OPEN:
            sums["chargeback", chargeback.currency] += chargeback.amount_minor
    kept = kept_by_banks(order)
    for refund in order.refunds:
        if refund.refund_id in kept:
            continue
        of = order.payment(refund.payment_id)
        currency = refund.currency or of.captured_currency
        sums["refunding", currency] -= refund.amount_minor - consumed_minor(refund)
        if of.provider != CASH:
            name = _provider(of.provider)
            sums[name, currency] -= gone_minor(refund)
            if refund.sent_currency not in ("", currency):
                sums[name, refund.sent_currency] -= refund.sent_minor
    left_minor = escrow_minor(order)
    if order.state is OrderState.CANCELLED and all(
        payment.captured_minor == payment.refunded_minor for payment in order.payments
    ):
        left_minor = 0
    sums["escrow", order.currency] -= left_minor
    return sums


def _provider(name: str) -> str:
    return Account(AccountKind.PROVIDER, name).name


RULES: Final = (
    Rule(
        "ledger_has_its_money",
        "what the ledger has of an order in escrow, to go back, in suspense and at providers is "
        "what its payments and refunds say",
        "`holdfast settlement journals ORDER` lists what was posted: a correction is a journal of "
        "its own, never a change",
        _ledger_has_its_money,
    ),
)
