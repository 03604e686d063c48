"""Rules across the payment providers: every cent here is there, and every cent there is here."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from order_service.audit.case import Case, Entry, Rule
from order_service.order.model import Payment, Refund
from order_service.order.states import RefundEvent, RefundState
from order_service.order.tasks import TaskKind
from order_service.payment.methods import BY_HAND
from order_service.payment.providers.port import FactKind
from order_service.payment.undisputed import kept_by_banks

Money = Counter[str]
"""Minor units by currency."""


def captured_here(payment: Payment) -> Money:
    """The money that a payment has taken, by our books."""
    return +Money({payment.captured_currency: payment.captured_minor})


def captured_there(case: Case, payment: Payment) -> Money:
    """The money that a payment has taken, by its provider: the sum of its charges."""
    taken = Money()
    for provider, fact in case.entries or ():
        if (
            fact.kind is FactKind.CAPTURED
            and provider == payment.provider
            and fact.payment_id == payment.payment_id
        ):
            taken[fact.currency] += fact.amount_minor
    return taken


def sent_back_here(case: Case, refund: Refund) -> Money:
    """The money that a refund has sent back, by our books."""
    return Money(
        {
            payment.captured_currency: refund.amount_minor
            for payment in case.order.payments
            if payment.payment_id == refund.payment_id and refund.state is RefundState.DONE
        }
    )


def sent_back_there(case: Case, refund: Refund) -> Money:
    """The money that a refund has sent back, by the provider."""
    known = {(payment.provider, payment.payment_id) for payment in case.order.payments}
    sent = Money()
    for provider, fact in case.entries or ():
        if (
            fact.kind is FactKind.REFUNDED
            and fact.refund_id == refund.refund_id
            and (provider, refund.payment_id) in known
        ):
            sent[fact.currency] += fact.amount_minor
    return sent


def is_paid_back_by_hand(case: Case, refund: Refund) -> bool:
    """Whether a person has sent money back that the provider would not: no statement has it."""
    if refund.state is not RefundState.DONE or sent_back_there(case, refund):
        return False
    return any(
        entry.part_id == refund.refund_id
        and entry.event == RefundEvent.SENT_BACK
        and entry.from_state == RefundState.FAILED
        for entry in case.history
    )


def of_providers(case: Case) -> Iterator[Payment]:
    """The payments that a provider knows of, and said so: carriers and platforms have none."""
    unheard = BY_HAND | case.silent
    return (payment for payment in case.order.payments if payment.provider not in unheard)


def refunds_of_providers(case: Case) -> Iterator[Refund]:
    """The refunds of those, without what banks have kept: no provider sends that."""
    asked = {payment.payment_id for payment in of_providers(case)}
    kept = kept_by_banks(case.order)
    return (
        refund
        for refund in case.order.refunds
        if refund.payment_id in asked and refund.refund_id not in kept
    )


def _captures_are_known_here(case: Case) -> Iterator[str]:
    for payment in of_providers(case):
        here, there = captured_here(payment), captured_there(case, payment)
        if there - here:
            yield (
                f"{payment.payment_id}: {payment.provider} took {said(there)}, we know {said(here)}"
            )


def _captures_are_known_there(case: Case) -> Iterator[str]:
    if case.entries is None:
        return
    for payment in of_providers(case):
        here, there = captured_here(payment), captured_there(case, payment)
        if here - there:
            yield (
                f"{payment.payment_id}: we have {said(here)}, {payment.provider} took {said(there)}"
            )


def _refunds_are_known_here(case: Case) -> Iterator[str]:
    for refund in refunds_of_providers(case):
        here, there = sent_back_here(case, refund), sent_back_there(case, refund)
        if there - here:
            yield (
                f"{refund.refund_id} is {refund.state}: {said(there)} went back, we know "
                f"{said(here)}"
            )


def _refunds_are_known_there(case: Case) -> Iterator[str]:
    if case.entries is None:
        return
    for refund in refunds_of_providers(case):
        here, there = sent_back_here(case, refund), sent_back_there(case, refund)
        if here - there and not is_paid_back_by_hand(case, refund):
            yield f"{refund.refund_id}: {said(here)} should be back, {said(there)} went back"


def _entries_are_of_parts(case: Case) -> Iterator[str]:
    payments = {(payment.provider, payment.payment_id) for payment in case.order.payments}
    refunds = {refund.refund_id for refund in case.order.refunds}
    for entry in case.entries or ():
        provider, fact = entry
        if (provider, fact.payment_id) not in payments:
            yield f"{said_of(entry)}, which the order does not have"
        elif fact.kind is FactKind.REFUNDED and fact.refund_id not in refunds:
            yield f"{said_of(entry)}, which nobody has asked for"


def said(money: Money) -> str:
    """Amounts for a person: `1100 CNY`, `nothing`."""
    return (
        ", ".join(f"{minor} {currency}" for currency, minor in sorted(money.items())) or "nothing"
    )


def said_of(entry: Entry) -> str:
    """An entry of a statement for a person."""
    provider, fact = entry
    money = said(Money({fact.currency: fact.amount_minor}))
    if fact.kind is FactKind.CAPTURED:
        return f"{provider} took {money} for payment {fact.payment_id or '(no number)'}"
    number = fact.refund_id or "(no number)"
    return f"{provider} sent back {money} of payment {fact.payment_id} as refund {number}"


_RECONCILE: Final = (
    "`holdfast orders reconcile` on the day of the payment learns what only the provider has"
)
_A_PERSON: Final = (
    "ask the provider for the payment by its number; what it does not have was never money, and "
    "what it sent back by itself is to be settled by a person"
)
_ASKS: Final = frozenset({TaskKind.QUERY_PAYMENT, TaskKind.CLOSE_PAYMENT, TaskKind.PAYMENT_DUE})
RULES: Final = (
    Rule(
        "capture_is_known_here",
        "what a provider took for a payment is what the payment has captured (掉单)",
        _RECONCILE,
        _captures_are_known_here,
        _ASKS,
    ),
    Rule(
        "capture_is_known_there",
        "what a payment has captured its provider has taken",
        _A_PERSON,
        _captures_are_known_there,
    ),
    Rule(
        "refund_is_known_here",
        "what a provider sent back is a refund that is DONE",
        _RECONCILE,
        _refunds_are_known_here,
        frozenset({TaskKind.REFUND}),
    ),
    Rule(
        "refund_is_known_there",
        "a refund that is DONE was sent back by its provider, or by a person where that refused",
        _A_PERSON,
        _refunds_are_known_there,
    ),
    Rule(
        "money_is_of_a_payment",
        "what a provider took or sent back for an order is of one of its payments and refunds",
        _A_PERSON,
        _entries_are_of_parts,
    ),
)
