"""The journals that follow from what happens to payments and refunds."""

import pytest
from msgspec import structs

from order_service.catalogue.contracts import NO_CONTRACT, Contract
from order_service.fulfilment.cash import collect
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY
from order_service.order.placed import Amounts, SubOrder
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.refund_rows import RefundWhat
from order_service.order.states import OrderState, PaymentState
from order_service.payment.facts import judge_collected, learn, resolve_quarantined
from order_service.payment.paying_back import PayBack
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refunds import paid_back_by_hand, refund_all
from tests.order_service.samples import A, payment
from tests.order_service.settlement.running import RATES, Books, earned, old, order_x, parcel


def paid() -> Books:
    """X, paid."""
    books = Books()
    books.capture()
    return books


def give(books: Books, what: RefundWhat, amount_minor: int) -> list[str]:
    """Money that is for no goods goes back."""

    def decide(draft: Draft) -> None:
        back = PayBack(draft)
        back.other(what, amount_minor)
        back.send("other", "why")

    return books.change(decide)


def test_what_moves_no_money_posts_nothing() -> None:
    books = paid()
    assert books.change(lambda draft: draft.note("seen")) == []
    assert books.capture() == []
    assert len(books.journals) == 1


def test_money_of_a_wrong_amount_waits_in_suspense_until_a_person_takes_it() -> None:
    books = Books()
    books.capture(amount_minor=9_990)
    assert (books.sums["escrow"], books.sums["suspense"]) == (0, -9_990)
    books.change(
        lambda draft: resolve_quarantined(draft, f"{A}-p1", approve=True, reason="near enough")
    )
    assert (books.sums["escrow"], books.sums["suspense"]) == (-9_990, 0)
    books.earn()
    assert books.sums["escrow"] == 0


def test_money_of_a_wrong_amount_goes_back_from_suspense() -> None:
    books = Books()
    books.capture(amount_minor=9_990)
    books.change(lambda draft: resolve_quarantined(draft, f"{A}-p1", approve=False, reason="no"))
    assert (books.sums["suspense"], books.sums["refunding"]) == (0, -9_990)
    books.reported(books.order.refunds[0], FactKind.REFUNDED)
    assert books.held() == {}


def test_money_of_another_currency_is_in_books_of_its_own() -> None:
    books = Books()
    fact = Fact(FactKind.CAPTURED, f"{A}-p1", "ref", 10_000, "JPY", 0)
    books.change(lambda draft: learn(draft, "sandbox", fact))
    (made,) = books.journals
    assert (made.currency, made.kind) == ("JPY", "CAPTURED")


def test_more_than_was_asked_for_goes_back_past_escrow() -> None:
    books = Books()
    books.capture(amount_minor=20_000)
    assert (books.sums["escrow"], books.sums["suspense"]) == (-10_000, 0)
    assert books.sums["refunding"] == -10_000


def test_a_present_is_the_platforms_cost() -> None:
    books = paid()
    give(books, RefundWhat.GOODWILL, 500)
    assert (books.sums["escrow"], books.sums["compensation"]) == (-10_000, 500)


def test_a_present_that_became_part_of_all_the_money_is_no_cost_any_more() -> None:
    books = paid()
    give(books, RefundWhat.GOODWILL, 500)

    def cancel(draft: Draft) -> None:
        draft.order.state = OrderState.CANCELLED
        refund_all(draft, "cancelled")

    assert "RELEASED" in books.change(cancel)
    assert (books.sums["escrow"], books.sums["compensation"]) == (0, 0)
    assert books.sums["refunding"] == -10_000


def test_a_person_pays_back_from_the_bank() -> None:
    books = paid()
    refund = books.refund()
    books.reported(refund, FactKind.REFUND_FAILED)
    books.change(lambda draft: paid_back_by_hand(draft, refund.refund_id, "by transfer"))
    assert (books.sums["bank"], books.sums["provider:sandbox"]) == (-4_500, 10_000)
    assert books.sums["refunding"] == 0


def test_what_a_provider_sends_though_a_person_has_is_lost() -> None:
    books = paid()
    refund = books.refund()
    books.reported(refund, FactKind.REFUND_FAILED)
    books.change(lambda draft: paid_back_by_hand(draft, refund.refund_id, "by transfer"))
    books.reported(refund, FactKind.REFUNDED)
    assert (books.sums["loss"], books.sums["provider:sandbox"]) == (4_500, 5_500)


@pytest.mark.parametrize(("sent", "left", "lost"), [(4_000, -500, 0), (5_000, 0, 500)])
def test_another_sum_than_was_asked_for(sent: int, left: int, lost: int) -> None:
    books = paid()
    refund = books.refund()
    assert books.reported(refund, FactKind.REFUNDED, sent)
    assert (books.sums["refunding"], books.sums["loss"]) == (left, lost)
    assert books.sums["provider:sandbox"] == 10_000 - sent
    books.change(lambda draft: paid_back_by_hand(draft, refund.refund_id, "the rest"))
    assert (books.sums["refunding"], books.sums["bank"]) == (0, left)


