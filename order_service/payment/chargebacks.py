"""Chargebacks: a buyer's bank takes money of a payment back (拒付). Pure decisions.

What is left of the payment is disputed until the bank has decided: it is nobody's. Won, it is ours
again. Lost, it becomes a refund that is done, for the units that it paid for, so that neither they
nor the money can go back once more. What the bank takes beyond that went back before: it is lost
twice, and a person's to see to.
"""

from typing import Final

from msgspec import structs

from order_service.order.bounds import BOUNDS
from order_service.order.chargebacks import (
    CHARGEBACK,
    OPEN,
    Chargeback,
    ChargebackEvent,
    ChargebackState,
)
from order_service.order.draft import Draft
from order_service.order.model import Order, Payment
from order_service.order.records import MoneyCaseKind
from order_service.order.states import OrderState
from order_service.payment.cases import open_case
from order_service.payment.made_there import for_what_is_kept
from order_service.payment.paying_back import OWN
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refunds import forget_sending, money_is_back, refund_all
from order_service.payment.undisputed import open_chargebacks

_S, _E, _F = ChargebackState, ChargebackEvent, FactKind
OF_DISPUTES: Final = frozenset(
    {_F.DISPUTE_ASKED, _F.DISPUTED, _F.DISPUTE_REVIEWED, _F.DISPUTE_WON, _F.DISPUTE_LOST}
)
_EVENTS: Final = {
    _F.DISPUTE_REVIEWED: _E.REVIEW,
    _F.DISPUTE_WON: _E.WIN,
    _F.DISPUTE_LOST: _E.LOSE,
}
_OUTCOMES: Final = {_F.DISPUTE_WON: _S.WON, _F.DISPUTE_LOST: _S.LOST}
_CLOSED: Final = frozenset({OrderState.REJECTED, OrderState.EXPIRED, OrderState.CANCELLED})


def learn_chargeback(draft: Draft, payment: Payment, fact: Fact) -> None:
    """Applies what a provider says of a dispute, in whatever order it comes, and however often."""
    if fact.kind is _F.DISPUTE_ASKED:
        open_case(draft, MoneyCaseKind.DISPUTED, payment, fact, "the buyer's bank asks for reasons")
        return
    known = _known(draft.order, payment, fact.provider_ref)
    if known is None:
        if len(draft.order.parts_of(Chargeback)) >= BOUNDS[Chargeback].most:
            full = "the order has as many chargebacks as an order may have"
            open_case(draft, MoneyCaseKind.DISPUTED, payment, fact, full)
            return
        known = _noticed(draft, payment, fact)
    elif known.state in OPEN:
        _learn_more(draft, payment, known, fact)
    elif _OUTCOMES.get(fact.kind, known.state) is not known.state:
        differs = f"{known.chargeback_id} is {known.state}, and now it is said to be "
        differs += _OUTCOMES[fact.kind]
        open_case(draft, MoneyCaseKind.DISPUTED, payment, fact, differs)
        return
    event = _EVENTS.get(fact.kind)
    if event is None or not CHARGEBACK.allows(known.state, event):
        return
    draft.move(known, event, f"{payment.provider} says so")
    if known.state not in OPEN:
        _end(draft, payment, known)


def claim_more(draft: Draft, payment: Payment) -> None:
    """Counts as disputed what has come of a payment after its bank had taken it back."""
    for chargeback in open_chargebacks(draft.order):
        if chargeback.payment_id == payment.payment_id:
            _claim(draft, payment, chargeback)


def _known(order: Order, payment: Payment, provider_ref: str) -> Chargeback | None:
    """The chargeback of a payment that has a number of the provider's."""
    for each in order.parts_of(Chargeback):
        if (each.payment_id, each.provider_ref) == (payment.payment_id, provider_ref):
            return each
    return None


