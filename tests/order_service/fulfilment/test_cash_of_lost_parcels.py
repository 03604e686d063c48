"""Only goods that were delivered are due at the door: lost goods are not paid for (O3, O10, P3)."""

from collections.abc import Callable
from functools import partial
from itertools import permutations

import pytest

from order_service.fulfilment.cash import REPORTED_WITHIN_MS, cash_overdue
from order_service.fulfilment.incidents import report
from order_service.fulfilment.planning import plan_like
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.warehouse import hand_over
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Order, Payment
from order_service.order.records import TrackingKind
from order_service.order.states import IncidentEvent, OrderState, PaymentState
from order_service.order.tasks import TaskKind
from order_service.payment.facts import resolve_quarantined
from order_service.relay.handler import GiveUp
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import (
    ON_DELIVERY,
    carrier_reports,
    cash,
    decided,
    labelled,
    paid_at_the_door,
    refunded,
    shipped_order,
)

TOTAL_MINOR = 2_000
FIRST_MINOR, SECOND_MINOR = 1_457, 543  # the freight of 100 is collected with the first
SIGNED = TrackingKind.SIGNED
Step = Callable[[], None]


def at_the_door() -> tuple[Order, Payment]:
    """An order of two parcels that have left, and its payment."""
    order = shipped_order(**ON_DELIVERY, payments=[cash(TOTAL_MINOR)])
    return order, order.payments[0]


def delivered(order: Order, number: int, amount_minor: int) -> None:
    """A parcel is signed for, and then paid."""
    carrier_reports(order, order.shipments[number], SIGNED)
    paid_at_the_door(order, order.shipments[number], amount_minor)


def reminders(order: Order) -> list[int]:
    """When missing money is seen to."""
    return [task.due_at_ms for task in order.tasks if task.kind == TaskKind.CASH_DUE]


def sent_back(order: Order) -> list[int]:
    """The amounts that go back to the buyer."""
    return [refund.amount_minor for refund in order.refunds]


@pytest.mark.parametrize(("came", "lost", "due_minor"), [(0, 1, FIRST_MINOR), (1, 0, SECOND_MINOR)])
def test_an_order_is_paid_with_what_was_due_for_what_came(
    came: int, lost: int, due_minor: int
) -> None:
    order, payment = at_the_door()
    delivered(order, came, due_minor)
    assert payment.state == "PENDING"
    refunded(order, order.shipments[lost])
    assert order.state is OrderState.DELIVERED
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, due_minor)
    assert not order.refunds
    assert not reminders(order)


@pytest.mark.parametrize("turns", list(permutations(range(3))))
def test_it_does_not_matter_in_which_order_the_news_come(turns: tuple[int, ...]) -> None:
    order, payment = at_the_door()
    first, second = order.shipments
    steps: list[Step] = [
        lambda: carrier_reports(order, first, SIGNED),
        lambda: paid_at_the_door(order, first, FIRST_MINOR),
        lambda: refunded(order, second),
    ]
    for turn in turns:
        assert payment.state == "PENDING"
        steps[turn]()
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, FIRST_MINOR)


def test_an_amount_that_was_not_due_for_what_came_waits_for_a_person() -> None:
    order, payment = at_the_door()
    delivered(order, 0, FIRST_MINOR - 1)
    refunded(order, order.shipments[1])
    assert payment.state is PaymentState.QUARANTINED
    approve = partial(
        resolve_quarantined, payment_id=payment.payment_id, approve=True, reason="a penny"
    )
    decided(order, approve)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, FIRST_MINOR - 1)


def test_what_was_collected_for_a_parcel_that_never_came_goes_back() -> None:
    order, payment = at_the_door()
    paid_at_the_door(order, order.shipments[1], SECOND_MINOR)
    refunded(order, order.shipments[1])
    assert not order.refunds
    delivered(order, 0, FIRST_MINOR)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, TOTAL_MINOR)
    assert sent_back(order) == [SECOND_MINOR]


def test_nothing_is_settled_while_it_is_open_what_is_done_about_a_parcel() -> None:
    order, payment = at_the_door()
    second_id = order.shipments[1].shipment_id
    delivered(order, 0, FIRST_MINOR)
    decided(order, partial(report, shipment_id=second_id, kind=IncidentKind.LOSS, why=""))
    assert payment.state == "PENDING"
    again = partial(
        resolve,
        incident_id=order.incidents[0].incident_id,
        said=IncidentEvent.RESHIP,
        why="",
    )
    decided(order, again)
    assert payment.state == "PENDING"


