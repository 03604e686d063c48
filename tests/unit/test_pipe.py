"""The connection to a store that delays, splits and drops its replies: each caller gets its own
answer, or none.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from engine import pipe
from engine.errors import StoreCorrupt, StoreUnreachable
from engine.keys import partition_keys
from engine.link import ScriptLink, connect
from engine.scripts import Memory, script_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYS = partition_keys("pipe")
ECHO = script_for(Memory.GIVES, "return {ARGV[1], string.rep(ARGV[1], 50)}")
CALLS, AT_A_TIME = 3_000, 30
PATIENCE_S = 60.0


class Proxy:
    """Stands between a link and its store, and is no help."""

    def __init__(self, store_path: str, chance: random.Random) -> None:
        self._store_path = store_path
        self._chance = chance
        self.drops_one_in = 0
        self.speaks = asyncio.Event()
        self.speaks.set()
        self.connections = 0
        self.serving: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        from_store, to_store = await asyncio.open_unix_connection(self._store_path)
        ways = [
            asyncio.ensure_future(self._there(reader, to_store)),
            asyncio.ensure_future(self._back(from_store, writer)),
        ]
        self.serving.update(ways)
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        self.serving.difference_update(ways)
        to_store.close()
        writer.close()

    async def _there(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := await reader.read(65_536):
            writer.write(words)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chance = self._chance
        while replies := await reader.read(65_536):
            while replies:
                if self.drops_one_in and not chance.randrange(self.drops_one_in):
                    return  # in mid-reply, as often as not
                await self.speaks.wait()
                size = chance.choice((1, 7, 100, 1_000, 65_536))
                writer.write(replies[:size])
                replies = replies[size:]
                await asyncio.sleep(chance.choice((0, 0, 0, 0.001)))


@asynccontextmanager
async def proxied(store_url: str, directory: Path, seed: int) -> AsyncIterator[Any]:
    """A link to the store by way of a proxy, and the proxy."""
    proxy = Proxy(store_url.removeprefix("unix://"), random.Random(seed))
    path = directory / "proxy"
    server = await asyncio.start_unix_server(proxy.serve, path)
    async with connect(f"unix://{path}") as client:
        link = ScriptLink(client)
        yield link, proxy
        await link.close()
    server.close()
    for way in proxy.serving:
        way.cancel()
    await asyncio.sleep(0.01)


async def by_script(link: ScriptLink, number: int) -> bytes:
    answer, many = await link.run(ECHO, KEYS, [b"%d" % number])
    assert many == answer * 50
    return bytes(answer)


async def at_once(link: ScriptLink, number: int) -> bytes:
    """As a batch is sent, or as it is judged if it cannot be."""
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_reply(reply: Any) -> None:
        if not future.done():
            future.set_result(reply)

    if not link.send(on_reply, ECHO, KEYS, [b"%d" % number]):
        return await by_script(link, number)
    reply = await future
    if isinstance(reply, StoreCorrupt):  # the script was flushed
        return await by_script(link, number)
    if isinstance(reply, Exception):
        raise reply
    return bytes(reply[0])


async def by_value(link: ScriptLink, number: int) -> bytes:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def on_values(found: Any) -> None:
        if not future.done():
            future.set_result(found)

    asked = ("numbers", [str(number)])
    if not link.ask(on_values, asked, asked):
        return await by_script(link, number)
    found = await future
    if isinstance(found, Exception):
        raise found
    (first,), (second,) = found
    assert first == second
    return bytes(first)


@pytest.mark.parametrize("seed", range(2))
async def test_no_caller_ever_gets_the_answer_of_another(
    store_url: str, store: "redis.Redis", tmp_path: Path, seed: int
) -> None:
    store.flushall()
    store.hset("numbers", mapping={str(number): number for number in range(CALLS)})
    chance = random.Random(seed)
    ends: Counter[str] = Counter()

    async def caller(link: ScriptLink, number: int) -> None:
        ask = chance.choice((by_script, at_once, by_value))
        patience_s = chance.choice((PATIENCE_S, PATIENCE_S, 0.001))
        try:
            async with asyncio.timeout(patience_s):
                assert await ask(link, number) == b"%d" % number
                ends["answered"] += 1
        except (StoreUnreachable, TimeoutError) as error:
            ends[type(error).__name__] += 1

    async with proxied(store_url, tmp_path, seed) as (link, proxy):
        proxy.drops_one_in = 100
        for first in range(0, CALLS, AT_A_TIME):
            numbers = range(first, first + AT_A_TIME)
            await asyncio.gather(*(caller(link, number) for number in numbers))
            if not first % (10 * AT_A_TIME):
                store.script_flush()
    assert ends.total() == CALLS
    assert min(ends[kind] for kind in ("answered", "StoreUnreachable", "TimeoutError")) > 10, ends
    assert proxy.connections > 1


async def test_a_silent_store_fails_all_that_is_under_way_and_nothing_after_it(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with proxied(store_url, tmp_path, 0) as (link, proxy):
        monkeypatch.setattr(pipe, "ANSWER_TIMEOUT_S", 0.2)
        assert await by_script(link, 1) == b"1"
        proxy.speaks.clear()
        calls = (at_once(link, 2), by_script(link, 3), by_value(link, 4))
        failures = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(failure) for failure in failures] == [StoreUnreachable] * 3
        proxy.speaks.set()
        monkeypatch.undo()
        assert await by_script(link, 5) == b"5"


async def test_a_wait_that_is_cancelled_costs_nobody_else_the_connection(
    store_url: str, tmp_path: Path
) -> None:
    async with proxied(store_url, tmp_path, 0) as (link, proxy):
        await by_script(link, 0)
        for _ in range(20):
            calls = [asyncio.ensure_future(by_script(link, number)) for number in range(3)]
            await asyncio.sleep(0)
            calls[1].cancel()
            assert [await calls[0], await calls[2]] == [b"0", b"2"]
        assert proxy.connections == 1


async def test_a_store_that_says_more_than_it_was_asked_is_not_asked_again(
    store_url: str, tmp_path: Path
) -> None:
    async with proxied(store_url, tmp_path, 0) as (link, proxy):
        await by_script(link, 0)
        link._pipe.data_received(b"+ANOTHER\r\n")
        assert link._pipe.broken
        assert await by_script(link, 1) == b"1"
        link._pipe.data_received(b"?nonsense\r\n")
        assert link._pipe.broken
        assert await by_script(link, 2) == b"2"
        assert proxy.connections == 3