def _noticed(draft: Draft, payment: Payment, fact: Fact) -> Chargeback:
    made = Chargeback(
        chargeback_id=draft.next_part_id(Chargeback),
        order_id=draft.order.order_id,
        state=_S.NOTICED,
        payment_id=payment.payment_id,
        provider_ref=fact.provider_ref,
        amount_minor=fact.amount_minor or payment.captured_minor,
        currency=fact.currency or payment.captured_currency,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
        fee_minor=fact.fee_minor,
        due_at_ms=fact.due_at_ms,
    )
    draft.add(made, f"{payment.provider} says that the buyer's bank takes it back")
    _claim(draft, payment, made)
    if fact.kind is not _F.DISPUTE_WON:
        why = "the buyer's bank takes it back: give its provider evidence"
        open_case(draft, MoneyCaseKind.DISPUTED, payment, fact, why)
        _tell_of_excess(draft, payment, made, fact)
    return made


def _learn_more(draft: Draft, payment: Payment, known: Chargeback, fact: Fact) -> None:
    """Notes another amount, fee or due time of a chargeback that is not decided."""
    heard = {
        "due_at_ms": fact.due_at_ms or known.due_at_ms,
        "fee_minor": fact.fee_minor or known.fee_minor,
    }
    news = {name: value for name, value in heard.items() if value != getattr(known, name)}
    if news:
        draft.update(known, **news)
    if fact.currency not in ("", known.currency):
        why = f"{known.chargeback_id} is of {known.currency}, and now of {fact.currency}"
        open_case(draft, MoneyCaseKind.DISPUTED, payment, fact, why)
    elif fact.amount_minor not in (0, known.amount_minor):
        _let_go(draft, payment, known)
        draft.update(known, amount_minor=fact.amount_minor, disputed_minor=0)
        _claim(draft, payment, known)
        _tell_of_excess(draft, payment, known, fact)


def _claim(draft: Draft, payment: Payment, chargeback: Chargeback) -> None:
    """Takes what is left of a payment, as far as the bank has taken it."""
    is_its_money = chargeback.currency == payment.captured_currency
    more_minor = min(chargeback.excess_minor, payment.left_minor) if is_its_money else 0
    if more_minor > 0:
        draft.update(payment, disputed_minor=payment.disputed_minor + more_minor)
        draft.update(chargeback, disputed_minor=chargeback.disputed_minor + more_minor)


def _let_go(draft: Draft, payment: Payment, chargeback: Chargeback) -> None:
    disputed_minor = payment.disputed_minor - chargeback.disputed_minor
    draft.update(payment, disputed_minor=disputed_minor)


def _tell_of_excess(draft: Draft, payment: Payment, chargeback: Chargeback, fact: Fact) -> None:
    if chargeback.excess_minor:
        why = f"{chargeback.chargeback_id}: the bank takes more than was left of the payment"
        about = structs.replace(
            fact, amount_minor=chargeback.excess_minor, currency=chargeback.currency
        )
        open_case(draft, MoneyCaseKind.LOST_TWICE, payment, about, why)


def _end(draft: Draft, payment: Payment, chargeback: Chargeback) -> None:
    """Makes the money of a chargeback that was decided ours again, or a refund that is done."""
    order = draft.order
    _let_go(draft, payment, chargeback)
    if chargeback.state is _S.WON:
        if order.state in _CLOSED:
            refund_all(draft, "the bank gave it back, and the order is closed")
        return
    if not chargeback.disputed_minor:
        return
    why = f"{chargeback.chargeback_id} is lost"
    key = f"{OWN}lost/{chargeback.chargeback_id.rpartition('-')[2]}"
    back = for_what_is_kept(draft, payment, chargeback.disputed_minor)
    made = back.send(key, why, [payment], at_most_minor=chargeback.disputed_minor, is_gone=True)
    for refund in made:
        draft.update(chargeback, refund_id=refund.refund_id)
        forget_sending(draft, refund)
        money_is_back(draft, refund, why)
