"""Purge: what is finished leaves the store when its retention is over, and not a moment earlier."""

from collections.abc import Sequence

import pytest

from engine.model import State
from tests.lua.scenario import play
from tests.partition import DAY_MS, Partition

SETUP = """
    0     stock TEA 100
          reserve A TEA:4 buyer=li ttl=1m
"""


def _ends(*rows: str, retention_ms: int = DAY_MS) -> tuple[Sequence[str], int]:
    return rows, retention_ms


# What ends A, and how long A is kept from then on. All of it is at 1h.
ENDS = {
    "released": _ends("10s extend A 2h", "1h release A"),
    "expired": _ends("1h expire 10 -> 1"),
    "cancelled": _ends("10s confirm A", "1h cancel A c1"),
    "cancelled in two steps": _ends("10s confirm A", "cancel A c1 TEA:1", "1h cancel A c2"),
    "fulfilled": _ends("10s confirm A", "1h ship A s1", retention_ms=30 * DAY_MS),
    "fulfilled by a cancel": _ends(
        "10s confirm A", "ship A s1 TEA:1", "1h cancel A c1", retention_ms=30 * DAY_MS
    ),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_ended_reservation_is_purged_at_exactly_its_retention(
    partition: Partition, end: str
) -> None:
    rows, retention_ms = ENDS[end]
    gone_ms = 3_600_000 + retention_ms
    ended = "\n".join(rows)
    play(
        partition,
        f"""
        {SETUP}
        {ended}
        {gone_ms - 1}ms     purge 10        -> 0
                            lines A         -> TEA:4/{_moved(end)}
        {gone_ms}ms         purge 10        -> 1
                            purge 10        -> 0
                            confirm A       -> NOT_FOUND
                            buyer li TEA    -> 0
        """,
    )
    assert partition.reservations() == {}


def _moved(end: str) -> str:
    if end == "fulfilled":
        return "4/0/0"
    if end == "fulfilled by a cancel":
        return "1/3/0"
    return "0/4/0" if end.startswith("cancelled") else "0/0/0"


@pytest.mark.parametrize(
    ("row", "again"),
    [
        ("1h release tombstone", "release tombstone -> APPLIED RELEASED until none"),
        ("1h adjust TEA +5 a1", "adjust TEA +5 a1 -> APPLIED"),
    ],
)
def test_tombstones_and_adjustment_ids_are_kept_for_a_day_and_can_then_be_used_anew(
    partition: Partition, row: str, again: str
) -> None:
    gone_ms = 3_600_000 + DAY_MS
    play(
        partition,
        f"""
        0                   stock TEA 1
        {row}
        {gone_ms - 1}ms     purge 10     -> 0
        {gone_ms}ms         purge 10     -> 1
                            purge 10     -> 0
                            {again}
        """,
    )


def test_what_is_live_or_sold_is_never_purged(partition: Partition) -> None:
    play(
        partition,
        """
        0      stock TEA 9
               reserve sold TEA:2
               reserve part-shipped TEA:2
               confirm sold
               confirm part-shipped
               ship part-shipped s1 TEA:1
               reserve live TEA:1 ttl=7d
        6d     extend live 13d
        12d    extend live 19d
        18d    extend live 25d
        24d    extend live 31d
        30d    extend live 37d
        36d    purge 10          -> 0
        """,
    )
    states = {name: row.state for name, row in partition.reservations().items()}
    assert states == {
        "sold": State.CONFIRMED,
        "part-shipped": State.CONFIRMED,
        "live": State.RESERVED,
    }


def test_a_return_does_not_prolong_the_retention(partition: Partition) -> None:
    play(
        partition,
        f"""
        {SETUP}
        10s    confirm A
        1h     ship A s1
        29d    return A r1 damaged TEA:1
        30d    purge 10          -> 0
        721h   purge 10          -> 1
        """,
    )


def test_with_a_fulfilled_order_the_units_its_buyer_kept_are_forgotten(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0      stock TEA 100 limit=6
               stock CUP@north 100
               reserve A TEA:4 CUP@north:2 buyer=li
               reserve B TEA:1 buyer=li
               confirm A
               confirm B
               cancel A c1 TEA:1
               ship A s1
               return A r1 damaged TEA:1
               buyer li TEA                  -> 3
        30d    reserve C TEA:4 buyer=li      -> LIMIT_EXCEEDED
               purge 10                      -> 1
               buyer li TEA                  -> 1
               buyer li CUP                  -> 0
               reserve C TEA:4 buyer=li      -> APPLIED RESERVED
               level TEA                     -> on_hand 97 reserved 4 confirmed 1 damaged 1
        """,
    )


def test_purging_leaves_stock_levels_as_they_are(partition: Partition) -> None:
    play(
        partition,
        f"""
        {SETUP}
               release A
               level TEA         -> on_hand 100 version 3
        1d     purge 10          -> 1
               level TEA         -> on_hand 100 version 3
        """,
    )


def test_the_longest_finished_go_first_and_the_answer_says_whether_more_may_follow(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0      stock TEA 9
        3s     release C
        1s     release A
        4s     adjust TEA +1 a1
        5s     release B
        2d     purge 2           -> 2 more
               purge 2           -> 2 more
               purge 2           -> 0
        """,
    )


def test_a_purged_id_can_be_used_anew_by_the_same_batch(partition: Partition) -> None:
    play(
        partition,
        f"""
        {SETUP}
               release A
        1d     purge 10              -> 1
        +      reserve A TEA:9       -> APPLIED RESERVED
        +      reserve A TEA:9       -> APPLIED RESERVED replayed
        +      confirm A             -> APPLIED CONFIRMED
               lines A               -> TEA:9/0/0/0
               level TEA             -> on_hand 100 confirmed 9
        2d     purge 10              -> 0
        """,
    )


def test_an_adjustment_id_can_be_used_anew_by_the_batch_that_purges_it(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0      stock TEA 1
               adjust TEA +5 a1
        1d     purge 10              -> 1
        +      adjust TEA +6 a1      -> APPLIED
        +      adjust TEA +6 a1      -> APPLIED replayed
               level TEA             -> on_hand 12
        2d     purge 10              -> 1
        """,
    )


def test_an_adjustment_may_have_the_id_of_a_reservation_that_stays(partition: Partition) -> None:
    play(
        partition,
        """
        0      stock TEA 9
               reserve A TEA:1 ttl=7d
               adjust TEA +1 A
        1d     confirm A             -> APPLIED CONFIRMED
        +      purge 10              -> 1
               confirm A             -> APPLIED CONFIRMED replayed
               adjust TEA +2 A       -> APPLIED
        """,
    )


def test_what_this_batch_ends_is_not_purged_by_it(partition: Partition) -> None:
    play(
        partition,
        """
        0      stock TEA 9
               reserve A TEA:1 ttl=1m
        40d    purge 10              -> 0
        +      release A             -> ALREADY_EXPIRED EXPIRED
        41d    purge 10              -> 1
        """,
    )
