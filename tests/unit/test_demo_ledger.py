"""The demo's conclusions about units: right ones, and the wrong ones it is there to find."""

import pytest

from holdfast.demo.ledger import Account, ExpectedLevel, Ledger
from holdfast.demo.order_log import Order, OrderedLine
from holdfast.types import Disposition, StockLevel

RESELLABLE, DAMAGED = Disposition.RESELLABLE, Disposition.DAMAGED


def ledger_of(stock: int, *quantities: int) -> Ledger:
    """A ledger of one SKU, A, and of orders of so many units."""
    orders = [
        Order(number, f"o{number}", "b", (OrderedLine("A", quantity, 100),))
        for number, quantity in enumerate(quantities, start=1)
    ]
    return Ledger({"A": stock}, orders)


def reserve(ledger: Ledger, number: int, *, lapses: bool = False) -> Account:
    account = ledger.accounts[number]
    ledger.places(account, lapses=lapses)
    ledger.reserved(account, f"id-{number}")
    return account


def sell(ledger: Ledger, number: int) -> Account:
    account = reserve(ledger, number)
    ledger.sold(account)
    return account


def refuse(ledger: Ledger, number: int) -> bool:
    account = ledger.accounts[number]
    ledger.places(account, lapses=False)
    return ledger.refused(account, f"id-{number}")


def cancel(ledger: Ledger, account: Account) -> None:
    ledger.gives_back(account)
    ledger.gave_back(account)


def send_back(ledger: Ledger, account: Account, units: int, disposition: Disposition) -> None:
    ledger.sends_back("A", units, disposition)
    ledger.sent_back(account, "A", units, disposition)


def level_of(on_hand: int, reserved: int, confirmed: int, damaged: int = 0) -> StockLevel:
    available = on_hand - reserved - confirmed
    return StockLevel(
        "default", "A", "default", on_hand, reserved, confirmed, damaged, 0, available, 0, 1
    )


def test_a_life_from_order_to_return_moves_the_level() -> None:
    ledger = ledger_of(10, 6)
    account = reserve(ledger, 0)
    assert ledger.levels() == {"A": ExpectedLevel(10, 6, 0, 0)}
    ledger.sold(account)
    assert ledger.levels() == {"A": ExpectedLevel(10, 0, 6, 0)}
    ledger.shipped(account, {"A": 2})
    assert ledger.levels() == {"A": ExpectedLevel(8, 0, 4, 0)}
    ledger.shipped(account, {"A": 4})
    assert ledger.levels() == {"A": ExpectedLevel(4, 0, 0, 0)}
    send_back(ledger, account, 2, RESELLABLE)
    send_back(ledger, account, 1, DAMAGED)
    assert ledger.levels() == {"A": ExpectedLevel(6, 0, 0, 1)}
    assert account.returnable_units("A") == 3
    assert ledger.oversold_units() == 0


def test_units_of_a_cancelled_or_expired_order_are_on_sale_again() -> None:
    ledger = ledger_of(9, 3, 3, 3)
    cancel(ledger, reserve(ledger, 0))
    ledger.expired(reserve(ledger, 1, lapses=True))
    cancel(ledger, sell(ledger, 2))
    assert ledger.levels()["A"].available == 9
    assert [account.cancelled["A"] for account in ledger.accounts] == [0, 0, 3]


def test_a_unit_promised_to_two_buyers_is_oversold() -> None:
    ledger = ledger_of(9, 5, 5, 5)
    reserve(ledger, 0)
    reserve(ledger, 1)
    assert ledger.oversold_units() == 1
    sell(ledger, 2)
    assert ledger.oversold_units() == 6


def test_a_later_cancellation_does_not_cover_up_an_oversale() -> None:
    ledger = ledger_of(5, 5, 5)
    sell(ledger, 0)
    cancel(ledger, sell(ledger, 1))
    assert ledger.levels()["A"].available == 0
    assert ledger.oversold_units() == 5