def test_the_refund_of_an_earned_part_in_steps_gives_all_of_its_commission_back() -> None:
    books = earned()
    books.refund()
    books.refund()
    assert (books.sums["commission"], books.sums["coupon"]) == (0, 0)
    assert books.due == 1_000 - 60  # the freight stays, and so does the fee


def test_a_lower_price_after_it_was_earned_takes_commission_off_as_well() -> None:
    books = earned()

    def lower(draft: Draft) -> None:
        back = PayBack(draft)
        back.adjust(draft.order.lines[0], 2, 1_000)
        back.send("lower", "a scratch")

    books.change(lower)
    assert books.due == 9_870 - 1_000 + 50
    assert books.sums["coupon"] == 400


def door(terms: Contract = NO_CONTRACT) -> Books:
    """X, delivered in one parcel, and to be paid at the door."""
    found = order_x(payment_method=CASH_ON_DELIVERY, state=OrderState.DELIVERED)
    found.parts.clear()
    waiting = payment(
        amount_minor=10_000,
        state=PaymentState.PENDING,
        provider="cash",
        method=CASH_ON_DELIVERY,
    )
    found.add(waiting)
    found.add(parcel(found))
    return Books(found, terms)


def collected(books: Books, amount_minor: int, number: int = 1) -> list[str]:
    """The carrier says that it has collected money."""
    kind = TrackingKind.CASH_COLLECTED
    about = ("sf", f"event-{number}", A, f"{A}-s1", kind, books.now_ms, books.now_ms)
    event = TrackingEvent(*about, "", amount_minor, "CNY")
    return books.change(lambda draft: collect(draft, draft.order.shipments[0], event))


def test_cash_is_the_carriers_debt_parcel_by_parcel() -> None:
    books = door()
    collected(books, 4_000)
    assert (books.sums["carrier:sf"], books.sums["escrow"]) == (4_000, -4_000)
    collected(books, 6_000, 2)
    assert (books.sums["carrier:sf"], books.sums["escrow"]) == (10_000, -10_000)


def test_example_6_cash_that_the_merchant_collects_is_the_merchants_debt() -> None:
    books = door(structs.replace(RATES, merchant_collects=True))
    collected(books, 10_000)
    assert books.due == -10_000
    books.earn()
    assert books.due == -130


def test_cash_that_falls_short_moves_to_suspense() -> None:
    books = door()
    collected(books, 4_000)

    def stop(draft: Draft) -> None:
        judge_collected(draft, 10_000)

    assert books.change(stop) == ["QUARANTINED"]
    assert (books.sums["escrow"], books.sums["suspense"]) == (0, -4_000)


def test_money_of_before_there_was_a_ledger_is_entered_at_the_next_change() -> None:
    found = order_x()
    before = Books(found)
    before.capture()
    before.reported(before.refund(), FactKind.REFUNDED)
    books = Books(old(found))
    assert books.change(lambda draft: draft.note("looked at")) == ["OPENING"]
    assert books.sums == before.sums
    assert books.change(lambda draft: draft.note("looked at")) == []
    books.refund()
    assert books.sums["refunding"] == -4_500


def test_the_first_change_of_an_old_order_may_be_of_its_money() -> None:
    found = order_x()
    Books(found).capture()
    books = Books(old(found))
    books.refund()
    assert [str(journal.kind) for journal in books.journals] == ["OPENING"]
    assert books.held() == {"provider:sandbox": 10_000, "escrow": 5_500, "refunding": 4_500}


def of_two_merchants() -> Books:
    """An order to be paid, half of which is another merchant's."""
    amounts = [Amounts(4_800, 0, 300, 500, 0, 5_000) for _ in range(2)]
    parts = tuple(SubOrder(f"{A}.{no}", f"m{no}", each) for no, each in enumerate(amounts))
    found = order_x(sub_orders=parts)
    line = found.lines[0]
    line.quantity, line.amount_minor = 1, 4_500
    other = type(line)(2, 1, "SKU-2", "Another", 1, 4_800, 4_500)
    found.lines.append(other)
    return Books(found, NO_CONTRACT)


def test_two_merchants_share_an_order_and_each_earns_its_part() -> None:
    books = of_two_merchants()
    books.capture()
    books.earn(1)
    assert (books.sums["escrow"], books.sums["merchant:m1"]) == (-5_000, -5_000)
    books.refund()
    assert books.sums["escrow"] == -500
    books.earn(0)
    assert (books.sums["escrow"], books.sums["merchant:m0"]) == (0, -500)


def test_of_two_merchants_none_earns_more_than_the_buyer_has_paid() -> None:
    books = of_two_merchants()
    books.capture(amount_minor=3_000)
    books.change(
        lambda draft: resolve_quarantined(draft, f"{A}-p1", approve=True, reason="near enough")
    )
    books.earn(1)
    assert (books.sums["escrow"], books.sums["merchant:m1"]) == (0, -3_000)
    books.earn(0)
    assert (books.sums["escrow"], books.sums["merchant:m0"]) == (0, 0)
