"""Takes inspected units into stock, and does the timers of return legs.

The engine hears of each group by what becomes of it, under ids made from the leg's: so an attempt
can be repeated, and no unit is stock twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from grpc import StatusCode

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.outcomes import Outcome
from holdfast.types import Bucket, Disposition
from holdfast.types import Line as StockLine
from order_service.aftersales.legs import lapse, leg_in
from order_service.fulfilment.handlers import engine_trouble
from order_service.fulfilment.reshipping import stock_lines
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Shipment
from order_service.order.reservations import reservation_of
from order_service.order.return_legs import Fate, ReturnLeg
from order_service.order.states import IncidentState
from order_service.order.tasks import LegDue, TakeIn, Todo
from order_service.relay.handler import GiveUp, handles

DISPOSITIONS: Final = {
    Fate.RESELLABLE: Disposition.RESELLABLE,
    # In the warehouse, and not for sale, until they are mended or fetched.
    Fate.REFURBISH: Disposition.DAMAGED,
    Fate.SUPPLIER: Disposition.DAMAGED,
    Fate.SCRAP: Disposition.LOST,
}
"""The engine's word for what becomes of a unit."""


_BUCKETS: Final = {
    Disposition.RESELLABLE: Bucket.RESELLABLE,
    Disposition.DAMAGED: Bucket.DAMAGED,
}
Place = tuple[str, Bucket]
"""A location, and the count of its level that has units."""


class Intake(NamedTuple):
    """Units that the engine takes back in one step."""

    shipment_id: str
    disposition: Disposition
    return_id: str
    units: "Counter[str]"
    """By SKU."""


def intakes(leg: ReturnLeg) -> Iterator[Intake]:
    """The steps in which the engine hears of a leg's units, each with an id of its own."""
    units: defaultdict[tuple[str, Disposition], Counter[str]] = defaultdict(Counter)
    for group in leg.ours:
        disposition = DISPOSITIONS[group.fate] if group.fate else Disposition.LOST
        units[group.shipment_id, disposition][group.sku] += group.quantity
    for (shipment_id, disposition), by_sku in sorted(units.items()):
        return_id = f"{leg.leg_id}.{disposition.name.lower()}"
        yield Intake(shipment_id, disposition, return_id, by_sku)


class ReturnTasks:
    """Does the tasks of return legs, given the engine."""

    def __init__(self, engine: Client) -> None:
        self._engine = engine

    @handles(TakeIn)
    async def take_in(self, order: Order, todo: Todo[TakeIn]) -> Decide | None:
        """Takes the units of an inspected leg into stock, once."""
        leg = leg_in(order, todo.payload.leg_id)
        by_hand = []
        for intake in intakes(leg):
            try:
                if not await self._take_back(order, leg, intake):
                    by_hand.append(intake)
            except HoldfastError as error:
                raise _trouble(leg, intake, error) from error
        return partial(_leave_to_person, leg_id=leg.leg_id, intakes=by_hand) if by_hand else None

    @handles(LegDue)
    async def leg_due(self, _order: Order, todo: Todo[LegDue]) -> Decide | None:
        """Does what the passed deadline of a leg does."""
        return partial(lapse, leg_id=todo.payload.leg_id)

    async def _take_back(self, order: Order, leg: ReturnLeg, intake: Intake) -> bool:
        """Has the engine take units back; returns whether it could.

        It knows nothing of the sale once all is long over, or once the units were sent again: then
        they are moved into stock. Raises HoldfastError, GiveUp.
        """
        shipment = order.shipment(intake.shipment_id)
        stays = intake.disposition is Disposition.LOST or leg.location == shipment.location
        result = await self._engine.return_units(
            reservation_of(order, shipment),
            intake.return_id,
            [StockLine(sku, units, shipment.location) for sku, units in intake.units.items()],
            disposition=intake.disposition,
            to_location="" if stays else leg.location,
            tenant=order.tenant,
        )
        if result.applied:
            return True
        if result.outcome is Outcome.UNKNOWN_SKU:
            raise _no_level(leg, intake)
        if result.outcome is Outcome.NOT_FOUND:
            await self._move_in(order, leg, intake, ("", Bucket.OUTSIDE))
            return True
        if result.outcome is not Outcome.QUANTITY_EXCEEDED:
            raise GiveUp(f"the engine does not take {leg.leg_id} back: {result.outcome.name}")
        if not _was_sent_again(order, shipment):
            return False
        await self._move_in(order, leg, intake, await self._written_off(order, shipment))
        return True

    async def _written_off(self, order: Order, shipment: Shipment) -> Place:
        """Where the engine has the units of a parcel that was sent again.

        0.7.0 counted them as damaged, under the id under which they are lost now.
        """
        result = await self._engine.return_units(
            reservation_of(order, shipment),
            shipment.shipment_id,
            stock_lines(shipment, shipment.location),
            disposition=Disposition.LOST,
            tenant=order.tenant,
        )
        as_damaged = result.outcome is Outcome.ID_REUSED
        return (shipment.location, Bucket.DAMAGED) if as_damaged else ("", Bucket.OUTSIDE)

    async def _move_in(self, order: Order, leg: ReturnLeg, intake: Intake, place: Place) -> None:
        """Moves units into stock, each article once. Raises HoldfastError."""
        bucket = _BUCKETS.get(intake.disposition)
        for number, (sku, units) in enumerate(sorted(intake.units.items()), 1):
            if bucket is not None and place != (leg.location, bucket):
                await self._engine.move_stock(
                    sku,
                    units,
                    f"{intake.return_id}.{number}",
                    from_location=place[0],
                    from_bucket=place[1],
                    to_location=leg.location,
                    to_bucket=bucket,
                    reason=f"return {leg.leg_id}",
                    tenant=order.tenant,
                )


def _was_sent_again(order: Order, shipment: Shipment) -> bool:
    """Whether the units of a parcel were sold once more, so that they were written off."""
    again = (IncidentState.RESHIPPING, IncidentState.RESHIPPED)
    return any(each.state in again for each in order.incidents_of(shipment.shipment_id))


def _no_level(leg: ReturnLeg, intake: Intake) -> GiveUp:
    return GiveUp(
        f"{leg.location} has no stock level for all of {', '.join(sorted(intake.units))}: set one "
        "(0 units are enough), then replay this task"
    )


def _trouble(leg: ReturnLeg, intake: Intake, error: HoldfastError) -> Exception:
    """Judges an error of the engine; no level to move units to is a person's to set."""
    is_without = error.code is StatusCode.NOT_FOUND
    return _no_level(leg, intake) if is_without else engine_trouble(error)


def _leave_to_person(draft: Draft, leg_id: str, intakes: list[Intake]) -> None:
    """Leaves units to a person that somebody has returned in the engine before, by hand."""
    for intake in intakes:
        units = ", ".join(f"{units} x {sku}" for sku, units in sorted(intake.units.items()))
        why = f"the engine has counted {units} of {intake.shipment_id} as returned before"
        draft.note(f"{why}: look whether they are in stock", leg_in(draft.order, leg_id))
