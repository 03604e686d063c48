"""The sold-out gate against a real store: refusals without the script, and nothing else changed."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
import redis

from engine.engine import Engine, EngineSettings
from engine.errors import StoreUnreachable
from engine.link import connect
from engine.model import (
    Command,
    Confirm,
    Line,
    Outcome,
    Release,
    Reserve,
    Result,
    SetStock,
    Shortage,
)
from engine.partition import Retention, surely_free
from engine.records import pack
from engine.refusals import Refusals
from engine.sold_out import KEEP_MS_MAX

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "gate"
FAR_S = 60.0
SHORT = (Shortage("TEA", "default", 1, 0),)


class Shop:
    """One server's engine; `judge` is one call of one buyer."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    async def judge(self, command: Command) -> Result:
        deadline = asyncio.get_running_loop().time() + FAR_S
        (result,) = await self.engine.apply(TENANT, [command], deadline)
        assert isinstance(result, Result)
        return result

    @property
    def refusals(self) -> Refusals:
        return self.engine._tenant(TENANT).queue._refusals

    async def reserve(self, reservation_id: str) -> Result:
        return await self.judge(Reserve(reservation_id, [Line("TEA", 1)]))


@asynccontextmanager
async def shop_at(url: str, sold_out_ms: int, ended_ms: int = 86_400_000) -> AsyncIterator[Shop]:
    async with connect(url) as client:
        settings = EngineSettings(Retention(ended_ms), sold_out_ms=sold_out_ms)
        engine = Engine(client, settings, lambda _: None)
        yield Shop(engine)
        await engine.drain()


@pytest_asyncio.fixture(loop_scope="session")
async def shop(store_url: str, store: "redis.Redis") -> AsyncIterator[Shop]:
    """A shop whose only unit of TEA is order-0's, and which has just refused order-1."""
    store.flushall()
    async with shop_at(store_url, 50) as shop:
        deadline = asyncio.get_running_loop().time() + FAR_S
        await shop.engine.set_stock(TENANT, SetStock("TEA", 1), deadline)
        assert (await shop.reserve("order-0")).outcome is Outcome.APPLIED
        assert (await shop.reserve("order-1")).outcome is Outcome.OUT_OF_STOCK
        yield shop


def batches(store: "redis.Redis") -> int:
    """The number of batches that the store has judged."""
    stats: Any = store.info("commandstats")
    return int(stats["cmdstat_evalsha"]["calls"])


async def test_what_is_sold_out_is_refused_without_the_script(
    shop: Shop, store: "redis.Redis"
) -> None:
    judged = batches(store)
    refused = await asyncio.gather(*(shop.reserve(f"order-{n}") for n in range(2, 102)))
    assert {result.outcome for result in refused} == {Outcome.OUT_OF_STOCK}
    assert {result.shortages for result in refused} == {SHORT}
    # All in one moment, so at most a batch or two after the moment had passed.
    assert batches(store) - judged <= 2


async def test_the_winner_who_asks_again_is_answered_as_before(shop: Shop) -> None:
    (again, other) = await asyncio.gather(shop.reserve("order-0"), shop.reserve("order-2"))
    assert (again.outcome, again.replayed) == (Outcome.APPLIED, True)
    assert other.outcome is Outcome.OUT_OF_STOCK


async def test_a_winner_of_another_server_who_asks_here_is_answered_as_before(
    shop: Shop, store_url: str
) -> None:
    async with shop_at(store_url, 50) as other:
        assert (await other.reserve("order-9")).outcome is Outcome.OUT_OF_STOCK
        again = await other.reserve("order-0")
    assert (again.outcome, again.replayed) == (Outcome.APPLIED, True)


async def test_who_is_looked_up_when_the_connection_breaks_is_told_so_and_may_ask_again(
    shop: Shop,
) -> None:
    late = [asyncio.ensure_future(shop.reserve(name)) for name in ("order-0", "order-2")]
    async with asyncio.timeout(FAR_S):
        while not shop.refusals._under_way:  # noqa: ASYNC110
            await asyncio.sleep(0)
    await shop.engine.partition(TENANT)._link.close()
    for call in late:
        with pytest.raises(StoreUnreachable):
            await call
    assert (await shop.reserve("order-0")).replayed
    assert (await shop.reserve("order-2")).outcome is Outcome.OUT_OF_STOCK


