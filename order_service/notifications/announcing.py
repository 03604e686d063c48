"""Sends the notices and events of a decision's moves, in the transaction of that decision.

Each channel and each subscriber gets tasks of its own: one that does not answer holds up no other,
and another attempt at one repeats nothing at the others.
"""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from order_service.notifications.notices import NoticeRow, notices_of, notices_of_records
from order_service.order.draft import Draft
from order_service.order.machines import INCIDENT
from order_service.order.model import HistoryEntry, Order
from order_service.order.states import OrderState
from order_service.order.tasks import (
    NotifyBuyer,
    NotifyMerchant,
    PublishEvent,
    RemindToPay,
    TaskKind,
)

BEGIN: Final = "BEGIN"
"""The event with which an order, payment, refund, shipment or incident begins."""


class Announcer(Struct, frozen=True):
    """The names of the channels and subscribers that get notices and events."""

    buyer_channels: Sequence[str] = ()
    merchant_channels: Sequence[str] = ()
    subscribers: Sequence[str] = ()
    payment_notice_ms: int = 0
    """So long before an unpaid order is closed its buyer is reminded, once; 0: never."""

    def announce(self, draft: Draft) -> None:
        """Sends the tasks that follow from the draft's moves."""
        for entry in draft.history:
            for row in notices_of(entry, draft.order):
                self._notify(draft, entry, row)
            if entry.to_state is not None:
                self._publish(draft, entry, entry.to_state)
        self._remind_to_pay(draft)
        for notice in notices_of_records(draft.added):
            for channel in self.buyer_channels:
                draft.send(NotifyBuyer(channel, notice, ""))

    def _remind_to_pay(self, draft: Draft) -> None:
        """Has the buyer reminded, at a time that moves with the order's deadline."""
        order = draft.order
        waiting = [task for task in order.tasks if task.kind == TaskKind.REMIND_TO_PAY]
        if order.state is not OrderState.AWAITING_PAYMENT:
            draft.forget(TaskKind.REMIND_TO_PAY)
            return
        at_ms = order.payment_due_at_ms - self.payment_notice_ms
        begins = any(entry.to_state == OrderState.AWAITING_PAYMENT for entry in draft.history)
        moves = any(task.due_at_ms != at_ms and not task.attempts for task in waiting)
        if self.payment_notice_ms and at_ms > draft.now_ms and (begins or moves):
            draft.forget(TaskKind.REMIND_TO_PAY)
            for channel in self.buyer_channels:
                draft.send(RemindToPay(channel), at_ms)

    def _notify(self, draft: Draft, entry: HistoryEntry, row: NoticeRow) -> None:
        if not row.to_merchants:
            for channel in self.buyer_channels:
                draft.send(NotifyBuyer(channel, row.notice, entry.part_id))
            return
        for channel in self.merchant_channels:
            for merchant_id in _concerned(draft.order, entry):
                part_id = entry.part_id
                draft.send(NotifyMerchant(channel, row.notice, merchant_id, part_id))

    def _publish(self, draft: Draft, entry: HistoryEntry, to_state: str) -> None:
        for subscriber in self.subscribers:
            draft.send(
                PublishEvent(
                    receiver=subscriber,
                    machine=entry.machine,
                    event=entry.event or BEGIN,
                    from_state=entry.from_state,
                    to_state=to_state,
                    part_id=entry.part_id,
                    version=entry.version,
                )
            )


def _concerned(order: Order, entry: HistoryEntry) -> list[str]:
    """The merchants of what has moved: of a parcel with trouble only its own."""
    if entry.machine != INCIDENT.name:
        return [part.merchant_id for part in order.sub_orders]
    shipment = order.shipment(order.incident(entry.part_id).shipment_id)
    return [order.sub_orders[shipment.sub_order_no].merchant_id]
