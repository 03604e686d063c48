"""Gets waybills (O8). The carrier is chosen and written down before it is asked, so that there is
one waybill however often the task is tried.
"""

import asyncio
from collections.abc import Sequence
from functools import partial

from order_service.fulfilment.carrier_rules import CarrierRule, choose
from order_service.fulfilment.carriers.port import (
    Carrier,
    CarrierRefuses,
    Carriers,
    CarrierShipment,
    CarrierUnreachable,
    Label,
    Quote,
)
from order_service.fulfilment.shares import due_at_the_door_minor
from order_service.fulfilment.timers import look_at_kept_events
from order_service.fulfilment.withheld import money_is_back
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Shipment
from order_service.order.states import ShipmentEvent, ShipmentState
from order_service.order.tasks import GetLabel
from order_service.relay.handler import GiveUp, Learned, NotHere, TryLater


async def get_label(
    order: Order, wanted: GetLabel, carriers: Carriers, rules: Sequence[CarrierRule]
) -> Decide | None:
    """Chooses a carrier, and the next time has it make the waybill.

    A carrier that refuses is left out of the next choice. Raises TryLater, NotHere, GiveUp.
    """
    shipment = order.shipment(wanted.shipment_id)
    refused = wanted.refused or ()
    if shipment.state is not ShipmentState.PACKED:
        return None
    if money_is_back(order, shipment):
        raise GiveUp(f"the money of {shipment.shipment_id} went back: leave it out")
    parcel = for_carrier(order, shipment)
    if not shipment.carrier:
        able = {name: carrier for name, carrier in carriers.items() if name not in refused}
        quotes, silent = await _quotes(parcel, able)
        chosen = choose(parcel, quotes, rules, order.delivery.wish)
        if chosen is None:
            _check_all_were_asked(carriers, rules, silent)
            raise GiveUp(
                f"no carrier takes {shipment.shipment_id}: {len(quotes)} offers, none that a rule "
                f"admits; refused by: {', '.join(refused) or 'none'}"
            )
        return partial(_chosen, shipment_id=shipment.shipment_id, quote=chosen, refused=refused)
    # A waybill that was bought is known, whatever became of the task.
    try:
        label = await _carrier_of(carriers, shipment).label(parcel, shipment.service)
    except CarrierRefuses:
        without = (*refused, shipment.carrier)
        return partial(_choose_again, shipment_id=shipment.shipment_id, refused=without)
    except CarrierUnreachable as error:
        raise TryLater(f"{shipment.carrier} does not answer") from error
    asked = partial(labelled, collect_minor=parcel.collect_minor)
    return Learned(partial(asked, shipment_id=shipment.shipment_id, label=label))


async def void_label(order: Order, shipment_id: str, carriers: Carriers) -> Decide | None:
    """Gives a waybill back, if one was made. Raises TryLater, NotHere, GiveUp."""
    shipment = order.shipment(shipment_id)
    try:
        await _carrier_of(carriers, shipment).void(shipment.shipment_id)
    except CarrierRefuses as error:
        raise GiveUp(f"{shipment.carrier} keeps the waybill: {error}") from error
    except CarrierUnreachable as error:
        raise TryLater(f"{shipment.carrier} does not answer") from error
    return Learned(partial(_voided, shipment_id=shipment.shipment_id))


def for_carrier(order: Order, shipment: Shipment) -> CarrierShipment:
    """A shipment as its carrier needs to know it."""
    return CarrierShipment(
        shipment_id=shipment.shipment_id,
        location=shipment.location,
        delivery=order.delivery,
        weight_g=shipment.weight_g,
        currency=order.currency,
        collect_minor=due_at_the_door_minor(order, shipment),
    )


async def _quotes(parcel: CarrierShipment, carriers: Carriers) -> tuple[list[Quote], list[str]]:
    """The offers of all carriers that answer, and the names of those that do not."""
    answers = await asyncio.gather(*(_quotes_of(carrier, parcel) for carrier in carriers.values()))
    silent = [name for name, answer in zip(carriers, answers, strict=True) if answer is None]
    return [quote for answer in answers for quote in answer or ()], silent


def _check_all_were_asked(
    carriers: Carriers, rules: Sequence[CarrierRule], silent: Sequence[str]
) -> None:
    """Raises where a carrier that a rule admits may still take it: TryLater, NotHere."""
    if silent:
        raise TryLater(f"{' and '.join(silent)} did not answer, and no other carrier takes it")
    unknown = sorted({rule.carrier for rule in rules} - set(carriers))
    if unknown or not carriers:
        raise NotHere(f"carrier {' and '.join(unknown) or 'settings are missing'}: not set up here")


async def _quotes_of(carrier: Carrier, parcel: CarrierShipment) -> list[Quote] | None:
    try:
        return await carrier.quote(parcel)
    except CarrierUnreachable:
        return None


def _carrier_of(carriers: Carriers, shipment: Shipment) -> Carrier:
    try:
        return carriers[shipment.carrier]
    except KeyError:
        raise NotHere(f"carrier {shipment.carrier} is not set up here") from None


def _chosen(draft: Draft, shipment_id: str, quote: Quote, refused: tuple[str, ...]) -> None:
    shipment = draft.order.shipment(shipment_id)
    if shipment.state is ShipmentState.PACKED:
        draft.update(shipment, carrier=quote.carrier, service=quote.service)
        draft.note(f"goes with {quote.carrier} {quote.service}", shipment)
        draft.send(GetLabel(shipment_id, refused))


def _choose_again(draft: Draft, shipment_id: str, refused: tuple[str, ...]) -> None:
    shipment = draft.order.shipment(shipment_id)
    if shipment.state is ShipmentState.PACKED:
        draft.note(f"{shipment.carrier} refuses it", shipment)
        draft.update(shipment, carrier="", service="")
        draft.send(GetLabel(shipment_id, refused))


def labelled(draft: Draft, shipment_id: str, label: Label, collect_minor: int = 0) -> None:
    """The carrier has made a waybill, and will collect what it was asked to: PACKED becomes
    LABELLED.
    """
    # If it was cancelled meanwhile, its VOID_LABEL comes after this task.
    shipment = draft.order.shipment(shipment_id)
    if shipment.state is ShipmentState.PACKED:
        draft.update(
            shipment,
            waybill=label.waybill,
            freight_minor=label.freight_minor,
            collect_minor=collect_minor,
            label_url=label.url,
            promised_at_ms=draft.now_ms + label.transit_ms,
        )
        draft.move(shipment, ShipmentEvent.LABEL, f"waybill of {shipment.carrier}")
        # The carrier may have collected it, and said so, before its answer came.
        look_at_kept_events(draft, shipment_id)


def _voided(draft: Draft, shipment_id: str) -> None:
    draft.note("its waybill is given back", draft.order.shipment(shipment_id))
