"""Every deadline of a parcel does something: the lead decides, then the money goes back (O10)."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.motion import RULES
from order_service.fulfilment.deadlines import (
    LEAD,
    REFUND_TRIED_DAYS_MAX,
    look_at_deadlines,
    look_at_picks,
)
from order_service.fulfilment.incidents import INCIDENTS, report, report_units
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.tracking import read_temperature
from order_service.order.model import Incident, IncidentKind, Order
from order_service.order.records import TrackingKind
from order_service.order.states import IncidentEvent, IncidentState, OrderState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    gone_off,
    paid_at_the_door,
    planned_order,
    shipped_order,
)

K, S = IncidentKind, IncidentState
DAY_MS = 86_400_000
LOOKS = partial(gone_off, TaskKind.DELIVERY_DUE, look_at_deadlines)


def with_incident(kind: IncidentKind) -> tuple[Order, Incident]:
    """An order whose first parcel has an incident; the other has come."""
    order = shipped_order()
    first, second = order.shipments
    carrier_reports(order, second, TrackingKind.SIGNED)
    name = first.shipment_id
    if kind is not K.DELAY:
        first.promised_at_ms = START_MS + 99 * DAY_MS
    if kind is K.TEMPERATURE:
        first.temperature_max_millicelsius = 0
        decided(order, lambda draft: read_temperature(draft, name, "t", START_MS, 5_000))
    elif kind is K.UNDELIVERED:
        carrier_reports(order, first, *[TrackingKind.ATTEMPT_FAILED] * 3)
    elif kind is K.RETURN:
        carrier_reports(order, first, TrackingKind.REFUSED)
    else:
        decided(order, partial(report, shipment_id=name, kind=kind, why=""))
    return order, order.incidents[-1]


def due_at_ms(order: Order) -> list[int]:
    """When the deadlines of an order are looked at."""
    return [task.due_at_ms for task in order.tasks if task.kind == TaskKind.DELIVERY_DUE]


@pytest.mark.parametrize("kind", [kind for kind, row in INCIDENTS.items() if row.ends_in_refund])
def test_what_nobody_decides_is_the_leads_and_then_the_buyer_has_the_money_back(
    kind: IncidentKind,
) -> None:
    order, incident = with_incident(kind)
    assert due_at_ms(order)[0] <= incident.due_at_ms
    decided(order, LOOKS, incident.due_at_ms - 1)
    assert incident.owner == INCIDENTS[kind].owner
    first_due_ms = incident.due_at_ms
    decided(order, LOOKS, first_due_ms)
    assert (incident.owner, incident.state) == (LEAD, S.OPEN)
    assert incident.due_at_ms == first_due_ms + DAY_MS
    assert due_at_ms(order) == [incident.due_at_ms]
    decided(order, LOOKS, incident.due_at_ms - 1)
    assert not order.refunds
    decided(order, LOOKS, incident.due_at_ms)
    assert incident.state is S.REFUNDED
    assert order.refunded_minor == 1_357
    assert order.state is OrderState.DELIVERED


def test_goods_that_nobody_reserves_stay_with_the_lead_and_overdue() -> None:
    order, incident = with_incident(K.LOSS)
    again = partial(resolve, incident_id=incident.incident_id, said=IncidentEvent.RESHIP, why="")
    decided(order, again)
    waits_for_the_lead(order, incident)
    assert incident.state is S.RESHIPPING
    assert not order.refunds


def waits_for_the_lead(order: Order, incident: Incident) -> None:
    """An incident's deadlines pass: it stays with the lead, overdue, and nothing happens again."""
    (due_ms,) = due_at_ms(order)
    decided(order, LOOKS, due_ms)
    assert incident.owner == LEAD
    (due_ms,) = due_at_ms(order)
    assert due_ms == incident.due_at_ms
    version = order.version
    for days in (0, 1, 99):
        decided(order, LOOKS, due_ms + days * DAY_MS)
        assert due_at_ms(order) == []
        assert judge(Case(order, [], due_ms + days * DAY_MS), RULES) == []
    assert (order.version, incident.due_at_ms) == (version, due_ms)


def test_a_late_pick_never_ends_by_itself() -> None:
    order = planned_order()
    draft_due_ms = START_MS + DAY_MS
    from_shelf = partial(gone_off, TaskKind.PICK_DUE, partial(look_at_picks, pick_within_ms=DAY_MS))
    decided(order, from_shelf, draft_due_ms)
    assert [(each.kind, each.owner) for each in order.incidents] == [
        (K.LATE_PICK, "warehouse-desk")
    ] * 2
    waits_for_the_lead(order, order.incidents[0])
    assert [(each.state, each.owner) for each in order.incidents] == [(S.OPEN, LEAD)] * 2
    assert order.state is OrderState.IN_FULFILMENT
    assert not order.refunds


def test_the_lead_who_has_a_parcel_waited_for_is_reminded_once_more() -> None:
    order, incident = with_incident(K.LOSS)
    decided(order, LOOKS, incident.due_at_ms)
    wait = partial(resolve, incident_id=incident.incident_id, said=IncidentEvent.WAIT, why="")
    decided(order, wait, incident.due_at_ms - 1)
    decided(order, LOOKS, incident.due_at_ms)
    assert (incident.owner, incident.state) == (LEAD, S.OPEN)
    assert due_at_ms(order) == [incident.due_at_ms]
    decided(order, LOOKS, incident.due_at_ms)
    assert incident.state is S.REFUNDED


def test_money_that_is_not_here_yet_goes_back_within_a_week_or_is_a_persons_to_see_to() -> None:
    comes, never = (with_damage_at_the_door() for _ in range(2))
    for order in (comes, never):
        for _ in range(3):
            (due_ms,) = due_at_ms(order)
            decided(order, LOOKS, due_ms)
            assert not order.refunds
    for parcel, amount_minor in zip(comes.shipments, (1_457, 543), strict=True):
        paid_at_the_door(comes, parcel, amount_minor)
    (due_ms,) = due_at_ms(comes)
    decided(comes, LOOKS, due_ms)
    assert [refund.amount_minor for refund in comes.refunds] == [452]
    for _ in range(REFUND_TRIED_DAYS_MAX - 2):
        (due_ms,) = due_at_ms(never)
        decided(never, LOOKS, due_ms)
    assert due_at_ms(never) == [never.incidents[0].due_at_ms + REFUND_TRIED_DAYS_MAX * DAY_MS]
    decided(never, LOOKS, due_at_ms(never)[0])
    assert due_at_ms(never) == []
    assert never.incidents[0].state is S.OPEN


def with_damage_at_the_door() -> Order:
    """An order, to be paid at the door, of which a unit came damaged and no money has come."""
    order = shipped_order(**ON_DELIVERY, payments=[cash(2_000)])
    for parcel in order.shipments:
        carrier_reports(order, parcel, TrackingKind.SIGNED)
    name = order.shipments[0].shipment_id
    unit = [("SKU-1", 1)]
    decided(order, lambda draft: report_units(draft, name, K.DAMAGE, unit, "a picture"))
    return order
