"""Acceptance examples of goods that their buyer sends back for their money (退货退款)."""

from functools import partial

import pytest
from msgspec import structs

from order_service.aftersales.acting import Said, answer_proposal
from order_service.aftersales.arrivals import Arrival, bring
from order_service.aftersales.inspecting import LegAnswer
from order_service.aftersales.intercepting import answer
from order_service.aftersales.receiving import came_back_here, receive
from order_service.aftersales.repairing import RepairStep, record_repair
from order_service.aftersales.sending import announce
from order_service.order.cases import Case, CaseEvent, CaseKind, CaseReason, CaseRole, CaseState
from order_service.order.intercepts import Intercept
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import Condition, Fate, Judged, LegState, ReturnLeg
from order_service.order.tasks import LegDue, TakeIn, todos
from tests.order_service.aftersales.cases import (
    PICTURE,
    TERMS,
    asked,
    back,
    f_received,
    paid_out,
    said,
    signed,
    timer,
)
from tests.order_service.aftersales.example import at_ms, f_shipped, inspected, leg_of
from tests.order_service.fulfilment.parcels import decided

_S, _E, _C = CaseState, CaseEvent, Condition
MS = 1
ASKED_MS = at_ms("03-04", "09:00")
ARRIVED_MS = at_ms("03-10", "12:00")


def granted(units: dict[int, int] | None = None) -> tuple[Order, Case]:
    """F, of which units are to come back: without a reason that is granted at once."""
    order = f_received()
    taken = asked(
        order,
        units or {1: 1},
        CaseKind.RETURN_REFUND,
        CaseReason.NO_REASON,
        now_ms=ASKED_MS,
    )
    assert taken.case.state is _S.AWAITING_RETURN
    return order, taken.case


def sent(order: Order, now_ms: int, waybill: str = "SF1") -> LegAnswer:
    """The buyer gives the waybill."""
    said = partial(announce, leg_id=leg_of(order).leg_id, carrier="sf", waybill=waybill)
    return decided(order, partial(said, terms=TERMS), now_ms)


def here(units: dict[int, int] | None = None) -> tuple[Order, Case]:
    """The goods have come on 03-10 at 12:00."""
    order, case = granted(units)
    sent(order, ASKED_MS + MS)
    decided(order, partial(receive, leg_id=leg_of(order).leg_id, location=""), ARRIVED_MS)
    assert case.state is _S.INSPECTING
    return order, case


def judged(line_no: int, units: int, found: Condition, fate: Fate | None, off: int = 0) -> Judged:
    """A group of units."""
    return Judged(line_no, "", units, "", found, fate is not None, fate, off)


def test_granting_a_return_opens_its_leg_and_says_which_warehouse_takes_it() -> None:
    order, case = granted({1: 2})
    leg = leg_of(order)
    assert (leg.case_id, leg.state, leg.location) == (case.case_id, LegState.EXPECTED, "default")
    assert [(line.line_no, line.quantity) for line in leg.lines] == [(1, 2)]
    sent(order, ASKED_MS + MS)
    sent(order, ASKED_MS + MS)
    assert (leg.state, case.state) == (LegState.ON_ITS_WAY, _S.RETURNING)


def test_example_13_a_waybill_is_in_time_for_seven_days() -> None:
    due_ms = at_ms("03-11", "09:00")
    order, case = granted()
    assert sent(order, due_ms - MS).refused is None
    assert case.state is _S.RETURNING
    order, case = granted()
    late = sent(order, due_ms).refused
    assert late is not None
    assert late.reason is RefusalReason.TOO_LATE
    assert (case.state, leg_of(order).state) == (_S.CLOSED, LegState.NEVER_SENT)
    assert case.entered_at_ms == due_ms


def test_example_11_a_merchant_has_three_days_from_the_arrival_then_all_is_paid_back() -> None:
    due_ms = at_ms("03-13", "12:00")
    order, case = here()
    assert case.deadline_at_ms == due_ms
    assert said(order, case, _E.REJECT, due_ms - MS).refused is None
    assert case.state is _S.REJECTED
    order, case = here()
    late = said(order, case, _E.REJECT, due_ms).refused
    assert late is not None
    assert late.reason is RefusalReason.TOO_LATE
    assert back(order) == [3_333]
    # Its inspection comes later, and moves the stock alone.
    inspected(order)
    assert (back(order), order.lines[0].returned) == ([3_333], 1)


def test_goods_that_do_not_come_in_fifteen_days_are_the_service_desks() -> None:
    order, case = granted()
    sent(order, ASKED_MS)
    due_ms = at_ms("03-19", "09:00")
    timer(order, due_ms - MS)
    assert case.state is _S.RETURNING
    timer(order, due_ms)
    assert (case.state, leg_of(order).state) == (_S.WITH_SERVICE, LegState.LOST)


def test_accepted_goods_are_paid_back_and_are_stock_each_once() -> None:
    order, case = here({1: 3, 2: 1})
    leg = inspected(order)
    inspected(order)
    assert [case.state] == [_S.REFUNDING]
    assert back(order) == [14_999]
    assert [line.returned for line in order.lines] == [3, 1]
    assert [todo.payload for todo in todos(order, TakeIn)] == [TakeIn(leg.leg_id)]
    paid_out(order, ARRIVED_MS)
    assert case.state is _S.DONE


