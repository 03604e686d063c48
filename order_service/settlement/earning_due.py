"""When a merchant has earned its part of an order: what is waited for, and until when. Pure.

All units of the part have left or never will, its parcels have come, the time to complain and the
window for returns without a reason are over, its money is there, and nothing of it is open. Another
merchant's part of the same order does not matter.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from order_service.catalogue.contracts import Contract, midnight_ms
from order_service.fulfilment.follow import has_arrived, has_ended
from order_service.fulfilment.merchant_parts import held_parts
from order_service.order.cases import Case
from order_service.order.draft import Draft
from order_service.order.machines import INCIDENT
from order_service.order.model import Order, Shipment
from order_service.order.return_legs import OPEN, ReturnLeg
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import EarnParts, TaskKind
from order_service.payment.attempts import open_payments
from order_service.payment.paying_back import captured, freight_left_minor
from order_service.payment.undisputed import open_chargebacks
from order_service.payment.whereabouts import escrow_minor, goods_left_minor, lines_of
from order_service.settlement.earning import earn
from order_service.settlement.terms import TermsOf, UnknownTerms, coupon_left_minor

DAY_MS: Final = 86_400_000
LOOK_AGAIN_MS: Final = 60_000
"""After so long a contract that is not known here yet is looked for again."""
_O = OrderState
_MAY_EARN: Final = frozenset(
    {_O.IN_FULFILMENT, _O.PARTLY_SHIPPED, _O.SHIPPED, _O.DELIVERED, _O.COMPLETED, _O.CANCELLED}
)


class EarningRules(Struct, frozen=True):
    """The times after which a part is earned."""

    complete_after_ms: int = 7 * DAY_MS
    """From the receipt until nobody is expected to complain."""
    return_days: int = 7
    """The days of the receiver's window for returns without a reason (七天无理由)."""
    zone: str = "UTC"
    """The time zone of merchants without a contract."""


def settle_parts(draft: Draft, rules: EarningRules, terms_of: TermsOf) -> None:
    """Has merchants earn the parts of an order that they have, and keeps a timer for the others.

    To be called on each draft, once its refunds are posted.
    """
    order = draft.order
    if order.state not in _MAY_EARN or all(part.earned for part in order.sub_orders):
        return
    if open_chargebacks(order):  # looked at again when it is decided, which is a change
        _keep_timer(draft, 0)
        return
    waits_ms: list[int] = []
    for number, part in enumerate(order.sub_orders):
        if part.earned:
            continue
        try:
            terms = terms_of(order.tenant, part)
        except UnknownTerms:
            waits_ms.append(draft.now_ms + LOOK_AGAIN_MS)
            continue
        due_at_ms = earned_at_ms(order, number, rules, terms)
        if due_at_ms is None or any(open_matters(order, number)):
            continue
        if due_at_ms <= draft.now_ms:
            earn(draft, number, terms)
        else:
            waits_ms.append(due_at_ms)
    _keep_timer(draft, min(waits_ms, default=0))


def earned_at_ms(order: Order, number: int, rules: EarningRules, terms: Contract) -> int | None:
    """When a part is earned if nothing of it is open; 0 for at once, None while that is open."""
    if not _has_money(order, number, terms):
        return None
    if any(line.shipped + line.cancelled < line.quantity for line in lines_of(order, number)):
        return None
    parcels = [
        shipment
        for shipment in order.shipments
        if shipment.sub_order_no == number and shipment.state is not ShipmentState.CANCELLED
    ]
    if not all(has_ended(order, parcel) for parcel in parcels):
        return None
    received_at_ms = max(map(_received_at_ms, parcels), default=0)
    if not received_at_ms:
        return 0  # nothing came, and what is left is the freight of what was sent in vain
    zone = ZoneInfo(terms.zone if terms.contract_no else rules.zone)
    complete_at_ms = received_at_ms + rules.complete_after_ms
    if order.state is _O.COMPLETED:
        complete_at_ms = received_at_ms
    return max(complete_at_ms, window_end_ms(received_at_ms, rules.return_days, zone))


def window_end_ms(received_at_ms: int, days: int, zone: ZoneInfo) -> int:
    """The end of the days after a receipt: midnight after the last of them."""
    received = datetime.fromtimestamp(received_at_ms / 1_000, UTC).astimezone(zone).date()
    end = received + timedelta(days=days + 1)
    return midnight_ms(end.year, end.month, end.day, zone)


def open_matters(order: Order, number: int) -> Iterator[str]:
    """The open matters of a part, which keep it from being earned."""
    if number in held_parts(order):
        yield order.order_id
    lines = {line.line_no for line in lines_of(order, number)}
    for case in order.parts_of(Case):
        if case.is_open and any(line.line_no in lines for line in case.lines):
            yield case.case_id
    for leg in order.parts_of(ReturnLeg):
        if leg.state in OPEN and any(line.line_no in lines for line in leg.lines):
            yield leg.leg_id
    for incident in order.incidents:
        of_part = order.shipment(incident.shipment_id).sub_order_no == number
        if of_part and INCIDENT.moves[incident.state]:
            yield incident.incident_id


def _has_money(order: Order, number: int, terms: Contract) -> bool:
    """Whether there is something to earn, and it is here."""
    if open_payments(order) or not (order.costs_nothing or captured(order)):
        return False
    if any(payment.captured_minor and not payment.booked for payment in order.payments):
        return False  # of before there was a ledger, and nothing has changed since
    if order.state is _O.CANCELLED and order.payments and not _is_some_left(order):
        return False  # a present that was given is the platform's again
    left_minor = goods_left_minor(order, number) + freight_left_minor(order, number)
    if left_minor and escrow_minor(order) <= 0:
        return False
    return bool(left_minor or coupon_left_minor(order, number, terms))


def _is_some_left(order: Order) -> bool:
    return any(payment.captured_minor != payment.refunded_minor for payment in order.payments)


def _received_at_ms(parcel: Shipment) -> int:
    return parcel.delivered_at_ms if has_arrived(parcel) else 0


def _keep_timer(draft: Draft, due_at_ms: int) -> None:
    """Keeps one timer, for the next part that is earned. One that has gone off is its handler's."""
    timers = [task for task in draft.order.tasks if task.kind == TaskKind.EARN]
    if any(task.due_at_ms <= draft.now_ms and not task.dead for task in timers):
        return
    if not due_at_ms:
        if timers:
            draft.forget(TaskKind.EARN)
    elif [(task.due_at_ms, task.dead) for task in timers] != [(due_at_ms, False)]:
        draft.remind(EarnParts(), due_at_ms)
