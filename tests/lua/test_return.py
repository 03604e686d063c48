"""Return: every outcome and guard of movement.lua and return.lua, in order of precedence."""

import pytest

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
    return never-seen r1 damaged                  -> NOT_FOUND
    return tombstone r1 damaged                   -> ALREADY_RELEASED RELEASED until none
    return released r1 damaged                    -> ALREADY_RELEASED RELEASED until 15m
    return lapsed r1 damaged                      -> ALREADY_EXPIRED EXPIRED until 1s
    return live r1 damaged                        -> NOT_CONFIRMED RESERVED until 15m

    # The return's id is known; where the units go is part of its content.
    return fulfilled r1 damaged TEA:1
    return fulfilled r1 damaged TEA:1             -> APPLIED FULFILLED replayed until 15m
    return fulfilled r1 damaged TEA:1
    return fulfilled r1 resellable TEA:1          -> ID_REUSED FULFILLED until 15m
    return fulfilled r1 damaged TEA:1
    return fulfilled r1 damaged TEA:2             -> ID_REUSED FULFILLED
    return part-shipped r1 resellable
    return part-shipped r1 resellable             -> APPLIED CONFIRMED replayed until 15m
    return part-shipped r1 resellable
    return part-shipped r1 resellable TEA:3       -> ID_REUSED CONFIRMED
    return fulfilled r1 lost TEA:1
    return fulfilled r1 lost TEA:1                -> APPLIED FULFILLED replayed
    return fulfilled r1 lost TEA:1
    return fulfilled r1 damaged TEA:1             -> ID_REUSED FULFILLED

    return cancelled r1 damaged                   -> ALREADY_CANCELLED CANCELLED until 15m
    return cancelled c1 damaged                   -> ALREADY_CANCELLED CANCELLED

    # A line that the reservation does not have, more than is out, nothing out.
    return sold r1 damaged                        -> QUANTITY_EXCEEDED CONFIRMED until 15m
    return sold r1 damaged TEA:1                  -> QUANTITY_EXCEEDED CONFIRMED
    return part-shipped r1 damaged TEA:4          -> QUANTITY_EXCEEDED CONFIRMED
    return part-shipped r1 damaged CUP@north:1    -> QUANTITY_EXCEEDED CONFIRMED
    return part-shipped r1 damaged TEA:3 MUG:1    -> QUANTITY_EXCEEDED CONFIRMED
    return fulfilled r1 damaged TEA@north:1       -> QUANTITY_EXCEEDED FULFILLED until 15m
    return fulfilled r1 damaged TEA:3 TEA:2       -> QUANTITY_EXCEEDED FULFILLED
    return fulfilled r1 damaged TEA:4
    return fulfilled r2 damaged                   -> QUANTITY_EXCEEDED FULFILLED
    return fulfilled r1 damaged TEA:3
    return fulfilled r2 resellable TEA:2          -> QUANTITY_EXCEEDED FULFILLED

    # Another location has no level of the SKU; which it is, is part of the content.
    return fulfilled r1 damaged to=north          -> UNKNOWN_SKU FULFILLED until 15m
    stock TEA@north 0
    return fulfilled r1 damaged to=south          -> UNKNOWN_SKU FULFILLED
    return fulfilled r1 damaged to=default        -> APPLIED FULFILLED
    stock TEA@north 0
    return fulfilled r1 damaged to=north          -> APPLIED FULFILLED until 15m
    stock TEA@north 0
    return fulfilled r1 damaged TEA:1 to=north
    return fulfilled r1 damaged TEA:1 to=north    -> APPLIED FULFILLED replayed
    stock TEA@north 0
    return fulfilled r1 damaged TEA:1 to=north
    return fulfilled r1 damaged TEA:1             -> ID_REUSED FULFILLED
    stock TEA@north 0
    return fulfilled r1 damaged TEA:1
    return fulfilled r1 damaged TEA:1 to=north    -> ID_REUSED FULFILLED
    return fulfilled r1 damaged TEA:1
    return fulfilled r1 damaged TEA:1 to=nowhere  -> ID_REUSED FULFILLED
    return part-shipped r1 damaged TEA:1 to=north -> UNKNOWN_SKU CONFIRMED

    return part-shipped r1 damaged TEA:1          -> APPLIED CONFIRMED until 15m
    return part-shipped s1 damaged                -> APPLIED CONFIRMED
    return fulfilled r1 resellable TEA:1          -> APPLIED FULFILLED until 15m
    return fulfilled r1 damaged TEA:2 TEA:2       -> APPLIED FULFILLED
    return fulfilled r1 damaged                   -> APPLIED FULFILLED

    # Two reasons at once: the one that is judged first answers.
    return tombstone r1 damaged MUG:1             -> ALREADY_RELEASED RELEASED
    return lapsed r1 damaged TEA:999              -> ALREADY_EXPIRED EXPIRED
    return live r1 damaged MUG:1                  -> NOT_CONFIRMED RESERVED
    return fulfilled r1 damaged
    return fulfilled r1 damaged TEA:999           -> ID_REUSED FULFILLED
    return cancelled r1 damaged MUG:1             -> ALREADY_CANCELLED CANCELLED
    return fulfilled r1 damaged TEA:5 to=north    -> QUANTITY_EXCEEDED FULFILLED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    beyond_the_table = {"INVALID"}  # takes a thousand movements; see test_ship.py
    assert outcomes_of(TABLE) | beyond_the_table == declared_outcomes(Kind.RETURN)
    assert reservations_of(TABLE) == CAST_NAMES


