"""Reserves the units of a parcel at another warehouse than the one that should have served it.

The same rules choose it as when the order was placed. The units are sold already, so they are taken
before the orders that wait for stock, as goods for a lost parcel are.
"""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Final

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import Outcome
from holdfast.types import Reservation, State
from order_service.catalogue.catalogue import Catalogue
from order_service.fulfilment.elsewhere import (
    Found,
    can_move,
    places_tried,
    source_anew,
    sourced,
)
from order_service.order.draft import Decide
from order_service.order.model import Order, Shipment
from order_service.order.reservations import reservation_instead_of, taken_elsewhere
from order_service.order.states import ShipmentState
from order_service.order.tasks import SourceAnew, SourceElsewhere, Todo
from order_service.placing.sourcing import Origin, Take, origins_of, source
from order_service.relay.handler import GiveUp, Learned, TryLater, handles

ATTEMPTS_MAX: Final = 8
"""How often other warehouses are tried in one attempt while others take the stock."""

# Others were faster, or another attempt of ours was.
_LOOK_AGAIN: Final = frozenset({Outcome.OUT_OF_STOCK, Outcome.UNKNOWN_SKU, Outcome.ID_REUSED})
_NOT_OURS_ANY_MORE: Final = frozenset(
    {Outcome.APPLIED, Outcome.ALREADY_RELEASED, Outcome.ALREADY_EXPIRED, Outcome.ALREADY_CANCELLED}
)


class Elsewhere:
    """Does the tasks of parcels that another warehouse is to serve."""

    def __init__(self, engine: Client, catalogue: Catalogue) -> None:
        self._engine = engine
        self._catalogue = catalogue

    @handles(SourceElsewhere)
    async def source(self, order: Order, todo: Todo[SourceElsewhere]) -> Decide | None:
        """Has other warehouses serve a parcel, as far as they can; gives back what it took for one
        that was cancelled meanwhile.
        """
        shipment = order.shipment(todo.payload.shipment_id)
        if shipment.state is not ShipmentState.SOURCING:
            if not any(each.replaces == shipment.shipment_id for each in taken_elsewhere(order)):
                await self._give_back(order, shipment, todo.task.task_id)
            return None
        found = await self._sold(order, shipment)
        decide = partial(sourced, reason=todo.payload.reason)
        return Learned(partial(decide, shipment_id=shipment.shipment_id, found=found))

    @handles(SourceAnew)
    async def source_anew(self, order: Order, _todo: Todo[SourceAnew]) -> Decide | None:
        """Finds the parcels that another warehouse is to serve since the delivery was corrected."""
        if any(each.state is ShipmentState.SOURCING for each in order.shipments):
            raise TryLater("a parcel is being sourced, for the delivery as it was")
        moved = [
            shipment.shipment_id
            for shipment in order.shipments
            if can_move(shipment) and await self._takes(order, shipment)
        ]
        return partial(source_anew, shipment_ids=moved)

    async def _sold(self, order: Order, shipment: Shipment) -> list[Found]:
        """Sells units to the order at other warehouses: those of an earlier attempt, or new ones.

        Where there are none, or their buyer may have no more, the id is closed, so that no attempt
        that is still under way sells any.
        """
        reservation_id = reservation_instead_of(order, shipment.shipment_id)
        for _ in range(ATTEMPTS_MAX):
            known = await self._reservation(order, reservation_id)
            if known is not None:
                return await self._confirmed(order, known)
            takes = await self._takes(order, shipment)
            if not takes or not await self._may_be_reserved(order, reservation_id, takes):
                await self._engine.release(reservation_id, tenant=order.tenant)
        raise TryLater("the stock changed with every attempt")

    async def _may_be_reserved(
        self, order: Order, reservation_id: str, takes: Sequence[Take]
    ) -> bool:
        """Whether units are reserved, or it is worth another look."""
        reserved = await self._engine.reserve(
            reservation_id, takes, buyer_id=order.buyer_id, tenant=order.tenant
        )
        return reserved.applied or reserved.outcome in _LOOK_AGAIN

    async def _takes(self, order: Order, shipment: Shipment) -> list[Take]:
        """The units to be taken at other warehouses: all that there are, up to the parcel's.

        A parcel that its own warehouse could serve moves as a whole, or not at all.
        """
        origins = self._origins(order, shipment)
        wanted: Counter[str] = Counter()
        for line in shipment.lines:
            wanted[line.sku] += line.quantity
        stock: dict[str, dict[str, int]] = {sku: {} for sku in wanted}
        for level in await self._engine.get_stock(*wanted, tenant=order.tenant):
            stock[level.sku][level.location] = level.available
        if not shipment.missing:  # its units would be free again where they are
            for sku, units in wanted.items():
                stock[sku][shipment.location] = stock[sku].get(shipment.location, 0) + units
        there = {
            sku: min(units, sum(stock[sku].get(origin.location, 0) for origin in origins))
            for sku, units in wanted.items()
        }
        takes = source({sku: units for sku, units in there.items() if units}, stock, origins) or []
        stays = there != wanted or any(take.location == shipment.location for take in takes)
        return [] if stays and not shipment.missing else takes

    def _origins(self, order: Order, shipment: Shipment) -> list[Origin]:
        tried = places_tried(order, shipment)
        origins = origins_of(self._catalogue.assortment(order.tenant), order.delivery)
        left = [origin for origin in origins if origin.location not in tried]
        # Of warehouses that are as near, where the units are.
        return sorted(left, key=lambda it: (it.distance_km, it.location != shipment.location))

    async def _reservation(self, order: Order, reservation_id: str) -> Reservation | None:
        try:
            return await self._engine.get_reservation(reservation_id, tenant=order.tenant)
        except HoldfastError as error:
            if error.reason is Reason.RESERVATION_NOT_FOUND:
                return None
            raise

    async def _confirmed(self, order: Order, known: Reservation) -> list[Found]:
        """Sells what is reserved; nothing where it has been given back, or has expired for good."""
        if known.state in (State.RELEASED, State.CANCELLED):
            return []
        confirmed = await self._engine.confirm(
            known.reservation_id, reacquire_if_expired=True, tenant=order.tenant
        )
        if not confirmed.applied:
            return []
        return [Found(line.sku, line.quantity, line.location) for line in known.lines]

    async def _give_back(self, order: Order, shipment: Shipment, task_id: str) -> None:
        """Gives back what was reserved for a parcel that needs it no more. Raises GiveUp."""
        reservation_id = reservation_instead_of(order, shipment.shipment_id)
        result = await self._engine.release(reservation_id, tenant=order.tenant)
        if result.outcome is Outcome.ALREADY_CONFIRMED:
            result = await self._engine.cancel(reservation_id, task_id, tenant=order.tenant)
        if result.outcome not in _NOT_OURS_ANY_MORE:
            raise GiveUp(f"the engine keeps {reservation_id}: {result.outcome.name}")
