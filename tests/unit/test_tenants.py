"""Tenants that nobody has: their names cost neither the store nor the server anything for long."""

import asyncio
from typing import Any

import pytest
import redis
import redis.asyncio

from engine import engine as engine_module
from engine.engine import Engine, EngineSettings
from engine.model import Line, Outcome, Reserve, Result, SetStock
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
