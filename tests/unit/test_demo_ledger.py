"""What the demo concludes from answers: right ones, and the wrong ones it is there to find."""

from collections.abc import Sequence

import pytest

from holdfast.commands import Cancel, Command, Confirm, Release, Reserve, Return, Ship
from holdfast.demo.ledger import ExpectedLevel, Ledger
from holdfast.demo.order_log import Order
from holdfast.outcomes import Outcome
from holdfast.types import Disposition, Line, Result, Shortage, State, StockLevel

REFUSED = Result(Outcome.OUT_OF_STOCK, shortages=(Shortage("A", "default", 5, 4),))


def ledger_of(stock: int, *quantities: int) -> Ledger:
    """A ledger of one SKU, A, and of orders o1, o2, ... of so many units."""
    return Ledger(
        {"A": stock},
        [
            Order(number, f"o{number}", "b", (Line("A", quantity),))
            for number, quantity in enumerate(quantities, start=1)
        ],
    )


def told(ledger: Ledger, command: Command, *answers: Result) -> Result:
    ledger.sent(command)
    return ledger.answered(command, answers)


def applied(state: State, *, replayed: bool = False) -> Result:
    return Result(Outcome.APPLIED, replayed, state)


def reserve(ledger: Ledger, order_id: str, *, ttl_ms: int = 0) -> None:
    lines = ledger.accounts[order_id].order.lines
    told(ledger, Reserve(order_id, lines, ttl_ms), applied(State.RESERVED))


def sell(ledger: Ledger, order_id: str) -> None:
    reserve(ledger, order_id)
    told(ledger, Confirm(order_id), applied(State.CONFIRMED))


def refuse(ledger: Ledger, order_id: str) -> None:
    told(ledger, Reserve(order_id, ledger.accounts[order_id].order.lines), REFUSED)


def is_clean(ledger: Ledger) -> bool:
    return not (ledger.unexpected_answers or ledger.double_effects or ledger.oversold_units())


def level_of(on_hand: int, reserved: int, confirmed: int, damaged: int = 0) -> StockLevel:
    available = on_hand - reserved - confirmed
    return StockLevel(
        "default", "A", "default", on_hand, reserved, confirmed, damaged, 0, available, 0, 1
    )


def test_a_life_from_reserve_to_return_moves_the_level() -> None:
    ledger = ledger_of(10, 6)
    reserve(ledger, "o1")
    assert ledger.levels() == {"A": ExpectedLevel(10, 6, 0, 0)}
    told(ledger, Confirm("o1"), applied(State.CONFIRMED))
    assert ledger.levels() == {"A": ExpectedLevel(10, 0, 6, 0)}
    told(ledger, Cancel("o1", "c", (Line("A", 1),)), applied(State.CONFIRMED))
    told(ledger, Ship("o1", "s", (Line("A", 2),)), applied(State.CONFIRMED))
    assert ledger.levels() == {"A": ExpectedLevel(8, 0, 3, 0)}
    told(ledger, Ship("o1", "t"), applied(State.FULFILLED))
    assert ledger.levels() == {"A": ExpectedLevel(5, 0, 0, 0)}
    resellable = Return("o1", "r", (Line("A", 2),))
    damaged = Return("o1", "q", (Line("A", 1),), Disposition.DAMAGED)
    told(ledger, resellable, applied(State.FULFILLED))
    told(ledger, damaged, applied(State.FULFILLED))
    assert ledger.levels() == {"A": ExpectedLevel(7, 0, 0, 1)}
    assert ledger.accounts["o1"].returnable_units("A") == 2
    assert is_clean(ledger)


@pytest.mark.parametrize("state", [State.RELEASED, State.EXPIRED])
def test_units_of_an_ended_reservation_are_on_sale_again(state: State) -> None:
    ledger = ledger_of(5, 5)
    if state is State.RELEASED:
        reserve(ledger, "o1")
        told(ledger, Release("o1"), applied(state))
    else:
        reserve(ledger, "o1", ttl_ms=1_000)
        told(ledger, Confirm("o1"), Result(Outcome.ALREADY_EXPIRED, state=state))
    assert ledger.levels()["A"].available == 5
    assert is_clean(ledger)