def test_goods_that_went_twice_are_paid_for_once() -> None:
    order, payment = at_the_door()
    carrier_reports(order, order.shipments[0], SIGNED, TrackingKind.DAMAGED)
    lost = order.shipments[0]

    def goes_again(draft: Draft) -> None:
        resolve(draft, order.incidents[0].incident_id, IncidentEvent.RESHIP, "")
        again = plan_like(draft, lost, lost.lines, location="north", replaces=lost.shipment_id)
        draft.move(draft.order.incidents[0], IncidentEvent.STOCK_CONFIRMED, again.shipment_id)

    decided(order, goes_again)
    labelled(order, order.shipments[2])
    decided(order, partial(hand_over, shipment_id=order.shipments[2].shipment_id))
    delivered(order, 2, FIRST_MINOR)
    refunded(order, order.shipments[1])
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, FIRST_MINOR)


def test_money_that_is_not_reported_yet_is_waited_for() -> None:
    order, payment = at_the_door()
    refunded(order, order.shipments[1])
    carrier_reports(order, order.shipments[0], SIGNED)
    assert payment.state == "PENDING"
    assert reminders(order) == [START_MS + REPORTED_WITHIN_MS]
    carrier_reports(order, order.shipments[0], TrackingKind.HUB)
    assert reminders(order) == [START_MS + REPORTED_WITHIN_MS]
    paid_at_the_door(order, order.shipments[0], FIRST_MINOR)
    assert payment.state is PaymentState.CAPTURED
    assert not reminders(order)


def test_a_part_of_the_money_waits_for_a_person_in_the_end_and_the_rest_still_pays() -> None:
    order, payment = at_the_door()
    carrier_reports(order, order.shipments[1], SIGNED)
    delivered(order, 0, FIRST_MINOR)
    assert reminders(order)
    decided(order, cash_overdue, START_MS + REPORTED_WITHIN_MS)
    assert payment.state is PaymentState.QUARANTINED
    paid_at_the_door(order, order.shipments[1], SECOND_MINOR)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, TOTAL_MINOR)
    assert not order.refunds


def test_money_of_which_no_carrier_says_anything_is_given_up_to_a_person() -> None:
    order, payment = at_the_door()
    refunded(order, order.shipments[1])
    carrier_reports(order, order.shipments[0], SIGNED)
    with pytest.raises(GiveUp, match="collected the 1457 CNY"):
        decided(order, cash_overdue)
    assert payment.state == "PENDING"


def test_what_was_paid_for_a_damaged_parcel_goes_back_as_soon_as_it_can() -> None:
    order, payment = at_the_door()
    delivered(order, 0, FIRST_MINOR)
    refunded(order, order.shipments[0], IncidentKind.DAMAGE)
    assert not order.refunds
    delivered(order, 1, SECOND_MINOR)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, TOTAL_MINOR)
    assert sent_back(order) == [FIRST_MINOR - 100]
    carrier_reports(order, order.shipments[1], TrackingKind.HUB)
    assert sent_back(order) == [FIRST_MINOR - 100]


def test_a_damaged_parcel_that_was_not_paid_for_need_not_be() -> None:
    order, payment = at_the_door()
    carrier_reports(order, order.shipments[0], SIGNED)
    refunded(order, order.shipments[0], IncidentKind.DAMAGE)
    delivered(order, 1, SECOND_MINOR)
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, SECOND_MINOR)
    # The report was late: the goods are free, their way is not.
    paid_at_the_door(order, order.shipments[0], FIRST_MINOR)
    assert payment.captured_minor == TOTAL_MINOR
    assert sent_back(order) == [FIRST_MINOR - 100]


def test_where_nothing_that_came_is_to_be_paid_the_payment_is_given_up() -> None:
    order, payment = at_the_door()
    refunded(order, order.shipments[1])
    carrier_reports(order, order.shipments[0], SIGNED)
    refunded(order, order.shipments[0], IncidentKind.DAMAGE)
    assert order.state is OrderState.DELIVERED
    assert payment.state is PaymentState.ABANDONED
    assert not reminders(order)


def test_what_is_collected_twice_for_what_came_goes_back() -> None:
    order, payment = at_the_door()
    delivered(order, 0, FIRST_MINOR)
    refunded(order, order.shipments[1])
    paid_at_the_door(order, order.shipments[0], FIRST_MINOR, number=1)
    assert payment.state is PaymentState.CAPTURED
    assert sent_back(order) == [FIRST_MINOR]


@pytest.mark.parametrize("paid_minor", [SECOND_MINOR, SECOND_MINOR - 1])
def test_goods_that_come_and_are_paid_after_they_were_given_up_are_free_as_was_promised(
    paid_minor: int,
) -> None:
    order, payment = at_the_door()
    delivered(order, 0, FIRST_MINOR)
    refunded(order, order.shipments[1])
    delivered(order, 1, paid_minor)
    assert payment.state is PaymentState.CAPTURED
    assert payment.captured_minor == FIRST_MINOR + paid_minor
    assert sent_back(order) == [paid_minor]
