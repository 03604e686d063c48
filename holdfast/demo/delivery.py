"""The carrier brings parcels to their buyers, who say that they have them."""

from collections.abc import Sequence

from holdfast.demo.callers import for_each
from holdfast.demo.shop import Shop
from holdfast.demo.waiting import until_done
from holdfast.order.v1 import fulfilment_pb2, order_pb2

HOURS_36_MS = 36 * 3_600_000
STEPS = 3
"""36 hours pass this often: the cheapest service takes three days, and the last attempt less."""

_S = order_pb2.Shipment
ON_THE_WAY = (_S.SHIPPED, _S.IN_TRANSIT, _S.OUT_FOR_DELIVERY)
"""The states of a parcel that has left and did not arrive. They are listed in the order in which a
parcel goes through them, so that none is missed that moves meanwhile."""


async def deliver(shop: Shop, shipment_ids: Sequence[str]) -> None:
    """Returns when all parcels were signed for. Raises DemoStuckError."""
    if shipment_ids:
        await shop.outside.collect(shipment_ids)
        for _ in range(STEPS):
            await shop.outside.pass_time(HOURS_36_MS)

    async def left() -> int:
        count = 0
        for state in ON_THE_WAY:
            request = fulfilment_pb2.ListShipmentsRequest(state=state)
            async for page in shop.orders.pages(request):
                count += len(page.shipments)
        return count

    await until_done(left, "parcels on their way", shop.progress)


async def say_received(shop: Shop) -> None:
    """The buyers who do so say that all has come; other orders complete by themselves, later."""
    delivered = shop.orders.list(order_pb2.ListOrdersRequest(state=order_pb2.Order.DELIVERED))
    happy = [
        summary.order_id
        async for summary in delivered
        if shop.buyer_of(shop.account_of(summary.order_id)).says_received
    ]

    async def say(order_id: str) -> None:
        request = order_pb2.CompleteOrderRequest(order_id=order_id, actor="buyer")
        await shop.command(shop.account_of(order_id), request)

    await for_each(happy, shop.concurrency, say)