def test_example_42_two_of_three_arrive_and_two_are_paid_for() -> None:
    order, case = here({1: 3})
    inspected(order, judged(1, 2, _C.AS_SENT, Fate.RESELLABLE), judged(1, 1, _C.MISSING, None))
    assert back(order) == [6_666]
    assert (case.state, [line.quantity for line in case.lines]) == (_S.REFUNDING, [2])
    split = order.parts_of(Case)[-1]
    assert (split.split_from, split.state) == (case.case_id, _S.AWAITING_RETURN)
    assert [line.quantity for line in split.lines] == [1]
    waited_for = leg_of(order)
    assert (waited_for.case_id, waited_for.state) == (split.case_id, LegState.EXPECTED)
    assert order.lines[0].returned == 2
    timer(order, ARRIVED_MS + 30 * 86_400_000)
    assert (split.state, waited_for.state) == (_S.CLOSED, LegState.NEVER_SENT)
    assert back(order) == [6_666]


@pytest.mark.parametrize("found", [_C.USED, _C.WRONG_SERIAL, _C.WRONG_ITEM])
def test_what_is_not_accepted_is_rejected_alone_and_kept_for_fifteen_days(found: Condition) -> None:
    order, case = here({1: 2, 2: 1})
    inspected(order, judged(1, 2, _C.AS_SENT, Fate.RESELLABLE), judged(2, 1, found, None))
    assert back(order) == [6_666]
    split = order.parts_of(Case)[-1]
    assert (split.state, [line.sku for line in split.lines]) == (_S.REJECTED, ["B"])
    (kept,) = todos(order, LegDue)
    leg = next(each for each in order.parts_of(ReturnLeg) if each.case_id == case.case_id)
    assert leg.due_at_ms == kept.task.due_at_ms
    assert [line.returned for line in order.lines] == [2, 0]


def test_an_empty_parcel_is_rejected() -> None:
    order, case = here()
    inspected(order, judged(1, 1, _C.MISSING, None))
    assert (case.state, back(order)) == (_S.REJECTED, [])


@pytest.mark.parametrize("agree", [True, False, None])
def test_a_deduction_is_proposed_to_the_buyer_and_silence_takes_it(agree: bool | None) -> None:
    order, case = here()
    inspected(order, judged(1, 1, _C.USED, Fate.REFURBISH, 500))
    assert (case.state, back(order)) == (_S.WITH_BUYER, [])
    assert case.proposals[-1].amount_minor == 2_833
    if agree is None:
        timer(order, case.deadline_at_ms - MS)
        assert case.state is _S.WITH_BUYER
        timer(order, case.deadline_at_ms)
    else:
        reply = partial(answer_proposal, said=Said(CaseRole.BUYER), terms=TERMS, agree=agree)
        decided(order, partial(reply, case_id=case.case_id), ARRIVED_MS + MS)
    if agree is False:
        assert case.state is _S.WITH_MERCHANT
    else:
        assert back(order) == [2_833]


def test_what_arrives_unannounced_by_its_buyer_is_inspected_without_a_waybill() -> None:
    order, case = granted()
    decided(order, partial(receive, leg_id=leg_of(order).leg_id, location="bj"), ARRIVED_MS)
    assert case.state is _S.INSPECTING
    assert inspected(order).location == "bj"
    assert back(order) == [3_333]


# Parcels on their way that their buyer does not want any more.


def stopping() -> tuple[Order, Case, Intercept]:
    """F under way, not wanted any more on 03-01: its carrier is asked for it."""
    order = f_shipped()
    case = asked(order, {1: 0, 2: 0}, now_ms=at_ms("03-01", "09:00")).case
    assert (case.rule, case.state) == ("T3", _S.STOPPING)
    (asked_for,) = order.parts_of(Intercept)
    return order, case, asked_for


def test_example_31_a_parcel_that_is_not_stopped_may_be_returned_once_it_came() -> None:
    order, case, asked_for = stopping()
    no = partial(answer, intercept_id=asked_for.intercept_id, accepts=False, why="")
    decided(order, no, at_ms("03-01", "09:30"))
    assert [case.state] == [_S.WITH_BUYER]
    signed(order)
    said(order, case, _E.WITHDRAW, at_ms("03-02"), CaseRole.BUYER)
    last_ms = at_ms("03-09") - MS
    again = asked(order, {1: 0}, CaseKind.RETURN_REFUND, CaseReason.NO_REASON, now_ms=last_ms)
    assert again.case.state is _S.AWAITING_RETURN


def test_a_parcel_that_is_stopped_is_paid_back_once_when_it_is_here() -> None:
    order, case, asked_for = stopping()
    yes = partial(answer, intercept_id=asked_for.intercept_id, accepts=True, why="")
    decided(order, yes, at_ms("03-01", "09:30"))
    assert [case.state] == [_S.RETURNING]
    decided(order, lambda draft: came_back_here(draft, draft.order.shipments[0]), ARRIVED_MS)
    assert leg_of(order).case_id == case.case_id
    assert (back(order), len(order.refunds)) == ([14_999], 1)
    inspected(order)
    assert (back(order), order.lines[0].returned) == ([14_999], 3)