def test_a_unit_promised_to_two_buyers_is_oversold() -> None:
    ledger = ledger_of(9, 5, 5, 5)
    reserve(ledger, "o1")
    reserve(ledger, "o2")
    assert ledger.oversold_units() == 1
    sell(ledger, "o3")
    assert ledger.oversold_units() == 6


def test_a_later_cancellation_does_not_cover_up_an_oversale() -> None:
    ledger = ledger_of(5, 5, 5)
    sell(ledger, "o1")
    sell(ledger, "o2")
    told(ledger, Cancel("o2", "c"), applied(State.CANCELLED))
    assert ledger.levels()["A"].available == 0
    assert ledger.oversold_units() == 5


def test_a_unit_given_back_may_be_sold_from_the_moment_its_command_is_sent() -> None:
    ledger = ledger_of(5, 5, 5, 5)
    sell(ledger, "o1")
    ledger.sent(Cancel("o1", "c"))
    sell(ledger, "o2")
    told(ledger, Ship("o2", "s"), applied(State.FULFILLED))
    ledger.sent(Return("o2", "r", (Line("A", 5),)))
    sell(ledger, "o3")
    assert ledger.oversold_units() == 0


def test_a_damaged_unit_may_not_be_sold_again() -> None:
    ledger = ledger_of(5, 5, 5)
    sell(ledger, "o1")
    told(ledger, Ship("o1", "s"), applied(State.FULFILLED))
    back = Return("o1", "r", (Line("A", 5),), Disposition.DAMAGED)
    told(ledger, back, applied(State.FULFILLED))
    sell(ledger, "o2")
    assert ledger.oversold_units() == 5


def test_a_reservation_that_may_have_lapsed_promises_nothing_until_it_is_confirmed() -> None:
    ledger = ledger_of(5, 5, 5)
    reserve(ledger, "o1", ttl_ms=1_000)
    sell(ledger, "o2")
    assert ledger.oversold_units() == 0
    reacquire = Confirm("o1", reacquire_if_expired=True)
    told(ledger, reacquire, applied(State.CONFIRMED))
    assert ledger.oversold_units() == 5


def test_refused_orders_that_fit_into_what_is_left_are_undersold() -> None:
    ledger = ledger_of(10, 4, 8, 5, 3)
    sell(ledger, "o1")
    for order_id in ("o2", "o3", "o4"):
        refuse(ledger, order_id)
    assert ledger.undersold_units({"A": 6}) == 5
    assert ledger.undersold_units({"A": 8}) == 8
    assert ledger.undersold_units({"A": 2}) == 0


def test_an_order_is_undersold_only_if_all_its_lines_fit() -> None:
    ledger = Ledger({"A": 1, "B": 1}, [Order(1, "o1", "", (Line("A", 1), Line("B", 2)))])
    refuse(ledger, "o1")
    assert ledger.undersold_units({"A": 1, "B": 1}) == 0
    assert ledger.undersold_units({"A": 1, "B": 2}) == 3


def test_an_order_accepted_at_a_later_try_is_not_undersold() -> None:
    ledger = ledger_of(5, 5, 3)
    sell(ledger, "o1")
    refuse(ledger, "o2")
    told(ledger, Cancel("o1", "c"), applied(State.CANCELLED))
    reserve(ledger, "o2")
    assert ledger.wanting() == []
    assert ledger.accepted_orders() == 2


def test_a_lapsed_order_that_is_refused_its_stock_still_wants_it() -> None:
    ledger = ledger_of(5, 5, 5)
    reserve(ledger, "o1", ttl_ms=1_000)
    sell(ledger, "o2")
    refusal = Result(Outcome.OUT_OF_STOCK, state=State.EXPIRED, shortages=REFUSED.shortages)
    told(ledger, Confirm("o1", reacquire_if_expired=True), refusal)
    assert [account.order.order_id for account in ledger.wanting()] == ["o1"]
    assert ledger.undersold_units({"A": 5}) == 5
    assert is_clean(ledger)


