"""Rules of an order's money: what was captured, what went back, and what its states say of both."""

from collections.abc import Iterator
from typing import Final

from order_service.audit.case import Case, Rule
from order_service.fulfilment.shares import due_for_delivered_minor
from order_service.order.chargebacks import Chargeback, ChargebackState
from order_service.order.joint_rules import SOLD, broken_rule
from order_service.order.model import Payment
from order_service.order.states import PaymentEvent, PaymentState, RefundState
from order_service.payment.methods import CASH
from order_service.payment.undisputed import open_chargebacks

_P = PaymentState
# In these the provider has taken money, in the others none has come; CAPTURED needs the right one.
_HAS_MONEY: Final = frozenset({_P.CAPTURED, _P.QUARANTINED, _P.RETURNED})


def _together(case: Case) -> Iterator[str]:
    rule = broken_rule(case.order.together)
    if rule:
        yield f"it is {case.order.state}, but {rule}"


def _payment_agrees_with_its_money(case: Case) -> Iterator[str]:
    for payment in case.order.payments:
        has_money = payment.captured_minor > 0
        if has_money != (payment.state in _HAS_MONEY) and not _is_being_collected(payment):
            yield f"{payment.payment_id} is {payment.state} with {payment.captured_minor} captured"
        if payment.state is _P.CAPTURED and payment.captured_currency != case.order.currency:
            yield (
                f"{payment.payment_id} is CAPTURED in {payment.captured_currency}, the order is in "
                f"{case.order.currency}"
            )


def _is_being_collected(payment: Payment) -> bool:
    """Whether the carrier has a part of it, and brings the rest with other parcels."""
    return (
        payment.provider == CASH
        and payment.state is _P.PENDING
        and payment.captured_minor < payment.amount_minor
    )


def _refunds_make_up_what_goes_back(case: Case) -> Iterator[str]:
    payments = {payment.payment_id: payment for payment in case.order.payments}
    for refund in case.order.refunds:
        if refund.payment_id not in payments:
            yield f"{refund.refund_id} is of {refund.payment_id}, which the order does not have"
    for payment in payments.values():
        asked_minor, done_minor = _going_back(case, payment)
        if payment.refunded_minor != asked_minor:
            yield (
                f"{payment.payment_id}: {payment.refunded_minor} go back, its refunds come to "
                f"{asked_minor}"
            )
        if asked_minor > payment.captured_minor:
            yield (
                f"{payment.payment_id}: {asked_minor} go back of {payment.captured_minor} captured"
            )
        # More of it can be captured, and be on its way back, when it was RETURNED before.
        is_returned = payment.state is _P.RETURNED
        all_back = 0 < payment.captured_minor == done_minor
        if all_back > is_returned or (is_returned and asked_minor < payment.captured_minor):
            yield (
                f"{payment.payment_id} is {payment.state}, and {done_minor} of "
                f"{payment.captured_minor} are back"
            )


def _disputes_make_up_what_is_disputed(case: Case) -> Iterator[str]:
    open_now = open_chargebacks(case.order)
    for payment in case.order.payments:
        minor = sum(
            each.disputed_minor for each in open_now if each.payment_id == payment.payment_id
        )
        if payment.disputed_minor != minor:
            yield (
                f"{payment.payment_id}: {payment.disputed_minor} are disputed, its open "
                f"chargebacks come to {minor}"
            )
    refunds = {refund.refund_id: refund for refund in case.order.refunds}
    for chargeback in case.order.parts_of(Chargeback):
        is_lost = chargeback.state is ChargebackState.LOST and chargeback.disputed_minor > 0
        refund = refunds.get(chargeback.refund_id)
        became_minor = refund.amount_minor if refund else 0
        if became_minor != (chargeback.disputed_minor if is_lost else 0):
            yield (
                f"{chargeback.chargeback_id} is {chargeback.state}: {chargeback.disputed_minor} "
                f"were disputed, and {became_minor} became a refund"
            )


def _going_back(case: Case, payment: Payment) -> tuple[int, int]:
    """The refunds of a payment: all that were asked for, and those that are done."""
    refunds = [each for each in case.order.refunds if each.payment_id == payment.payment_id]
    done = [each for each in refunds if each.state is RefundState.DONE]
    return sum(each.amount_minor for each in refunds), sum(each.amount_minor for each in done)


