"""The script and the store that it finds: empty, of another schema, gone back in time, or touched
by somebody else.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
import redis

from engine.answers import unpack_reply
from engine.audit.deadlines import own_entry
from engine.columns import Head, lay_out
from engine.model import Confirm, Line, Release, Reserve, SetStock, State, StoreCommand
from engine.scripts import SCHEMA, Memory, script_for
from tests.lua.scenario import T0, play
from tests.partition import RETENTION_MS, Partition


def emptied(store: "redis.Redis") -> Partition:
    """A partition of its own, for tests after which no audit passes."""
    store.flushall()
    return Partition(store)


def head(epoch_expected: str = "", sequence_min: int = 0, due_limit: int = 100) -> Head:
    return Head(T0, epoch_expected, sequence_min, "epoch-1", due_limit, RETENTION_MS)


def judge(
    partition: Partition, commands: Sequence[StoreCommand], about: Head
) -> tuple[bytes, bytes]:
    """A batch's status and what comes with it, straight from the script."""
    sha = script_for(Memory.GIVES).sha
    keys = partition.keys
    answer: Any = partition.client.evalsha(
        sha, len(keys), *keys, *lay_out(commands).arguments(about)
    )
    status, packed = answer
    return status, packed


def test_an_empty_partition_gets_its_epoch_from_the_first_batch_that_writes(
    partition: Partition,
) -> None:
    _, packed = judge(partition, [Confirm("nobody")], head())
    assert (unpack_reply(packed).epoch, unpack_reply(packed).sequence) == ("", 0)
    _, packed = judge(partition, [Release("A")], head())
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
    partition: Partition, expected: Head, status: bytes
) -> None:
    play(partition, "0 stock TEA 9 \n reserve A TEA:1")
    found, packed = judge(partition, [Release("A")], expected)
    assert found == status
    released = partition.reservation("A")
    assert released
    if status == b"WENT_BACK":
        assert msgspec.msgpack.decode(packed) == ["epoch-1", 2]
        assert released.state is State.RESERVED
    else:
        assert released.state is State.RELEASED


def test_an_emptied_store_has_gone_back(store: "redis.Redis") -> None:
    partition = emptied(store)
    status, packed = judge(partition, [Release("A")], head("epoch-1", 1))
    assert (status, msgspec.msgpack.decode(packed)) == (b"WENT_BACK", ["", 0])
    assert store.keys() == []


def test_a_store_of_another_schema_is_left_alone(store: "redis.Redis") -> None:
    partition = emptied(store)
    play(partition, "0 stock TEA 9")
    store.hset(partition.keys.meta, "schema", "1")
    before = store.hgetall(partition.keys.stock)
    assert judge(partition, [SetStock("TEA", 1)], head()) == (b"SCHEMA", b"1")
    assert store.hgetall(partition.keys.stock) == before


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
        "1s ship sold s1",
        "1s confirm A \n + stock TEA 9",
        "1s stock TEA 9 \n + release A",
        "1s reserve B TEA:1 \n + release A",
        "1h expire 10 -> 1",
    ],
)
def test_a_reservation_whose_stock_level_is_gone_stops_the_batch_and_nothing_changes(
    store: "redis.Redis", rows: str
) -> None:
    partition = emptied(store)
    play(
        partition, "0 stock TEA 9 \n reserve A TEA:1 buyer=li \n reserve sold TEA:1 \n confirm sold"
    )
    store.hdel(partition.keys.stock, "TEA")
    before = stored(partition)
    with pytest.raises(redis.ResponseError, match="CORRUPT a reservation has units"):
        play(partition, rows)
    assert stored(partition) == before


@pytest.mark.parametrize("garbage", [b"", b"not ours", b"\x01" * 40])
def test_a_due_record_that_cannot_be_read_stays_as_it_is_and_stops_no_sale(
    store: "redis.Redis", garbage: bytes
) -> None:
    partition = emptied(store)
    play(partition, "0 stock TEA 2 \n reserve A TEA:1 ttl=1s \n reserve B TEA:1 ttl=1s")
    store.hset(partition.keys.reservations, "A", garbage)
    play(
        partition,
        """
        1s    expire 10              -> 1
              expire 10              -> 0
              reserve C TEA:2        -> OUT_OF_STOCK short TEA:2/1
              reserve C TEA:1        -> APPLIED RESERVED
        """,
    )
    with pytest.raises(redis.ResponseError):
        partition.run([Release("A"), Reserve("D", [Line("TEA", 1)])], T0 + 1_000)
    assert store.hget(partition.keys.reservations, "A") == garbage
    assert "reservation A" in {finding.row for finding in partition.audit()}


def test_a_due_record_that_cannot_be_read_is_looked_at_again_once_a_minute(
    store: "redis.Redis",
) -> None:
    partition = emptied(store)
    play(partition, "0 stock TEA 2 \n reserve A TEA:1 ttl=1s")
    record = store.hget(partition.keys.reservations, "A")
    store.hset(partition.keys.reservations, "A", "not ours")
    play(partition, "1s expire 10 -> 0")
    assert partition.deadlines() == [(["A"], T0 + 61_000)]
    store.hset(partition.keys.reservations, "A", record)
    play(partition, "61s expire 10 -> 1")
    assert partition.audit() == []


@pytest.mark.parametrize("reservation", ["nobody", "sold", "tombstone", "live"])
def test_a_deadline_that_does_not_agree_with_its_reservation_is_mended(
    store: "redis.Redis", reservation: str
) -> None:
    partition = emptied(store)
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
    store.zadd(partition.keys.deadlines, {own_entry(reservation, 1): T0})
    assert stored(partition) != before
    play(partition, "0 expire 10 -> 0")
    assert partition.audit() == []
    assert (["live"], T0 + 900_000) in partition.deadlines()
    assert (stored(partition) == before) == (reservation != "sold")


@pytest.mark.parametrize(
    "garbage", [b"", b"not ours", b"\x93\x01", b"\x92\x01\xc0", b"\x91\xa1A", b"\x80"]
)
def test_an_entry_that_somebody_else_wrote_stops_no_sale_and_is_removed(
    store: "redis.Redis", garbage: bytes
) -> None:
    partition = emptied(store)
    play(partition, "0 stock TEA 1 \n reserve A TEA:1 ttl=1s")
    store.zadd(partition.keys.deadlines, {garbage: T0})
    assert "row_is_readable" in {finding.invariant for finding in partition.audit()}
    play(partition, "1s reserve B TEA:1 -> APPLIED RESERVED")
    assert partition.audit() == []


def test_a_retention_of_nobody_is_mended(store: "redis.Redis") -> None:
    partition = emptied(store)
    store.zadd(partition.keys.retention, {"rnobody": T0})
    play(partition, "0 purge 10 -> 1 \n purge 10 -> 0")
    assert partition.audit() == []
