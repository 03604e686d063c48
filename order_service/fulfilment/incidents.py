"""Incidents: something went wrong with a parcel, and its owner decides (异常物流, O10). Pure.

The owner's decision is carried out in resolving.py.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from order_service.fulfilment.timers import DAY_MS, HOUR_MS, UNDER_WAY
from order_service.fulfilment.warehouse import ShipmentAnswer, Units, not_now, shipment_of
from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.machines import GIVEN_UP, INCIDENT, SHIPMENT
from order_service.order.model import Incident, IncidentKind, Shipment, ShipmentLine
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentEvent, IncidentState, ShipmentEvent, ShipmentState

_S, _K, _E = IncidentState, IncidentKind, IncidentEvent


class IncidentRow(NamedTuple):
    """How incidents of a kind are dealt with."""

    owner: str
    decide_within_ms: int
    """The time that its owner has to decide."""
    wait_ms: int
    """With WAIT: the time that the parcel is waited for."""
    allowed: tuple[IncidentEvent, ...]
    gives_up: ShipmentEvent
    """The event of the shipment once other goods or the money replace it."""
    ends_in_refund: bool = True
    """Whether the money goes back by itself where nobody decides (`deadlines.py`)."""


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
    _K.UNDELIVERED: IncidentRow(
        "carrier-desk", DAY_MS, 3 * DAY_MS, (_E.WAIT, _E.RESHIP, _E.REFUND), ShipmentEvent.LOSE
    ),
    # Its carrier has that long to bring it back.
    _K.RETURN: IncidentRow(
        "returns-desk", 15 * DAY_MS, 0, (_E.RESHIP, _E.REFUND), ShipmentEvent.TURN_BACK
    ),
    **dict.fromkeys(
        (_K.WRONG_ITEM, _K.MISSING_ITEM),
        IncidentRow("claims-desk", 2 * DAY_MS, 0, (_E.REFUND,), ShipmentEvent.DAMAGE),
    ),
    # A shelf that is not reached in a holiday is no reason to send money back.
    _K.LATE_PICK: IncidentRow(
        "warehouse-desk",
        DAY_MS,
        0,
        (_E.RESHIP, _E.REFUND),
        ShipmentEvent.CANCEL,
        ends_in_refund=False,
    ),
}
RETURNED_DECIDE_WITHIN_MS: Final = 3 * DAY_MS
"""The time to decide about a parcel that has come back."""

SAID: Final[dict[IncidentEvent, frozenset[IncidentState]]] = {
    _E.WAIT: frozenset({_S.WAITING}),
    _E.RESHIP: frozenset({_S.RESHIPPING, _S.RESHIPPED}),
    _E.REFUND: frozenset({_S.REFUNDED}),
}
"""The states of an incident after each decision of its owner: how a repeated one is known."""
_NOT_CLOSED: Final = frozenset({_S.OPEN, _S.WAITING, _S.RESHIPPING})
# The kinds that end when the parcel comes; a parcel that comes damaged stays an incident.
_CLOSED_BY_ARRIVAL: Final = frozenset({_K.DELAY, _K.LOSS, _K.UNDELIVERED})


def open_incident(
    draft: Draft, shipment: Shipment, kind: IncidentKind, why: str
) -> Incident | None:
    """Opens an incident for its owner; None where one of its kind is open already.

    A shipment that was given up or cancelled has no more incidents: nobody waits for it.
    """
    if shipment.state is ShipmentState.CANCELLED or is_given_up(draft, shipment):
        return None
    if _is_open(draft, shipment, kind):
        return None
    return _opened(draft, shipment, kind, (), why)


def _opened(
    draft: Draft,
    shipment: Shipment,
    kind: IncidentKind,
    lines: tuple[ShipmentLine, ...],
    why: str,
) -> Incident:
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
        lines=lines,
    )
    draft.add(incident, why)
    return incident


def report(draft: Draft, shipment_id: str, kind: IncidentKind, why: str) -> ShipmentAnswer:
    """A person says that a parcel is late, lost or damaged.

    Raises Refused: NOT_FOUND; WRONG_STATE for a parcel that has not left, was given up, or came.
    """
    shipment = shipment_of(draft, shipment_id)
    event = None if kind is _K.DELAY else INCIDENTS[kind].gives_up
    if _is_open(draft, shipment, kind):
        return ShipmentAnswer(shipment, replayed=True)
    late = kind is _K.DELAY and shipment.state in UNDER_WAY
    if not late and not (event and SHIPMENT.allows(shipment.state, event)):
        raise not_now(shipment, kind)
    check_room(draft.order, Incident)
    if event:
        draft.move(shipment, event, why)
    open_incident(draft, shipment, kind, why)
    return ShipmentAnswer(shipment, replayed=False)


def report_units(
    draft: Draft, shipment_id: str, kind: IncidentKind, units: Sequence[Units], why: str
) -> ShipmentAnswer:
    """A person says that units of a parcel that came are damaged, wrong or missing; none: all.

    Raises Refused: NOT_FOUND; WRONG_STATE for a parcel that did not come, or was given up;
    WRONG_CONTENT for units that are not in it; QUANTITY_EXCEEDED for more than nobody has reported.
    """
    shipment = shipment_of(draft, shipment_id)
    lines = _named_lines(shipment, units)
    earlier = [each for each in draft.order.incidents_of(shipment_id) if each.lines]
    if any(is_open(each) and (each.kind, each.lines) == (kind, lines) for each in earlier):
        return ShipmentAnswer(shipment, replayed=True)
    if not shipment.delivered_at_ms or is_given_up(draft, shipment):
        raise not_now(shipment, kind)
    reported = Counter[int]()
    for incident in earlier:
        reported.update({line.line_no: line.quantity for line in incident.lines})
    for line in lines:
        left = _units_of(shipment)[line.line_no] - reported[line.line_no]
        if line.quantity > left:
            raise Refused(
                RefusalReason.QUANTITY_EXCEEDED,
                line_no=line.line_no,
                requested=line.quantity,
                left=left,
            )
    check_room(draft.order, Incident)
    _opened(draft, shipment, kind, lines, why)
    return ShipmentAnswer(shipment, replayed=False)


def _named_lines(shipment: Shipment, units: Sequence[Units]) -> tuple[ShipmentLine, ...]:
    """The lines of a parcel that have some units, by SKU. Raises Refused: WRONG_CONTENT."""
    left = Counter[str]()
    for sku, quantity in units:
        left[sku] += quantity
    if not left:
        return shipment.lines
    named = []
    for line in shipment.lines:
        quantity = min(line.quantity, left[line.sku])
        left[line.sku] -= quantity
        if quantity:
            named.append(ShipmentLine(line.line_no, line.sku, quantity))
    foreign = ", ".join(f"{quantity} x {sku}" for sku, quantity in (+left).items())
    if foreign:
        detail = f"{shipment.shipment_id} does not have {foreign}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    return tuple(named)


def _units_of(shipment: Shipment) -> "Counter[int]":
    units = Counter[int]()
    for line in shipment.lines:
        units[line.line_no] += line.quantity
    return units


def allowed_now(incident: Incident) -> tuple[IncidentEvent, ...]:
    """The decisions about an incident that its owner can make now."""
    allowed = (_E.REFUND,) if incident.lines else INCIDENTS[incident.kind].allowed
    return tuple(event for event in allowed if INCIDENT.allows(incident.state, event))


def close_by_arrival(draft: Draft, shipment: Shipment) -> None:
    """Closes the incidents of a late or lost parcel that has come."""
    for incident in draft.order.incidents_of(shipment.shipment_id):
        if incident.kind in _CLOSED_BY_ARRIVAL and INCIDENT.allows(incident.state, _E.ARRIVE):
            close(draft, incident, _E.ARRIVE, "the parcel has come")


def is_given_up(draft: Draft, shipment: Shipment) -> bool:
    """Whether other goods, or the money, replace a shipment."""
    incidents = draft.order.incidents_of(shipment.shipment_id)
    return any(incident.state in GIVEN_UP and not incident.lines for incident in incidents)


def not_closed(draft: Draft, shipment: Shipment) -> list[Incident]:
    """The incidents of a shipment that have not ended."""
    incidents = draft.order.incidents_of(shipment.shipment_id)
    return [incident for incident in incidents if is_open(incident)]


def is_open(incident: Incident) -> bool:
    """Whether something is still to be done about an incident."""
    return incident.state in _NOT_CLOSED


def close(draft: Draft, incident: Incident, event: IncidentEvent, why: str) -> None:
    """Closes an incident by an event that ends it."""
    draft.move(incident, event, why)
    draft.update(incident, settled_at_ms=draft.now_ms)


def close_with_refund(draft: Draft, shipment: Shipment, why: str) -> None:
    """Closes the incidents of a shipment whose money goes back."""
    for incident in not_closed(draft, shipment):
        close(draft, incident, _E.REFUND, why)


def close_picked(draft: Draft) -> None:
    """Closes the incidents of late picks whose parcels are not waiting on the shelves any more."""
    for incident in draft.order.incidents:
        if incident.kind is not _K.LATE_PICK or not INCIDENT.allows(incident.state, _E.ARRIVE):
            continue
        state = draft.order.shipment(incident.shipment_id).state
        if state not in (ShipmentState.PLANNED, ShipmentState.SOURCING):
            is_left_out = state is ShipmentState.CANCELLED
            event = _E.REFUND if is_left_out else _E.ARRIVE
            close(draft, incident, event, "left out" if is_left_out else "picked after all")


def came_back(draft: Draft, shipment: Shipment, why: str) -> None:
    """Has its owner decide about a parcel that has come back."""
    open_incident(draft, shipment, _K.RETURN, why)
    for incident in not_closed(draft, shipment):
        if incident.kind is _K.RETURN and incident.state is _S.OPEN:
            draft.update(incident, due_at_ms=draft.now_ms + RETURNED_DECIDE_WITHIN_MS)


def reshipping(draft: Draft, shipment: Shipment) -> list[Incident]:
    """The incidents of a shipment whose goods are to go again."""
    incidents = draft.order.incidents_of(shipment.shipment_id)
    return [incident for incident in incidents if incident.state is _S.RESHIPPING]


def open_again(draft: Draft, incident: Incident, event: IncidentEvent, why: str) -> None:
    """Leaves an incident to its owner once more."""
    draft.move(incident, event, why)
    due_at_ms = draft.now_ms + INCIDENTS[incident.kind].decide_within_ms
    draft.update(incident, due_at_ms=due_at_ms)


def _is_open(draft: Draft, shipment: Shipment, kind: IncidentKind) -> bool:
    return any(
        incident.kind is kind and not incident.lines for incident in not_closed(draft, shipment)
    )
