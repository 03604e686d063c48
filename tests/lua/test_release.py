"""Release: every outcome and guard of release.lua, in order of precedence."""

import pytest

from engine.model import Reservation, State
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

TABLE = """
    release never-seen       -> APPLIED RELEASED until none
    release tombstone        -> APPLIED RELEASED replayed until none
    release released         -> APPLIED RELEASED replayed until 15m
    release live             -> APPLIED RELEASED until 15m
    release sold             -> ALREADY_CONFIRMED CONFIRMED until 15m
    release part-shipped     -> ALREADY_CONFIRMED CONFIRMED until 15m
    release fulfilled        -> ALREADY_CONFIRMED FULFILLED until 15m
    release cancelled        -> ALREADY_CANCELLED CANCELLED until 15m
    release lapsed           -> ALREADY_EXPIRED EXPIRED until 1s
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.RELEASE)
    assert reservations_of(TABLE) == CAST_NAMES


def test_releasing_gives_every_unit_back_at_once(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4 limit=4
             stock CUP@north 2
             reserve A TEA:4 CUP@north:2 buyer=li
             reserve B TEA:4 CUP@north:2 buyer=wang \
                 -> OUT_OF_STOCK short CUP@north:2/0 TEA:4/0
             release A
        +    reserve B TEA:4 CUP@north:2 buyer=wang     -> APPLIED RESERVED
             level TEA                                  -> on_hand 4 reserved 4 version 4
             level CUP@north                            -> on_hand 2 reserved 2 version 4
             buyer li TEA                               -> 0
        """,
    )


def test_a_tombstone_has_no_lines_no_buyer_and_no_deadline(partition: Partition) -> None:
    play(partition, "5s release A")
    at_ms = T0 + 5_000
    assert partition.reservation("A") == Reservation("A", State.RELEASED, (), "", at_ms, 0, at_ms)


def test_a_released_reservation_keeps_what_it_had(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 4
              reserve A TEA:3 ttl=1m buyer=li
        30s   release A
              lines A                   -> TEA:3/0/0/0
        2m    release A                 -> APPLIED RELEASED replayed until 1m
        """,
    )
    released = partition.reservation("A")
    assert released
    assert (released.created_at_ms, released.updated_at_ms) == (T0, T0 + 30_000)
    assert released.buyer_id == "li"


def test_the_deadline_itself_is_too_late(partition: Partition) -> None:
    play(
        partition,
        """
        0           stock TEA 4
                    reserve A TEA:1 ttl=1m
                    reserve B TEA:1 ttl=1m
        59_999ms    release A     -> APPLIED RELEASED
        60_000ms    release B     -> ALREADY_EXPIRED EXPIRED
                    level TEA     -> on_hand 4
        """,
    )


def test_a_released_id_stays_released_whatever_follows(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 4
             release A
        +    reserve A TEA:1      -> ALREADY_RELEASED RELEASED
        +    confirm A            -> ALREADY_RELEASED RELEASED
        +    extend A 1m          -> ALREADY_RELEASED RELEASED
        +    ship A s1            -> ALREADY_RELEASED RELEASED
        +    release A            -> APPLIED RELEASED replayed
             level TEA            -> on_hand 4 version 1
        """,
    )