def test_a_refusal_while_everything_asked_for_fits_is_unexpected() -> None:
    ledger = ledger_of(10, 5, 5, 1)
    refuse(ledger, "o1")
    refuse(ledger, "o2")
    assert len(ledger.unexpected_answers) == 2
    refuse(ledger, "o3")
    assert len(ledger.unexpected_answers) == 2


def test_a_refusal_that_names_no_short_line_is_unexpected() -> None:
    ledger = ledger_of(4, 5, 5)
    refuse(ledger, "o1")
    assert is_clean(ledger)
    enough = Result(Outcome.OUT_OF_STOCK, shortages=(Shortage("A", "default", 5, 5),))
    for answer in (Result(Outcome.OUT_OF_STOCK), enough):
        told(ledger, Reserve("o2", ()), answer)
    assert len(ledger.unexpected_answers) == 2


COPIES = [
    ([applied(State.RESERVED), applied(State.RESERVED, replayed=True)], True),
    ([applied(State.RESERVED, replayed=True), applied(State.RESERVED)], True),
    ([REFUSED, applied(State.RESERVED)], True),
    ([applied(State.RESERVED), applied(State.RESERVED)], False),
    ([applied(State.RESERVED), Result(Outcome.ID_REUSED)], False),
]


@pytest.mark.parametrize(("answers", "good"), COPIES)
def test_copies_sent_together_have_one_effect(answers: Sequence[Result], good: bool) -> None:
    ledger = ledger_of(4, 5)
    told(ledger, Reserve("o1", (Line("A", 5),), 1_000), *answers)
    assert ledger.accounts["o1"].accepted
    assert is_clean(ledger) is good


@pytest.mark.parametrize(
    ("answer", "good"),
    [
        (applied(State.FULFILLED, replayed=True), True),
        (applied(State.FULFILLED), False),
        (Result(Outcome.QUANTITY_EXCEEDED, state=State.FULFILLED), False),
    ],
)
def test_a_command_in_effect_is_only_ever_replayed(answer: Result, good: bool) -> None:
    ledger = ledger_of(5, 5)
    sell(ledger, "o1")
    told(ledger, Ship("o1", "s"), applied(State.FULFILLED))
    told(ledger, Ship("o1", "s"), answer)
    assert is_clean(ledger) is good
    assert ledger.levels() == {"A": ExpectedLevel(0, 0, 0, 0)}


@pytest.mark.parametrize(
    ("command", "outcome"),
    [
        (Confirm("o1"), Outcome.ALREADY_EXPIRED),
        (Confirm("o1"), Outcome.NOT_FOUND),
        (Release("o1"), Outcome.ALREADY_CONFIRMED),
        (Ship("o1", "s"), Outcome.NOT_CONFIRMED),
    ],
)
def test_an_answer_that_cannot_be_is_unexpected(command: Command, outcome: Outcome) -> None:
    ledger = ledger_of(5, 5)
    reserve(ledger, "o1")
    told(ledger, command, Result(outcome, state=State.RESERVED))
    assert len(ledger.unexpected_answers) == 1
    assert outcome.name in ledger.unexpected_answers[0]


def test_a_reservation_sold_after_its_deadline_without_being_asked_to_is_unexpected() -> None:
    ledger = ledger_of(5, 5)
    reserve(ledger, "o1", ttl_ms=1_000)
    told(ledger, Confirm("o1"), applied(State.CONFIRMED))
    assert len(ledger.unexpected_answers) == 1


def test_every_figure_of_a_level_is_compared() -> None:
    ledger = ledger_of(10, 4, 3)
    reserve(ledger, "o1")
    sell(ledger, "o2")
    assert ledger.differences([level_of(10, 4, 3)]) == []
    assert len(ledger.differences([level_of(11, 4, 3)])) == 2
    assert len(ledger.differences([level_of(10, 5, 3)])) == 2
    assert len(ledger.differences([level_of(10, 4, 2)])) == 2
    assert len(ledger.differences([level_of(10, 4, 3, damaged=1)])) == 1
    assert ledger.differences([]) == ["SKU A: the level is gone"]
