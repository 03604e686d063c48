"""The script, interrupted at each of its `redis.call`s in turn: the state is the one before or the
one after, never one between.

In the style of SQLite's tests, the n-th call fails, for every n until the script gets through. A
call fails before it is done, as one that is refused, and after it, as one whose answer is lost.
"""

from collections.abc import Sequence
from typing import Any

import pytest
import redis

from engine.keys import PartitionKeys
from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Confirm,
    Disposition,
    Exchange,
    ExchangedUnits,
    Expire,
    Extend,
    Line,
    MoveStock,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StoreCommand,
)
from engine.scripts import batch_script
from tests.partition import DAY_MS, Partition, rules_alone

T0 = 1_700_000_000_000
CALLS_MAX = 60

FAILS_AT = """
local real_redis, calls_made = redis, 0
local redis = {{call = function(...)
  calls_made = calls_made + 1
  if calls_made == {n} and '{when}' == 'before' then error({{err = 'INTERRUPTED'}}) end
  local answer = real_redis.call(...)
  if calls_made == {n} then error({{err = 'INTERRUPTED'}}) end
  return answer
end}}
"""


def exchange(reservation_id: str, of_old: Line, ttl_ms: int) -> Exchange:
    """A Reserve of one unit of A in exchange for a line of `old`."""
    exchanged = ExchangedUnits("old", [of_old])
    return Exchange(reservation_id, [Line("A", 1)], ttl_ms, "buyer-1", in_exchange_for=exchanged)


SETUP: list[tuple[int, Sequence[StoreCommand]]] = [
    (
        T0,
        [
            SetStock("A", 100, limit_per_buyer=50),
            SetStock("B", 20, "north"),
            SetStock("A", 0, "west"),
        ],
    ),
    (
        T0,
        [
            Reserve("live", [Line("A", 3), Line("B", 2, "north")], 900_000, "buyer-1"),
            Reserve("due", [Line("A", 4)], 1_000, "buyer-2"),
            Reserve("lapsed", [Line("A", 5)], 1_000, "buyer-3"),
            Reserve("sold", [Line("A", 6), Line("B", 3, "north")], 900_000, "buyer-1"),
            Reserve("moved", [Line("A", 2)], 900_000, "buyer-1"),
            Reserve("ended", [Line("A", 1)], 900_000, "buyer-1"),
            Reserve("extended", [Line("A", 1)], 900_000, "buyer-1"),
            Extend("extended", T0 + 1_000),
            Extend("extended", T0 + 800_000),
            Confirm("sold"),
            Confirm("moved"),
            Ship("moved", "s-1"),
            Release("ended"),
            Reserve("old", [Line("A", 3), Line("B", 1, "north")], 900_000, "buyer-1"),
            Confirm("old"),
            Ship("old", "s-1"),
            exchange("swapped", Line("A", 1), 900_000),
            exchange("swap-due", Line("B", 1, "north"), 1_000),
            AdjustStock("A", 7, "adjustment-1", reason="found"),
        ],
    ),
]

BATCHES: dict[str, tuple[int, Sequence[StoreCommand]]] = {
    "reserve": (T0 + 1, [Reserve("new", [Line("A", 1), Line("B", 1, "north")], 0, "buyer-9")]),
    "a few reserves": (
        T0 + 1,
        [
            Reserve("new", [Line("A", 1), Line("B", 1, "north")], 0, "buyer-1"),
            Reserve("greedy", [Line("A", 1)], 0, ""),
            Reserve("other", [Line("B", 2, "north")], 7_000),
            Reserve("more", [Line("A", 2)], 0, "buyer-8"),
        ],
    ),
    "confirm": (T0 + 1, [Confirm("live")]),
    "reacquire": (T0 + 1_000, [Confirm("lapsed", reacquire_if_expired=True)]),
    "release": (T0 + 1, [Release("live"), Release("never-seen")]),
    "extend": (T0 + 1, [Extend("live", T0 + 5_000), Extend("extended", T0 + 6_000)]),
    "ship": (T0 + 1, [Ship("sold", "s-1", [Line("A", 2)])]),
    "cancel": (T0 + 1, [Cancel("sold", "c-1", disposition=Disposition.DAMAGED)]),
    "return": (T0 + 1, [Return("moved", "r-1", Disposition.DAMAGED, [Line("A", 1)])]),
    "return to another location": (
        T0 + 1,
        [Return("moved", "r-1", Disposition.RESELLABLE, to_location="west")],
    ),
    "exchange": (T0 + 1, [exchange("new", Line("A", 2), 900_000)]),
    "undo an exchange": (T0 + 1, [Release("swapped")]),
    "return for an exchange": (
        T0 + 1,
        [Return("old", "r-1", Disposition.LOST, [Line("A", 1)], "", "swapped")],
    ),
    "expire": (T0 + 1_000, [Expire(100)]),
    "expire on demand": (T0 + 1_000, [AdjustStock("A", -90, "adjustment-2")]),
    "purge": (T0 + 31 * DAY_MS, [Purge(100)]),
    "set_stock": (T0 + 1, [SetStock("A", 200), SetStock("C", 5, "south")]),
    "adjust_stock": (T0 + 1, [AdjustStock("A", -5, "adjustment-2")]),
    "move_stock": (
        T0 + 1,
        [
            MoveStock("A", 5, Bucket.RESELLABLE, Bucket.INCOMING, "move-1", to_location="west"),
            MoveStock("A", 1, Bucket.RESELLABLE, Bucket.DAMAGED, "move-2"),
        ],
    ),
    "everything": (
        T0 + 1_000,
        [
            Reserve("new", [Line("A", 1)], 0, "buyer-9"),
            Confirm("new"),
            Confirm("due", reacquire_if_expired=True),
            Cancel("due", "c-1"),
            Ship("sold", "s-1", [Line("B", 1, "north")]),
            Release("live"),
            Return("moved", "r-1", Disposition.RESELLABLE),
            SetStock("D", 1, "west"),
            AdjustStock("A", 1, "adjustment-3"),
            MoveStock("A", 1, Bucket.OUTSIDE, Bucket.DAMAGED, "move-1"),
        ],
    ),
}


