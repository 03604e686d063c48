"""A few Reserves are judged before the rules are made, and as the rules would: same answer, same
rows, same journal.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.columns import Head, lay_out
from engine.model import Confirm, Extend, Line, Release, Reserve, SetStock, StoreCommand
from engine.scripts import Memory, batch_script, script_for
from tests.lua.scenario import T0
from tests.partition import RETENTION_MS, Partition, few_alone, rules_alone

SKUS = ("A", "B", "C")
PLACES = [("A", "default"), ("A", "north"), ("B", "default"), ("B", "north"), ("C", "north")]
BUYERS = ["", "ann", "bob"]
TTLS_MS = [0, 1_000, 5_000]

SHOPS = st.lists(
    st.builds(
        lambda place, *numbers: SetStock(place[0], numbers[0], place[1], *numbers[1:]),
        st.sampled_from(PLACES),
        st.integers(0, 12),
        st.integers(0, 2),
        st.integers(0, 4),
    ),
    min_size=1,
    max_size=6,
)
LINES = st.lists(
    st.builds(
        lambda place, units: Line(place[0], units, place[1]),
        st.sampled_from(PLACES),
        st.integers(1, 4),
    ),
    min_size=1,
    max_size=3,
)
RESERVES = st.builds(
    Reserve,
    st.integers(1, 30).map("r{}".format),
    LINES,
    st.sampled_from(TTLS_MS),
    st.sampled_from(BUYERS),
)
BATCHES = st.lists(
    st.tuples(st.lists(RESERVES, min_size=1, max_size=5), st.sampled_from([0, 0, 1, 999, 1_000])),
    min_size=1,
    max_size=8,
)


def judge(
    partition: Partition, text: str, commands: Sequence[StoreCommand], now_ms: int
) -> tuple[str, Any]:
    """A batch's status and reply, as the script packs it."""
    head = Head(now_ms, "", 0, "epoch-1", 100, RETENTION_MS)
    keys, script = partition.keys, script_for(Memory.GIVES, text)
    answer: Any = partition.client.eval(
        script.text, len(keys), *keys, *lay_out(commands).arguments(head)
    )
    return answer[0].decode(), answer[1] and msgspec.msgpack.decode(answer[1])


def stored(partition: Partition) -> dict[str, Any]:
    """All that is stored, by the name of its key; the levels of a journal entry in any order."""
    client, keys = cast(Any, partition.client), partition.keys
    found = {
        name: client.hgetall(key)
        for name, key in keys._asdict().items()
        if name not in ("deadlines", "retention", "journal")
    }
    for name in ("deadlines", "retention"):
        found[name] = client.zrange(getattr(keys, name), 0, -1, withscores=True)
    found["journal"] = [
        (entry_id, _unordered(fields[b"batch"])) for entry_id, fields in client.xrange(keys.journal)
    ]
    return found


def _unordered(packed: bytes) -> Any:
    now_ms, kinds, subjects, levels = cast(
        list[Any], msgspec.msgpack.Decoder(list[msgspec.Raw]).decode(packed)
    )
    raw = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode(levels)
    pairs = sorted(zip(map(bytes, raw[::2]), map(bytes, raw[1::2]), strict=True))
    return bytes(now_ms), bytes(kinds), bytes(subjects), pairs


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(shop=SHOPS, batches=BATCHES)
def test_they_are_answered_and_stored_as_by_the_rules(
    store: "redis.Redis", shop: list[SetStock], batches: list[tuple[list[Reserve], int]]
) -> None:
    store.flushall()
    scripts = (batch_script(), rules_alone())
    sides = [Partition(store, tenant) for tenant in ("few", "rules")]
    now_ms = T0
    for commands, passed_ms in [(cast(list[Any], shop), 0), *batches]:
        now_ms += passed_ms
        answers = [
            judge(side, script, commands, now_ms)
            for side, script in zip(sides, scripts, strict=True)
        ]
        assert answers[0] == answers[1]
        assert stored(sides[0]) == stored(sides[1])
    assert sides[0].audit() == []


SHOP: list[StoreCommand] = [
    SetStock("A", 9, limit_per_buyer=3),
    SetStock("B", 5, "north"),
    SetStock("B", 5, limit_per_buyer=2),
    SetStock("C", 4),
    Reserve("old", [Line("A", 2)], 1_000, "ann"),
    Reserve("held", [Line("C", 4)], 1_000),
    Reserve("kept", [Line("B", 1)], 60_000, "ann"),
]


def asked(*commands: StoreCommand, after_ms: int = 0) -> tuple[list[StoreCommand], int]:
    return list(commands), T0 + after_ms


@pytest.mark.parametrize(
    ("commands", "now_ms"),
    [
        asked(Reserve("new", [Line("A", 1)], 0, "bob")),
        asked(Reserve("new", [Line("A", 1), Line("C", 9)], 0, "bob")),
        asked(Reserve("new", [Line("A", 2)], 0, "ann")),
        asked(Reserve("new", [Line("A", 1)])),
        asked(*(Reserve(f"n{i}", [Line("A", 1)], 1_000 * i, f"buyer-{i}") for i in range(100))),
        asked(Reserve("new", [Line("A", 1)], 0, "bob"), after_ms=5_000),
        asked(Reserve("new", [Line("B", 1), Line("B", 1, "north")], 0, "bob")),
    ],
)
def test_a_few_that_are_plain_need_no_rules(
    partition: Partition, commands: list[StoreCommand], now_ms: int
) -> None:
    judge(partition, batch_script(), SHOP, T0)
    assert judge(partition, few_alone(), commands, now_ms)[0] == "OK"


@pytest.mark.parametrize(
    ("commands", "now_ms"),
    [
        asked(Reserve("old", [Line("A", 2)], 1_000, "ann")),
        asked(Reserve("new", [Line("A", 1)], 0, "bob"), Reserve("new", [Line("A", 1)], 0, "bob")),
        asked(Reserve("new", [Line("nothing", 1)])),
        asked(Reserve("new", [Line("C", 1)]), after_ms=1_000),
        asked(Reserve("new", [Line("A", 2)], 0, "ann"), after_ms=1_000),
        asked(Reserve("new", [Line("B", 2, "north")], 0, "ann")),
        asked(Reserve("new", [Line("A", 1)], 0, "bob"), Confirm("new")),
        asked(*(Reserve(f"n{i}", [Line("A", 1)], 0, f"buyer-{i}") for i in range(101))),
        asked(Extend("kept", T0 + 9_000)),
        asked(Release("kept")),
    ],
)
def test_what_is_not_plain_is_left_to_the_rules_as_it_was(
    partition: Partition, commands: list[StoreCommand], now_ms: int
) -> None:
    judge(partition, batch_script(), SHOP, T0)
    before = stored(partition)
    assert judge(partition, few_alone(), commands, now_ms)[0] == "RULES"
    assert stored(partition) == before


def test_in_an_empty_store_the_rules_give_the_epoch(store: "redis.Redis") -> None:
    store.flushall()
    assert judge(Partition(store), few_alone(), [Reserve("A", [Line("A", 1)])], T0)[0] == "RULES"
