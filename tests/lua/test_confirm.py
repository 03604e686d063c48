"""Confirm: every outcome and guard of confirm.lua, in order of precedence."""

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
from tests.partition import DAY_MS, Partition

TABLE = """
    confirm never-seen               -> NOT_FOUND
    confirm never-seen reacquire     -> NOT_FOUND
    confirm tombstone                -> ALREADY_RELEASED RELEASED until none
    confirm tombstone reacquire      -> ALREADY_RELEASED RELEASED until none
    confirm released                 -> ALREADY_RELEASED RELEASED until 15m
    confirm released reacquire       -> ALREADY_RELEASED RELEASED until 15m
    confirm sold                     -> APPLIED CONFIRMED replayed until 15m
    confirm sold reacquire           -> APPLIED CONFIRMED replayed until 15m
    confirm part-shipped             -> APPLIED CONFIRMED replayed until 15m
    confirm fulfilled                -> APPLIED FULFILLED replayed until 15m
    confirm fulfilled reacquire      -> APPLIED FULFILLED replayed until 15m
    confirm cancelled                -> APPLIED CANCELLED replayed until 15m
    confirm cancelled reacquire      -> APPLIED CANCELLED replayed until 15m
    confirm live                     -> APPLIED CONFIRMED until 15m
    confirm live reacquire           -> APPLIED CONFIRMED until 15m

    # Expired: 3 units of TEA for li, who has 15.
    confirm lapsed                   -> ALREADY_EXPIRED EXPIRED until 1s
    confirm lapsed reacquire         -> APPLIED CONFIRMED until 1s
    stock TEA 11
    confirm lapsed reacquire         -> APPLIED CONFIRMED
    stock TEA 10
    confirm lapsed reacquire         -> OUT_OF_STOCK EXPIRED until 1s short TEA:3/2
    stock TEA 93 limit=18
    confirm lapsed reacquire         -> APPLIED CONFIRMED
    stock TEA 93 limit=17
    confirm lapsed reacquire         -> LIMIT_EXCEEDED EXPIRED until 1s

    # Two reasons at once: the one that is judged first answers.
    stock TEA 10 limit=17
    confirm lapsed reacquire         -> OUT_OF_STOCK EXPIRED short TEA:3/2
    stock TEA 10 limit=17
    confirm lapsed                   -> ALREADY_EXPIRED EXPIRED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.CONFIRM)
    assert reservations_of(TABLE) == CAST_NAMES


def test_confirming_turns_reserved_units_into_confirmed_ones(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 10 limit=4
             stock CUP@north 10
             reserve A TEA:4 CUP@north:2 buyer=li
             confirm A
             level TEA             -> on_hand 10 confirmed 4 version 3
             level CUP@north       -> on_hand 10 confirmed 2 version 3
             buyer li TEA          -> 4
             confirm A             -> APPLIED CONFIRMED replayed
             level TEA             -> on_hand 10 confirmed 4 version 3
        """,
    )


def test_what_is_sold_never_expires(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 10
             reserve A TEA:4
             confirm A
        1d   expire 10             -> 0
             confirm A             -> APPLIED CONFIRMED replayed until 15m
             level TEA             -> on_hand 10 confirmed 4
        """,
    )


def test_the_deadline_itself_is_too_late(partition: Partition) -> None:
    play(
        partition,
        """
        0           stock TEA 10
                    reserve A TEA:1 ttl=1m
                    reserve B TEA:1 ttl=1m
        59_999ms    confirm A      -> APPLIED CONFIRMED until 1m
        60_000ms    confirm B      -> ALREADY_EXPIRED EXPIRED until 1m
                    level TEA      -> on_hand 10 confirmed 1
        """,
    )


def test_reacquiring_is_one_step_with_the_expiry(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 5 limit=5
              reserve A TEA:5 buyer=li ttl=1m
        1m    confirm A reacquire      -> APPLIED CONFIRMED until 1m
        +     reserve B TEA:1          -> OUT_OF_STOCK short TEA:1/0
              level TEA                -> on_hand 5 confirmed 5 version 4
              buyer li TEA             -> 5
              confirm A                -> APPLIED CONFIRMED replayed
        """,
    )


def test_reacquiring_takes_every_line_or_none_and_names_the_short_ones(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0     stock TEA 5
              stock CUP@north 5
              stock MUG 5
              reserve A TEA:2 CUP@north:3 MUG:1 buyer=li ttl=1m
        1m    reserve B TEA:4 CUP@north:3
              confirm A reacquire      -> OUT_OF_STOCK EXPIRED short CUP@north:3/2 TEA:2/1
              level MUG                -> on_hand 5
              buyer li MUG             -> 0
              release B
              confirm A reacquire      -> APPLIED CONFIRMED
              level TEA                -> on_hand 5 confirmed 2
              level CUP@north          -> on_hand 5 confirmed 3
              level MUG                -> on_hand 5 confirmed 1
        """,
    )


def test_reacquiring_counts_the_buyers_units_at_all_locations(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9 limit=4
              stock TEA@north 9
              reserve A TEA:1 TEA@north:2 buyer=li ttl=1m
        1m    reserve B TEA@north:2 buyer=li
              confirm A reacquire      -> LIMIT_EXCEEDED EXPIRED
              stock TEA 9 limit=5
              confirm A reacquire      -> APPLIED CONFIRMED
              buyer li TEA             -> 5
        """,
    )


def test_reacquiring_for_nobody_is_refused_where_there_is_a_limit(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
              reserve A TEA:1 ttl=1m
        1m    stock TEA 9 limit=9
              confirm A reacquire      -> LIMIT_EXCEEDED EXPIRED
        """,
    )


def test_a_reservation_that_was_reacquired_is_never_purged(partition: Partition) -> None:
    later = f"{60_000 + 40 * DAY_MS}ms"
    play(
        partition,
        f"""
        0         stock TEA 9
                  reserve A TEA:1 ttl=1m
                  reserve B TEA:1 ttl=1m
        1m        expire 10                -> 2
                  confirm A reacquire
        +         purge 10                 -> 0
        {later}   purge 10                 -> 1
                  confirm A                -> APPLIED CONFIRMED replayed
                  confirm B                -> NOT_FOUND
        """,
    )
