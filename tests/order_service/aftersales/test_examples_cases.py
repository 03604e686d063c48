"""The specification's examples of requests, decisions and deadlines, under their numbers."""

import pytest
from msgspec import structs

from order_service.aftersales.acting import look_at_case
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.terms import Terms
from order_service.catalogue.model import Article
from order_service.fulfilment.warehouse import hand_over
from order_service.order.cases import Case, CaseEvent, CaseKind, CaseReason, CaseRole, CaseState
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, RefundEvent, RefundState
from order_service.order.tasks import CancelShipmentStock, CaseDue, CompleteOrder, todos
from tests.order_service.aftersales.cases import (
    PICTURE,
    SIGNED_MS,
    asked,
    back,
    f_planned,
    f_received,
    paid_out,
    said,
    signed,
    timer,
)
from tests.order_service.aftersales.example import at_ms, f_shipped
from tests.order_service.fulfilment.parcels import decided, draft_of, labelled

_K, _R, _S, _E = CaseKind, CaseReason, CaseState, CaseEvent
MS = 1


def refused(*args: object, **more: object) -> Refused:
    """The refusal of a request."""
    with pytest.raises(Refused) as caught:
        asked(*args, **more)  # type: ignore[arg-type]
    return caught.value


def test_example_1_money_for_units_that_nobody_has_picked_goes_back_at_once() -> None:
    found = f_planned()
    case = asked(found, {1: 1}).case
    assert case.rule == "T1"
    assert back(found) == [3_333]
    assert found.lines[0].cancelled == 1
    assert [todo.payload.lost for todo in todos(found, CancelShipmentStock)] == [False]


def test_example_2_one_after_another_comes_to_the_lines_amount() -> None:
    found = f_planned()
    for _ in range(3):
        asked(found, {1: 1})
    assert back(found) == [3_333, 3_333, 3_334]
    assert found.lines[0].refunded_minor == 10_000


def test_example_3_freight_goes_back_with_the_last_unit_of_an_order_that_never_left() -> None:
    found = f_planned()
    asked(found, {1: 0})
    asked(found, {2: 0})
    assert back(found) == [10_000, 4_999 + 800]
    assert found.state is OrderState.CANCELLED


def test_example_8_fragile_goods_are_not_taken_back_without_a_reason() -> None:
    fragile = {"B": Article("B", "merchant-1", "B", 4_999, "CNY", fragile=True)}
    found = f_received()
    why = refused(found, {2: 1}, _K.RETURN_REFUND, _R.NO_REASON, articles=fragile)
    assert why.reason is RefusalReason.NOT_ELIGIBLE
    taken = asked(found, {2: 1}, _K.RETURN_REFUND, _R.DAMAGED, articles=fragile, words=PICTURE)
    assert taken.case.state is _S.WITH_MERCHANT


def test_example_6_and_7_windows_end_at_midnight_and_name_their_clause() -> None:
    for reason, last in ((_R.NO_REASON, "03-09"), (_R.QUALITY, "03-17")):
        end_ms = at_ms(last)
        asked(f_received(), {1: 1}, _K.RETURN_REFUND, reason, now_ms=end_ms - MS, words=PICTURE)
        why = refused(f_received(), {1: 1}, _K.RETURN_REFUND, reason, now_ms=end_ms, words=PICTURE)
        assert why.reason is RefusalReason.NOT_ELIGIBLE
        assert f"window.{reason}.days" in str(why)


def test_example_9_each_parcel_has_a_window_of_its_own() -> None:
    found = signed(f_shipped(apart=True), "A")
    signed(found, "B", at_ms("03-05", "10:00"))
    now_ms = at_ms("03-12", "23:59")
    asked(found, {2: 1}, _K.RETURN_REFUND, _R.NO_REASON, now_ms=now_ms)
    why = refused(found, {1: 1}, _K.RETURN_REFUND, _R.NO_REASON, now_ms=now_ms)
    assert why.reason is RefusalReason.NOT_ELIGIBLE


def with_merchant(asked_ms: int) -> tuple[Order, Case]:
    """F with a return that its merchant has to decide."""
    found = f_received()
    case = asked(found, {1: 1}, _K.RETURN_REFUND, _R.QUALITY, now_ms=asked_ms, words=PICTURE).case
    assert case.state is _S.WITH_MERCHANT
    return found, case


