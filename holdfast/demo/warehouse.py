"""Parcels: the warehouse picks and packs them in waves, the carrier brings them to their buyers."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from holdfast.demo.callers import for_each
from holdfast.demo.ledger import Account
from holdfast.demo.plan import Delivery, part_of
from holdfast.demo.shop import STAFF, Shop
from holdfast.demo.waiting import until_done
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2

LOCATION = "default"
WAVE_SHIPMENTS = 250
PACKAGING_G, UNIT_G, PARCEL_G_MAX = 150, 60, 30_000
PICKER, PACKER, GATE = "staff:picker", "staff:packer", "staff:gate"

HOURS_36_MS = 36 * 3_600_000
STEPS = 3
"""36 hours pass this often: the cheapest service takes three days, and the last attempt less."""

ON_THE_WAY = (
    order_pb2.Shipment.SHIPPED,
    order_pb2.Shipment.IN_TRANSIT,
    order_pb2.Shipment.OUT_FOR_DELIVERY,
)
"""The states of a parcel that has left and did not arrive. They are listed in the order in which a
parcel goes through them, so that none is missed that moves meanwhile."""

Units = Mapping[str, int]
"""Of a parcel, by SKU."""


class Warehouse:
    """The people of the one warehouse of a shop."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._waves = 0
        self._rests: set[str] = set()
        self._wrongly_packed: set[str] = set()
        self._packed: dict[str, Units] = {}

    async def send_out(self) -> list[str]:
        """Sends out every parcel that may go; gives their ids. Raises DemoStuckError."""
        shop = self._shop
        shop.progress.enter("Picking and packing")
        while await self._work_on_a_wave():
            pass
        await until_done(self._without_waybill, "waybills", shop.progress)
        shop.progress.enter("Handing over to the carrier", len(self._packed))
        sent = list(self._packed)
        await for_each(sent, shop.concurrency, self._hand_over)
        self._packed.clear()
        shop.happened.parcels += len(sent)
        return sent

    async def _work_on_a_wave(self) -> bool:
        """Picks and packs the parcels that have waited longest; False if none waits."""
        shop = self._shop
        wave_id = f"wave-{self._waves + 1}"
        request = pb.CreateWaveRequest(
            wave_id=wave_id, location=LOCATION, shipments_max=WAVE_SHIPMENTS
        )
        answer = await shop.callers.command(STAFF, request, allowed={"NOT_FOUND"})
        if answer.outcome == order_pb2.ORDER_OUTCOME_NOT_FOUND:
            return False
        self._waves += 1
        parcels: dict[str, Counter[str]] = defaultdict(Counter)
        async for page in shop.orders.pages(pb.ListPicksRequest(wave_id=wave_id)):
            for pick in page.picks:
                parcels[pick.shipment_id][pick.sku] += pick.quantity

        async def pick_and_pack(shipment_id: str) -> None:
            await self._pick_and_pack(shipment_id, parcels[shipment_id])

        await for_each(list(parcels), shop.concurrency, pick_and_pack)
        return True

    async def _pick_and_pack(self, shipment_id: str, planned: Units) -> None:
        account = self._account_of(shipment_id)
        delivery = self._shop.buyer_of(account).delivery
        if delivery is Delivery.NOT_YET:
            return
        taken = await self._pick(account, shipment_id, planned, delivery)
        if delivery is Delivery.WRONGLY_PACKED and shipment_id not in self._wrongly_packed:
            self._wrongly_packed.add(shipment_id)
            self._shop.happened.wrong_scans += 1
            sku = next(iter(taken))
            await self._pack(
                account, shipment_id, {**taken, sku: taken[sku] + 1}, {"WRONG_CONTENT"}
            )
        await self._pack(account, shipment_id, taken)
        self._packed[shipment_id] = taken

    async def _pick(
        self, account: Account, shipment_id: str, planned: Units, delivery: Delivery
    ) -> Units:
        found: Units = {}
        if delivery is Delivery.IN_PARTS and shipment_id not in self._rests:
            found = part_of(planned)
        request = pb.ConfirmPickRequest(shipment_id=shipment_id, actor=PICKER, lines=_lines(found))
        answer = await self._shop.command(account, request)
        if found:
            self._shop.happened.short_picks += 1
            self._rests.update(rest.shipment_id for rest in answer.new_shipments)
        return found or planned

    async def _pack(
        self,
        account: Account,
        shipment_id: str,
        scanned: Units,
        allowed: Collection[str] = (),
    ) -> None:
        request = pb.ConfirmPackingRequest(
            shipment_id=shipment_id,
            actor=PACKER,
            lines=_lines(scanned),
            weight_g=min(PACKAGING_G + UNIT_G * sum(scanned.values()), PARCEL_G_MAX),
        )
        await self._shop.command(account, request, allowed)

    async def _without_waybill(self) -> int:
        state = order_pb2.Shipment.PACKED
        pages = self._shop.orders.pages(pb.ListShipmentsRequest(state=state))
        return sum([len(page.shipments) async for page in pages])

    async def _hand_over(self, shipment_id: str) -> None:
        account = self._account_of(shipment_id)
        request = pb.ShipShipmentRequest(shipment_id=shipment_id, actor=GATE)
        await self._shop.command(account, request)
        self._shop.ledger.shipped(account, self._packed[shipment_id])
        self._shop.progress.step()

    def _account_of(self, shipment_id: str) -> Account:
        return self._shop.account_of(shipment_id.rpartition("-")[0])


async def deliver(shop: Shop, shipment_ids: Sequence[str]) -> None:
    """Returns when all parcels were signed for. Raises DemoStuckError."""
    if shipment_ids:
        await shop.outside.collect(shipment_ids)
        for _ in range(STEPS):
            await shop.outside.pass_time(HOURS_36_MS)

    async def left() -> int:
        count = 0
        for state in ON_THE_WAY:
            request = pb.ListShipmentsRequest(state=state)
            async for page in shop.orders.pages(request):
                count += len(page.shipments)
        return count

    # What the carrier reports: many stops come before the first parcel has arrived.
    reported = shop.outside.callback_counts
    await until_done(left, "parcels on their way", shop.progress, sign=reported)


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


def _lines(units: Units) -> list[pb.ParcelLine]:
    return [pb.ParcelLine(sku=sku, quantity=quantity) for sku, quantity in units.items()]
