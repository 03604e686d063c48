"""Tenants that nobody has: their names cost neither the store nor the server anything for long."""

import asyncio
from typing import Any

import pytest
import redis
import redis.asyncio

from engine import engine as engine_module
from engine.due import due_of
from engine.engine import Engine, EngineSettings
from engine.keys import TENANTS_KEY, partition_keys
from engine.link import ScriptLink, connect
from engine.model import (
    Command,
    Line,
    Outcome,
    Release,
    Reserve,
    Result,
    SetStock,
    State,
    StockOutcome,
)
from engine.records import pack
from tests.partition import Partition

TENANTS = 50
KEPT = 10


async def test_made_up_tenants_are_forgotten_and_real_ones_are_not(
    store: "redis.Redis", store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "TENANTS_KEPT", KEPT)
    store.flushall()
    before = len(asyncio.all_tasks())
    client = redis.asyncio.Redis.from_url(store_url)
    engine = Engine(client, EngineSettings(), lambda _: None)
    later = asyncio.get_running_loop().time() + 60
    await engine.set_stock("real", SetStock("A", 1), later)
    for number in range(TENANTS):
        (answer,) = await engine.apply(f"made-up-{number}", [Reserve("r", [Line("A", 1)])], later)
        assert answer == Result(Outcome.UNKNOWN_SKU)
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) - before <= KEPT + 1
    (answer,) = await engine.apply("real", [Reserve("r", [Line("A", 1)])], later)
    assert isinstance(answer, Result)
    assert answer.outcome is Outcome.APPLIED
    found: Any = store.keys("*{*")
    assert {key.split(b"{")[1].split(b"/")[0] for key in found} == {b"real"}
    await engine.drain()
    await client.aclose()
    assert Partition(store, "real").audit() == []


async def test_a_release_makes_no_tenant_and_one_that_has_stock_keeps_its_tombstones(
    store: "redis.Redis", store_url: str
) -> None:
    store.flushall()
    client = redis.asyncio.Redis.from_url(store_url)
    engine = Engine(client, EngineSettings(), lambda _: None)
    later = asyncio.get_running_loop().time() + 60
    commands: list[Command] = [Release("x"), Reserve("x", [Line("A", 1)]), Release("x")]
    answers = await engine.apply("nobody", commands, later)
    released = Result(Outcome.APPLIED, state=State.RELEASED)
    assert answers == [released, Result(Outcome.UNKNOWN_SKU), released]
    assert store.keys() == []
    await engine.set_stock("real", SetStock("A", 1), later)
    (_, late, again) = await engine.apply("real", commands, later)
    assert isinstance(late, Result)
    assert isinstance(again, Result)
    assert (late.outcome, again.replayed) == (Outcome.ALREADY_RELEASED, True)
    assert store.smembers(TENANTS_KEY) == {b"real"}
    await engine.drain()
    await client.aclose()


async def test_hundreds_of_new_shops_at_once_are_all_taken_and_stay(
    store: "redis.Redis", store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "TENANTS_KEPT", KEPT)
    store.flushall()
    client = connect(store_url)
    engine = Engine(client, EngineSettings(), lambda _: None)
    later = asyncio.get_running_loop().time() + 60
    shops = [f"shop-{number}" for number in range(3 * TENANTS)]
    # Each is new while the others still wait for their first answer.
    answers = await asyncio.gather(
        *(engine.set_stock(shop, SetStock("A", 1), later) for shop in shops)
    )
    assert {answer.outcome for answer in answers} == {StockOutcome.APPLIED}
    assert store.scard(TENANTS_KEY) == len(shops)
    await engine.drain()
    await client.aclose()


async def test_only_what_is_due_is_swept_however_many_tenants_there_are(
    store: "redis.Redis", store_url: str
) -> None:
    store.flushall()
    client = connect(store_url)
    engine = Engine(client, EngineSettings(), lambda _: None)
    later = asyncio.get_running_loop().time() + 60
    held: list[Command] = [Reserve("r", [Line("A", 1)], ttl_ms=1_000)]
    for shop in ("due", "not-due", "damaged"):
        await engine.set_stock(shop, SetStock("A", 1), later)
    await engine.apply("due", held, later)
    await engine.apply("not-due", [Reserve("r", [Line("A", 1)])], later)
    damaged = partition_keys("damaged").deadlines
    store.set(damaged, "somebody else's")
    store.sadd(TENANTS_KEY, *(f"idle-{number}" for number in range(600)))
    listed: Any = store.smembers(TENANTS_KEY)
    names = [name.decode() for name in listed]
    link = ScriptLink(client)

    async def due_tenants() -> set[str]:
        keys = [partition_keys(name) for name in names]
        return {names[position] for position in await due_of(link, keys, "deadlines", (0, 0))}

    assert await due_tenants() == {"damaged"}
    store.zadd(partition_keys("due").deadlines, {pack([1, "r"]): 1})
    assert await due_tenants() == {"damaged", "due"}
    await link.close()
    await engine.drain()
    await client.aclose()
