"""What goes wrong with parcels: whose it is, what can be done about it (异常物流, O10). Pure.

What its owner says is carried out in resolving.py.
"""

from typing import Final, NamedTuple

from order_service.fulfilment.timers import DAY_MS, HOUR_MS, UNDER_WAY
from order_service.fulfilment.warehouse import Done, not_now, shipment_of
from order_service.order.draft import Draft
from order_service.order.model import Incident, IncidentKind, Shipment
from order_service.order.states import (
    GIVEN_UP,
    INCIDENT,
    SHIPMENT,
    IncidentEvent,
    IncidentState,
    ShipmentEvent,
    ShipmentState,
)

_S, _K, _E = IncidentState, IncidentKind, IncidentEvent


class IncidentRow(NamedTuple):
    """How incidents of a kind are dealt with."""

    owner: str
    decide_within_ms: int
    """So long its owner has to say what is done."""
    wait_ms: int
    """With WAIT: so long the parcel is waited for."""
    allowed: tuple[IncidentEvent, ...]
    gives_up: ShipmentEvent
    """What becomes of the parcel when other goods or the money go in its stead."""


INCIDENTS: Final[dict[IncidentKind, IncidentRow]] = {
    _K.DELAY: IncidentRow(
        "carrier-desk", DAY_MS, 3 * DAY_MS, (_E.WAIT, _E.RESHIP, _E.REFUND), ShipmentEvent.LOSE
    ),
    _K.LOSS: IncidentRow(
        "carrier-desk", DAY_MS, 7 * DAY_MS, (_E.WAIT, _E.RESHIP, _E.REFUND), ShipmentEvent.LOSE
    ),
    _K.DAMAGE: IncidentRow(
        "claims-desk", 2 * DAY_MS, 0, (_E.RESHIP, _E.REFUND), ShipmentEvent.DAMAGE
    ),
    _K.TEMPERATURE: IncidentRow(
        "quality-desk", 4 * HOUR_MS, 0, (_E.RESHIP, _E.REFUND), ShipmentEvent.DAMAGE
    ),
}

SAID: Final[dict[IncidentEvent, frozenset[IncidentState]]] = {
    _E.WAIT: frozenset({_S.WAITING}),
    _E.RESHIP: frozenset({_S.RESHIPPING, _S.RESHIPPED}),
    _E.REFUND: frozenset({_S.REFUNDED}),
}
"""Where an incident is after each of what its owner can say: tells what was said before."""
_UNSETTLED: Final = frozenset({_S.OPEN, _S.WAITING, _S.RESHIPPING})
# With these a parcel that comes settles it; a damaged one does not.
_SETTLED_BY_ARRIVAL: Final = frozenset({_K.DELAY, _K.LOSS})


def open_incident(
    draft: Draft, shipment: Shipment, kind: IncidentKind, why: str
) -> Incident | None:
    """Makes an incident for its owner, unless the same is already open or the parcel given up.

    Nothing is wrong with what does not go at all.
    """
    known = [
        incident
        for incident in draft.order.incidents
        if incident.shipment_id == shipment.shipment_id
    ]
    cancelled = shipment.state is ShipmentState.CANCELLED
    if cancelled or any(incident.state in GIVEN_UP for incident in known):
        return None
    if any(incident.kind is kind and incident.state in _UNSETTLED for incident in known):
        return None
    row = INCIDENTS[kind]
    incident = Incident(
        incident_id=draft.next_part_id(Incident),
        order_id=draft.order.order_id,
        shipment_id=shipment.shipment_id,
        kind=kind,
        state=_S(INCIDENT.first),
        owner=row.owner,
        opened_at_ms=draft.now_ms,
        due_at_ms=draft.now_ms + row.decide_within_ms,
        settled_at_ms=0,
        updated_at_ms=draft.now_ms,
    )
    draft.add(incident, why)
    return incident


def report(draft: Draft, shipment_id: str, kind: IncidentKind, why: str) -> Done:
    """A person says that a parcel is late, lost or damaged.

    Raises Refused: NOT_FOUND; WRONG_STATE for a parcel that has not left, was given up, or came.
    """
    shipment = shipment_of(draft, shipment_id)
    event = None if kind is _K.DELAY else INCIDENTS[kind].gives_up
    if _is_open(draft, shipment, kind):
        return Done(shipment, replayed=True)
    late = kind is _K.DELAY and shipment.state in UNDER_WAY
    if not late and not (event and SHIPMENT.allows(shipment.state, event)):
        raise not_now(shipment, kind)
    if event:
        draft.move(shipment, event, why)
    open_incident(draft, shipment, kind, why)
    return Done(shipment, replayed=False)


def allowed_now(incident: Incident) -> tuple[IncidentEvent, ...]:
    """What its owner can say about an incident."""
    return tuple(
        event
        for event in INCIDENTS[incident.kind].allowed
        if INCIDENT.allows(incident.state, event)
    )


def settle_by_arrival(draft: Draft, shipment: Shipment) -> None:
    """A parcel has come that was late or lost."""
    for incident in draft.order.incidents:
        if (
            incident.shipment_id == shipment.shipment_id
            and incident.kind in _SETTLED_BY_ARRIVAL
            and INCIDENT.allows(incident.state, _E.ARRIVE)
        ):
            settle(draft, incident, _E.ARRIVE, "the parcel has come")


def is_given_up(draft: Draft, shipment: Shipment) -> bool:
    """Whether other goods, or the money, go in a parcel's stead."""
    return any(
        incident.shipment_id == shipment.shipment_id and incident.state in GIVEN_UP
        for incident in draft.order.incidents
    )


def unsettled(draft: Draft, shipment: Shipment) -> list[Incident]:
    """What is wrong with a parcel, and not at its end."""
    return [
        incident
        for incident in draft.order.incidents
        if incident.shipment_id == shipment.shipment_id and incident.state in _UNSETTLED
    ]


def settle(draft: Draft, incident: Incident, event: IncidentEvent, why: str) -> None:
    """Brings an incident to an end."""
    draft.move(incident, event, why)
    draft.update(incident, settled_at_ms=draft.now_ms)


def look_at_deliveries(draft: Draft) -> None:
    """Makes incidents of parcels that are late, and opens those again that were waited for."""
    for shipment in draft.order.shipments:
        if shipment.state in UNDER_WAY and 0 < shipment.promised_at_ms <= draft.now_ms:
            open_incident(draft, shipment, _K.DELAY, "not delivered when it was promised")
    for incident in draft.order.incidents:
        if incident.state is _S.WAITING and incident.due_at_ms <= draft.now_ms:
            open_again(draft, incident, _E.WAITED_ENOUGH, "waited for in vain")


def reshipping(draft: Draft, shipment: Shipment) -> list[Incident]:
    """The incidents of a parcel that wait for the same goods."""
    return [
        incident
        for incident in draft.order.incidents
        if incident.shipment_id == shipment.shipment_id and incident.state is _S.RESHIPPING
    ]


def open_again(draft: Draft, incident: Incident, event: IncidentEvent, why: str) -> None:
    """Has its owner say again what is done about an incident."""
    draft.move(incident, event, why)
    due_at_ms = draft.now_ms + INCIDENTS[incident.kind].decide_within_ms
    draft.update(incident, due_at_ms=due_at_ms)


def _is_open(draft: Draft, shipment: Shipment, kind: IncidentKind) -> bool:
    return any(incident.kind is kind for incident in unsettled(draft, shipment))
