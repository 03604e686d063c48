"""The way to the store: calls one behind the other on one connection, and what breaks it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import redis

from engine.errors import StoreCorrupt, StoreUnreachable
from engine.keys import partition_keys
from engine.link import ScriptLink, connect
from engine.scripts import Memory, Script, script_for

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEYS = partition_keys("link")
ECHO = script_for(Memory.GIVES, "return {ARGV[1], redis.call('INCR', KEYS[6])}")
# Some 50 ms: the store's clock stands still while a script runs, so it counts.
SLOW = script_for(Memory.GIVES, "local n = 0 for i = 1, 5e6 do n = n + i end return {ARGV[1]}")


@pytest_asyncio.fixture(loop_scope="session")
async def link(store_url: str, store: "redis.Redis") -> AsyncIterator[ScriptLink]:
    store.flushall()
    store.script_flush()
    async with connect(store_url) as client:
        link = ScriptLink(client)
        yield link
        await link.close()


async def echoed(link: ScriptLink, number: int, script: Script = ECHO) -> Any:
    return await link.run(script, KEYS, [b"%d" % number])


def clients(store: "redis.Redis") -> int:
    return len(list(store.client_list()))


async def test_calls_are_judged_and_answered_in_the_order_in_which_they_were_made(
    link: ScriptLink,
) -> None:
    # The first ones find no script in the store, and are sent again with its text.
    answers = await asyncio.gather(*(echoed(link, number) for number in range(50)))
    assert answers == [[b"%d" % number, number + 1] for number in range(50)]


async def test_a_call_is_sent_before_the_one_before_it_is_answered(
    link: ScriptLink, store: "redis.Redis"
) -> None:
    await echoed(link, 0, SLOW)
    before = clients(store)
    loop = asyncio.get_running_loop()
    slow = asyncio.ensure_future(echoed(link, 1, SLOW))
    quick = asyncio.ensure_future(echoed(link, 2))
    await slow
    slow_at = loop.time()
    await quick
    # The quick one had been waiting in the store, on the same connection.
    assert loop.time() - slow_at < 0.025
    assert clients(store) == before


async def test_values_are_read_together_behind_the_calls_before_them(link: ScriptLink) -> None:
    await echoed(link, -1)
    calls = [asyncio.ensure_future(echoed(link, number)) for number in range(3)]
    await asyncio.sleep(0)
    found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    assert link.ask(found.set_result, (KEYS.reservations, ["a", "b"]), (KEYS.stock, ["c"]))
    assert await found == [[None, None], [None]]
    assert all(call.done() for call in calls)
    await asyncio.gather(*calls)


async def test_values_cannot_be_asked_for_where_nothing_is_connected(link: ScriptLink) -> None:
    assert not link.ask(pytest.fail, (KEYS.stock, ["c"]))


async def test_the_first_error_of_what_is_asked_together_is_the_answer_to_all(
    link: ScriptLink, store: "redis.Redis"
) -> None:
    await echoed(link, 0)
    store.set(KEYS.stock, "no hash")
    found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    link.ask(found.set_result, (KEYS.reservations, ["a"]), (KEYS.stock, ["c"]))
    assert isinstance(await found, StoreCorrupt)
    assert (await echoed(link, 1))[0] == b"1"


async def test_a_wait_that_is_cancelled_gives_nobody_else_the_reply(link: ScriptLink) -> None:
    await echoed(link, -1)
    for first in range(0, 200, 10):
        calls = [asyncio.ensure_future(echoed(link, first + n)) for n in range(10)]
        await asyncio.sleep(0)
        calls[3].cancel()
        for number, answer in enumerate(await asyncio.gather(*calls, return_exceptions=True)):
            if isinstance(answer, list):
                assert answer[0] == b"%d" % (first + number)
            else:
                assert isinstance(answer, asyncio.CancelledError | StoreUnreachable)
        assert (await echoed(link, 7))[0] == b"7"


async def test_a_lost_connection_fails_what_is_under_way_and_nothing_after_it(
    link: ScriptLink, store: "redis.Redis"
) -> None:
    await echoed(link, 0)
    store.client_kill_filter(_type="normal", skipme=True)
    answers = await asyncio.gather(*(echoed(link, n) for n in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnreachable] * 3
    assert (await echoed(link, 9))[0] == b"9"


async def test_a_script_that_fails_leaves_the_connection_in_use(link: ScriptLink) -> None:
    broken = script_for(Memory.GIVES, "return redis.call('HGET', KEYS[6], 'a')")
    await echoed(link, 0)  # KEYS[6] is a number now, not a hash
    pipe = link._pipe
    with pytest.raises(Exception, match="meta"):
        await echoed(link, 1, broken)
    assert (await echoed(link, 2))[0] == b"2"
    assert link._pipe is pipe
