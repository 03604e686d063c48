"""The ways that orders go: what is done with each, what it is in the end, and where the process
dies in `make test`.

What is in stock before an order is so, too, before the next of its way: what one leaves behind that
it should not, the next one misses.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import fulfilment_pb2, order_pb2
from holdfast.types import State
from tests.order_service.faults.shop import PRICE_MINOR, QUANTITY, SKU, Walk

PLENTY = 1_000
# Longer than a buyer has to pay.
OVERDUE_MS = 20 * 60_000
SOON_MS = 100
TOTAL_MINOR = PRICE_MINOR * QUANTITY
_O, _P, _S = order_pb2.Order, order_pb2.Payment, order_pb2.Shipment


class Way(Walk):
    """One of the ways. `stock` is the engine."""

    on_hand: ClassVar[Mapping[str, int]] = {"default": PLENTY}
    """Units on hand at first, by location."""
    dies_at: ClassVar[tuple[str, ...]]
    """Where the process dies in `make test`: mostly where something was done outside, and is not
    written down.
    """
    stock: Client

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """Whether everything has become of the order that has to."""
        raise NotImplementedError

    def _payments(self, order: order_pb2.Order) -> list[tuple[int, int]]:
        return [(payment.state, payment.captured_minor) for payment in order.payments]

    async def _left(self) -> dict[str, tuple[int, int, int]]:
        """Units on hand, reserved and confirmed, by location."""
        levels = await self.stock.get_stock(SKU)
        return {it.location: (it.on_hand, it.reserved, it.confirmed) for it in levels}


class Bought(Way):
    """Placed, paid, shipped, received."""

    dies_at = (
        "before database.write run_batch",
        "after engine.reserve",
        "after provider.start",
        "after engine.confirm",
        "after carrier.label",
        "after engine.ship",
        "after database.write run_batch",
        "after database.write run_batch 2",
        "after database.write run_batch 4",
        "after database.write run_batch 7",
    )

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """The order is received, and the engine has heard by a task that its goods have left."""
        assert order.state == _O.COMPLETED
        assert [line.shipped for line in order.lines] == [QUANTITY]
        assert self._payments(order) == [(_P.CAPTURED, TOTAL_MINOR)]
        assert not order.refunds
        reservation = await self.stock.get_reservation(self.order_id)
        return [line.shipped for line in reservation.lines] == [QUANTITY]


class CancelledWhenPaid(Way):
    """The last units, from two warehouses, paid, and cancelled before they leave."""

    on_hand: ClassVar[Mapping[str, int]] = {"east": 1, "west": 1}
    dies_at = (
        "after engine.reserve",
        "after database.write run_batch 6",
        "after engine.cancel",
        "after provider.refund",
    )

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """The buyer pays, and then cancels."""
        return [self.place, self.pay, self.tell_of_payment, self.cancel]

    async def cancel(self) -> None:
        """The buyer cancels the order."""
        done = await self._client().cancel(self.order_id, "changed my mind")
        assert done.outcome == order_pb2.ORDER_OUTCOME_APPLIED, done

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """The money is back, and so are the units."""
        assert order.state == _O.CANCELLED
        assert {line.location for line in order.lines} == {"east", "west"}
        refunds = [(refund.state, refund.amount_minor) for refund in order.refunds]
        return (
            refunds == [(order_pb2.Refund.DONE, TOTAL_MINOR)]
            and self._payments(order) == [(_P.RETURNED, TOTAL_MINOR)]
            and await self._left() == {"east": (1, 0, 0), "west": (1, 0, 0)}
        )


class WaitedFor(Way):
    """There is nothing; it waits in the queue, and is served when something comes."""

    policy = order_pb2.SHORTAGE_POLICY_WAIT
    on_hand: ClassVar[Mapping[str, int]] = {"default": 0}
    dies_at = (
        "after engine.reserve",
        "before engine.reserve 2",
        "after engine.reserve 2",
        "after database.write run_batch 4",
    )

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """The order waits for stock, and then goes the whole way."""
        return [
            self.place,
            self.restock,
            self.be_served,
            self.pay,
            self.tell_of_payment,
            self.pick,
            self.pack,
            self.ship,
        ]

    async def restock(self) -> None:
        """The units that the order waits for come."""
        await self.stock.adjust_stock(SKU, QUANTITY, f"delivery-{self.name}")

    async def be_served(self) -> None:
        """The queue is served."""
        self._check((await self.order()).state == _O.AWAITING_PAYMENT)

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """The order has left with the units that have come."""
        assert order.state == _O.SHIPPED
        assert self._payments(order) == [(_P.CAPTURED, TOTAL_MINOR)]
        assert not order.refunds
        return await self._left() == {"default": (0, 0, 0)}


class PaidTooLate(Way):
    """An order that expires unpaid; then the money comes, and the stock is taken again."""

    dies_at = (
        "before provider.close",
        "after provider.close",
        "after engine.extend",
        "after engine.confirm",
    )

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """The buyer's bank is slow."""
        return [
            self.place,
            self.begin_to_pay,
            self.expire,
            self.lose_its_stock,
            self.pay_there,
            self.tell_of_payment,
        ]

    async def expire(self) -> None:
        """The payment is overdue."""
        self.late_ms = OVERDUE_MS
        self._check((await self.order()).state == _O.EXPIRED)

    async def lose_its_stock(self) -> None:
        """The reservation expires, by the engine's clock, which is not late."""
        reservation = await self.stock.get_reservation(self.order_id)
        soon_ms = time.time_ns() // 1_000_000 + SOON_MS
        if reservation.state is State.RESERVED and reservation.expires_at_ms > soon_ms:
            try:
                await self.stock.extend(self.order_id, soon_ms)
            except HoldfastError as error:
                # On a busy machine the moment has passed on the way: the next try names a later.
                if error.reason != Reason.INVALID_FIELD:
                    raise
        self._check(reservation.state is not State.RESERVED)

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """The order is in the warehouse, its units are its own, and no money goes back."""
        assert order.state == _O.IN_FULFILMENT
        assert self._payments(order) == [(_P.CAPTURED, TOTAL_MINOR)]
        assert not order.refunds
        return (await self.stock.get_reservation(self.order_id)).state is State.CONFIRMED


