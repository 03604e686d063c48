"""The load's own books, and where the engine contradicts what buyers were told."""

from collections import Counter

from benchmarks.flash_sale.books import ENDS, Books, contradictions, unequal_sums
from benchmarks.flash_sale.closing import last_orders
from benchmarks.flash_sale.gate import SkuCount
from holdfast.types import Reservation, ReservationLine, State


def test_the_books_of_two_processes_add_up() -> None:
    here, there = Books(), Books()
    here.answered = {"1": State.RESERVED, "2": State.CONFIRMED}
    here.refused_units = Counter(a=2)
    there.answered = {"1": State.CONFIRMED, "3": State.UNSPECIFIED}
    there.refused_units = Counter(a=1, b=4)
    there.beyond_limit = 1
    here.add(there.to_message())
    assert here.answered == {"1": State.CONFIRMED, "2": State.CONFIRMED, "3": State.UNSPECIFIED}
    assert here.refused_units == {"a": 3, "b": 4}
    assert here.beyond_limit == 1


def test_what_ended_as_it_was_told_is_no_contradiction() -> None:
    answered = {state.name: state for state in ENDS}
    assert list(contradictions(answered, {state.name: end for state, end in ENDS.items()})) == []


def test_a_call_without_an_answer_may_have_had_any_effect() -> None:
    answered = {"1": State.UNSPECIFIED, "2": State.UNSPECIFIED}
    assert list(contradictions(answered, {"1": State.CONFIRMED})) == []


def test_an_accepted_reservation_that_is_gone_is_named() -> None:
    (contradiction,) = contradictions({"1": State.RESERVED}, {})
    assert contradiction == "1: the buyer was told RESERVED, the engine has it not"


def test_a_sold_reservation_that_is_not_sold_is_named() -> None:
    (contradiction,) = contradictions({"1": State.CONFIRMED}, {"1": State.EXPIRED})
    assert contradiction == "1: the buyer was told CONFIRMED, the engine has EXPIRED"


def test_a_reservation_that_is_still_live_in_the_end_is_named() -> None:
    assert list(contradictions({"1": State.RESERVED}, {"1": State.RESERVED}))


def test_a_reservation_that_nobody_was_told_of_is_named() -> None:
    (contradiction,) = contradictions({}, {"1": State.CONFIRMED})
    assert contradiction == "1: the engine has CONFIRMED, no buyer was told of it"


def reservation(state: State, *quantities: int) -> Reservation:
    lines = tuple(ReservationLine("a", "default", quantity, 0, 0, 0) for quantity in quantities)
    return Reservation("t", "1", state, lines, "ann", 0, 0, 0)


def test_a_level_must_say_what_its_confirmed_reservations_say() -> None:
    found = [reservation(State.CONFIRMED, 2, 1), reservation(State.EXPIRED, 5)]
    assert list(unequal_sums([SkuCount("a", 9, 3, 0, 6)], found)) == []
    (difference,) = unequal_sums([SkuCount("a", 9, 4, 0, 5)], found)
    assert "the level has 4 units confirmed" in difference


def test_the_last_call_offers_what_is_left_to_those_who_still_want_it() -> None:
    counts = [
        SkuCount("plenty", 10, 5, 0, 5),
        SkuCount("scarce", 10, 8, 0, 2),
        SkuCount("gone", 10, 10, 0, 0),
    ]
    wanted = {"plenty": 6, "scarce": 20, "gone": 30}
    assert last_orders(counts, wanted, "p") == [
        ("p-0", "plenty"),
        ("p-1", "scarce"),
        ("p-2", "scarce"),
    ]
