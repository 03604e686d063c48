"""The life of a batch: how much fits in one, in what order it is judged, what it writes, and what it
makes of a store that is not as Holdfast left it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
import redis

from engine.answers import unpack_reply
from engine.audit.journal import JournalEntry
from engine.columns import Head, StoreCommand, lay_out
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
    SweepResult,
)
from engine.scripts import SCHEMA, Kind, Memory, script
from tests.lua.scenario import T0, play
from tests.partition import DAY_MS, RETENTION_MS, Partition

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


def head(epoch_expected: str = "", sequence_min: int = 0, due_limit: int = 100) -> Head:
    return Head(T0, epoch_expected, sequence_min, "epoch-1", due_limit, RETENTION_MS)


def judge(
    store: "redis.Redis", partition: Partition, commands: Sequence[StoreCommand], about: Head
) -> tuple[bytes, bytes]:
    """A batch's status and what comes with it, straight from the script."""
    sha = script(Memory.GIVES).sha
    keys = partition.keys
    answer: Any = store.evalsha(sha, len(keys), *keys, *lay_out(commands).arguments(about))
    status, packed = answer
    return status, packed


# How much fits


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

    [answer] = partition.run([Expire(100)], T0 + 1_000)
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

    [purged] = partition.run([Purge(5_000)], T0 + 1_000 + DAY_MS)
    assert purged == SweepResult(DUE_PAST_A_CHUNK, more=False)
    assert partition.reservations() == {}
    assert partition.client.zcard(partition.keys.retention) == 0


# Order


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


@pytest.mark.parametrize("names", ["location and SKU", "buyer and SKU"])
def test_a_buyer_may_be_called_like_a_sku_and_a_location_like_another(
    partition: Partition, names: str
) -> None:
    first, second = "reserve A li@TEA:1 buyer=wang", "reserve B TEA:1 buyer=li"
    if names == "buyer and SKU":
        first, second = second.replace("B", "A"), first.replace("A ", "B ")
    play(
        partition,
        f"""
        0    stock TEA 9
             stock li@TEA 9
             {first}
             {second}
             confirm A         -> APPLIED CONFIRMED
        +    release B         -> APPLIED RELEASED
             level TEA         -> on_hand 9 {"confirmed 1" if "buyer" in names else ""}
        """,
    )


# Time


def test_time_is_the_stores_own_unless_it_is_given_and_never_goes_back(
    partition: Partition, store: "redis.Redis"
) -> None:
    partition.run([SetStock("TEA", 9)], T0)
    clock: Any = store.time()
    seconds, _ = clock
    [answer] = partition.run([Reserve("A", [Line("TEA", 1)], 60_000)], 0)
    assert isinstance(answer, Result)
    assert seconds * 1_000 <= answer.expires_at_ms - 60_000 <= seconds * 1_000 + 10_000
    partition.run([Reserve("B", [Line("TEA", 1)], 60_000)], T0)
    later = partition.reservation("B")
    assert later
    assert later.created_at_ms >= seconds * 1_000


