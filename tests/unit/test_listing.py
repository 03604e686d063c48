"""Lists over a real store while rows come and go: what is there all the time comes once."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
import redis

from engine import listing
from engine.engine import Engine, EngineSettings
from engine.keys import partition_keys
from engine.link import connect
from engine.model import Command, Line, Reserve, SetStock, State
from engine.reads import LINES_PER_PAGE_MAX, Filter, Reader, seen_at
from engine.records import unpack_reservation
from engine.turns import Turns

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "lists"
KEYS = partition_keys(TENANT)
ALL = Filter()


@pytest_asyncio.fixture(loop_scope="session")
async def engines(store_url: str, store: "redis.Redis") -> AsyncIterator[list[Engine]]:
    """Two processes' engines on one empty store."""
    store.flushall()
    async with connect(store_url) as client:
        two = [Engine(client, EngineSettings(), lambda _: None) for _ in range(2)]
        yield two
        for engine in two:
            await engine.drain()


async def reserve(engine: Engine, prefix: str, count: int, lines: int = 1) -> list[str]:
    later = asyncio.get_running_loop().time() + 60
    for number in range(lines):
        await engine.set_stock(TENANT, SetStock(f"S{number}", 1_000_000), later)
    wanted = [Line(f"S{number}", 1) for number in range(lines)]
    ids = [f"{prefix}{number}" for number in range(count)]
    step = max(1, min(1_000, 4_000 // lines))
    for first in range(0, count, step):
        commands: list[Command] = [Reserve(rid, wanted) for rid in ids[first : first + step]]
        await engine.apply(TENANT, commands, later)
    return ids


async def listed(
    readers: list[Reader], page_size: int, between: Callable[[int], Any] = lambda page: None
) -> Counter[str]:
    """The ids that a list gives, whose pages the readers give by turns."""
    found: Counter[str] = Counter()
    token, page = "", 0
    while True:
        rows, token = await readers[page % len(readers)].reservations(page_size, token, ALL)
        found.update(row.reservation_id for row in rows)
        if not token:
            return found
        between(page)
        page += 1


async def test_rows_come_once_while_the_hash_grows_and_shrinks_between_pages(
    engines: list[Engine], store: "redis.Redis"
) -> None:
    kept = await reserve(engines[0], "kept", 700)
    gone = await reserve(engines[0], "gone", 3_000)
    record: Any = store.hget(KEYS.reservations, "kept0")
    random.Random(1).shuffle(gone)

    def come_and_go(page: int) -> None:
        if page % 2:
            store.hset(
                KEYS.reservations, mapping={f"new{page}-{n}": record for n in range(30 * page)}
            )
        else:
            for name in gone[: 400 * page]:
                store.hdel(KEYS.reservations, name)
            store.hdel(KEYS.reservations, *(f"new{page - 1}-{n}" for n in range(30 * page + 1)))

    readers = [engine.reader(TENANT) for engine in engines]
    for page_size in (100, 333):
        found = await listed(readers, page_size, come_and_go)
        assert {found[name] for name in kept} == {1}
        assert set(found.values()) == {1}


async def test_a_page_is_not_taken_from_names_that_are_older_than_its_list(
    engines: list[Engine],
) -> None:
    old = await reserve(engines[0], "old", 300)
    readers = [engine.reader(TENANT) for engine in engines]
    assert set(await listed(readers[1:], 50)) == set(old)  # the second keeps these names
    new = await reserve(engines[0], "new", 300)
    assert await listed(readers, 50) == Counter(old + new)


async def test_a_hash_too_large_to_be_kept_is_listed_in_parts(
    engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "NAMES_MAX", 150)
    ids = await reserve(engines[0], "r", 1_000)
    assert await listed([engine.reader(TENANT) for engine in engines], 70) == Counter(ids)


async def test_lists_that_begin_together_share_scans_and_see_what_was_there(
    engines: list[Engine], store: "redis.Redis"
) -> None:
    ids = await reserve(engines[0], "r", 500)
    before: Any = store.info("commandstats")
    reader = engines[0].reader(TENANT)
    found = await asyncio.gather(*(listed([reader], 1_000) for _ in range(12)))
    assert all(rows == Counter(ids) for rows in found)
    after: Any = store.info("commandstats")
    calls = [stats.get("cmdstat_hscan", {"calls": 0})["calls"] for stats in (before, after)]
    assert calls[1] - calls[0] <= 2


async def test_a_page_of_wide_reservations_is_short_and_all_come(engines: list[Engine]) -> None:
    ids = await reserve(engines[0], "wide", 60, lines=200)
    reader = engines[0].reader(TENANT)
    page, token = await reader.reservations(1_000, "", ALL)
    assert token
    assert sum(len(row.lines) for row in page) < 2 * LINES_PER_PAGE_MAX
    assert await listed([reader], 1_000) == Counter(ids)


async def test_a_filter_that_matches_little_finds_it(engines: list[Engine]) -> None:
    await reserve(engines[0], "r", 3_000)
    later = asyncio.get_running_loop().time() + 60
    await engines[0].apply(TENANT, [Reserve("his", [Line("S0", 1)], buyer_id="him")], later)
    page, token = await engines[0].reader(TENANT).reservations(10, "", Filter(buyer_id="him"))
    assert ([row.reservation_id for row in page], token) == (["his"], "")


async def test_no_record_that_a_filter_is_after_is_passed_over(
    engines: list[Engine], store: "redis.Redis"
) -> None:
    later = asyncio.get_running_loop().time() + 60
    await reserve(engines[0], "r", 10, lines=3)
    await engines[0].apply(TENANT, [Reserve("b", [Line("S1", 2)], buyer_id="buyer")], later)
    stored: Any = store.hgetall(KEYS.reservations)
    for now_ms in (0, 2**45):  # live, and past all deadlines
        for name, record in stored.items():
            row = seen_at(unpack_reservation(name.decode(), record), now_ms)
            for state in State:
                for wanted in (
                    Filter(state),
                    Filter(state, "S1"),
                    Filter(state, "", "buyer"),
                    Filter(state, "S2", "nobody"),
                ):
                    assert wanted.may_pass(record) or not wanted.passes(row)


async def test_people_take_turns_and_rest_after_each() -> None:
    turns, loop = Turns(), asyncio.get_running_loop()
    spans: list[tuple[float, float]] = []

    async def work() -> None:
        async with turns.turn():
            begun = loop.time()
            await asyncio.sleep(0.01)
            spans.append((begun, loop.time()))

    await asyncio.gather(*(work() for _ in range(4)))
    for (begun, ended), (next_begun, _) in pairwise(spans):
        assert next_begun - ended >= 0.9 * (ended - begun)
