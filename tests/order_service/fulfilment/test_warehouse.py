"""Planning, picking, packing and handing over: what is right goes on, what is wrong is named."""

import pytest
from msgspec import structs

from order_service.fulfilment.cancelling import cancel_unshipped
from order_service.fulfilment.deadlines import look_at_picks
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.warehouse import (
    confirm_packing,
    confirm_pick,
    hand_over,
    put_in_wave,
)
from order_service.order.model import IncidentKind, Line, Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import IncidentState, OrderState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.following import finish
from tests.order_service.fulfilment.parcels import (
    ARTICLES,
    article,
    decided,
    draft_of,
    labelled,
    paid_order,
    planned_order,
    units,
    untouched,
)

DAY_MS = 86_400_000


def test_parcels_are_of_one_merchant_warehouse_and_zone() -> None:
    lines = [
        Line(1, 0, "SKU-1", "", 3, 500, 1_500, location="north"),
        Line(2, 0, "SKU-2", "", 2, 300, 600, location="north"),
        Line(3, 0, "SKU-1", "", 1, 500, 500, location="south"),
        Line(4, 1, "SKU-3", "", 4, 100, 400, location="north"),
        Line(5, 0, "SKU-9", "", 1, 100, 100, location="north"),
    ]
    draft = draft_of(paid_order(lines=lines))
    plan_shipments(draft, ARTICLES, "")
    planned = [(s.sub_order_no, s.location, s.zone, units(s)) for s in draft.order.shipments]
    assert planned == [
        (0, "north", "", [("SKU-9", 1)]),
        (0, "north", "A", [("SKU-1", 3)]),
        (0, "north", "COLD", [("SKU-2", 2)]),
        (0, "south", "A", [("SKU-1", 1)]),
        (1, "north", "A", [("SKU-3", 4)]),
    ]


def test_cancelled_units_are_not_planned() -> None:
    lines = [Line(1, 0, "SKU-1", "", 3, 500, 1_500, location="north", cancelled=2)]
    draft = draft_of(paid_order(lines=lines))
    (shipment,) = plan_shipments(draft, ARTICLES, "")
    assert units(shipment) == [("SKU-1", 1)]


def test_a_parcel_has_the_narrowest_limits_of_what_is_in_it() -> None:
    articles = {
        "SKU-1": article("SKU-1", temperature_min_millicelsius=2_000),
        "SKU-2": article(
            "SKU-2", temperature_min_millicelsius=-1_000, temperature_max_millicelsius=8_000
        ),
    }
    draft = draft_of(paid_order())
    (shipment,) = plan_shipments(draft, articles, "")
    limits = (shipment.temperature_min_millicelsius, shipment.temperature_max_millicelsius)
    assert limits == (2_000, 8_000)


def test_units_that_were_not_found_become_a_parcel_of_their_own() -> None:
    order = planned_order()
    first = order.shipments[0]
    picked = decided(order, lambda draft: confirm_pick(draft, first.shipment_id, [("SKU-1", 1)]))
    assert picked.rest is not None
    assert (picked.shipment.state, units(picked.shipment)) == (ShipmentState.PICKED, [("SKU-1", 1)])
    assert (picked.rest.state, units(picked.rest)) == (ShipmentState.PLANNED, [("SKU-1", 2)])
    assert (picked.rest.location, picked.rest.zone) == (first.location, first.zone)
    again = decided(order, lambda draft: confirm_pick(draft, first.shipment_id, [("SKU-1", 1)]))
    assert (again.replayed, again.rest, len(order.shipments)) == (True, None, 3)


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        ([("SKU-1", 4)], "SKU-1: 3 expected, 4 scanned"),
        ([("SKU-1", 1), ("SKU-9", 2)], "SKU-9: none expected, 2 scanned"),
    ],
)
def test_more_than_planned_cannot_be_picked(taken: list[tuple[str, int]], named: str) -> None:
    order = planned_order()
    draft = draft_of(order)
    with pytest.raises(Refused, match=named) as refused:
        confirm_pick(draft, order.shipments[0].shipment_id, taken)
    assert refused.value.reason is RefusalReason.WRONG_CONTENT
    assert untouched(draft)


@pytest.mark.parametrize(
    ("scanned", "said"),
    [
        ([("SKU-1", 2)], "SKU-1: 3 expected, 2 scanned"),
        ([("SKU-1", 3), ("SKU-2", 1)], "SKU-2: none expected, 1 scanned"),
        ([], "SKU-1: 3 expected, none scanned"),
        (
            [("SKU-2", 2), ("SKU-1", 4)],
            "SKU-1: 3 expected, 4 scanned; SKU-2: none expected, 2 scanned",
        ),
    ],
)
def test_a_wrongly_packed_parcel_is_told_what_is_wrong(
    scanned: list[tuple[str, int]], said: str
) -> None:
    order = planned_order()
    first = order.shipments[0]
    decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    draft = draft_of(order)
    with pytest.raises(Refused) as refused:
        confirm_packing(draft, first.shipment_id, scanned, 700)
    assert (refused.value.reason, str(refused.value)) == (RefusalReason.WRONG_CONTENT, said)
    assert untouched(draft)
    assert first.state is ShipmentState.PICKED


def test_units_may_be_scanned_one_by_one() -> None:
    order = planned_order()
    first = order.shipments[0]
    decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    draft = draft_of(order)
    done = confirm_packing(draft, first.shipment_id, [("SKU-1", 1)] * 3, 700)
    assert (done.shipment.state, done.shipment.weight_g) == (ShipmentState.PACKED, 700)
    assert [task.kind for task in draft.tasks_made] == [TaskKind.LABEL]
    assert confirm_packing(draft, first.shipment_id, [("SKU-1", 3)], 700).replayed