def test_example_10_a_merchant_has_48_hours_and_silence_grants() -> None:
    asked_ms, due_ms = at_ms("03-02", "09:00"), at_ms("03-04", "09:00")
    found, case = with_merchant(asked_ms)
    assert case.deadline_at_ms == due_ms
    assert said(found, case, _E.REJECT, due_ms - MS).refused is None
    assert case.state is _S.REJECTED
    found, case = with_merchant(asked_ms)
    timer(found, due_ms)
    assert case.state is _S.AWAITING_RETURN
    late = said(found, case, _E.REJECT, due_ms).refused
    assert late is not None
    assert late.reason is RefusalReason.TOO_LATE


def test_example_15_a_lapse_is_dated_at_its_deadline_and_a_late_timer_changes_nothing() -> None:
    found, case = with_merchant(at_ms("03-02", "09:00"))
    late = said(found, case, _E.REJECT, at_ms("03-04", "09:30")).refused
    assert late is not None
    assert late.reason is RefusalReason.TOO_LATE
    assert (case.state, case.entered_at_ms) == (_S.AWAITING_RETURN, at_ms("03-04", "09:00"))
    before = structs.replace(case)
    timer(found, at_ms("03-04", "09:31"))
    assert case == before


def test_example_14_a_pause_that_is_put_later_moves_the_deadline_and_its_timer() -> None:
    found, case = with_merchant(at_ms("03-02", "09:00"))
    said(found, case, None, at_ms("03-04", "09:00"))
    assert case.deadline_at_ms == at_ms("03-11", "09:00")
    new_year = Pause(_S.AWAITING_RETURN, at_ms("03-05"), at_ms("03-08"))
    paused = Terms(pauses=lambda _tenant: [new_year])
    look_at_case(draft_of(found, at_ms("03-11", "09:00")), paused)
    assert (case.state, case.deadline_at_ms) == (_S.AWAITING_RETURN, at_ms("03-14", "09:00"))
    assert [todo.task.due_at_ms for todo in todos(found, CaseDue)] == [case.deadline_at_ms]
    look_at_case(draft_of(found, at_ms("03-14", "09:00")), paused)
    assert case.state is _S.CLOSED


def test_example_16_units_are_in_one_case() -> None:
    found = f_received()
    asked(found, {1: 1}, _K.RETURN_REFUND, _R.NO_REASON)
    why = refused(found, {1: 3}, _K.RETURN_REFUND, _R.NO_REASON)
    assert why.reason is RefusalReason.UNITS_TAKEN
    asked(found, {1: 2}, _K.RETURN_REFUND, _R.NO_REASON)
    assert found.lines[0].open_units == 3


def test_example_17_a_key_is_of_one_request() -> None:
    found = f_received()
    of_one = {"kind": _K.RETURN_REFUND, "reason": _R.NO_REASON, "case_key": "c-1"}
    first = asked(found, {1: 1}, **of_one)  # type: ignore[arg-type]
    assert refused(found, {1: 2}, **of_one).reason is RefusalReason.KEY_REUSED
    again = asked(found, {1: 1}, **of_one)  # type: ignore[arg-type]
    assert again.replayed
    assert again.case is first.case
    assert len(found.parts_of(Case)) == 1


def price_drop(found: Order, units: dict[int, int], wanted_minor: int) -> Case:
    """A case of a price that has dropped, granted by its merchant."""
    case = asked(
        found,
        units,
        _K.PRICE_DIFFERENCE,
        _R.PRICE_DROP,
        wanted_minor=wanted_minor,
        words=PICTURE,
    ).case
    said(found, case, None, SIGNED_MS)
    return case


def kept_and_refunded(found: Order, units: dict[int, int]) -> None:
    """Goods at fault whose money goes back, and which the buyer keeps."""
    case = asked(found, units, _K.REFUND_ONLY, _R.QUALITY, words=PICTURE).case
    said(found, case, None, SIGNED_MS)


def test_example_32_adjusted_units_have_the_rest_of_their_price() -> None:
    found = f_received()
    price_drop(found, {1: 3}, 1_000)
    kept_and_refunded(found, {1: 1})
    kept_and_refunded(found, {1: 2})
    assert back(found) == [1_000, 3_000, 6_000]


def test_example_33_an_adjusted_unit_has_the_rest() -> None:
    found = f_received()
    price_drop(found, {2: 1}, 999)
    kept_and_refunded(found, {2: 1})
    assert back(found) == [999, 4_000]


def test_example_5_freight_goes_back_once_all_goods_of_a_part_did_for_fault() -> None:
    found = f_received()
    kept_and_refunded(found, {1: 0})
    kept_and_refunded(found, {2: 0})
    assert back(found) == [10_000, 5_799]