class LostAndPaidAtTheDoor(Way):
    """An order whose parcel is lost; the goods are sent again, and paid at the door, once."""

    method = "cash_on_delivery"
    dies_at = (
        "after engine.confirm",
        "after engine.return_units",
        "after engine.reserve 2",
        "after engine.confirm 2",
        "after engine.ship 2",
    )

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """Two parcels are sent, one after the other; the second one comes."""
        shipping = [self.pick, self.pack, self.ship]
        return [self.place, *shipping, self.lose, self.send_again, *shipping, self.collect_cash]

    async def lose(self) -> None:
        """The carrier cannot find the parcel."""
        (parcel, *_) = (await self.order()).shipments
        request = fulfilment_pb2.ReportIncidentRequest(
            shipment_id=parcel.shipment_id, kind=fulfilment_pb2.Incident.LOSS, reason="not found"
        )
        done = await self._client().ask(request)
        assert done.outcome == order_pb2.ORDER_OUTCOME_APPLIED, done

    async def send_again(self) -> None:
        """The lost goods are sent once more."""
        request = fulfilment_pb2.ResolveIncidentRequest(
            incident_id=f"{self.order_id}-i1",
            resolution=fulfilment_pb2.RESOLUTION_RESHIP,
            reason="as the buyer wants",
        )
        done = await self._client().ask(request)
        assert done.outcome == order_pb2.ORDER_OUTCOME_APPLIED, done
        await self._parcel()

    async def collect_cash(self) -> None:
        """The carrier reports that the parcel was signed for and paid."""
        kinds, parcel = fulfilment_pb2.TrackingEvent, await self._parcel()
        await self._tell(parcel, kinds.SIGNED)
        await self._tell(parcel, kinds.CASH_COLLECTED, amount_minor=TOTAL_MINOR, currency="GBP")
        (payment,) = (await self.order()).payments
        self._check(payment.state == _P.CAPTURED)

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """One parcel is lost and one is paid for, and both have left the engine's books."""
        assert order.state == _O.DELIVERED
        assert [parcel.state for parcel in order.shipments] == [_S.LOST, _S.DELIVERED]
        assert self._payments(order) == [(_P.CAPTURED, TOTAL_MINOR)]
        assert not order.refunds
        again = await self.stock.get_reservation(f"{self.order_id}-x1")
        return [line.shipped for line in again.lines] == [QUANTITY]


class NotThere(Way):
    """An order whose units are not in their warehouse: the other one serves it."""

    on_hand: ClassVar[Mapping[str, int]] = {"east": 0, "west": 0}
    dies_at = (
        "after engine.cancel",
        "after engine.reserve 2",
        "after engine.confirm 2",
        "after engine.ship",
    )

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """Both warehouses have it in their books, and one on its shelves."""
        paid = [self.restock, self.place, self.pay, self.tell_of_payment]
        return [*paid, self.miss, self.pick, self.pack, self.ship]

    async def restock(self) -> None:
        """Units come to both warehouses."""
        for location in self.on_hand:
            movement = f"{location}-{self.name}"
            await self.stock.adjust_stock(SKU, QUANTITY, movement, location=location)

    async def miss(self) -> None:
        """Nobody finds the units."""
        parcel, *instead = (await self.order()).shipments
        if parcel.state == _S.PLANNED:
            request = fulfilment_pb2.CancelShipmentRequest(
                shipment_id=parcel.shipment_id,
                reason="not on its shelf",
                units_found=fulfilment_pb2.UNITS_FOUND_MISSING,
            )
            done = await self._client().ask(request)
            assert done.outcome == order_pb2.ORDER_OUTCOME_APPLIED, done
        self._check(instead)

    async def _parcel(self) -> Any:
        """The parcel from the other warehouse."""
        missed, instead = (await self.order()).shipments
        assert (missed.state, instead.replaces) == (_S.CANCELLED, missed.shipment_id)
        assert missed.location != instead.location
        return instead

    async def is_at_its_end(self, order: order_pb2.Order) -> bool:
        """All has left or is off the books, and no money has gone back."""
        assert order.state == _O.SHIPPED
        assert [line.shipped for line in order.lines] == [QUANTITY]
        assert not order.refunds
        return await self._left() == {"east": (0, 0, 0), "west": (0, 0, 0)}


WAYS = (Bought, CancelledWhenPaid, WaitedFor, PaidTooLate, LostAndPaidAtTheDoor, NotThere)
