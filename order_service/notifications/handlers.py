"""Does the tasks that tell somebody something: none of them changes an order."""

from collections.abc import Mapping
from typing import Final, TypeVar

from msgspec.structs import asdict

from order_service.notifications.compose import (
    About,
    Composing,
    for_buyer,
    for_merchant,
)
from order_service.notifications.merchants import Merchant, Merchants
from order_service.notifications.notices import Notice
from order_service.notifications.port import Channel, Event, Subscriber
from order_service.order.machines import INCIDENT
from order_service.order.model import Order
from order_service.order.states import OrderState, PaymentState
from order_service.order.tasks import (
    NotifyBuyer,
    NotifyMerchant,
    PublishEvent,
    RemindToPay,
    Todo,
)
from order_service.relay.handler import NotHere, handles

T = TypeVar("T")

_UNDER_WAY: Final = frozenset({PaymentState.CREATED, PaymentState.PENDING})
EVENT_TYPE_PREFIX = "holdfast.order.v1"


class NotificationTasks:
    """Hands messages to channels, and events to subscribers.

    `channels` and `subscribers` by the names that the `Announcer` has; of a merchant that
    is not among `merchants` only the id is known.
    """

    def __init__(
        self,
        channels: Mapping[str, Channel],
        subscribers: Mapping[str, Subscriber],
        merchants: Merchants,
        composing: Composing,
    ) -> None:
        self._channels = channels
        self._subscribers = subscribers
        self._merchants = merchants
        self._composing = composing

    @handles(NotifyBuyer)
    async def notify_buyer(self, order: Order, todo: Todo[NotifyBuyer]) -> None:
        """Sends a notice to the buyer over one channel."""
        payload = todo.payload
        channel = _named(self._channels, "channel", payload.channel)
        about = _about(order, todo, payload.notice, payload.part_id)
        await channel.deliver(for_buyer(about, self._composing))

    @handles(RemindToPay)
    async def remind_to_pay(self, order: Order, todo: Todo[RemindToPay]) -> None:
        """Tells the buyer over one channel that the payment is due soon, unless it is coming."""
        is_paying = any(payment.state in _UNDER_WAY for payment in order.payments)
        if order.state is not OrderState.AWAITING_PAYMENT or is_paying:
            return
        channel = _named(self._channels, "channel", todo.payload.channel)
        await channel.deliver(
            for_buyer(_about(order, todo, Notice.PAYMENT_DUE_SOON), self._composing)
        )

    @handles(NotifyMerchant)
    async def notify_merchant(self, order: Order, todo: Todo[NotifyMerchant]) -> None:
        """Sends a notice to one of the order's merchants over one channel."""
        payload = todo.payload
        channel = _named(self._channels, "channel", payload.channel)
        known = self._merchants.get((order.tenant, payload.merchant_id))
        merchant = known or Merchant(payload.merchant_id, order.tenant)
        about = _about(order, todo, payload.notice, payload.part_id)
        await channel.deliver(for_merchant(about, merchant, self._composing))

    @handles(PublishEvent)
    async def publish(self, order: Order, todo: Todo[PublishEvent]) -> None:
        """Sends an event to one subscriber."""
        subscriber = _named(self._subscribers, "receiver", todo.payload.receiver)
        await subscriber.publish(_event(order, todo))


def _named(known: Mapping[str, T], kind: str, name: str) -> T:
    if name not in known:
        raise NotHere(f"no {kind} {name} is configured here; configure it, or drop the task")
    return known[name]


def _about(
    order: Order,
    todo: Todo[NotifyBuyer] | Todo[NotifyMerchant] | Todo[RemindToPay],
    notice: str,
    part_id: str = "",
) -> About:
    return About(
        message_id=todo.task.task_id,
        notice=Notice(notice),
        order=order,
        part_id=part_id,
        at_ms=todo.task.created_at_ms,
    )


def _event(order: Order, todo: Todo[PublishEvent]) -> Event:
    moved = todo.payload
    data = {
        "order_id": order.order_id,
        "source": order.source,
        "order_key": order.order_key,
        "channel": order.channel,
        "buyer_id": order.buyer_id,
        **asdict(moved),
    }
    del data["receiver"]
    if moved.machine == INCIDENT.name:
        # A subscriber finds the desk and the parcel without asking.
        incident = order.incident(moved.part_id)
        data |= {name: getattr(incident, name) for name in ("kind", "owner", "shipment_id")}
    return Event(
        event_id=todo.task.task_id,
        type=f"{EVENT_TYPE_PREFIX}.{moved.machine}.{moved.to_state.lower()}",
        order_id=order.order_id,
        tenant=order.tenant,
        data=data,
        at_ms=todo.task.created_at_ms,
    )
