"""Money that carriers collect for orders paid on delivery (货到付款, O3, O9, O10). Pure.

Money is due for delivered goods only: lost goods were never paid for, so nothing is sent back for
them, and the payment ends without them.
"""

from typing import Final

from order_service.fulfilment.shares import (
    cash_payment,
    due_for_delivered_minor,
    unreported,
)
from order_service.fulfilment.timers import DAY_MS
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.records import TrackingEvent
from order_service.order.tasks import CashDue, TaskKind
from order_service.payment.attempts import quarantine_cash
from order_service.payment.facts import UnknownPayment, collected, judge_collected
from order_service.payment.methods import CASH
from order_service.relay.handler import GiveUp

REPORTED_WITHIN_MS: Final = 7 * DAY_MS
"""The time that carriers have to report what they collected, once all parcels have ended."""


def collect(draft: Draft, shipment: Shipment, event: TrackingEvent) -> None:
    """Books the money that a carrier has for a shipment; the last of it pays the order.

    Money for an order that is not paid at the door waits for a person.
    """
    draft.update(shipment, collected_minor=shipment.collected_minor + event.amount_minor)
    try:
        collected(
            draft,
            event.amount_minor,
            event.currency,
            shipment.waybill,
            event.happened_at_ms,
            due_for_delivered_minor(draft.order),
        )
    except UnknownPayment:
        draft.note("money was collected, and the order is not paid at the door", shipment)
        came_minor = sum(each.collected_minor for each in draft.order.shipments)
        quarantine_cash(draft, came_minor, event.currency, shipment.waybill)


def judge_cash(draft: Draft) -> None:
    """Ends the payment at the door of an order all of whose shipments have ended.

    Carriers may report money after the delivery, so missing money is waited for.
    """
    payment = cash_payment(draft.order)
    due_minor = due_for_delivered_minor(draft.order)
    missing = payment is not None and payment.captured_minor < due_minor
    if unowned(draft.order):
        return
    if not missing or not unreported(draft.order):
        draft.forget(TaskKind.CASH_DUE)
        judge_collected(draft, due_minor)
    elif not any(task.kind == TaskKind.CASH_DUE for task in draft.order.tasks):
        draft.remind(CashDue(), draft.now_ms + REPORTED_WITHIN_MS)


def unowned(order: Order) -> list[Shipment]:
    """The parcels for which carriers have brought money that is no payment's: of older books."""
    if any(payment.provider == CASH for payment in order.payments):
        return []
    return [shipment for shipment in order.shipments if shipment.collected_minor]


def cash_overdue(draft: Draft, currency: str = "") -> None:
    """Stops waiting for carriers' money: the part that came waits for a person.

    So does money in `currency` of which 0.4.0 made no payment (migration 0018). Raises GiveUp where
    nothing came: a person has to find out whether it was collected.
    """
    bringing = unowned(draft.order)
    if bringing:
        came_minor = sum(shipment.collected_minor for shipment in bringing)
        quarantine_cash(draft, came_minor, currency or draft.order.currency, bringing[0].waybill)
        return
    payment = cash_payment(draft.order)
    due_minor = due_for_delivered_minor(draft.order)
    if payment is not None and due_minor and not payment.captured_minor:
        raise GiveUp(f"no carrier says that it collected the {due_minor} {draft.order.currency}")
    judge_collected(draft, due_minor)
