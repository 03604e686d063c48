"""Tracking events: whatever their order and number, a parcel ends alike."""

import itertools
from functools import partial

import pytest
from msgspec import structs

from order_service.fulfilment.cancelling import cancel_unshipped
from order_service.fulfilment.carriers.port import Label
from order_service.fulfilment.labels import labelled as labelled_by_carrier
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.timers import KEPT_EVENTS_TIMES_MAX
from order_service.fulfilment.tracking import (
    TRACKING,
    catch_up,
    is_repeated,
    track,
    with_own_id,
)
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.refusals import Refused
from order_service.order.states import IncidentState, OrderState, PaymentState, ShipmentState
from order_service.order.tasks import TaskKind
from tests.order_service.clock import START_MS
from tests.order_service.following import finish
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    draft_of,
    event,
    labelled,
    paid_order,
    planned_order,
    shipped_order,
    units,
)

K, S = TrackingKind, ShipmentState
DAY_MS = 86_400_000


def one_parcel() -> Order:
    """An order that left in one parcel, without articles' zones."""
    order = paid_order()
    decided(order, lambda draft: plan_shipments(draft, {}, ""))
    labelled(order, order.shipments[0])
    return order


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ((K.COLLECTED, K.HUB, K.OUT_FOR_DELIVERY, K.SIGNED), S.DELIVERED),
        ((K.COLLECTED, K.OUT_FOR_DELIVERY, K.ATTEMPT_FAILED, K.HUB), S.OUT_FOR_DELIVERY),
        ((K.COLLECTED, K.IN_TRANSIT, K.LOST), S.LOST),
        ((K.COLLECTED, K.DAMAGED, K.SIGNED), S.DAMAGED),
        ((K.LOST, K.DAMAGED, K.OUT_FOR_DELIVERY), S.DAMAGED),
        ((K.LOST, K.SIGNED, K.HUB), S.DELIVERED),
    ],
)
def test_events_permuted_and_doubled_end_alike(
    kinds: tuple[TrackingKind, ...], state: ShipmentState
) -> None:
    ends = set()
    for permuted in itertools.permutations(kinds):
        for doubled in (permuted, permuted * 2):
            order = one_parcel()
            parcel = order.shipments[0]
            for kind in doubled:
                what = event(parcel, kind, kinds.index(kind))
                decided(order, lambda draft, what=what: track(draft, what))  # type: ignore[misc]
            ends.add((parcel.state, parcel.delivered_at_ms, order.state))
    assert len(ends) == 1
    assert ends.pop()[0] is state


def test_every_kind_of_event_has_its_row() -> None:
    assert set(TRACKING) == set(TrackingKind)


def test_every_event_is_kept_also_one_that_comes_too_late_to_matter() -> None:
    order = one_parcel()
    parcel = order.shipments[0]
    carrier_reports(order, parcel, K.SIGNED)
    draft = draft_of(order)
    track(draft, event(parcel, K.HUB, 7))
    assert [row for row in draft.added if isinstance(row, TrackingEvent)] == [
        event(parcel, K.HUB, 7)
    ]
    assert parcel.state is S.DELIVERED


def test_a_parcel_that_its_carrier_has_was_shipped_even_if_nobody_said_so() -> None:
    order = planned_order()
    labelled(order, order.shipments[0])
    draft = draft_of(order)
    track(draft, event(order.shipments[0], K.COLLECTED))
    finish(draft)
    assert order.shipments[0].state is S.IN_TRANSIT
    assert order.state is OrderState.PARTLY_SHIPPED
    assert TaskKind.SHIP in {task.kind for task in draft.tasks_made}


def packed(state: ShipmentState) -> Order:
    """An order whose first parcel has no waybill yet."""
    order = planned_order()
    first = order.shipments[0]
    if state in (S.PICKED, S.PACKED):
        decided(order, lambda draft: confirm_pick(draft, first.shipment_id, ()))
    if state is S.PACKED:
        decided(order, lambda draft: confirm_packing(draft, first.shipment_id, units(first), 700))
        first.carrier, first.service = "sandbox", "standard"
    return order


