"""The specification's examples of the ledger: what X's changes post."""

from itertools import pairwise

import pytest
from msgspec import structs

from order_service.order.chargebacks import Chargeback
from order_service.order.draft import Draft
from order_service.order.journals import JournalKind
from order_service.payment.providers.port import FactKind
from order_service.settlement.accounts import between, provider
from order_service.settlement.posting import enter
from order_service.settlement.terms import share
from tests.order_service.settlement.running import RATES, Books, earned, second_payment
from tests.order_service.settlement.running import M as MERCHANT

SANDBOX = provider("sandbox").name
PAID = {SANDBOX: 10_000}


def test_example_1_an_earned_order_is_the_merchants_less_commission_and_fee() -> None:
    books = earned()
    assert books.held() == PAID | {
        MERCHANT: 9_870,
        "commission": 470,
        "service_fee": 60,
        "coupon": 400,
    }
    assert books.sums["escrow"] == 0


def test_example_2_a_unit_refunded_before_it_is_earned_was_never_the_merchants() -> None:
    books = Books()
    books.capture()
    books.refund()
    books.earn()
    assert books.due == 5_432
    assert books.sums["coupon"] == 200


def test_example_3_a_unit_refunded_after_is_taken_from_the_merchant() -> None:
    books = earned()
    books.refund()
    assert books.due == 5_405
    assert (books.sums["refunding"], books.sums["commission"]) == (-4_500, -235)


def test_example_7_a_refund_is_asked_for_sent_and_bounced() -> None:
    books = Books()
    books.capture()
    refund = books.refund()
    assert books.sums["refunding"] == -4_500
    assert books.reported(refund, FactKind.REFUNDED) == ["REFUND_SENT"]
    assert books.sums["refunding"] == 0
    assert books.sums[SANDBOX] == 5_500
    assert books.reported(refund, FactKind.REFUND_FAILED) == ["REFUND_BOUNCED"]
    assert books.sums["refunding"] == -4_500
    assert books.sums[SANDBOX] == 10_000


def test_example_8_a_lost_chargeback_of_all_takes_what_was_earned_and_gives_the_rates_back() -> (
    None
):
    books = earned()
    assert books.disputed(FactKind.DISPUTED, fee_minor=1_500) == ["CHARGEBACK"]
    taken = (books.sums["chargeback"], books.sums["loss"], books.sums[SANDBOX])
    assert taken == (10_000, 1_500, -1_500)
    assert books.disputed(FactKind.DISPUTE_LOST) == ["COMMISSION_BACK", "CHARGEBACK_LOST"]
    assert books.due == -60
    assert (books.sums["coupon"], books.sums["commission"], books.sums["chargeback"]) == (0, 0, 0)


def test_example_9_what_went_back_before_a_chargeback_is_not_taken_twice() -> None:
    books = Books()
    books.capture()
    books.reported(books.refund(), FactKind.REFUNDED)
    books.disputed(FactKind.DISPUTED)
    (lost,) = books.order.parts_of(Chargeback)
    assert (books.order.payments[0].disputed_minor, lost.excess_minor) == (5_500, 4_500)
    books.disputed(FactKind.DISPUTE_LOST)
    assert (books.sums["escrow"], books.sums["loss"]) == (0, 4_500)
    assert (books.sums["chargeback"], books.due) == (0, 0)


def test_a_chargeback_that_is_won_leaves_the_accounts_as_they_were() -> None:
    books = earned()
    before = books.held()
    books.disputed(FactKind.DISPUTED)
    assert books.disputed(FactKind.DISPUTE_WON) == ["CHARGEBACK_WON"]
    assert books.held() == before


@pytest.mark.parametrize("end", [FactKind.DISPUTE_WON, FactKind.DISPUTE_LOST])
def test_an_outcome_of_which_no_notice_came_is_entered_with_it(end: FactKind) -> None:
    books = Books()
    books.capture()
    books.disputed(end)
    assert books.sums["chargeback"] == 0
    assert books.sums["escrow"] == (-10_000 if end is FactKind.DISPUTE_WON else 0)
    assert books.disputed(FactKind.DISPUTED) == []


def test_example_11_what_is_held_for_a_case_is_not_paid_out() -> None:
    books = earned()
    hold = [between(JournalKind.HOLD, "m", 4_700)]
    books.change(lambda draft: enter(draft, "c1/held", JournalKind.HOLD, "CNY", hold))
    assert (books.sums["held:m"], books.due) == (-4_700, 5_170)


def test_example_19_the_commission_of_refunds_sums_to_the_whole() -> None:
    bases = [9_999, 6_666, 3_333, 0]
    back = [share(before, 333) - share(after, 333) for before, after in pairwise(bases)]
    assert sorted(back, reverse=True) == [111, 111, 110]
    assert sum(back) == share(9_999, 333) == 332


def test_example_20_the_freight_is_the_platforms_where_that_ships() -> None:
    books = earned(structs.replace(RATES, merchant_ships=False))
    assert books.sums["freight"] == -1_000
    assert books.due == 8_870


def test_example_21_money_that_came_twice_goes_back_past_the_merchant() -> None:
    books = Books()
    books.capture()
    second_payment(books)
    assert books.capture(2) == ["CAPTURED", "REFUND"]
    assert (books.sums["suspense"], books.sums["refunding"]) == (0, -10_000)
    books.reported(books.order.refunds[-1], FactKind.REFUNDED)
    assert books.held() == {SANDBOX: 10_000, "escrow": 10_000}


def test_example_27_what_is_let_go_can_be_paid_out() -> None:
    books = earned()

    def hold_and_let_go(draft: Draft) -> None:
        for kind in (JournalKind.HOLD, JournalKind.UNHOLD):
            enter(draft, f"c1/{kind}", kind, "CNY", [between(kind, "m", 4_700)])

    books.change(hold_and_let_go)
    assert (books.sums["held:m"], books.due) == (0, 9_870)