def test_a_unit_given_back_may_be_sold_from_the_moment_its_request_is_sent() -> None:
    ledger = ledger_of(5, 5, 5, 5)
    ledger.gives_back(sell(ledger, 0))
    ledger.shipped(sell(ledger, 1), {"A": 5})
    ledger.sends_back("A", 5, RESELLABLE)
    sell(ledger, 2)
    assert ledger.oversold_units() == 0


def test_a_damaged_unit_may_not_be_sold_again() -> None:
    ledger = ledger_of(5, 5, 5)
    first = sell(ledger, 0)
    ledger.shipped(first, {"A": 5})
    send_back(ledger, first, 5, DAMAGED)
    sell(ledger, 1)
    assert ledger.oversold_units() == 5


def test_an_order_that_may_have_expired_promises_nothing_until_it_is_sold() -> None:
    ledger = ledger_of(5, 5, 5)
    late = reserve(ledger, 0, lapses=True)
    sell(ledger, 1)
    assert ledger.oversold_units() == 0
    ledger.sold(late)
    assert ledger.oversold_units() == 5


def test_refused_orders_that_fit_into_what_is_left_are_undersold() -> None:
    ledger = ledger_of(10, 4, 8, 5, 3)
    sell(ledger, 0)
    for number in (1, 2, 3):
        refuse(ledger, number)
    assert ledger.undersold_units({"A": 6}) == 5
    assert ledger.undersold_units({"A": 8}) == 8
    assert ledger.undersold_units({"A": 2}) == 0
    assert [account.order.number for account in ledger.fitting()] == ["o3", "o4"]


def test_an_order_is_undersold_only_if_all_its_lines_fit() -> None:
    lines = (OrderedLine("A", 1, 1), OrderedLine("B", 2, 1))
    ledger = Ledger({"A": 1, "B": 1}, [Order(1, "o1", "", lines)])
    refuse(ledger, 0)
    assert ledger.undersold_units({"A": 1, "B": 1}) == 0
    assert ledger.undersold_units({"A": 1, "B": 2}) == 3


def test_an_order_accepted_at_a_later_try_is_not_undersold() -> None:
    ledger = ledger_of(5, 5, 3)
    first = sell(ledger, 0)
    refuse(ledger, 1)
    cancel(ledger, first)
    reserve(ledger, 1)
    assert ledger.wanting() == []
    assert ledger.accepted_orders() == 2
    assert ledger.accounts[1].attempt == 2


def test_an_order_that_was_paid_too_late_still_wants_its_stock() -> None:
    ledger = ledger_of(5, 5, 5)
    late = reserve(ledger, 0, lapses=True)
    sell(ledger, 1)
    ledger.expired(late)
    ledger.lost(late)
    assert ledger.wanting() == [late]
    assert ledger.undersold_units({"A": 5}) == 5


def test_a_refusal_while_everything_asked_for_fits_cannot_be() -> None:
    ledger = ledger_of(10, 5, 5, 1)
    assert not refuse(ledger, 0)
    assert not refuse(ledger, 1)
    assert refuse(ledger, 2)


@pytest.mark.parametrize(
    ("level", "differences"),
    [
        (level_of(10, 4, 3), 0),
        (level_of(11, 4, 3), 2),
        (level_of(10, 5, 3), 2),
        (level_of(10, 4, 2), 2),
        (level_of(10, 4, 3, damaged=1), 1),
    ],
)
def test_every_figure_of_a_level_is_compared(level: StockLevel, differences: int) -> None:
    ledger = ledger_of(10, 4, 3)
    reserve(ledger, 0)
    sell(ledger, 1)
    assert len(ledger.differences([level])) == differences


def test_a_level_that_is_gone_or_that_nobody_set_is_a_difference() -> None:
    assert ledger_of(10).differences([]) == ["SKU A: the level is gone"]
    assert Ledger({}, []).differences([level_of(0, 0, 0)]) == ["SKU A: a level that nobody set"]
