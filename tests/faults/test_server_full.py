"""A store at its maxmemory: nothing more is taken, everything can be given back."""

import asyncio
import time
from collections.abc import Awaitable, Iterator
from pathlib import Path

import grpc
import pytest

from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Command, Release, Reserve
from holdfast.errors import HoldfastError, Reason
from holdfast.types import Bucket, State
from tests.serving import Server, Store, answer_or_error, assert_sound, serve
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = [("A", 1)]


class Memory:
    """The store's maxmemory, in a test's hand."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fill(self) -> None:
        """Leaves the store no room at all."""
        self._set("1")

    def free(self) -> None:
        """Lets it have all there is."""
        self._set("0")

    def _set(self, maxmemory: str) -> None:
        with self._store.client() as client:
            client.config_set("maxmemory", maxmemory)


@pytest.fixture
def memory(foreign_store: Store) -> Iterator[Memory]:
    memory = Memory(foreign_store)
    yield memory
    memory.free()


async def refused(call: Awaitable[object]) -> None:
    """The call is refused because the store is full."""
    with pytest.raises(HoldfastError) as caught:
        await call
    assert (caught.value.code, caught.value.reason) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.STORE_FULL,
    )


async def test_a_full_store_takes_nothing_and_gives_everything_back(
    client: Client, memory: Memory
) -> None:
    await client.set_stock("A", 100)
    for name in ("kept", "sold", "released", "extended", "expiring"):
        ttl_ms = 1_000 if name == "expiring" else 0
        await client.reserve(name, LINES, ttl_ms=ttl_ms, buyer_id="b")
    for name in ("shipped", "cancelled"):
        await client.reserve(name, LINES, buyer_id="b")
        await client.confirm(name)
    memory.fill()
    await refused(client.reserve("new", LINES))
    await refused(client.set_stock("A", 200))
    await refused(client.set_stock("B", 200))
    await refused(client.adjust_stock("A", 5, "more"))
    await refused(client.move_stock("A", 5, "move", to_bucket=Bucket.DAMAGED))

    in_an_hour = time.time_ns() // 1_000_000 + 3_600_000
    for call in (
        client.confirm("sold"),
        client.release("released"),
        client.extend("extended", in_an_hour),
        client.ship("shipped", "s"),
        client.return_units("shipped", "r"),
        client.cancel("cancelled", "c"),
        client.release("never-seen"),
    ):
        assert (await call).applied
    assert (await client.get_reservation("kept")).state is State.RESERVED

    async def expired() -> bool:
        (level,) = await client.get_stock("A")
        # "kept" and "extended" are all that is still reserved.
        return level.reserved == 2

    await eventually(expired)
    await refused(client.reserve("new", LINES))
    memory.free()
    assert (await client.reserve("new", LINES)).applied
    assert (await client.reserve("kept", LINES, buyer_id="b")).replayed
    assert (await client.set_stock("A", 200)).on_hand == 200
    await assert_sound(client)


async def test_neighbours_in_a_full_store_are_judged_alone(client: Client, memory: Memory) -> None:
    await client.set_stock("A", 100)
    await client.apply([Reserve(f"r{n}", LINES) for n in range(50)])
    memory.fill()
    # What is given back goes with what is refused, in the same instant and in one request.
    calls: list[Command] = [Release("r0"), Reserve("new", LINES), Release("r1")]
    answers = await client.apply(calls)
    assert [answer.outcome for answer in answers] == [
        *(Outcome.APPLIED, Outcome.NOT_JUDGED, Outcome.APPLIED)
    ]
    assert [answer.reason for answer in answers] == ["", Reason.STORE_FULL, ""]
    await refused(client.apply(calls[1:2]))
    memory.free()
    answers = await client.apply(calls)
    assert [answer.outcome for answer in answers] == [Outcome.APPLIED] * 3
    assert [answer.replayed for answer in answers] == [True, False, True]
    await assert_sound(client)


async def test_calls_that_travel_together_in_a_full_store_each_hear_their_own(
    server: Server, tenant: str, memory: Memory
) -> None:
    async with Client(server.target, tenant=tenant, batching=True) as client:
        await client.set_stock("A", 100)
        await client.reserve("held", LINES)
        memory.fill()
        given, taken = await asyncio.gather(
            answer_or_error(client.release("held")), answer_or_error(client.reserve("new", LINES))
        )
        assert given.applied
        assert (taken.reason, taken.code) == (
            *(Reason.STORE_FULL, grpc.StatusCode.RESOURCE_EXHAUSTED),
        )


async def test_a_server_that_starts_on_a_full_store_gives_back_too(
    client: Client, memory: Memory, foreign_store: Store, tenant: str, tmp_path: Path
) -> None:
    await client.set_stock("A", 100)
    await client.reserve("held", LINES)
    memory.fill()
    with serve(tmp_path, HOLDFAST_REDIS_URL=foreign_store.url) as second:
        async with Client(second.target, tenant=tenant, attempts_max=1) as fresh:
            await refused(fresh.reserve("new", LINES))
            assert (await fresh.release("held")).applied
            (level,) = await fresh.get_stock("A")
            assert level.available == 100
    memory.free()
    await assert_sound(client)
