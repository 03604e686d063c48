"""How far an order is, told from its parcels; and its completion (O9, O11). Pure."""

from typing import Final

from order_service.fulfilment.cash import send_refunded_back, settle_cash
from order_service.fulfilment.settings import FulfilmentSettings
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import (
    INCIDENT,
    IncidentState,
    OrderEvent,
    OrderState,
    ShipmentState,
)
from order_service.order.tasks import TaskKind
from order_service.payment.refunds import refund_all

_GONE: Final = frozenset({ShipmentState.LOST, ShipmentState.DAMAGED})
_ARRIVED: Final = frozenset({OrderState.DELIVERED, OrderState.COMPLETED})
_MADE_GOOD: Final = frozenset({IncidentState.RESHIPPED, IncidentState.REFUNDED})


def follow_parcels(draft: Draft, settings: FulfilmentSettings) -> None:
    """Moves a shipped order to where its parcels are, and starts or stops its completion.

    A lost or damaged parcel counts no more once other goods, or the money, go in its stead. An
    order of which nothing arrived is CANCELLED, and what is left of its money goes back. What is
    paid at the door is settled once nothing about any parcel is open.
    """
    order = draft.order
    parcels = [parcel for parcel in order.shipments if parcel.state is not ShipmentState.CANCELLED]
    ended = all(_has_ended(order, parcel) for parcel in parcels)
    if order.state is OrderState.SHIPPED and ended:
        if any(_has_arrived(parcel) for parcel in parcels):
            draft.move(order, OrderEvent.DELIVERED_IN_FULL)
        else:
            draft.move(order, OrderEvent.NOTHING_DELIVERED)
            draft.update(order, closed_reason="every parcel was lost or damaged")
            refund_all(draft, "nothing was delivered")
    settled = ended and not _has_unsettled_incident(order)
    if order.state is OrderState.DELIVERED:
        if not settled:
            draft.forget(TaskKind.COMPLETE)
        elif not any(task.kind == TaskKind.COMPLETE for task in order.tasks):
            draft.remind(TaskKind.COMPLETE, _completes_at_ms(draft, settings))
    if order.state in _ARRIVED:
        if settled:
            settle_cash(draft)
        else:
            draft.forget(TaskKind.CASH_DUE)
    send_refunded_back(draft)


def complete(draft: Draft, why: str) -> bool:
    """The buyer has received the order: DELIVERED becomes COMPLETED (O11).

    Returns whether it was COMPLETED before. Raises Refused: WRONG_STATE.
    """
    order = draft.order
    if order.state is OrderState.COMPLETED:
        return True
    if order.state is not OrderState.DELIVERED:
        raise Refused(
            RefusalReason.WRONG_STATE,
            thing="order",
            name=order.order_id,
            state=order.state,
            event=OrderEvent.RECEIVED,
        )
    draft.move(order, OrderEvent.RECEIVED, why)
    draft.forget(TaskKind.COMPLETE)
    return False


def complete_by_itself(draft: Draft) -> None:
    """The same, because so many days have passed; an order that is elsewhere is left as it is."""
    if draft.order.state is OrderState.DELIVERED:
        complete(draft, "nobody has complained since it was delivered")


def _completes_at_ms(draft: Draft, settings: FulfilmentSettings) -> int:
    """When it completes by itself: so long after its last parcel was signed for, whenever we heard
    of that.
    """
    delivered_at_ms = max(parcel.delivered_at_ms for parcel in draft.order.shipments)
    return max(draft.now_ms, delivered_at_ms + settings.complete_after_ms)


def _has_arrived(parcel: Shipment) -> bool:
    """Whether it was signed for, in whatever state it was."""
    if parcel.state is ShipmentState.DAMAGED:
        return parcel.delivered_at_ms > 0
    return parcel.state is ShipmentState.DELIVERED


def _has_ended(order: Order, parcel: Shipment) -> bool:
    return _has_arrived(parcel) or (
        parcel.state in _GONE
        and any(
            incident.shipment_id == parcel.shipment_id and incident.state in _MADE_GOOD
            for incident in order.incidents
        )
    )


def _has_unsettled_incident(order: Order) -> bool:
    return any(INCIDENT.moves[incident.state] for incident in order.incidents)
