"""Expiry, purge and the journal's tail, in real time and with the shortest settings there are."""

import asyncio
import time
from collections.abc import Iterator

import grpc
import pytest

from engine.keys import partition_keys
from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Reserve
from holdfast.errors import HoldfastError
from holdfast.types import Disposition, State
from tests.serving import Server, Store, assert_sound, serve
from tests.waiting import eventually, in_time_once

pytestmark = pytest.mark.asyncio(loop_scope="session")

TTL_MS = 1_000
ON_SALE_AGAIN_S_MAX = 1.0


@pytest.fixture(scope="module")
def unswept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose sweeper comes by once an hour."""
    hour = {"HOLDFAST_SWEEP_EXPIRE_MS": "3600000"}
    with serve(tmp_path_factory.mktemp("unswept"), **hour) as server:
        yield server


async def until_past(at_ms: int) -> None:
    await asyncio.sleep(max(0.0, at_ms / 1000 - time.time()) + 0.002)


async def test_units_are_on_sale_again_within_a_second_of_the_deadline(client: Client) -> None:
    await client.set_stock("A", 5)
    names: list[str] = []

    async def on_sale() -> bool:
        (level,) = await client.get_stock("A")
        return level.available == 5

    async def expire(number: int) -> None:
        names.append(f"held-{number}")
        held = await client.reserve(names[-1], [("A", 5)], ttl_ms=TTL_MS)
        await until_past(held.expires_at_ms)
        await eventually(on_sale)
        assert (await client.get_reservation(names[-1])).state is State.EXPIRED

    await in_time_once(expire, TTL_MS / 1_000 + ON_SALE_AGAIN_S_MAX)
    expired = client.list_reservations(State.EXPIRED)
    assert {row.reservation_id async for row in expired} == set(names)


async def test_a_due_reservation_counts_as_expired_for_whoever_asks_before_any_sweep(
    unswept: Server, tenant: str
) -> None:
    async with Client(unswept.target, tenant=tenant) as client:
        await client.set_stock("A", 2)
        late = await client.reserve("late", [("A", 2)], ttl_ms=TTL_MS)
        full = await client.reserve("early", [("A", 1)])
        assert full.outcome is Outcome.OUT_OF_STOCK
        await until_past(late.expires_at_ms)

        assert (await client.get_reservation("late")).state is State.EXPIRED
        expired = client.list_reservations(State.EXPIRED)
        assert [row.reservation_id async for row in expired] == ["late"]
        assert [row async for row in client.list_reservations(State.RESERVED)] == []
        # Nobody has judged anything since: the level still shows the units as reserved.
        assert [level.reserved for level in await client.get_stock("A")] == [2]
        assert (await client.reserve("next", [("A", 2)])).applied
        assert (await client.confirm("late")).outcome is Outcome.ALREADY_EXPIRED
        again = await client.confirm("late", reacquire_if_expired=True)
        assert again.outcome is Outcome.OUT_OF_STOCK
        await assert_sound(client)


async def test_what_is_finished_is_forgotten_after_its_retention(
    two: list[Client], store: Store, tenant: str
) -> None:
    client = two[0]
    await client.set_stock("A", 100)
    for name in ("released", "cancelled", "shipped", "kept"):
        await client.reserve(name, [("A", 2)], buyer_id="b")
    await client.release("released")
    await client.release("tombstone")
    await client.confirm("cancelled")
    await client.cancel("cancelled", "c")
    await client.confirm("shipped")
    await client.ship("shipped", "s")
    await client.return_units("shipped", "r", [("A", 1)], disposition=Disposition.DAMAGED)
    await client.adjust_stock("A", 5, "count")
    gone = ["released", "tombstone", "cancelled", "shipped"]

    async def forgotten() -> bool:
        return {row.reservation_id async for row in client.list_reservations()} == {"kept"}

    await eventually(forgotten)
    for name in gone:
        with pytest.raises(HoldfastError) as caught:
            await client.get_reservation(name)
        assert caught.value.code is grpc.StatusCode.NOT_FOUND
    keys = partition_keys(tenant)
    with store.client() as redis:

        async def adjustment_forgotten() -> bool:
            return not redis.exists(keys.adjustments, keys.retention)

        await eventually(adjustment_forgotten)
        # The units of the kept one are all that is left of the buyer.
        assert redis.hgetall(keys.buyers) == {b"b\0A": b"2"}
    assert (await client.adjust_stock("A", 5, "count")).on_hand == 100 - 2 + 5 + 5
    assert (await client.reserve("released", [("A", 1)])).applied


async def test_the_journal_keeps_a_bounded_tail(
    two: list[Client], store: Store, tenant: str
) -> None:
    client = two[0]
    await client.set_stock("A", 10_000)
    for batch in range(6):
        await client.apply([Reserve(f"{batch}-{n}", [("A", 1)]) for n in range(1_000)])
    journal = partition_keys(tenant).journal
    with store.client() as redis:

        async def trimmed() -> bool:
            ((oldest, _),) = redis.xrange(journal, count=1)
            return int(oldest.partition(b"-")[0]) >= 6_001 - 2_000

        await eventually(trimmed)
        ((newest, _),) = redis.xrevrange(journal, count=1)
        assert newest.startswith(b"6001-")
