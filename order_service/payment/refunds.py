"""Money that goes back: asked for, sent, refused (P5). Pure decisions.

A payment's `refunded_minor` grows when money is asked to go back, so that no two requests can take
the same money; the database, too, refuses to let it exceed what was captured.
"""

from typing import Final

from holdfast.money import money_text
from order_service.order.draft import Draft
from order_service.order.model import Order, Payment, Refund, Task
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import PaymentEvent, PaymentState, RefundEvent, RefundState
from order_service.order.tasks import SendRefund, Todo, todos
from order_service.payment.attempts import abandon_open, open_payments
from order_service.payment.methods import BY_HAND
from order_service.payment.paying_back import (
    OWN,
    PayBack,
    captured,
    freight_left_minor,
    refundable_minor,
)
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.undisputed import check_undisputed

DAY_MS: Final = 86_400_000
REFUND_ASK_AGAIN_MS: Final = 3_600_000
REFUND_OPEN_MS_MAX: Final = 14 * DAY_MS
REFUSED_REFS_MAX: Final = 50
"""Of so many failed attempts at a refund the provider's numbers are known."""


def refund_all(draft: Draft, reason: str) -> None:
    """Gives up open attempts of an order that ends unfulfilled, and sends back what was captured.

    The freight of parcels that were not taken stays the shop's. Money in quarantine stays there: a
    person has to see to it.
    """
    for payment in open_payments(draft.order):
        if payment.captured_minor:
            draft.move(payment, PaymentEvent.CAPTURE, "in part: the order ends")
    abandon_open(draft, reason)
    in_vain = draft.order.parts_sent_in_vain
    earned_minor = sum(freight_left_minor(draft.order, number) for number in in_vain)
    left_minor = refundable_minor(draft.order) - earned_minor
    first = next((each for each in captured(draft.order) if each.left_minor), None)
    if first is None or left_minor <= 0:
        return
    for line in draft.order.lines:
        if line.cancelled != line.quantity - line.shipped:
            draft.update(line, cancelled=line.quantity - line.shipped)
    back = PayBack(draft)
    back.all_units()
    back.all_freight(left_minor - back.total_minor, but=in_vain)
    back.other(RefundWhat.EXCESS, left_minor - back.total_minor)
    key = _own_key(first, first.left_minor)
    back.send(key, reason, at_most_minor=left_minor)


def send_back_all(draft: Draft, payment: Payment, reason: str) -> None:
    """Sends back all that is left of a payment, which was never due."""
    send_back(draft, payment, payment.left_minor, reason)


def send_back(draft: Draft, payment: Payment, amount_minor: int, reason: str) -> None:
    """Sends back money that was never due, at most what is left of the payment."""
    amount_minor = min(amount_minor, payment.left_minor)
    if amount_minor > 0:
        back = PayBack(draft)
        back.other(RefundWhat.EXCESS, amount_minor)
        back.send(_own_key(payment, amount_minor), reason, [payment])


def _own_key(payment: Payment, amount_minor: int) -> str:
    """The key of a refund that nobody asked for. What goes back only grows: it was never used."""
    number = payment.payment_id.rpartition("-")[2]
    return f"{OWN}{number}/{payment.refunded_minor + amount_minor}"


def learn_refund(draft: Draft, refund: Refund, fact: Fact) -> None:
    """Brings a refund to where its provider says that it is.

    That an attempt failed is the last word on it: whatever else is said of it has come late. What a
    person has paid back in another way stays paid back.
    """
    if _is_of_a_failed_attempt(draft.order, refund, fact):
        return
    if fact.provider_ref and not refund.provider_ref:
        draft.update(refund, provider_ref=fact.provider_ref)
    if fact.kind is FactKind.REFUNDED:
        _went_back(draft, refund, fact)
    elif fact.kind is FactKind.REFUND_FAILED and not refund.by_hand:
        _failed(draft, refund, fact)


def _went_back(draft: Draft, refund: Refund, fact: Fact) -> None:
    """Holds what went back against what was asked for; another sum waits for a person.

    A fact without a currency does not say how much it was.
    """
    if fact.currency:
        if (fact.amount_minor, fact.currency) == (refund.sent_minor, refund.sent_currency):
            return
        draft.update(refund, sent_minor=fact.amount_minor, sent_currency=fact.currency)
        if refund.by_hand:
            draft.note("a person had paid it back, and its provider has sent it as well", refund)
    if not refund.differs:
        if refund.state is not RefundState.DONE:
            money_is_back(draft, refund)
    elif refund.state is RefundState.FAILED or refund.by_hand:
        draft.note(_difference(refund), refund)
    else:
        draft.move(refund, RefundEvent.DIFFERS, _difference(refund))
        forget_sending(draft, refund)


def _failed(draft: Draft, refund: Refund, fact: Fact) -> None:
    """Notes that nothing went back: it was refused, or the buyer's bank did not take it."""
    provider = draft.order.payment(refund.payment_id).provider
    refs = [*refund.refused_refs.split(), fact.provider_ref or refund.provider_ref]
    kept = " ".join(refs[-REFUSED_REFS_MAX:]).strip()
    draft.update(refund, refused_refs=kept, sent_minor=0, sent_currency="")
    if refund.state is RefundState.REQUESTED:
        draft.move(refund, RefundEvent.REFUSED, f"refused by {provider}")
    elif refund.state is RefundState.DONE:
        draft.move(refund, RefundEvent.BOUNCED, f"it came back to {provider}")
    forget_sending(draft, refund)