def _no_more_is_kept_than_is_due(case: Case) -> Iterator[str]:
    keeping = [each for each in case.order.payments if each.left_minor > 0]
    for payment in keeping:
        kept_minor = payment.left_minor
        if (
            payment.state is _P.CAPTURED
            and kept_minor > payment.amount_minor
            and payment.payment_id not in _approved(case)
        ):
            yield f"{payment.payment_id} keeps {kept_minor}, it was for {payment.amount_minor}"
    taken = [each.payment_id for each in keeping if each.state is _P.CAPTURED]
    if len(taken) > 1:
        yield f"it keeps the money of {' and '.join(taken)}"


def _approved(case: Case) -> set[str]:
    """The payments of which a person took another amount than was asked for."""
    return {entry.part_id for entry in case.history if entry.event == PaymentEvent.APPROVE}


def _cash_is_what_carriers_collected(case: Case) -> Iterator[str]:
    collected_minor = sum(shipment.collected_minor for shipment in case.order.shipments)
    paid = [payment for payment in case.order.payments if payment.provider == CASH]
    currencies = {payment.captured_currency for payment in paid if payment.captured_minor}
    if not currencies <= {case.order.currency}:
        return  # what was collected is in the order's currency or in none that is known: quarantine
    captured_minor = sum(payment.captured_minor for payment in paid)
    if captured_minor != collected_minor:
        yield f"{captured_minor} captured, the carriers have collected {collected_minor}"


def _cash_pays_for_what_was_delivered(case: Case) -> Iterator[str]:
    order = case.order
    for payment in order.payments:
        is_in_part = payment.provider == CASH and payment.captured_minor < payment.amount_minor
        if order.state not in SOLD or payment.state is not _P.CAPTURED or not is_in_part:
            continue
        due_minor = due_for_delivered_minor(order)
        kept_minor = payment.captured_minor - payment.refunded_minor
        is_sound = kept_minor <= due_minor <= payment.captured_minor
        if not is_sound and payment.payment_id not in _approved(case):
            yield (
                f"{payment.payment_id} has {payment.captured_minor} and keeps {kept_minor}, for "
                f"what was delivered {due_minor} was due"
            )


RULES: Final = (
    Rule(
        "order_and_parts_fit_together",
        "the joint rules of the state machines: what is sold is paid, paid on delivery or free, a "
        "closed order keeps no money, no parcel is ahead of its order",
        "`holdfast explain ORDER` tells who moved it last; bring it on with the command that was "
        "left out, or send the money back with `holdfast orders refund`",
        _together,
    ),
    Rule(
        "payment_agrees_with_its_money",
        "a payment has money if and only if its state says so, and pays in the order's currency",
        "`holdfast orders reconcile` on the day of the payment learns what the provider has",
        _payment_agrees_with_its_money,
    ),
    Rule(
        "refunds_make_up_what_goes_back",
        "what goes back of a payment is the sum of its refunds, never above what was captured; it "
        "is RETURNED once all of it is back",
        "`holdfast orders reconcile` on the days of the refunds learns what the provider has; the "
        "difference is a person's to send back",
        _refunds_make_up_what_goes_back,
    ),
    Rule(
        "disputes_make_up_what_is_disputed",
        "what is disputed of a payment is the sum of its open chargebacks, and what was lost is a "
        "refund",
        "`holdfast orders cases list` tells what banks have taken: ask the provider for each by "
        "its number",
        _disputes_make_up_what_is_disputed,
    ),
    Rule(
        "no_more_is_kept_than_is_due",
        "an order keeps the money of one payment, and no more of it than was asked for, unless a "
        "person has approved another amount",
        "`holdfast orders refund` sends the rest back",
        _no_more_is_kept_than_is_due,
    ),
    Rule(
        "cash_is_what_carriers_collected",
        "a payment on delivery has captured what the carriers collected for its parcels",
        "ask the carrier for its account of the waybills, and settle the difference by hand",
        _cash_is_what_carriers_collected,
    ),
    Rule(
        "cash_pays_for_what_was_delivered",
        "a payment on delivery that ended with less than was asked for has what was due for the "
        "parcels that were delivered, and keeps no more, unless a person has approved another "
        "amount",
        "ask the carrier what was delivered and collected, and settle the difference by hand",
        _cash_pays_for_what_was_delivered,
    ),
)