def whole_state(partition: Partition) -> dict[str, Any]:
    """Everything the store holds, by key; an empty stream counts as none."""
    client: Any = partition.client
    read = {
        b"hash": client.hgetall,
        b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
        b"stream": client.xrange,
        b"string": client.get,
    }
    state = {key: read[client.type(key)](key) for key in client.keys("*")}
    return {key: value for key, value in state.items() if value}


def set_up(store: "redis.Redis") -> Partition:
    """Empties the store and makes the state of SETUP anew."""
    store.flushall()
    partition = Partition(store)
    for now_ms, commands in SETUP:
        answers = partition.run(commands, now_ms)
        assert {answer.outcome.name for answer in answers} == {"APPLIED"}  # type: ignore[union-attr]
    return partition


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("name", "text"),
    [
        *((name, batch_script()) for name in BATCHES),
        *((name, rules_alone()) for name in ("reserve", "a few reserves")),
    ],
    ids=[*BATCHES, "reserve by the rules", "a few reserves by the rules"],
)
def test_every_call_may_fail_and_nothing_is_half_done(
    store: "redis.Redis", name: str, text: str, when: str
) -> None:
    now_ms, commands = BATCHES[name]
    partition = set_up(store)
    before = whole_state(partition)
    partition.run(commands, now_ms)
    after = whole_state(partition)
    assert after != before

    for n in range(1, CALLS_MAX):
        partition = set_up(store)
        failing = FAILS_AT.format(n=n, when=when) + text
        interrupted = False
        try:
            Partition(store, script=failing).run(commands, now_ms)
        except redis.ResponseError as error:
            interrupted = "INTERRUPTED" in str(error)
            if not interrupted:
                raise
        expected = before if interrupted else after
        assert whole_state(partition) == expected, f"call {n} left something half done"
        assert partition.audit() == []
        if not interrupted:
            assert n > 5, "the script was never interrupted"
            return
    pytest.fail(f"the script made more than {CALLS_MAX} calls")


def test_a_batch_after_an_interrupted_one_is_judged_as_if_nothing_had_been(
    store: "redis.Redis",
) -> None:
    now_ms, commands = BATCHES["everything"]
    expected = set_up(store).run(commands, now_ms)
    partition = set_up(store)
    failing = FAILS_AT.format(n=14, when="after") + batch_script()
    interrupted = Partition(store, script=failing)
    with pytest.raises(redis.ResponseError, match="INTERRUPTED"):
        interrupted.run(commands, now_ms)
    assert partition.run(commands, now_ms) == expected
    assert partition.audit() == []


@pytest.mark.parametrize("name", PartitionKeys._fields)
def test_a_key_of_a_wrong_type_stops_the_batch_and_nothing_is_half_done(
    store: "redis.Redis", name: str
) -> None:
    now_ms, commands = BATCHES["everything"]
    partition = set_up(store)
    key = getattr(partition.keys, name)
    store.delete(key)
    store.set(key, "not ours")
    before = whole_state(partition)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        partition.run(commands, now_ms)
    assert whole_state(partition) == before
