"""Ship: every outcome and guard of movement.lua and ship.lua, in order of precedence."""

import pytest

from engine.model import Line, Outcome, Reserve, Result, Ship
from engine.scripts import Kind
from tests.lua.scenario import (
    CAST_NAMES,
    T0,
    cases,
    declared_outcomes,
    outcomes_of,
    play,
    play_case,
    reservations_of,
)
from tests.partition import Partition

# part-shipped has TEA:4 CUP@north:2, of which s1 has shipped TEA:3.
TABLE = """
    ship never-seen s1                         -> NOT_FOUND
    ship tombstone s1                          -> ALREADY_RELEASED RELEASED until none
    ship released s1                           -> ALREADY_RELEASED RELEASED until 15m
    ship lapsed s1                             -> ALREADY_EXPIRED EXPIRED until 1s
    ship live s1                               -> NOT_CONFIRMED RESERVED until 15m

    # The shipment's id is known.
    ship part-shipped s1 TEA:3                 -> APPLIED CONFIRMED replayed until 15m
    ship part-shipped s1 TEA:1 TEA:2           -> APPLIED CONFIRMED replayed
    ship fulfilled s1                          -> APPLIED FULFILLED replayed until 15m
    ship part-shipped s1 TEA:1                 -> ID_REUSED CONFIRMED until 15m
    ship part-shipped s1                       -> ID_REUSED CONFIRMED
    ship part-shipped s1 TEA:3 CUP@north:1     -> ID_REUSED CONFIRMED
    ship part-shipped s1 CUP@north:3           -> ID_REUSED CONFIRMED
    ship fulfilled s1 TEA:4                    -> ID_REUSED FULFILLED until 15m

    ship cancelled s1                          -> ALREADY_CANCELLED CANCELLED until 15m
    ship cancelled c1                          -> ALREADY_CANCELLED CANCELLED

    # A line that the reservation does not have, more than is left of one, nothing left.
    ship sold s1 MUG:1                         -> QUANTITY_EXCEEDED CONFIRMED until 15m
    ship sold s1 TEA@north:1                   -> QUANTITY_EXCEEDED CONFIRMED
    ship sold s1 CUP:1                         -> QUANTITY_EXCEEDED CONFIRMED
    ship sold s1 TEA:4 MUG:1                   -> QUANTITY_EXCEEDED CONFIRMED
    ship sold s1 TEA:5                         -> QUANTITY_EXCEEDED CONFIRMED
    ship sold s1 TEA:3 TEA:2                   -> QUANTITY_EXCEEDED CONFIRMED
    ship sold s1 TEA:4 CUP@north:3             -> QUANTITY_EXCEEDED CONFIRMED
    ship part-shipped s2 TEA:2                 -> QUANTITY_EXCEEDED CONFIRMED
    ship fulfilled s2                          -> QUANTITY_EXCEEDED FULFILLED until 15m
    ship fulfilled s2 TEA:1                    -> QUANTITY_EXCEEDED FULFILLED
    cancel sold c1 TEA:3
    ship sold s1 TEA:2                         -> QUANTITY_EXCEEDED CONFIRMED

    ship sold s1 TEA:1                         -> APPLIED CONFIRMED until 15m
    ship sold s1 TEA:3 TEA:1                   -> APPLIED CONFIRMED
    ship sold s1 TEA:4 CUP@north:2             -> APPLIED FULFILLED until 15m
    ship sold s1                               -> APPLIED FULFILLED
    ship part-shipped s2 TEA:1                 -> APPLIED CONFIRMED
    ship part-shipped s2 CUP@north:2           -> APPLIED CONFIRMED
    ship part-shipped s2                       -> APPLIED FULFILLED
    cancel part-shipped s1 TEA:1
    ship part-shipped s2                       -> APPLIED FULFILLED

    # Two reasons at once: the one that is judged first answers.
    ship tombstone s1 MUG:1                    -> ALREADY_RELEASED RELEASED
    ship lapsed s1 TEA:999                     -> ALREADY_EXPIRED EXPIRED
    ship live s1 MUG:1                         -> NOT_CONFIRMED RESERVED
    ship part-shipped s1 TEA:999               -> ID_REUSED CONFIRMED
    ship part-shipped s1 MUG:1                 -> ID_REUSED CONFIRMED
    ship cancelled s1 TEA:1                    -> ALREADY_CANCELLED CANCELLED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    beyond_the_table = {"INVALID"}  # takes a thousand movements; see below
    assert outcomes_of(TABLE) | beyond_the_table == declared_outcomes(Kind.SHIP)
    assert reservations_of(TABLE) == CAST_NAMES


def test_shipped_units_leave_on_hand(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 10 safety=1
             stock CUP@north 10
             reserve A TEA:4 CUP@north:2 buyer=li
             confirm A
             ship A s1 TEA:1
             level TEA           -> on_hand 9 confirmed 3 available 5 version 4
             level CUP@north     -> on_hand 10 confirmed 2 version 3
             lines A             -> CUP@north:2/0/0/0 TEA:4/1/0/0
             ship A s2
             level TEA           -> on_hand 6 available 5 version 5
             level CUP@north     -> on_hand 8 version 4
             lines A             -> CUP@north:2/2/0/0 TEA:4/4/0/0
             buyer li TEA        -> 4
        """,
    )