def test_example_39_a_case_holds_completion_which_then_has_a_day_at_least() -> None:
    found = f_received()
    (completion,) = todos(found, CompleteOrder)
    asked_ms = completion.task.due_at_ms - 3_600_000
    case = asked(found, {1: 1}, _K.RETURN_REFUND, _R.QUALITY, now_ms=asked_ms, words=PICTURE).case
    assert todos(found, CompleteOrder) == []
    closed_ms = asked_ms + 86_400_000
    said(found, case, _E.WITHDRAW, closed_ms, CaseRole.BUYER)
    assert case.state is _S.CLOSED
    (completion,) = todos(found, CompleteOrder)
    assert completion.task.due_at_ms == closed_ms + 86_400_000


def test_example_44_without_a_time_of_delivery_no_window_has_begun() -> None:
    why = refused(f_shipped(), {1: 1}, _K.RETURN_REFUND, _R.NO_REASON)
    assert why.reason is RefusalReason.NOT_ELIGIBLE


def test_example_45_units_that_a_case_put_on_sale_again_are_not_put_there_twice() -> None:
    found = f_planned()
    asked(found, {1: 1})
    asked(found, {1: 0})
    asked(found, {2: 0})
    assert [line.cancelled for line in found.lines] == [3, 1]
    assert found.state is OrderState.CANCELLED


def test_example_46_a_refund_that_bounces_opens_its_case_again() -> None:
    found = f_planned()
    case = asked(found, {1: 1}).case
    paid_out(found, SIGNED_MS)
    assert case.state is _S.DONE
    paid_out(found, SIGNED_MS + 1, RefundEvent.BOUNCED)
    assert found.refunds[0].state is RefundState.FAILED
    assert str(case.state) == _S.REFUNDING
    assert back(found) == [3_333]


def test_example_59_nothing_comes_back_that_did_not_leave() -> None:
    why = refused(f_planned(), {1: 1}, _K.RETURN_REFUND, _R.QUALITY, words=PICTURE)
    assert why.reason is RefusalReason.NOT_ELIGIBLE


def test_each_open_case_has_one_timer_and_an_ended_one_has_none() -> None:
    found, case = with_merchant(at_ms("03-02", "09:00"))
    (timed,) = todos(found, CaseDue)
    assert timed.task.due_at_ms == case.deadline_at_ms
    said(found, case, _E.REJECT, at_ms("03-02", "10:00"))
    assert [todo.task.due_at_ms for todo in todos(found, CaseDue)] == [case.deadline_at_ms]
    timer(found, case.deadline_at_ms)
    assert case.state is _S.CLOSED
    assert todos(found, CaseDue) == []
    assert found.lines[0].open_units == 0


def stopping() -> tuple[Order, Case]:
    """F with its waybill, of which one A is to be stopped."""
    found = f_planned()
    labelled(found, found.shipments[0])
    case = asked(found, {1: 1}).case
    assert (case.rule, case.state) == ("T2", _S.STOPPING)
    return found, case


def test_what_is_packed_is_stopped_by_the_warehouse_before_its_money_goes_back() -> None:
    found, case = stopping()
    assert back(found) == []
    said(found, case, _E.STOPPED, SIGNED_MS, CaseRole.WAREHOUSE)
    assert case.state is _S.REFUNDING
    assert back(found) == [3_333]
    assert found.lines[0].cancelled == 1
    assert said(found, case, _E.STOPPED, SIGNED_MS, CaseRole.WAREHOUSE).replayed


def test_what_leaves_all_the_same_was_not_stopped() -> None:
    found, case = stopping()
    decided(found, lambda draft: hand_over(draft, found.shipments[0].shipment_id))
    assert case.state is _S.WITH_BUYER
    assert back(found) == []
    late = said(found, case, _E.STOPPED, SIGNED_MS, CaseRole.WAREHOUSE).refused
    assert late is not None
    assert late.reason is RefusalReason.WRONG_STATE


@pytest.mark.parametrize(
    ("kind", "reason"), [(_K.EXCHANGE, _R.QUALITY), (_K.RESEND, _R.WRONG_ITEM)]
)
def test_a_case_is_not_opened_for_goods_that_nobody_would_send(
    kind: CaseKind, reason: CaseReason
) -> None:
    why = refused(f_received(), {1: 1}, kind, reason, words=PICTURE)
    assert why.reason is RefusalReason.NOT_ELIGIBLE
    assert "RETURN_REFUND" in str(why)
