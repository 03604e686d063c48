"""Takes inspected units into stock, and does the timers of return legs.

The engine hears of each group by what becomes of it, under ids made from the leg's: so an attempt
can be repeated, and no unit is stock twice.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.outcomes import Outcome
from holdfast.types import Disposition
from holdfast.types import Line as StockLine
from order_service.aftersales.legs import lapse, leg_in
from order_service.fulfilment.handlers import engine_trouble
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order
from order_service.order.reservations import reservation_of
from order_service.order.return_legs import Fate, ReturnLeg
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
        forgotten = []
        for intake in intakes(leg):
            try:
                if not await self._took_in(order, leg, intake):
                    forgotten.append(intake)
            except HoldfastError as error:
                raise engine_trouble(error) from error
        return partial(_note_forgotten, leg_id=leg.leg_id, forgotten=forgotten)

    @handles(LegDue)
    async def leg_due(self, _order: Order, todo: Todo[LegDue]) -> Decide | None:
        """Does what the passed deadline of a leg does."""
        return partial(lapse, leg_id=todo.payload.leg_id)

    async def _took_in(self, order: Order, leg: ReturnLeg, intake: Intake) -> bool:
        """Whether the engine took units back; False where its own books have them as back.

        Raises HoldfastError, GiveUp.
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
            raise GiveUp(
                f"{leg.location} has no stock level for all of {', '.join(intake.units)}: set one "
                "(0 units are enough), then replay this task"
            )
        if result.outcome in (Outcome.QUANTITY_EXCEEDED, Outcome.NOT_FOUND):
            return False
        raise GiveUp(f"the engine does not take {leg.leg_id} back: {result.outcome.name}")


def _note_forgotten(draft: Draft, leg_id: str, forgotten: list[Intake]) -> None:
    """Leaves to a person what the engine cannot take back: it counted it as back before."""
    for intake in forgotten:
        units = ", ".join(f"{units} x {sku}" for sku, units in intake.units.items())
        why = f"the engine has counted {units} of {intake.shipment_id} as back before: put them "
        draft.note(f"{why}into stock by hand", leg_in(draft.order, leg_id))