def test_resellable_units_go_on_sale_and_damaged_ones_aside(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4
             reserve A TEA:4
             confirm A
             ship A s1
             level TEA                          -> available 0 version 4
             return A r1 damaged TEA:1
             level TEA                          -> damaged 1 available 0 version 5
             return A r2 resellable TEA:2       -> APPLIED FULFILLED
        +    reserve B TEA:2                    -> APPLIED RESERVED
             level TEA                          -> on_hand 2 reserved 2 damaged 1 version 7
             lines A                            -> TEA:4/4/0/3
             return A r3 resellable             -> APPLIED FULFILLED
             lines A                            -> TEA:4/4/0/4
             level TEA                          -> on_hand 3 reserved 2 damaged 1
        """,
    )


def test_lost_units_are_in_no_count_and_no_longer_the_buyers(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 limit=3
             reserve A TEA:3 buyer=li
             confirm A
             ship A s1
             level TEA                          -> on_hand 6 damaged 0 version 4
             return A r1 lost TEA:2             -> APPLIED FULFILLED
             level TEA                          -> on_hand 6 confirmed 0 damaged 0 version 5
             lines A                            -> TEA:3/3/0/2
             buyer li TEA                       -> 1
             return A r2 resellable TEA:2       -> QUANTITY_EXCEEDED FULFILLED
        """,
    )


def test_units_that_come_back_to_another_location_are_on_sale_there_alone(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9 limit=3
             stock TEA@bj 0
             reserve A TEA:3 buyer=li
             confirm A
             ship A s1
             return A r1 resellable TEA:1 to=bj -> APPLIED FULFILLED
             level TEA                          -> on_hand 6 version 4
             level TEA@bj                       -> on_hand 1 version 2
             lines A                            -> TEA:3/3/0/1
             buyer li TEA                       -> 2
             reserve B TEA@bj:1 buyer=li        -> APPLIED RESERVED
             return A r2 damaged to=bj          -> APPLIED FULFILLED
             level TEA@bj                       -> on_hand 1 reserved 1 damaged 2 version 4
        """,
    )


def test_lines_of_one_sku_that_come_back_to_one_location_are_one_change_of_it(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock CUP 9
             stock TEA 9
             stock TEA@bj 9
             stock TEA@sh 9
             reserve A CUP:1 TEA:1 TEA@bj:2
             confirm A
             ship A s1
             return A r1 resellable to=sh       -> UNKNOWN_SKU FULFILLED
             level TEA@sh                       -> on_hand 9 version 1
             return A r1 resellable TEA:1 TEA@bj:2 to=sh
             level TEA@sh                       -> on_hand 12 version 2
             level TEA@bj                       -> on_hand 7 version 4
             lines A                            -> CUP:1/1/0/0 TEA:1/1/0/1 TEA@bj:2/2/0/2
        """,
    )


def test_a_location_that_a_return_names_is_found_as_the_batch_before_it_left_it(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:3
             confirm A
             ship A s1
             stock TEA@bj 5
        +    return A r1 resellable TEA:1 to=bj -> APPLIED FULFILLED
        +    return A r2 resellable TEA:1 to=bj -> APPLIED FULFILLED
             level TEA@bj                       -> on_hand 7 version 3
        """,
    )


def test_units_that_come_back_no_longer_count_for_the_buyer(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 limit=3
             reserve A TEA:3 buyer=li
             confirm A
             ship A s1
             return A r1 damaged TEA:2
             buyer li TEA                       -> 1
             return A r2 resellable
             buyer li TEA                       -> 0
        """,
    )


def test_a_return_before_all_is_shipped_leaves_the_rest_to_be_shipped(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4
             reserve A TEA:4
             confirm A
             ship A s1 TEA:2
             return A r1 resellable             -> APPLIED CONFIRMED
             ship A s2 TEA:3                    -> QUANTITY_EXCEEDED CONFIRMED
             ship A s2                          -> APPLIED FULFILLED
             lines A                            -> TEA:4/4/0/2
             return A r2 damaged                -> APPLIED FULFILLED
             level TEA                          -> on_hand 2 damaged 2
        """,
    )


def test_a_return_never_changes_the_state_but_the_time_of_the_last_change(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0      stock TEA 4
               reserve A TEA:4
               confirm A
               ship A s1
        29d    return A r1 resellable           -> APPLIED FULFILLED until 15m
        """,
    )
    returned = partition.reservation("A")
    assert returned
    assert returned.updated_at_ms == T0 + 29 * 86_400_000
