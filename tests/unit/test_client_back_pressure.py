"""No more commands wait in a client than was set; who comes later waits to be let in."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError
from tests.unit.stream_engine import StreamEngine, numbered, reserved


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[StreamEngine]:
    engine = StreamEngine()
    async with engine.serving():
        yield engine


async def test_no_more_commands_wait_than_was_set_and_who_comes_later_waits_to_be_let_in(
    engine: StreamEngine,
) -> None:
    engine.answering.clear()
    async with Client(engine.target, channels=1, waiting_commands_max=10) as client:
        calls = reserved(client, "first")
        await engine.messages_are(1)
        calls += reserved(client, *numbered(25))
        await asyncio.sleep(0)
        engine.answering.set()
        await asyncio.gather(*calls)
    assert engine.sizes == [1, 10, 10, 5]
    assert [one.reservation_id for message in engine.messages for one in message] == [
        "first",
        *numbered(25),
    ]


async def test_who_waits_to_be_let_in_keeps_the_deadline_and_may_leave(
    engine: StreamEngine,
) -> None:
    engine.answering.clear()
    async with Client(engine.target, channels=1, waiting_commands_max=1) as client:
        calls = reserved(client, "first")
        await engine.messages_are(1)
        calls += reserved(client, "waits")
        late, gone, patient = (
            *reserved(client, "late", timeout_ms=50),
            *reserved(client, "gone", "patient"),
        )
        with pytest.raises(HoldfastError) as raised:
            await late
        assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        gone.cancel()
        engine.answering.set()
        await asyncio.gather(*calls, patient)
    arrived = [one.reservation_id for message in engine.messages for one in message]
    assert arrived == ["first", "waits", "patient"]


async def test_a_command_that_leaves_the_queue_makes_room_for_another(
    engine: StreamEngine,
) -> None:
    engine.answering.clear()
    async with Client(engine.target, channels=1, waiting_commands_max=1) as client:
        calls = reserved(client, "first")
        await engine.messages_are(1)
        (gone,) = reserved(client, "gone")
        await asyncio.sleep(0)
        calls += reserved(client, "next")
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0.01)
        calls += reserved(client, "last")
        await asyncio.sleep(0)
        engine.answering.set()
        await asyncio.gather(*calls)
    assert engine.sizes == [1, 1, 1]
