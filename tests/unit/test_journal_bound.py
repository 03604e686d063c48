"""A journal is bounded in changes and in bytes; the newest entries are kept."""

from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from engine.journal_bound import trim_journal
from engine.link import connect

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "journal"
MILLION = 1_000_000


def fill(store: "redis.Redis", sizes: list[int]) -> None:
    store.flushall()
    for number, size in enumerate(sizes, start=1):
        store.xadd(KEY, {"batch": b"x" * size}, id=f"{number}-0")


def sequences(store: "redis.Redis") -> list[int]:
    entries: Any = store.xrange(KEY)
    return [int(entry_id.partition(b"-")[0]) for entry_id, _ in entries]


async def trim(store_url: str, changes_max: int, bytes_max: int) -> None:
    async with connect(store_url) as client:
        await trim_journal(client, KEY, 300, changes_max, bytes_max)


@pytest.mark.parametrize(
    "sizes",
    [[10_000] * 300, [100] * 250 + [50_000] * 50, [50_000] * 50 + [100] * 250],
    ids=["alike", "wide at the end", "wide at the beginning"],
)
async def test_what_is_kept_is_the_newest_and_fits(
    store_url: str, store: "redis.Redis", sizes: list[int]
) -> None:
    fill(store, sizes)
    await trim(store_url, 1_000, MILLION)
    kept = sequences(store)
    assert store.memory_usage(KEY, samples=0) <= MILLION  # type: ignore[operator]
    assert kept == list(range(301 - len(kept), 301))
    assert len(kept) >= 10


async def test_what_fits_is_left_alone_and_changes_are_counted_all_the_same(
    store_url: str, store: "redis.Redis"
) -> None:
    fill(store, [100] * 300)
    await trim(store_url, 1_000, MILLION)
    assert len(sequences(store)) == 300
    await trim(store_url, 100, MILLION)
    # Whole nodes of the stream go, so a few more are kept.
    assert sequences(store)[0] in range(100, 201)
    assert sequences(store)[-1] == 300


async def test_a_store_that_does_not_tell_the_size_is_trimmed_by_changes() -> None:
    class Store:
        trimmed: Any = None

        async def memory_usage(self, *_: Any, **__: Any) -> int:
            raise NoPermissionError("NOPERM this user has no permissions")

        async def xtrim(self, *_: Any, **how: Any) -> None:
            self.trimmed = how

    store: Any = Store()
    await trim_journal(store, KEY, 300, 100, MILLION)
    assert store.trimmed == {"minid": "200-0"}
