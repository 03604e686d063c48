"""A batch: how much fits in one, in what order it is judged, and by what clock."""

from collections.abc import Sequence
from typing import Any

import pytest

from engine.model import (
    BATCH_COMMANDS_MAX,
    BATCH_LINES_MAX,
    LINES_MAX,
    Confirm,
    Expire,
    Line,
    Outcome,
    Purge,
    Release,
    Reserve,
    Result,
    SetStock,
    State,
    StoreCommand,
    SweepResult,
)
from tests.lua.scenario import T0, play
from tests.partition import DAY_MS, Partition

# The script takes hashes 4,000 fields at a time, so this many take more than one call.
FIELDS_PAST_A_CHUNK = 4_200
DUE_PAST_A_CHUNK = 4_100


def skus(count: int) -> list[str]:
    return [f"sku-{n}" for n in range(count)]


def set_stock(partition: Partition, names: Sequence[str], on_hand: int) -> None:
    for first in range(0, len(names), BATCH_COMMANDS_MAX):
        batch = names[first : first + BATCH_COMMANDS_MAX]
        partition.run([SetStock(sku, on_hand) for sku in batch], T0)


def reserves(names: Sequence[str], buyer_id: str = "", ttl_ms: int = 0) -> list[StoreCommand]:
    """Reservations of as many lines as fit, one unit of each SKU."""
    return [
        Reserve(f"r{n}", [Line(sku, 1) for sku in names[n : n + LINES_MAX]], ttl_ms, buyer_id)
        for n in range(0, len(names), LINES_MAX)
    ]


def outcomes(answers: Sequence[Any]) -> set[Outcome]:
    return {answer.outcome for answer in answers}


def test_a_thousand_commands_are_answered_in_their_order(partition: Partition) -> None:
    partition.run([SetStock("TEA", 600)], T0)
    commands = [Reserve(f"r{n}", [Line("TEA", 1)]) for n in range(BATCH_COMMANDS_MAX)]
    answers = partition.run(commands, T0)
    accepted = [answer.outcome is Outcome.APPLIED for answer in answers]  # type: ignore[union-attr]
    assert accepted == [True] * 600 + [False] * 400
    assert partition.levels()["TEA", "default"].reserved == 600


def test_a_thousand_commands_of_every_kind_find_their_own_numbers_and_strings(
    partition: Partition,
) -> None:
    round_of_rows = """
        +    reserve {n} TEA:4 CUP@north:2 buyer=li   -> APPLIED RESERVED
        +    extend {n} 2h                            -> APPLIED RESERVED until 2h
        +    confirm {n}                              -> APPLIED CONFIRMED
        +    ship {n} s1 TEA:2                        -> APPLIED CONFIRMED
        +    cancel {n} c1 CUP@north:2                -> APPLIED CONFIRMED
        +    return {n} r1 damaged TEA:1              -> APPLIED CONFIRMED
        +    adjust TEA -1 {n} reason=盘点            -> APPLIED
        +    ship {n} s2                              -> APPLIED FULFILLED
        +    release {n}                              -> ALREADY_CONFIRMED FULFILLED
        +    expire 100                               -> 0
        +    purge 100                                -> 0
        +    stock MUG 1                              -> APPLIED replayed
    """
    rounds = "".join(round_of_rows.format(n=n) for n in range(83))
    play(
        partition,
        f"""
        0    stock TEA 1000
             stock CUP@north 10
             stock MUG 1
             release first
        {rounds}
             level TEA        -> on_hand 585 damaged 83
             level CUP@north  -> on_hand 10
             buyer li TEA     -> 249
        """,
    )


def test_a_reservation_of_two_hundred_lines_is_taken_whole_or_not_at_all(
    partition: Partition,
) -> None:
    names = skus(LINES_MAX)
    set_stock(partition, names, 1)
    [command] = reserves(names, "li")
    assert outcomes(partition.run([command], T0)) == {Outcome.APPLIED}
    again = Reserve("again", [Line(sku, 1) for sku in reversed(names)])
    [refused] = partition.run([again], T0)
    assert isinstance(refused, Result)
    assert len(refused.shortages) == LINES_MAX
    partition.run([Release("r0")], T0)
    assert outcomes(partition.run([again], T0)) == {Outcome.APPLIED}


def test_four_thousand_lines_are_judged_confirmed_and_given_back(partition: Partition) -> None:
    names = skus(BATCH_LINES_MAX)
    set_stock(partition, names, 1)
    taken = reserves(names, "li")
    assert outcomes(partition.run(taken, T0)) == {Outcome.APPLIED}
    assert {level.reserved for level in partition.levels().values()} == {1}
    ids = sorted(partition.reservations())
    assert outcomes(partition.run([Confirm(name) for name in ids], T0)) == {Outcome.APPLIED}
    assert {level.confirmed for level in partition.levels().values()} == {1}
    assert set(partition.buyers().values()) == {1}