def test_a_batch_that_wrote_nothing_does_not_move_time_on(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
        9d    reserve A MUG:1            -> UNKNOWN_SKU
        1s    reserve A TEA:1 ttl=1m     -> APPLIED RESERVED until 61s
        """,
    )


# The journal


def journal(partition: Partition) -> Iterator[tuple[int, JournalEntry]]:
    """The entries of the journal, each with the sequence in its id."""
    entries: Any = partition.client.xrange(partition.keys.journal)
    for entry_id, fields in entries:
        yield (
            int(entry_id.partition(b"-")[0]),
            msgspec.msgpack.decode(fields[b"batch"], type=JournalEntry),
        )


def test_the_journal_has_an_entry_for_each_batch_that_changed_something(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0     stock TEA 9
        +     stock TEA 9                    -> APPLIED replayed
        1s    reserve A TEA:2 ttl=1s
        +     reserve A TEA:2 ttl=1s         -> APPLIED RESERVED replayed
        +     reserve B TEA:99               -> OUT_OF_STOCK short TEA:99/7
        +     reserve C TEA:2
        +     release D
        1s    confirm nobody                 -> NOT_FOUND
        2s    extend C 1h
        +     confirm C
        +     ship C s1 TEA:1
        +     cancel C c1
        +     return C r1 damaged
        3s    adjust TEA +1 a1
        2d    purge 10                       -> 3
        """,
    )
    found = list(journal(partition))
    kinds = [[Kind(kind).name for kind in entry.kinds] for _, entry in found]
    assert kinds == [
        ["SET_STOCK"],
        ["RESERVE", "RESERVE", "RELEASE"],
        ["EXPIRE", "EXTEND", "CONFIRM", "SHIP", "CANCEL", "RETURN"],
        ["ADJUST_STOCK"],
        ["PURGE", "PURGE"],
    ]
    assert [entry.at_ms - T0 for _, entry in found] == [0, 1_000, 2_000, 3_000, 2 * DAY_MS]
    assert [sequence for sequence, _ in found] == [1, 4, 10, 11, 13]
    assert partition.sequence == 13


def test_the_journal_keeps_why_stock_was_adjusted_and_what_was_set(partition: Partition) -> None:
    play(partition, "0 stock TEA@north 9 safety=2 limit=3 \n adjust TEA@north -1 a1 reason=盘点")
    subjects = [
        [msgspec.msgpack.decode(subject) for subject in entry.subjects]
        for _, entry in journal(partition)
    ]
    assert subjects == [["TEA\0north", [9, 2, 3]], ["TEA\0north", [-1, "a1", "盘点"]]]


# What a batch says of the store


def test_an_empty_partition_gets_its_epoch_from_the_first_batch_that_writes(
    store: "redis.Redis", partition: Partition
) -> None:
    _, packed = judge(store, partition, [Confirm("nobody")], head())
    assert (unpack_reply(packed).epoch, unpack_reply(packed).sequence) == ("", 0)
    _, packed = judge(store, partition, [Release("A")], head())
    assert (unpack_reply(packed).epoch, unpack_reply(packed).sequence) == ("epoch-1", 1)
    assert partition.client.hgetall(partition.keys.meta) == {
        b"schema": SCHEMA.encode(),
        b"epoch": b"epoch-1",
        b"sequence": b"1",
        b"now": str(T0).encode(),
    }


@pytest.mark.parametrize(
    ("expected", "status"),
    [
        (head("epoch-1", 2), b"OK"),
        (head("epoch-1", 1), b"OK"),
        (head("", 99), b"OK"),
        (head("epoch-1", 3), b"WENT_BACK"),
        (head("epoch-2", 0), b"WENT_BACK"),
    ],
)
def test_a_store_that_went_back_is_told_from_one_that_went_on(
    store: "redis.Redis", partition: Partition, expected: Head, status: bytes
) -> None:
    play(partition, "0 stock TEA 9 \n reserve A TEA:1")
    found, packed = judge(store, partition, [Release("A")], expected)
    assert found == status
    released = partition.reservation("A")
    assert released
    if status == b"WENT_BACK":
        assert msgspec.msgpack.decode(packed) == ["epoch-1", 2]
        assert released.state is State.RESERVED
    else:
        assert released.state is State.RELEASED


def test_an_emptied_store_has_gone_back(store: "redis.Redis") -> None:
    store.flushall()
    partition = Partition(store)
    status, packed = judge(store, partition, [Release("A")], head("epoch-1", 1))
    assert (status, msgspec.msgpack.decode(packed)) == (b"WENT_BACK", ["", 0])
    assert store.keys() == []


