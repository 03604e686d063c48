"""Does the tasks of fulfilment but those for which carriers are asked about parcels."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import Outcome
from holdfast.types import Disposition, Result
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.fulfilment.carriers.port import Carriers
from order_service.fulfilment.deadlines import look_at_picks
from order_service.fulfilment.follow import complete_by_itself
from order_service.fulfilment.labels import get_label, void_label
from order_service.fulfilment.reshipping import reship, stock_lines, take_back
from order_service.fulfilment.review import ReadReviewInput, review
from order_service.order.draft import Decide
from order_service.order.model import Order
from order_service.order.reservations import reservation_of
from order_service.order.tasks import (
    CancelShipmentStock,
    CompleteOrder,
    GetLabel,
    PickDue,
    Reship,
    ReturnStock,
    ReviewOrder,
    ShipStock,
    Todo,
    VoidLabel,
)
from order_service.relay.handler import GiveUp, TryLater, handles


class FulfilmentTasks:
    """Does the tasks of fulfilment, given the engine, the carriers, and the rules by which one is
    chosen.
    """

    def __init__(
        self,
        engine: Client,
        carriers: Carriers,
        rules: Sequence[CarrierRule],
        read_review_input: ReadReviewInput,
        pick_within_ms: int,
    ) -> None:
        self._engine = engine
        self._carriers = carriers
        self._rules = rules
        self._read_review_input = read_review_input
        self._pick_within_ms = pick_within_ms

    @handles(ReviewOrder)
    async def review(self, order: Order, _todo: Todo[ReviewOrder]) -> Decide | None:
        """Reviews an order before it is shipped."""
        return partial(review, known=await self._read_review_input(order))

    @handles(GetLabel)
    async def label(self, order: Order, todo: Todo[GetLabel]) -> Decide | None:
        """Gets a waybill for a parcel."""
        return await get_label(order, todo.payload, self._carriers, self._rules)

    @handles(VoidLabel)
    async def void_label(self, order: Order, todo: Todo[VoidLabel]) -> Decide | None:
        """Gives a waybill back."""
        return await void_label(order, todo.payload.shipment_id, self._carriers)

    @handles(ShipStock)
    async def ship(self, order: Order, todo: Todo[ShipStock]) -> Decide | None:
        """Takes the units of a parcel out of on hand, once per shipment id (O7)."""
        await _apply(self._engine.ship, "ship", order, todo.payload.shipment_id)
        return None

    @handles(ReturnStock)
    async def take_back(self, order: Order, todo: Todo[ReturnStock]) -> Decide | None:
        """Puts the units of a parcel that came back on their shelf, once per shipment id."""
        try:
            return await take_back(order, todo.payload.shipment_id, self._engine)
        except HoldfastError as error:
            raise engine_trouble(error) from error

    @handles(CancelShipmentStock)
    async def cancel_shipment(self, order: Order, todo: Todo[CancelShipmentStock]) -> Decide | None:
        """Puts the units of a parcel that stays on sale again, once per shipment id (O14).

        Units that are not there leave on hand instead.
        """
        disposition = Disposition.LOST if todo.payload.lost else Disposition.RESELLABLE
        cancel = partial(self._engine.cancel, disposition=disposition)
        await _apply(cancel, "cancel", order, todo.payload.shipment_id, also=_FORGOTTEN)
        return None

    @handles(Reship)
    async def reship(self, order: Order, todo: Todo[Reship]) -> Decide | None:
        """Gets the goods of a parcel again."""
        try:
            return await reship(order, todo.payload.incident_id, self._engine)
        except HoldfastError as error:
            raise engine_trouble(error) from error

    @handles(PickDue)
    async def pick_due(self, _order: Order, _todo: Todo[PickDue]) -> Decide | None:
        """Reports the picks that are overdue."""
        return partial(look_at_picks, pick_within_ms=self._pick_within_ms)

    @handles(CompleteOrder)
    async def complete(self, _order: Order, _todo: Todo[CompleteOrder]) -> Decide | None:
        """Completes an order by itself."""
        return complete_by_itself


# The engine forgets a reservation when nothing of it is held any more: an earlier attempt, whose
# answer was lost, has cancelled the last of it.
_FORGOTTEN: Final = frozenset({Outcome.NOT_FOUND})


async def _apply(
    command: Callable[..., Awaitable[Result]],
    verb: str,
    order: Order,
    shipment_id: str,
    also: frozenset[Outcome] = frozenset(),
) -> None:
    """Has the engine ship or cancel the units of a parcel, once per shipment id.

    `also` are outcomes that are as good as APPLIED.
    """
    shipment = order.shipment(shipment_id)
    try:
        result = await command(
            reservation_of(order, shipment),
            shipment_id,
            stock_lines(shipment, shipment.location),
            tenant=order.tenant,
        )
    except HoldfastError as error:
        raise engine_trouble(error) from error
    if not result.applied and result.outcome not in also:
        raise GiveUp(f"the engine does not {verb} {shipment_id}: {result.outcome.name}")


def engine_trouble(error: HoldfastError) -> Exception:
    """Judges an error: only of a command itself it is certain that it would be refused again."""
    said = error.reason or error.code.name
    if error.reason is Reason.INVALID_FIELD:
        return GiveUp(f"the engine refuses: {said}")
    return TryLater(f"the engine does not answer: {said}", error.retry_after_ms)