def given_up(order: Order) -> None:
    """Marks all tasks of the order as tried in vain."""
    order.tasks = [structs.replace(task, dead=True) for task in order.tasks]


@pytest.mark.parametrize("carrier", ["", "sandbox"])
def test_a_parcel_that_was_weighed_wrongly_can_be_weighed_again(carrier: str) -> None:
    order = planned_order()
    first = order.shipments[0]
    decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    scanned = units(first)
    decided(order, lambda draft: confirm_packing(draft, first.shipment_id, scanned, 500_000))
    first.carrier = carrier
    given_up(order)
    draft = draft_of(order)
    done = confirm_packing(draft, first.shipment_id, scanned, 500)
    assert (done.replayed, first.weight_g, first.state) == (False, 500, ShipmentState.PACKED)
    # A carrier that was asked may have made a waybill: no other is asked beside it.
    assert first.carrier == carrier
    assert [task.dead for task in order.tasks if task.kind == TaskKind.LABEL] == [False]
    assert [entry.why for entry in draft.history] == ["weighs 500 g, not 500000 g"]
    assert confirm_packing(draft, first.shipment_id, scanned, 500).replayed
    with pytest.raises(Refused, match="is PACKED: PACK"):
        confirm_packing(draft, first.shipment_id, [("SKU-1", 1)], 700)


def test_a_parcel_with_a_waybill_keeps_its_weight() -> None:
    order = planned_order()
    labelled(order, order.shipments[0])
    with pytest.raises(Refused, match="is LABELLED: PACK"):
        confirm_packing(draft_of(order), order.shipments[0].shipment_id, [("SKU-1", 3)], 800)


@pytest.mark.parametrize("dead", [True, False])
def test_a_waybill_that_was_given_up_does_not_keep_the_next_from_being_given_back(
    dead: bool,
) -> None:
    order = planned_order()
    first = order.shipments[0]
    decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    decided(order, lambda draft: confirm_packing(draft, first.shipment_id, units(first), 700))
    first.carrier = "sandbox"
    if dead:
        given_up(order)
    decided(order, lambda draft: cancel_unshipped(draft, "changed my mind"))
    # One that is just being asked for comes first: it is given back after.
    lane = [task.kind for task in order.tasks if task.lane == f"carrier:{first.shipment_id}"]
    assert lane == [*([] if dead else [TaskKind.LABEL]), TaskKind.VOID_LABEL]


def test_a_parcel_cannot_be_packed_before_it_was_picked_nor_leave_without_a_waybill() -> None:
    order = planned_order()
    name = order.shipments[0].shipment_id
    with pytest.raises(Refused, match="is PLANNED: PACK"):
        confirm_packing(draft_of(order), name, [("SKU-1", 3)], 700)
    with pytest.raises(Refused, match="is PLANNED: SHIP"):
        hand_over(draft_of(order), name)


def test_the_order_follows_its_parcels_out_of_the_warehouse() -> None:
    order = planned_order()
    states = []
    for shipment in list(order.shipments):
        labelled(order, shipment)
        draft = draft_of(order)
        hand_over(draft, shipment.shipment_id)
        assert TaskKind.SHIP in {task.kind for task in draft.tasks_made}
        assert hand_over(draft, shipment.shipment_id).replayed
        finish(draft)
        states.append(order.state)
    assert states == [OrderState.PARTLY_SHIPPED, OrderState.SHIPPED]
    assert [line.shipped for line in order.lines] == [3, 2]


def test_a_parcel_is_in_one_wave() -> None:
    order = planned_order()
    first = order.shipments[0]
    draft = draft_of(order)
    assert put_in_wave(draft, first.shipment_id, "W1") is first
    assert put_in_wave(draft, first.shipment_id, "W1") is first
    assert put_in_wave(draft, first.shipment_id, "W2") is None
    assert first.wave_id == "W1"


def test_overdue_picks_are_written_down_and_those_that_were_picked_are_not() -> None:
    order = planned_order()
    first, second = order.shipments
    (reminder,) = [task for task in order.tasks if task.kind == TaskKind.PICK_DUE]
    assert reminder.due_at_ms == START_MS + DAY_MS
    decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    draft = draft_of(order, START_MS + DAY_MS)
    look_at_picks(draft, DAY_MS)
    finish(draft)
    (late,) = order.incidents
    assert (late.kind, late.shipment_id, late.owner) == (
        IncidentKind.LATE_PICK,
        second.shipment_id,
        "warehouse-desk",
    )
    decided(order, lambda draft: confirm_pick(draft, second.shipment_id, ()))
    assert late.state is IncidentState.ARRIVED
    assert TaskKind.PICK_DUE not in {task.kind for task in order.tasks}


def test_cancelling_takes_back_every_parcel_and_waybill_that_has_not_left() -> None:
    order = planned_order()
    labelled(order, order.shipments[0])
    draft = draft_of(order)
    cancel_unshipped(draft, "the buyer changed their mind")
    assert {shipment.state for shipment in order.shipments} == {ShipmentState.CANCELLED}
    voided = [task.payload for task in draft.tasks_made if task.kind == TaskKind.VOID_LABEL]
    assert voided == ['{"shipment_id":"4330000000000000000-s1"}']
