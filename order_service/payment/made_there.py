"""Money that went away at its provider without our asking: somebody has sent it back there."""

from typing import Final

from order_service.order.draft import Draft
from order_service.order.model import Payment, Refund
from order_service.order.records import MoneyCaseKind
from order_service.order.refund_amounts import left_minor
from order_service.order.refund_rows import RefundWhat
from order_service.order.states import PaymentState
from order_service.order.tasks import LearnRefunds, todos
from order_service.payment.cases import open_case
from order_service.payment.paying_back import OWN, PayBack, lines_with_money
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refunds import forget_sending, learn_refund

LEARN_REFUNDS_AFTER_MS: Final = 5_000
"""By then a refund that was just asked for has its number here."""
OF_WHAT_WENT: Final = frozenset(
    {FactKind.REFUNDED, FactKind.REFUND_FAILED, FactKind.REFUNDED_IN_ALL}
)


def learn_what_went(draft: Draft, payment: Payment, fact: Fact) -> None:
    """Books what a fact without our number says; what the books have no room for is a case."""
    if fact.kind is FactKind.REFUNDED_IN_ALL:
        is_news = fact.amount_minor > payment.refunded_minor
        if is_news and not todos(draft.order, LearnRefunds):
            draft.send(LearnRefunds(payment.payment_id), draft.now_ms + LEARN_REFUNDS_AFTER_MS)
    else:
        refund = _known(draft, payment, fact) or _booked(draft, payment, fact)
        if refund is not None:
            learn_refund(draft, refund, fact)
        elif fact.kind is FactKind.REFUNDED:
            why = f"it went back at {payment.provider}: more than is left, or other money"
            open_case(draft, MoneyCaseKind.SENT_BACK_THERE, payment, fact, why)


def _known(draft: Draft, payment: Payment, fact: Fact) -> Refund | None:
    """The refund that has the provider's number."""
    for refund in draft.order.refunds:
        numbers = {refund.provider_ref, *refund.refused_refs.split()} - {""}
        if refund.payment_id == payment.payment_id and fact.provider_ref in numbers:
            return refund
    return None


def _booked(draft: Draft, payment: Payment, fact: Fact) -> Refund | None:
    """A refund for money that has gone, if there is so much left of the payment."""
    amount_minor = fact.amount_minor
    fits = 0 < amount_minor <= payment.left_minor
    is_its_money = fact.currency == payment.captured_currency
    if fact.kind is not FactKind.REFUNDED or not (fact.provider_ref and fits and is_its_money):
        return None
    back = for_what_is_kept(draft, payment, amount_minor)
    why = f"sent back at {payment.provider}, unasked"
    made = back.send(f"{OWN}there/{fact.provider_ref}", why, [payment])
    for refund in made:
        forget_sending(draft, refund)
    return made[0] if made else None


def for_what_is_kept(draft: Draft, payment: Payment, amount_minor: int) -> PayBack:
    """The purposes of money that has gone, and of which nobody has said what for.

    All of the goods' money is for all units, so that they do not leave; less is a part of the price
    of all of them.
    """
    back = PayBack(draft)
    if payment.state is PaymentState.CAPTURED:
        goods_minor = sum(map(left_minor, lines_with_money(draft.order)))
        if 0 < goods_minor <= amount_minor:
            back.all_units()
        elif goods_minor:
            back.adjust_all(amount_minor)
        back.all_freight(amount_minor - back.total_minor)
    back.other(RefundWhat.EXCESS, amount_minor - back.total_minor)
    return back