def test_a_parcel_whose_carrier_says_nothing_for_a_day_goes_on() -> None:
    order, case, _ = stopping()
    timer(order, at_ms("03-02", "09:00") - MS)
    assert [case.state] == [_S.STOPPING]
    timer(order, at_ms("03-02", "09:00"))
    assert case.state is _S.WITH_BUYER


def test_a_parcel_that_is_signed_for_after_its_carrier_had_agreed_is_the_service_desks() -> None:
    order, case, asked_for = stopping()
    yes = partial(answer, intercept_id=asked_for.intercept_id, accepts=True, why="")
    decided(order, yes, at_ms("03-01", "09:30"))
    signed(order)
    assert case.state is _S.WITH_SERVICE
    assert back(order) == []


# Repairs.


def repairing() -> tuple[Order, Case]:
    """A piece of F, S1, is in the workshop."""
    order = f_received()
    case = asked(
        order, {2: 1}, CaseKind.REPAIR, CaseReason.QUALITY, now_ms=ASKED_MS, words=PICTURE
    ).case
    said(order, case, _E.TAKE_BACK, ASKED_MS + MS)
    sent(order, ASKED_MS + MS)
    decided(order, partial(receive, leg_id=leg_of(order).leg_id, location=""), ARRIVED_MS)
    group = Judged(2, "", 1, "", _C.USED, True, serials=("S1",))
    with pytest.raises(Refused, match="stays its buyer's"):
        inspected(order, structs.replace(group, fate=Fate.RESELLABLE))
    inspected(order, group)
    assert [case.state] == [_S.REPAIRING]
    return order, case


def test_example_27_the_piece_that_came_in_goes_out_and_no_stock_moves() -> None:
    order, case = repairing()
    mend = partial(record_repair, case_id=case.case_id, step=RepairStep.MENDED, why="")
    with pytest.raises(Refused, match="S2 did not come in; S1 came in") as caught:
        decided(order, partial(mend, serials=["S2"]), ARRIVED_MS)
    assert caught.value.reason is RefusalReason.WRONG_CONTENT
    assert decided(order, partial(mend, serials=["S1"]), ARRIVED_MS)[1] is False
    assert decided(order, partial(mend, serials=["S1"]), ARRIVED_MS)[1] is True
    assert (case.state, leg_of(order).state) == (_S.REPLACING, LegState.SENT_BACK)
    assert (todos(order, TakeIn), order.lines[1].returned, order.refunds) == ([], 0, [])


def test_example_54_a_piece_that_was_repaired_can_be_asked_about_again() -> None:
    order, case = repairing()
    step = partial(record_repair, case_id=case.case_id, why="")
    decided(order, partial(step, step=RepairStep.MENDED, serials=["S1"]), ARRIVED_MS)
    decided(order, partial(step, step=RepairStep.DELIVERED, serials=[]), ARRIVED_MS)
    assert case.state is _S.DONE
    again = asked(
        order,
        {2: 1},
        CaseKind.REPAIR,
        CaseReason.QUALITY,
        now_ms=ARRIVED_MS + MS,
        words=PICTURE,
    )
    assert again.case.state is _S.WITH_MERCHANT


def test_a_piece_beyond_repair_is_the_buyers_to_choose_and_silence_pays_it_back() -> None:
    order, case = repairing()
    step = partial(record_repair, case_id=case.case_id, step=RepairStep.BEYOND_REPAIR, why="")
    decided(order, partial(step, serials=[]), ARRIVED_MS)
    assert [case.state] == [_S.WITH_BUYER]
    timer(order, case.deadline_at_ms)
    assert back(order) == [4_999]
    assert [todo.payload for todo in todos(order, TakeIn)] == [TakeIn(leg_of(order).leg_id)]
    assert order.lines[1].returned == 1


@pytest.mark.parametrize("is_inspected", [False, True])
def test_goods_that_came_before_anybody_asked_are_paid_for_once_a_case_is_granted(
    is_inspected: bool,
) -> None:
    order = f_received()
    shipment_id = order.shipments[0].shipment_id
    scan = Arrival("default", "a-1", "default", "sf", "R9", "", ASKED_MS, ASKED_MS)
    decided(order, partial(bring, part_id=shipment_id, arrival=scan), ASKED_MS)
    leg = leg_of(order)
    if is_inspected:
        inspected(order)
    case = asked(
        order, {1: 0, 2: 0}, CaseKind.RETURN_REFUND, CaseReason.NO_REASON, now_ms=ASKED_MS + MS
    ).case
    assert (leg.case_id, len(order.parts_of(ReturnLeg))) == (case.case_id, 1)
    if not is_inspected:
        assert case.state is _S.INSPECTING
        inspected(order)
    assert back(order) == [14_999]
    assert [line.returned for line in order.lines] == [3, 1]