def test_what_is_due_may_touch_more_levels_and_buyers_than_one_call_can_carry(
    partition: Partition,
) -> None:
    names = skus(FIELDS_PAST_A_CHUNK)
    set_stock(partition, names, 1)
    for command in reserves(names, "li", ttl_ms=1_000):
        partition.run([command], T0)
    assert len(partition.buyers()) == FIELDS_PAST_A_CHUNK

    [answer] = partition.run([Expire(5_000)], T0 + 1_000)
    assert answer == SweepResult(FIELDS_PAST_A_CHUNK // LINES_MAX, more=False)
    levels = partition.levels()
    assert len(levels) == FIELDS_PAST_A_CHUNK
    assert {(level.reserved, level.version) for level in levels.values()} == {(0, 3)}
    assert partition.buyers() == {}


def test_more_may_be_due_and_purged_than_one_call_can_carry(partition: Partition) -> None:
    set_stock(partition, ["TEA"], DUE_PAST_A_CHUNK)
    one = [Line("TEA", 1)]
    for first in range(0, DUE_PAST_A_CHUNK, BATCH_COMMANDS_MAX):
        numbers = range(first, min(first + BATCH_COMMANDS_MAX, DUE_PAST_A_CHUNK))
        partition.run([Reserve(f"r{n}", one, 1_000) for n in numbers], T0)

    [swept] = partition.run([Expire(5_000)], T0 + 1_000)
    assert swept == SweepResult(DUE_PAST_A_CHUNK, more=False)
    assert {row.state for row in partition.reservations().values()} == {State.EXPIRED}
    assert partition.client.zcard(partition.keys.deadlines) == 0

    purged: Any = SweepResult(0, more=True)
    while purged.more:
        [purged] = partition.run([Purge(5_000)], T0 + 1_000 + DAY_MS)
        assert purged.handled > 0
    assert partition.reservations() == {}
    assert partition.client.zcard(partition.keys.retention) == 0


def test_each_command_sees_what_the_ones_before_it_did(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 1                       -> APPLIED
        +    reserve A TEA:1                   -> APPLIED RESERVED
        +    reserve A TEA:1                   -> APPLIED RESERVED replayed
        +    reserve A TEA:2                   -> ID_REUSED RESERVED
        +    reserve B TEA:1                   -> OUT_OF_STOCK short TEA:1/0
        +    release A                         -> APPLIED RELEASED
        +    release A                         -> APPLIED RELEASED replayed
        +    reserve A TEA:1                   -> APPLIED RELEASED replayed
        +    reserve B TEA:1                   -> APPLIED RESERVED
        +    confirm B                         -> APPLIED CONFIRMED
        +    confirm B                         -> APPLIED CONFIRMED replayed
        +    ship B s1                         -> APPLIED FULFILLED
        +    ship B s1                         -> APPLIED FULFILLED replayed
        +    return B r1 resellable            -> APPLIED FULFILLED
        +    release C                         -> APPLIED RELEASED
        +    reserve C TEA:1                   -> ALREADY_RELEASED RELEASED
             level TEA                         -> on_hand 1 version 7
        """,
    )


def test_a_refusal_leaves_the_others_of_its_batch_be(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 5 limit=3
             reserve A TEA:1 MUG:1             -> UNKNOWN_SKU
        +    reserve B TEA:3 buyer=li          -> APPLIED RESERVED
        +    reserve C TEA:1 buyer=li          -> LIMIT_EXCEEDED
        +    reserve D TEA:3 buyer=wang        -> OUT_OF_STOCK short TEA:3/2
        +    reserve D TEA:2 buyer=wang        -> APPLIED RESERVED
             level TEA                         -> on_hand 5 reserved 5
        """,
    )


@pytest.mark.parametrize(("one", "other"), [("A", "B"), ("B", "A")])
def test_a_buyer_and_what_he_buys_may_be_called_like_another_sku_and_its_location(
    partition: Partition, one: str, other: str
) -> None:
    play(
        partition,
        f"""
        0    stock TEA 9
             stock li@TEA 9
             reserve {one} li@TEA:1 buyer=wang
             reserve {other} TEA:1 buyer=li
             release A         -> APPLIED RELEASED
        +    release B         -> APPLIED RELEASED
             level TEA         -> on_hand 9
             level li@TEA      -> on_hand 9
             buyer li TEA      -> 0
             buyer wang li     -> 0
        """,
    )


def test_time_is_the_stores_own_unless_it_is_given_and_never_goes_back(
    partition: Partition,
) -> None:
    partition.run([SetStock("TEA", 9)], T0)
    clock: Any = partition.client.time()
    seconds, _ = clock
    [answer] = partition.run([Reserve("A", [Line("TEA", 1)], 60_000)], 0)
    assert isinstance(answer, Result)
    assert seconds * 1_000 <= answer.expires_at_ms - 60_000 <= seconds * 1_000 + 10_000
    partition.run([Reserve("B", [Line("TEA", 1)], 60_000)], T0)
    later = partition.reservation("B")
    assert later
    assert later.created_at_ms >= seconds * 1_000


@pytest.mark.parametrize("earlier_s", [3_600, -3_600])
def test_the_stores_clock_counts_within_its_bounds(partition: Partition, earlier_s: int) -> None:
    clock: Any = partition.client.time()
    expected_ms = (clock[0] - earlier_s) * 1_000
    partition.clock_ms = (expected_ms - 2_000, expected_ms + 2_000)
    partition.run([SetStock("TEA", 9)], 0)
    partition.run([Reserve("A", [Line("TEA", 1)], 60_000)], 0)
    made = partition.reservation("A")
    assert made
    assert made.created_at_ms == partition.clock_ms[earlier_s > 0]


def test_a_batch_that_wrote_nothing_does_not_move_time_on(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
        9d    reserve A MUG:1            -> UNKNOWN_SKU
        1s    reserve A TEA:1 ttl=1m     -> APPLIED RESERVED until 61s
        """,
    )