@pytest.mark.parametrize("kind", [kind for kind, row in TRACKING.items() if row.event])
@pytest.mark.parametrize("state", [S.PLANNED, S.PICKED, S.PACKED])
def test_what_is_told_of_a_parcel_before_its_waybill_has_its_effect_after(
    state: ShipmentState, kind: TrackingKind
) -> None:
    order = packed(state)
    parcel = order.shipments[0]
    what = event(parcel, kind)
    carrier_reports(order, parcel, kind, kind)
    assert parcel.state is state
    (kept,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
    assert kept.due_at_ms > START_MS
    get_its_label(order)
    assert parcel.state is S.LABELLED
    (now,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
    assert now.due_at_ms == START_MS
    decided(order, partial(catch_up, shipment_id=parcel.shipment_id, events=[what]))
    # As if the report had come in time.
    other = planned_order()
    labelled(other, other.shipments[0])
    carrier_reports(other, other.shipments[0], kind)
    in_time = other.shipments[0]
    assert (parcel.state, parcel.delivered_at_ms) == (in_time.state, in_time.delivered_at_ms)
    assert order.state is other.state is OrderState.PARTLY_SHIPPED
    assert [each.kind for each in order.incidents] == [each.kind for each in other.incidents]


@pytest.mark.parametrize("state", [S.PLANNED, S.PICKED, S.PACKED])
def test_what_moves_no_parcel_is_not_kept_for_later(state: ShipmentState) -> None:
    order = packed(state)
    carrier_reports(order, order.shipments[0], K.ATTEMPT_FAILED)
    assert TaskKind.TRACK not in {task.kind for task in order.tasks}


def test_what_was_told_before_has_its_effect_in_the_order_in_which_it_happened() -> None:
    order = packed(S.PACKED)
    parcel = order.shipments[0]
    happened = [event(parcel, kind, at) for at, kind in enumerate((K.COLLECTED, K.HUB, K.SIGNED))]
    get_its_label(order)
    name = parcel.shipment_id
    draft = draft_of(order)
    catch_up(draft, name, happened[::-1])
    moves = [entry.event for entry in draft.history if entry.part_id == name]
    assert moves == ["SHIP", "TRAVEL", "SIGN"]
    assert parcel.delivered_at_ms == START_MS  # not in the future, whatever the carrier's clock


def test_who_has_no_waybill_for_long_is_looked_at_again() -> None:
    order = packed(S.PICKED)
    parcel = order.shipments[0]
    what = event(parcel, K.SIGNED)
    carrier_reports(order, parcel, K.SIGNED)
    (task,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]

    def do(draft: Draft) -> None:
        draft.done(task)
        catch_up(draft, parcel.shipment_id, [what])

    decided(order, do, task.due_at_ms)
    assert parcel.state is S.PICKED
    (again,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
    assert again.due_at_ms == task.due_at_ms + DAY_MS


def test_who_has_no_waybill_for_a_week_is_a_persons() -> None:
    order = packed(S.PICKED)
    parcel = order.shipments[0]
    carrier_reports(order, parcel, K.SIGNED)
    for number in range(KEPT_EVENTS_TIMES_MAX):
        (task,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
        assert (task.attempts, task.dead) == (number, False)
        look = partial(catch_up, shipment_id=parcel.shipment_id, events=[], task=task)
        decided(order, look, task.due_at_ms)
    (task,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
    assert task.dead
    get_its_label(order)
    (now,) = [task for task in order.tasks if task.kind == TaskKind.TRACK]
    assert (now.attempts, now.dead) == (0, False)
    decided(order, lambda draft: cancel_unshipped(draft, "changed my mind"))
    assert TaskKind.TRACK not in {task.kind for task in order.tasks}


def get_its_label(order: Order) -> None:
    """The first parcel goes on to where its carrier's answer has come."""
    parcel = order.shipments[0]
    parcel.carrier = "sandbox"
    if parcel.state is S.PLANNED:
        decided(order, lambda draft: confirm_pick(draft, parcel.shipment_id, ()))
    if parcel.state is S.PICKED:
        scanned = units(parcel)
        decided(order, lambda draft: confirm_packing(draft, parcel.shipment_id, scanned, 700))
    label = Label("SB1", 500, 1_000)
    decided(order, partial(labelled_by_carrier, shipment_id=parcel.shipment_id, label=label))


def test_an_order_is_delivered_with_its_last_parcel_and_completes_some_days_later() -> None:
    order = shipped_order()
    states = []
    for parcel in order.shipments:
        carrier_reports(order, parcel, K.SIGNED)
        states.append(order.state)
    assert states == [OrderState.SHIPPED, OrderState.DELIVERED]
    (timer,) = [task for task in order.tasks if task.kind == TaskKind.COMPLETE]
    assert timer.due_at_ms == START_MS + 7 * DAY_MS
    assert TaskKind.DELIVERY_DUE not in {task.kind for task in order.tasks}


def test_an_event_of_a_parcel_that_the_order_does_not_have_is_refused() -> None:
    order = shipped_order()
    stranger = event(order.shipments[0], K.SIGNED)
    stranger = TrackingEvent(
        "sandbox", "e", "4330000000000000000", "4330000000000000000-s9", K.SIGNED, 1, 1
    )
    with pytest.raises(Refused):
        track(draft_of(order), stranger)


def test_the_event_of_a_carrier_that_does_not_have_the_parcel_is_refused() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    foreign = structs.replace(event(parcel, K.SIGNED), carrier="someone-else")
    with pytest.raises(Refused, match="goes with sandbox, not with someone-else"):
        decided(order, lambda draft: track(draft, foreign))
    assert parcel.state is S.SHIPPED


def test_what_another_carrier_said_before_one_was_chosen_has_no_effect_after() -> None:
    order = packed(S.PICKED)
    parcel = order.shipments[0]
    foreign = structs.replace(event(parcel, K.SIGNED), carrier="someone-else")
    decided(order, lambda draft: track(draft, foreign))
    get_its_label(order)
    decided(order, partial(catch_up, shipment_id=parcel.shipment_id, events=[foreign]))
    assert parcel.state is S.LABELLED


@pytest.mark.parametrize(
    ("said_ms", "believed_at_ms"),
    [
        (1, START_MS + 9 * DAY_MS),
        (START_MS // 1_000, START_MS + 9 * DAY_MS),
        (START_MS - 1, START_MS + 9 * DAY_MS),
        (START_MS, START_MS),
        (START_MS + DAY_MS, START_MS + DAY_MS),
        (START_MS + 9 * DAY_MS, START_MS + 9 * DAY_MS),
        (START_MS + 9 * DAY_MS + 1, START_MS + 9 * DAY_MS),
        (START_MS * 1_000, START_MS + 9 * DAY_MS),
    ],
)
def test_a_parcel_was_signed_for_after_it_left_and_not_later_than_now(
    said_ms: int, believed_at_ms: int
) -> None:
    order = one_parcel()
    parcel = order.shipments[0]
    decided(order, partial(hand_over, shipment_id=parcel.shipment_id))
    signed = structs.replace(event(parcel, K.SIGNED), happened_at_ms=said_ms)
    decided(order, lambda draft: track(draft, signed), START_MS + 9 * DAY_MS)
    assert parcel.delivered_at_ms == believed_at_ms
    # The buyer has the days to complain that were promised, whatever the carrier's clock says.
    (timer,) = [task for task in order.tasks if task.kind == TaskKind.COMPLETE]
    assert timer.due_at_ms == max(START_MS + 9 * DAY_MS, believed_at_ms + 7 * DAY_MS)


def test_an_event_under_a_known_id_gets_one_of_its_own_which_is_the_same_each_time() -> None:
    parcel = shipped_order().shipments[0]
    first, second = event(parcel, K.HUB), structs.replace(event(parcel, K.HUB), place="Reno")
    assert is_repeated(first, structs.replace(first, received_at_ms=first.received_at_ms + 1))
    assert not is_repeated(first, second)
    ids = {with_own_id(each).event_id for each in (second, second, first)}
    later = structs.replace(second, received_at_ms=second.received_at_ms + 1)
    assert with_own_id(later).event_id in ids
    assert len(ids) == 2
    assert first.event_id not in ids


def test_a_lost_parcel_makes_one_incident_which_its_arrival_settles() -> None:
    order = shipped_order()
    parcel = order.shipments[0]
    carrier_reports(order, parcel, K.LOST, K.LOST)
    assert [incident.state for incident in order.incidents] == [IncidentState.OPEN]
    carrier_reports(order, parcel, K.SIGNED)
    assert [incident.state for incident in order.incidents] == [IncidentState.ARRIVED]
    assert parcel.state is S.DELIVERED


def test_cash_of_all_parcels_together_pays_the_order() -> None:
    order = shipped_order(payments=[cash(2_000)], **ON_DELIVERY)
    (payment,) = order.payments
    first, second = order.shipments
    for parcel, amount_minor, state in (
        (first, 1_457, PaymentState.PENDING),  # its share and the freight
        (second, 543, PaymentState.CAPTURED),
    ):
        what = event(parcel, K.CASH_COLLECTED, 1, amount_minor)
        decided(order, lambda draft, what=what: track(draft, what))  # type: ignore[misc]
        assert payment.state is state
    assert payment.captured_minor == 2_000


def test_cash_in_another_currency_waits_for_a_person() -> None:
    order = shipped_order(payments=[cash(2_000)], **ON_DELIVERY)
    what = TrackingEvent(
        "sandbox",
        "e",
        "4330000000000000000",
        order.shipments[0].shipment_id,
        K.CASH_COLLECTED,
        1,
        1,
        "",
        2_000,
        "USD",
    )
    decided(order, lambda draft: track(draft, what))
    assert order.payments[0].state is PaymentState.QUARANTINED