async def test_an_id_that_was_released_before_it_was_reserved_stays_released(shop: Shop) -> None:
    await shop.judge(Release("order-7"))
    assert (await shop.reserve("order-8")).outcome is Outcome.OUT_OF_STOCK
    assert (await shop.reserve("order-7")).outcome is Outcome.ALREADY_RELEASED


async def test_what_this_server_gives_back_is_on_sale_at_once(shop: Shop) -> None:
    for number in range(20):
        holder = "order-0" if number == 0 else f"again-{number - 1}"
        await shop.judge(Release(holder))
        assert (await shop.reserve(f"again-{number}")).outcome is Outcome.APPLIED
        assert (await shop.reserve(f"late-{number}")).outcome is Outcome.OUT_OF_STOCK


async def test_what_another_server_gives_back_is_on_sale_at_once(
    shop: Shop, store_url: str
) -> None:
    async with shop_at(store_url, 50) as other:
        for number in range(10):
            assert (await shop.reserve(f"late-{number}")).outcome is Outcome.OUT_OF_STOCK
            await other.judge(Release("order-0" if number == 0 else f"again-{number - 1}"))
            assert (await shop.reserve(f"again-{number}")).outcome is Outcome.APPLIED


async def test_more_than_another_server_left_is_refused_with_what_there_is_now(
    shop: Shop, store_url: str
) -> None:
    async with shop_at(store_url, 50) as other:
        await other.judge(Release("order-0"))
        result = await shop.judge(Reserve("two", [Line("TEA", 2)]))
    assert result.shortages == (Shortage("TEA", "default", 2, 1),)


@pytest.mark.parametrize(
    ("level", "free"),
    [
        ([5, 0, 0, 0, 0, 0, 1, 0], 5),
        ([5, 3, 1, 0, 1, 0, 1, 101], 0),
        ([5, 3, 1, 0, 1, 0, 1, 100], None),  # a reserved unit may be due
        ([5, 0, 5, 0, 1, 0, 1, 100], 0),
    ],
)
async def test_units_are_counted_where_none_may_be_due(level: list[int], free: int | None) -> None:
    assert surely_free(pack(level), 100) == free
    assert surely_free(None, 100) is None
    assert surely_free(b"noise", 100) is None


async def test_a_confirm_that_takes_nothing_back_leaves_the_gate_shut(
    shop: Shop, store: "redis.Redis"
) -> None:
    await shop.judge(Confirm("order-0"))
    judged = batches(store)
    assert (await shop.reserve("order-2")).outcome is Outcome.OUT_OF_STOCK
    assert batches(store) - judged <= 1


async def test_a_sweep_that_has_handled_something_opens_the_gate(
    store_url: str, store: "redis.Redis"
) -> None:
    store.flushall()
    async with shop_at(store_url, KEEP_MS_MAX, ended_ms=0) as shop:
        partition = shop.engine.partition(TENANT)
        deadline = asyncio.get_running_loop().time() + FAR_S
        await shop.engine.set_stock(TENANT, SetStock("TEA", 1), deadline)
        await shop.judge(Release("order-0"))
        refusal = Result(Outcome.OUT_OF_STOCK, shortages=SHORT)
        for handled in (1, 0):
            partition.sold_out.learn([Confirm("any")], [refusal], time.monotonic())
            assert (await partition.purge_step()).handled == handled
            assert bool(partition.sold_out) == (handled == 0)


async def test_switched_off_every_refusal_is_judged(store_url: str, store: "redis.Redis") -> None:
    store.flushall()
    async with shop_at(store_url, 0) as shop:
        deadline = asyncio.get_running_loop().time() + FAR_S
        await shop.engine.set_stock(TENANT, SetStock("TEA", 0), deadline)
        judged = batches(store)
        for number in range(20):
            assert (await shop.reserve(f"order-{number}")).outcome is Outcome.OUT_OF_STOCK
        assert batches(store) - judged == 20