def _difference(refund: Refund) -> str:
    return (
        f"{refund.sent_minor} {refund.sent_currency} went back, "
        f"{refund.amount_minor} {refund.currency} was asked for"
    )


def refund_again(draft: Draft, task: Task, refund_id: str) -> None:
    """Has a provider asked about the same attempt again, which it has taken and not ended.

    A bank may take days; after two weeks it is a person's to find out.
    """
    refund = draft.order.refund(refund_id)
    waited_ms = draft.now_ms - refund.updated_at_ms
    pause_ms = min(REFUND_ASK_AGAIN_MS << min(task.attempts, 8), DAY_MS)
    provider = draft.order.payment(refund.payment_id).provider
    draft.again(
        task,
        draft.now_ms + pause_ms,
        f"{provider} has not sent it back yet",
        last=waited_ms >= REFUND_OPEN_MS_MAX,
    )


def money_is_back(draft: Draft, refund: Refund, why: str = "") -> None:
    """Notes that the money is back: sent by the provider, or by a person in another way."""
    draft.move(refund, RefundEvent.SENT_BACK, why)
    forget_sending(draft, refund)
    payment = draft.order.payment(refund.payment_id)
    done_minor = sum(
        other.amount_minor
        for other in draft.order.refunds
        if other.payment_id == payment.payment_id and other.state is RefundState.DONE
    )
    # More of it can have come, and gone back, when it was RETURNED before.
    if done_minor == payment.captured_minor and payment.state is not PaymentState.RETURNED:
        draft.move(payment, PaymentEvent.RETURN_ALL)


def paid_back_by_hand(draft: Draft, refund_id: str, reason: str) -> tuple[Refund, bool]:
    """Notes that a person has sent back what the provider would not; the second value: it was noted
    before.

    Raises Refused: NOT_FOUND, WRONG_STATE (the provider is still asked to send it).
    """
    refund = _known(draft.order, refund_id)
    if refund.state is RefundState.REQUESTED and _is_being_sent(draft.order, refund):
        raise wrong_state("refund", refund_id, refund.state, "settling by hand")
    if refund.state is RefundState.DONE:
        return refund, True
    draft.update(refund, by_hand=True)
    money_is_back(draft, refund, reason)
    return refund, False


def retry_refund(draft: Draft, refund_id: str) -> tuple[Refund, bool]:
    """Has a refund tried again that has failed; the second value: it is under way or done, and
    nothing was changed.

    Raises Refused: NOT_FOUND, UNDER_DISPUTE, WRONG_CONTENT (another sum of it went back, or it is
    cash, which nobody but a person sends back).
    """
    refund = _known(draft.order, refund_id)
    if refund.state is RefundState.REQUESTED and not _is_being_sent(draft.order, refund):
        _send_on(draft, refund)
        return refund, False
    if refund.state is not RefundState.FAILED:
        return refund, True
    check_undisputed(draft.order)
    if draft.order.payment(refund.payment_id).provider in BY_HAND:
        detail = f"{refund_id} is of cash, or of money of a platform: pay it back in another way, "
        detail += "then settle the refund"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    if refund.differs:
        sent = money_text(refund.sent_minor, refund.sent_currency)
        detail = f"{sent} of {refund_id} went back: see to the rest, then settle the refund"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    try_again(draft, refund)
    return refund, False


def _known(order: Order, refund_id: str) -> Refund:
    try:
        return order.refund(refund_id)
    except KeyError:
        raise Refused(RefusalReason.NOT_FOUND, thing="refund", name=refund_id) from None


def try_again(draft: Draft, refund: Refund) -> None:
    """Has a refund that has failed tried again; any other is left as it is."""
    if refund.state is not RefundState.FAILED or refund.differs:
        return
    draft.move(refund, RefundEvent.RETRY)
    # No attempt before it had the version that the order will have.
    attempt = draft.order.version + 1
    draft.send(SendRefund(refund.refund_id, attempt))
    draft.update(refund, provider_ref="")


def _is_of_a_failed_attempt(order: Order, refund: Refund, fact: Fact) -> bool:
    """Whether a provider speaks of an attempt that it has said has failed."""
    before = {todo.payload.after for todo in _sendings(order, refund)}
    return bool(fact.provider_ref) and fact.provider_ref in before.union(
        refund.refused_refs.split()
    )


def forget_sending(draft: Draft, refund: Refund) -> None:
    """Takes back the tasks that have a refund sent."""
    for task, _ in _sendings(draft.order, refund):
        draft.done(task)


def _sendings(order: Order, refund: Refund) -> list[Todo[SendRefund]]:
    return [todo for todo in todos(order, SendRefund) if todo.payload.refund_id == refund.refund_id]


def _is_being_sent(order: Order, refund: Refund) -> bool:
    """Whether the provider will still be asked to send a refund."""
    return any(not todo.task.dead for todo in _sendings(order, refund))


def _send_on(draft: Draft, refund: Refund) -> None:
    """Has the provider asked again for a refund whose task was given up or dropped."""
    given_up = [todo.payload for todo in _sendings(draft.order, refund)]
    forget_sending(draft, refund)
    again = SendRefund(refund.refund_id, draft.order.version + 1)
    draft.send(given_up[0] if given_up else again)
