"""Carriers' events of parcels, in any order and however often, and temperatures (O9). Pure.

Every event is kept with its own time. A shipment's state only goes forward: an event that its state
does not allow is kept, and changes nothing. Events that come before the waybill have their effect
once the shipment has it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
from msgspec import structs

from order_service.fulfilment.cash import collect
from order_service.fulfilment.coming_back import follow_back, leg_of_parcel
from order_service.fulfilment.incidents import (
    came_back,
    close_by_arrival,
    is_given_up,
    not_closed,
    open_incident,
)
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.shares import paid_minor
from order_service.fulfilment.timers import UNDER_WAY, keep_event, look_again
from order_service.fulfilment.warehouse import has_left, shipment_of
from order_service.order.clocks import believed_ms
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.model import CASH_ON_DELIVERY, IncidentKind, Shipment, Task
from order_service.order.records import TemperatureReading, TrackingEvent, TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import LegKind
from order_service.order.states import IncidentEvent, IncidentState, ShipmentEvent, ShipmentState
from order_service.order.tasks import CatchUpOnTracking
from order_service.payment.undisputed import open_chargebacks

_K = TrackingKind


class TrackingRow(NamedTuple):
    """The effect of a kind of event on a shipment."""

    event: ShipmentEvent | None
    incident: IncidentKind | None = None
    """The kind of incident that it opens."""


TRACKING: Final[dict[TrackingKind, TrackingRow]] = {
    _K.COLLECTED: TrackingRow(ShipmentEvent.TRAVEL),
    _K.IN_TRANSIT: TrackingRow(ShipmentEvent.TRAVEL),
    _K.HUB: TrackingRow(ShipmentEvent.TRAVEL),
    _K.OUT_FOR_DELIVERY: TrackingRow(ShipmentEvent.GO_OUT),
    _K.SIGNED: TrackingRow(ShipmentEvent.SIGN),
    _K.ATTEMPT_FAILED: TrackingRow(None),
    _K.LOST: TrackingRow(ShipmentEvent.LOSE, IncidentKind.LOSS),
    _K.DAMAGED: TrackingRow(ShipmentEvent.DAMAGE, IncidentKind.DAMAGE),
    _K.CASH_COLLECTED: TrackingRow(None),
    _K.REFUSED: TrackingRow(ShipmentEvent.TURN_BACK, IncidentKind.RETURN),
    _K.RETURNING: TrackingRow(ShipmentEvent.TURN_BACK, IncidentKind.RETURN),
    _K.RETURNED: TrackingRow(ShipmentEvent.COME_BACK, IncidentKind.RETURN),
}
ATTEMPTS_MAX: Final = 3
"""So often a carrier may find nobody, before a person sees to it."""

WITHOUT_WAYBILL: Final = frozenset(
    {ShipmentState.PLANNED, ShipmentState.PICKED, ShipmentState.PACKED}
)
"""The states of a shipment before its carrier can have it, or before we know that it can."""


STAFF: Final = "staff"
BUYER: Final = "buyer"
PEOPLE: Final = frozenset({STAFF, BUYER})
"""In place of a carrier: they say what became of a parcel."""


def once_key(event: TrackingEvent) -> str:
    """The key under which an event has its effect once: carriers count the events of a parcel."""
    return f"track/{event.shipment_id}/{event.carrier}/{event.event_id}"


def is_repeated(known: TrackingEvent, event: TrackingEvent) -> bool:
    """Whether an event says what one of the same id has said."""
    return structs.replace(event, received_at_ms=known.received_at_ms) == known


def with_own_id(event: TrackingEvent) -> TrackingEvent:
    """An event under an id that follows from all it says, where its own has another event.

    Carriers' counters begin anew, too; what they say then is no less true.
    """
    said = structs.replace(event, received_at_ms=0)
    digest = blake2b(msgspec.json.encode(said), digest_size=6).hexdigest()
    return structs.replace(event, event_id=f"{event.event_id}~{digest}")


def track(draft: Draft, event: TrackingEvent) -> Shipment:
    """Writes an event down, and brings its shipment forward.

    Raises Refused: NOT_FOUND, WRONG_CONTENT for the event of a carrier that does not have it.
    """
    shipment = shipment_of(draft, event.shipment_id)
    if shipment.carrier and event.carrier not in (shipment.carrier, *PEOPLE):
        detail = f"{event.shipment_id} goes with {shipment.carrier}, not with {event.carrier}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    draft.record(event)
    if TRACKING[event.kind].event and shipment.state in WITHOUT_WAYBILL:
        keep_event(draft, event.shipment_id)
    else:
        _have_effect(draft, shipment, event)
    if event.kind is TrackingKind.CASH_COLLECTED:
        collect(draft, shipment, event)
    if event.kind is TrackingKind.ATTEMPT_FAILED and shipment.state in UNDER_WAY:
        _count_attempt(draft, shipment)
    return shipment


def has_come(draft: Draft, shipment: Shipment) -> None:
    """The buyer says that a parcel came, whatever its carrier says, or does not say."""
    event = TrackingEvent(
        carrier=BUYER,
        event_id=draft.new_id(),
        order_id=shipment.order_id,
        shipment_id=shipment.shipment_id,
        kind=TrackingKind.SIGNED,
        happened_at_ms=draft.now_ms,
        received_at_ms=draft.now_ms,
    )
    track(draft, event)


def _count_attempt(draft: Draft, shipment: Shipment) -> None:
    """Counts that nobody could take a parcel; after some times a person sees to it."""
    draft.update(shipment, failed_attempts=shipment.failed_attempts + 1)
    if shipment.failed_attempts >= ATTEMPTS_MAX:
        why = f"nobody could take it, {shipment.failed_attempts} times"
        open_incident(draft, shipment, IncidentKind.UNDELIVERED, why)


def catch_up(
    draft: Draft, shipment_id: str, events: Sequence[TrackingEvent], task: Task | None = None
) -> None:
    """Gives all events of a shipment their effect, in the order in which they happened.

    An event that had its effect before has none again, because a shipment only goes forward. `task`
    is the one that looks; a shipment that gets no waybill for days is a person's.
    """
    shipment = draft.order.shipment(shipment_id)
    if shipment.state in WITHOUT_WAYBILL:
        if task is None:
            keep_event(draft, shipment_id)
        else:
            look_again(draft, task)
        return
    for event in sorted(events, key=lambda event: event.happened_at_ms):
        if event.carrier in (shipment.carrier, *PEOPLE):
            _have_effect(draft, shipment, event)


def _have_effect(draft: Draft, shipment: Shipment, event: TrackingEvent) -> None:
    row = TRACKING[_meant(shipment, event)]
    if row.event and shipment.state is ShipmentState.LABELLED:
        has_left(draft, shipment)  # the carrier reports it before our warehouse does
    is_ours = shipment.state in (ShipmentState.RETURNING, ShipmentState.RETURNED)
    if row.event is ShipmentEvent.SIGN and shipment.shipped_at_ms and not is_ours:
        # Its carrier cannot have delivered it before it left us.
        at_ms = believed_ms(event.happened_at_ms, shipment.shipped_at_ms, draft.now_ms)
        first_at_ms = min(shipment.delivered_at_ms or at_ms, at_ms)
        draft.update(shipment, delivered_at_ms=first_at_ms)
    if row.event and SHIPMENT.allows(shipment.state, row.event):
        _move(draft, shipment, event, row)


def _move(draft: Draft, shipment: Shipment, event: TrackingEvent, row: TrackingRow) -> None:
    assert row.event is not None
    why = f"{event.carrier}: {event.kind}"
    goes_back = row.event in (ShipmentEvent.TURN_BACK, ShipmentEvent.COME_BACK)
    if is_given_up(draft, shipment) and not goes_back:
        # Other goods or the money already replace it.
        draft.note(f"{why}, after it was given up", shipment)
        return
    was_delivered = shipment.state is ShipmentState.DELIVERED
    draft.move(shipment, row.event, why)
    follow_back(draft, shipment, row.event, event)
    if row.event is ShipmentEvent.SIGN:
        close_by_arrival(draft, shipment)
    if row.incident:
        open_incident(draft, shipment, row.incident, why)
    if goes_back:
        draft.update(shipment, turned_back_at_ms=event.happened_at_ms, delivered_at_ms=0)
    if row.event is ShipmentEvent.COME_BACK:
        _has_come_back(draft, shipment, why)
    elif goes_back and was_delivered:
        # What was signed for may have been signed for by us: all events are looked at again.
        draft.send(CatchUpOnTracking(shipment.shipment_id))


def _meant(shipment: Shipment, event: TrackingEvent) -> TrackingKind:
    """The kind of an event: once a parcel has turned back, its carrier delivers it to us."""
    back = shipment.state is ShipmentState.RETURNING
    after = event.happened_at_ms >= shipment.turned_back_at_ms
    if event.kind is TrackingKind.SIGNED and event.carrier != BUYER and back and after:
        return TrackingKind.RETURNED
    return event.kind


def _has_come_back(draft: Draft, shipment: Shipment, why: str) -> None:
    """Has the money of a parcel that came back decided about.

    One that was to be paid at the door, and was not, needs no decision: nothing is due for it. Nor
    does one that was intercepted: its money goes back.
    """
    came_back(draft, shipment, why)
    unpaid = draft.order.payment_method == CASH_ON_DELIVERY and not paid_minor(
        draft.order, shipment
    )
    leg = leg_of_parcel(draft.order, shipment.shipment_id)
    if unpaid or (leg is not None and leg.kind is LegKind.INTERCEPTED):
        because = "it was not paid for" if unpaid else "it was intercepted"
        for incident in not_closed(draft, shipment):
            # While a bank decides nothing can go back: the incident waits as long.
            if incident.state is IncidentState.OPEN and not open_chargebacks(draft.order):
                resolve(draft, incident.incident_id, IncidentEvent.REFUND, because)
                return


def reading_key(shipment_id: str, sensor: str, read_at_ms: int) -> str:
    """The key under which a reading has its effect once."""
    return f"reading/{shipment_id}/{sensor}/{read_at_ms}"


def read_temperature(
    draft: Draft, shipment_id: str, sensor: str, read_at_ms: int, millicelsius: int
) -> Shipment:
    """Writes a reading down; a reading out of the parcel's limits opens a TEMPERATURE incident.

    What its buyer does with it after the delivery is no incident.
    Raises Refused: NOT_FOUND.
    """
    shipment = shipment_of(draft, shipment_id)
    at_ms = believed_ms(read_at_ms, shipment.created_at_ms, draft.now_ms)
    is_with_buyer = 0 < shipment.delivered_at_ms < at_ms
    wrong = "" if is_with_buyer else out_of_limits(shipment, millicelsius)
    draft.record(
        TemperatureReading(
            shipment_id=shipment_id,
            sensor=sensor,
            read_at_ms=read_at_ms,
            order_id=shipment.order_id,
            millicelsius=millicelsius,
            out_of_limits=bool(wrong),
        )
    )
    if wrong:
        open_incident(draft, shipment, IncidentKind.TEMPERATURE, wrong)
    return shipment


def out_of_limits(shipment: Shipment, millicelsius: int) -> str:
    """How a temperature breaks a parcel's limits; "" if it does not."""
    lowest, highest = shipment.temperature_min_millicelsius, shipment.temperature_max_millicelsius
    if lowest is not None and millicelsius < lowest:
        return f"{millicelsius / 1000:g} °C, below {lowest / 1000:g} °C"
    if highest is not None and millicelsius > highest:
        return f"{millicelsius / 1000:g} °C, above {highest / 1000:g} °C"
    return ""