def test_a_store_of_another_schema_is_left_alone(store: "redis.Redis") -> None:
    store.flushall()
    partition = Partition(store)
    play(partition, "0 stock TEA 9")
    store.hset(partition.keys.meta, "schema", "2")
    before = store.hgetall(partition.keys.stock)
    assert judge(store, partition, [SetStock("TEA", 1)], head()) == (b"SCHEMA", b"2")
    assert store.hgetall(partition.keys.stock) == before


def test_a_batch_that_may_be_short_only_for_what_is_due_comes_back_unjudged(
    store: "redis.Redis",
) -> None:
    store.flushall()
    partition = Partition(store)
    partition.run([SetStock("TEA", 2)], T0 - 5_000)
    due: list[StoreCommand] = [Reserve(f"due-{n}", [Line("TEA", 1)], 1_000) for n in range(2)]
    partition.run(due, T0 - 5_000)
    commands = [Release("D"), Reserve("A", [Line("TEA", 2)])]
    assert judge(store, partition, commands, head(due_limit=1)) == (b"AGAIN", b"")
    assert set(partition.reservations()) == {"due-0", "due-1"}
    assert judge(store, partition, commands, head(due_limit=3))[0] == b"OK"


# A store that somebody else has touched


def stored(partition: Partition) -> list[Any]:
    """The hashes and sorted sets of the partition."""
    client, keys = partition.client, partition.keys
    hashes = (keys.stock, keys.reservations, keys.buyers, keys.meta)
    indexes = (keys.deadlines, keys.retention)
    return [client.hgetall(key) for key in hashes] + [
        client.zrange(key, 0, -1, withscores=True) for key in indexes
    ]


@pytest.mark.parametrize(
    "rows",
    [
        "1s confirm A",
        "1s release A",
        "1s reserve A TEA:1 \n",
        "1s ship sold s1",
        "1s confirm A \n + stock TEA 9",
        "1s stock TEA 9 \n + release A",
        "1s reserve B TEA:1 \n + release A",
        "1h expire 10 -> 1",
        "1h stock TEA 9",
    ],
)
def test_a_reservation_whose_stock_level_is_gone_stops_the_batch_and_nothing_changes(
    store: "redis.Redis", rows: str
) -> None:
    store.flushall()
    partition = Partition(store)
    play(
        partition, "0 stock TEA 9 \n reserve A TEA:1 buyer=li \n reserve sold TEA:1 \n confirm sold"
    )
    store.hdel(partition.keys.stock, "TEA")
    before = stored(partition)
    with pytest.raises(redis.ResponseError, match="CORRUPT a reservation has units"):
        play(partition, rows)
    assert stored(partition) == before


ORPHANS: dict[str, Callable[[Partition], Any]] = {
    "of nobody": lambda p: p.client.zadd(p.keys.deadlines, {"ghost": T0}),
    "of one that is sold": lambda p: p.client.zadd(p.keys.deadlines, {"sold": T0}),
    "of a tombstone": lambda p: p.client.zadd(p.keys.deadlines, {"tombstone": T0}),
    "too early": lambda p: p.client.zadd(p.keys.deadlines, {"live": T0}),
}


@pytest.mark.parametrize("entry", ORPHANS)
def test_a_deadline_that_does_not_agree_with_its_reservation_is_mended(
    partition: Partition, entry: str
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             release tombstone
             reserve sold TEA:1
             confirm sold
             reserve live TEA:1
        """,
    )
    before = stored(partition)
    ORPHANS[entry](partition)
    assert stored(partition) != before
    play(partition, "1s expire 10 -> 1 \n expire 10 -> 0")
    *hashes, deadlines, retention = stored(partition)
    assert [deadlines, retention] == before[-2:]
    assert hashes[:-1] == before[:3]


def test_a_retention_of_nobody_is_mended(partition: Partition) -> None:
    partition.client.zadd(partition.keys.retention, {"rghost": T0})
    play(partition, "1s purge 10 -> 1 \n purge 10 -> 0")
    assert partition.client.zcard(partition.keys.retention) == 0
