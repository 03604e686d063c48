"""Cancel: every outcome and guard of movement.lua and cancel.lua, in order of precedence."""

import pytest

from engine.scripts import Kind
from tests.lua.scenario import (
    CAST_NAMES,
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
    cancel never-seen c1                       -> NOT_FOUND
    cancel tombstone c1                        -> ALREADY_RELEASED RELEASED until none
    cancel released c1                         -> ALREADY_RELEASED RELEASED until 15m
    cancel lapsed c1                           -> ALREADY_EXPIRED EXPIRED until 1s
    cancel live c1                             -> NOT_CONFIRMED RESERVED until 15m

    # The cancellation's id is known.
    cancel cancelled c1                        -> APPLIED CANCELLED replayed until 15m
    cancel cancelled c1 TEA:4                  -> ID_REUSED CANCELLED until 15m
    cancel sold c1 TEA:1
    cancel sold c1 TEA:1                       -> APPLIED CONFIRMED replayed until 15m
    cancel sold c1 TEA:1
    cancel sold c1 TEA:2                       -> ID_REUSED CONFIRMED until 15m
    cancel sold c1 TEA:1
    cancel sold c1                             -> ID_REUSED CONFIRMED

    # Where the units go is part of its content; unset is resellable.
    cancel sold c1 TEA:1
    cancel sold c1 resellable TEA:1            -> APPLIED CONFIRMED replayed
    cancel sold c1 resellable TEA:1
    cancel sold c1 TEA:1                       -> APPLIED CONFIRMED replayed
    cancel sold c1 TEA:1
    cancel sold c1 lost TEA:1                  -> ID_REUSED CONFIRMED
    cancel sold c1 lost TEA:1
    cancel sold c1 lost TEA:1                  -> APPLIED CONFIRMED replayed
    cancel sold c1 lost TEA:1
    cancel sold c1 damaged TEA:1               -> ID_REUSED CONFIRMED
    cancel sold c1 lost TEA:1
    cancel sold c1 TEA:1                       -> ID_REUSED CONFIRMED

    cancel cancelled c2                        -> ALREADY_CANCELLED CANCELLED until 15m

    # A line that the reservation does not have, more than is left of one, nothing left.
    cancel sold c1 MUG:1                       -> QUANTITY_EXCEEDED CONFIRMED until 15m
    cancel sold c1 TEA@north:1                 -> QUANTITY_EXCEEDED CONFIRMED
    cancel sold c1 TEA:4 MUG:1                 -> QUANTITY_EXCEEDED CONFIRMED
    cancel sold c1 TEA:5                       -> QUANTITY_EXCEEDED CONFIRMED
    cancel sold c1 TEA:2 TEA:3                 -> QUANTITY_EXCEEDED CONFIRMED
    cancel part-shipped c1 TEA:2               -> QUANTITY_EXCEEDED CONFIRMED
    cancel fulfilled c1                        -> QUANTITY_EXCEEDED FULFILLED until 15m
    cancel fulfilled c1 TEA:1                  -> QUANTITY_EXCEEDED FULFILLED

    cancel sold c1 TEA:1                       -> APPLIED CONFIRMED until 15m
    cancel sold c1 TEA:4                       -> APPLIED CONFIRMED
    cancel sold c1 TEA:4 CUP@north:2           -> APPLIED CANCELLED until 15m
    cancel sold c1                             -> APPLIED CANCELLED
    cancel part-shipped c1 TEA:1               -> APPLIED CONFIRMED
    cancel part-shipped c1                     -> APPLIED FULFILLED until 15m
    cancel part-shipped s1                     -> APPLIED FULFILLED

    # Two reasons at once: the one that is judged first answers.
    cancel tombstone c1 MUG:1                  -> ALREADY_RELEASED RELEASED
    cancel lapsed c1 TEA:999                   -> ALREADY_EXPIRED EXPIRED
    cancel live c1 MUG:1                       -> NOT_CONFIRMED RESERVED
    cancel cancelled c1 TEA:999                -> ID_REUSED CANCELLED
    cancel cancelled c2 MUG:1                  -> ALREADY_CANCELLED CANCELLED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    beyond_the_table = {"INVALID"}  # takes a thousand movements; see test_ship.py
    assert outcomes_of(TABLE) | beyond_the_table == declared_outcomes(Kind.CANCEL)
    assert reservations_of(TABLE) == CAST_NAMES


def test_cancelled_units_are_on_sale_again_at_once(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4 limit=4
             reserve A TEA:4 buyer=li
             confirm A
             cancel A c1 TEA:1                 -> APPLIED CONFIRMED
        +    reserve B TEA:1 buyer=li          -> APPLIED RESERVED
        +    reserve C TEA:1 buyer=wang        -> OUT_OF_STOCK short TEA:1/0
             level TEA                         -> on_hand 4 reserved 1 confirmed 3 version 5
             lines A                           -> TEA:4/0/1/0
             buyer li TEA                      -> 4
        """,
    )


def test_lost_units_leave_on_hand_and_damaged_ones_go_aside(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 6 limit=4
             reserve A TEA:4 buyer=li
             confirm A
             cancel A c1 lost TEA:1            -> APPLIED CONFIRMED
             level TEA                         -> on_hand 5 confirmed 3 damaged 0 available 2
             buyer li TEA                      -> 3
             cancel A c2 damaged TEA:2         -> APPLIED CONFIRMED
             level TEA                         -> on_hand 3 confirmed 1 damaged 2 available 2
             buyer li TEA                      -> 1
             cancel A c3 resellable            -> APPLIED CANCELLED
             level TEA                         -> on_hand 3 confirmed 0 damaged 2 available 3
             buyer li TEA                      -> 0
        """,
    )


def test_a_reservation_without_a_shipped_unit_ends_cancelled(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:2
             confirm A
             cancel A c1 TEA:1     -> APPLIED CONFIRMED
             cancel A c2 TEA:1     -> APPLIED CANCELLED
             ship A s1             -> ALREADY_CANCELLED CANCELLED
             level TEA             -> on_hand 9
        """,
    )


def test_a_reservation_with_a_shipped_unit_ends_fulfilled_whichever_came_last(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             stock CUP 9
             reserve A TEA:2 CUP:1
             reserve B TEA:2 CUP:1
             confirm A
             confirm B
             ship A s1 CUP:1       -> APPLIED CONFIRMED
             cancel A c1           -> APPLIED FULFILLED
             cancel B c1 TEA:2     -> APPLIED CONFIRMED
             ship B s1             -> APPLIED FULFILLED
             lines A               -> CUP:1/1/0/0 TEA:2/0/2/0
             lines B               -> CUP:1/1/0/0 TEA:2/0/2/0
        """,
    )


def test_what_was_shipped_and_came_back_cannot_be_cancelled(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:2
             confirm A
             ship A s1 TEA:1
             return A r1 resellable
             cancel A c1 TEA:2     -> QUANTITY_EXCEEDED CONFIRMED
             cancel A c1           -> APPLIED FULFILLED
             lines A               -> TEA:2/1/1/1
             level TEA             -> on_hand 9
        """,
    )


def test_a_cancelled_order_keeps_replaying_its_cancellations(partition: Partition) -> None:
    play(
        partition,
        """
        0      stock TEA 9
               reserve A TEA:2
               confirm A
               cancel A c1 TEA:1
               cancel A c2
        23h    cancel A c1 TEA:1     -> APPLIED CANCELLED replayed
        +      cancel A c2           -> APPLIED CANCELLED replayed
        +      cancel A c3           -> ALREADY_CANCELLED CANCELLED
        """,
    )