def test_no_lines_mean_all_that_is_left(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 10
             reserve A TEA:4
             confirm A
             ship A s1 TEA:1
             cancel A c1 TEA:2
             ship A s2           -> APPLIED FULFILLED
             lines A             -> TEA:4/2/2/0
        """,
    )


def test_a_shipment_is_replayed_by_its_id_after_all_has_changed(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4
             reserve A TEA:4
             confirm A
             ship A s1 TEA:1
             ship A s2
             return A r1 damaged
        1d   ship A s1 TEA:1     -> APPLIED FULFILLED replayed
        +    ship A s2           -> APPLIED FULFILLED replayed
        +    ship A s2 TEA:3     -> ID_REUSED FULFILLED
             lines A             -> TEA:4/4/0/4
        """,
    )


def test_the_ids_of_shipments_cancellations_and_returns_are_separate(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:9
             confirm A
             ship A m TEA:2                     -> APPLIED CONFIRMED
             cancel A m TEA:2                   -> APPLIED CONFIRMED
             return A m resellable TEA:2        -> APPLIED CONFIRMED
             ship A m TEA:2                     -> APPLIED CONFIRMED replayed
             cancel A m TEA:2                   -> APPLIED CONFIRMED replayed
             return A m resellable TEA:2        -> APPLIED CONFIRMED replayed
             lines A                            -> TEA:9/2/2/2
        """,
    )


def test_the_ids_of_two_reservations_are_separate(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:1
             reserve B TEA:1
             confirm A
             confirm B
             ship A s1     -> APPLIED FULFILLED
        +    ship B s1     -> APPLIED FULFILLED
        """,
    )


def test_a_refused_shipment_leaves_its_id_free(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:2
             ship A s1            -> NOT_CONFIRMED RESERVED
             confirm A
             ship A s1 TEA:3      -> QUANTITY_EXCEEDED CONFIRMED
             ship A s1 TEA:2      -> APPLIED FULFILLED
        """,
    )


def test_a_reservation_has_room_for_a_thousand_movements(partition: Partition) -> None:
    play(partition, "0 stock TEA 1001 \n reserve A TEA:1001 \n confirm A")
    one = [Line("TEA", 1)]
    partition.run([Ship("A", f"s{n}", one) for n in range(1_000)], T0)
    too_many, again, too_much, other = partition.run(
        [
            Ship("A", "s1000", one),
            Ship("A", "s999", one),
            Ship("A", "s1000", [Line("TEA", 2)]),
            Reserve("B", one),
        ],
        T0,
    )
    outcomes = [answer.outcome for answer in (too_many, again, too_much, other)]  # type: ignore[union-attr]
    assert outcomes == [
        Outcome.INVALID,
        Outcome.APPLIED,
        Outcome.QUANTITY_EXCEEDED,
        Outcome.OUT_OF_STOCK,
    ]
    assert isinstance(too_many, Result)
    assert too_many.detail.startswith("reservation_id: the reservation has 1,000 shipments")
    play(partition, "0 lines A -> TEA:1001/1000/0/0")
