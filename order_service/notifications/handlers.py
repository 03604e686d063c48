"""What is done for tasks that tell somebody something."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from order_service.notifications.compose import (
    About,
    Composing,
    for_buyer,
    for_merchant,
)
from order_service.notifications.merchants import Merchant, Merchants
from order_service.notifications.notices import Notice
from order_service.notifications.port import Channel, Event, Subscriber
from order_service.order.model import Order, Task
from order_service.order.states import INCIDENT
from order_service.order.tasks import TaskKind
from order_service.relay.attempt import Handler
from order_service.relay.errors import GiveUp

T = TypeVar("T")

EVENT_TYPE_PREFIX = "holdfast.order.v1"


def handlers(
    channels: Mapping[str, Channel],
    subscribers: Mapping[str, Subscriber],
    merchants: Merchants,
    composing: Composing,
) -> dict[TaskKind, Handler]:
    """The handlers of notifications and events: none of them changes an order.

    `channels` and `subscribers` by the names that the `Announcer` has; of a merchant that
    is not among `merchants` only the id is known.
    """

    async def notify_buyer(order: Order, task: Task) -> None:
        payload = _payload(task)
        channel = _named(channels, "channel", payload)
        await channel.deliver(for_buyer(_about(order, task, payload), composing))

    async def notify_merchant(order: Order, task: Task) -> None:
        payload = _payload(task)
        channel = _named(channels, "channel", payload)
        merchant_id = payload["merchant_id"]
        known = merchants.get((order.tenant, merchant_id))
        merchant = known or Merchant(merchant_id, order.tenant)
        await channel.deliver(for_merchant(_about(order, task, payload), merchant, composing))

    async def publish(order: Order, task: Task) -> None:
        payload = _payload(task)
        subscriber = _named(subscribers, "receiver", payload)
        await subscriber.publish(_event(order, task, payload))

    return {
        TaskKind.NOTIFY_BUYER: notify_buyer,
        TaskKind.NOTIFY_MERCHANT: notify_merchant,
        TaskKind.EVENT: publish,
    }


def _payload(task: Task) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(task.payload)
    return payload


def _named(known: Mapping[str, T], what: str, payload: Mapping[str, Any]) -> T:
    name = payload[what]
    if name not in known:
        raise GiveUp(f"no {what} {name} is configured; configure it and replay, or drop the task")
    return known[name]


def _about(order: Order, task: Task, payload: Mapping[str, Any]) -> About:
    return About(
        message_id=task.task_id,
        notice=Notice(payload["notice"]),
        order=order,
        part_id=payload.get("part_id", ""),
        at_ms=task.created_at_ms,
    )


def _event(order: Order, task: Task, payload: dict[str, Any]) -> Event:
    told = {name: value for name, value in payload.items() if name != "receiver"}
    if payload["machine"] == INCIDENT.name:
        # Whoever is told can find the desk and the parcel without asking.
        incident = order.incident(payload["part_id"])
        told |= {name: getattr(incident, name) for name in ("kind", "owner", "shipment_id")}
    return Event(
        event_id=task.task_id,
        type=f"{EVENT_TYPE_PREFIX}.{payload['machine']}.{payload['to_state'].lower()}",
        order_id=order.order_id,
        tenant=order.tenant,
        data={
            "order_id": order.order_id,
            "source": order.source,
            "order_key": order.order_key,
            "buyer_id": order.buyer_id,
            **told,
        },
        at_ms=task.created_at_ms,
    )
