"""Extend: every outcome and guard of extend.lua, in order of precedence."""

import pytest

from engine.model import Extend, Outcome, Result
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

# The cast's time is 2s.
TABLE = """
    extend never-seen 1h             -> NOT_FOUND
    extend tombstone 1h              -> ALREADY_RELEASED RELEASED until none
    extend released 1h               -> ALREADY_RELEASED RELEASED until 15m
    extend lapsed 1h                 -> ALREADY_EXPIRED EXPIRED until 1s
    extend sold 1h                   -> ALREADY_CONFIRMED CONFIRMED until 15m
    extend part-shipped 1h           -> ALREADY_CONFIRMED CONFIRMED until 15m
    extend fulfilled 1h              -> ALREADY_CONFIRMED FULFILLED until 15m
    extend cancelled 1h              -> ALREADY_CANCELLED CANCELLED until 15m
    extend live 15m                  -> APPLIED RESERVED replayed until 15m
    extend live 2s                   -> INVALID RESERVED until 15m
    extend live 1s                   -> INVALID RESERVED until 15m
    extend live 604_802_001ms        -> INVALID RESERVED until 15m
    extend live 604_802_000ms        -> APPLIED RESERVED until 604_802s
    extend live 2_001ms              -> APPLIED RESERVED until 2_001ms
    extend live 1h                   -> APPLIED RESERVED until 1h

    # Two reasons at once: the one that is judged first answers.
    extend released 1s               -> ALREADY_RELEASED RELEASED
    extend lapsed 1s                 -> ALREADY_EXPIRED EXPIRED
    extend sold 15m                  -> ALREADY_CONFIRMED CONFIRMED
    extend cancelled 30d             -> ALREADY_CANCELLED CANCELLED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.EXTEND)
    assert reservations_of(TABLE) == CAST_NAMES


def test_an_extended_reservation_expires_at_its_new_deadline(partition: Partition) -> None:
    play(
        partition,
        """
        0            stock TEA 4
                     reserve A TEA:4 ttl=1m
                     extend A 2m
        119_999ms    expire 10     -> 0
                     confirm A     -> APPLIED CONFIRMED until 2m
        """,
    )


def test_a_deadline_may_be_brought_forward(partition: Partition) -> None:
    play(
        partition,
        """
        0            stock TEA 4
                     reserve A TEA:4 ttl=1m
                     extend A 10s
        10s          confirm A     -> ALREADY_EXPIRED EXPIRED until 10s
                     level TEA     -> on_hand 4
        """,
    )


def test_the_deadline_itself_is_too_late(partition: Partition) -> None:
    play(
        partition,
        """
        0            stock TEA 4
                     reserve A TEA:1 ttl=1m
        60_000ms     extend A 2m   -> ALREADY_EXPIRED EXPIRED until 1m
        """,
    )


def test_extending_touches_no_stock_but_the_time_of_the_last_change(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 4
              reserve A TEA:3 buyer=li ttl=1m
        30s   extend A 2m
              level TEA            -> on_hand 4 reserved 3 version 2
              lines A              -> TEA:3/0/0/0
              buyer li TEA         -> 3
        40s   extend A 2m          -> APPLIED RESERVED replayed until 2m
        """,
    )
    extended = partition.reservation("A")
    assert extended
    assert (extended.created_at_ms, extended.updated_at_ms) == (T0, T0 + 30_000)


def test_each_of_a_batch_is_judged_after_the_one_before(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 4
              reserve A TEA:1 ttl=1m
              extend A 2m          -> APPLIED RESERVED until 2m
        +     extend A 3m          -> APPLIED RESERVED until 3m
        +     extend A 3m          -> APPLIED RESERVED replayed until 3m
        +     extend A 1m          -> APPLIED RESERVED until 1m
        1m    confirm A            -> ALREADY_EXPIRED EXPIRED until 1m
        """,
    )


def test_a_deadline_that_cannot_be_set_is_named_with_its_bounds(partition: Partition) -> None:
    play(partition, "0 stock TEA 4 \n reserve A TEA:1")
    [answer] = partition.run([Extend("A", T0)], T0)
    assert isinstance(answer, Result)
    assert answer.outcome is Outcome.INVALID
    assert answer.detail == (
        f"expires_at_ms: must be after now ({T0}) and at most 604,800,000 ms from now; got {T0}"
    )
