"""A client opens connections when it needs them, and closes all that it has opened."""

import asyncio
import socket
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.inventory.v1 import inventory_pb2 as pb
from tests.serving import answer_or_error
from tests.unit.scripted_engine import ScriptedEngine
from tests.unit.stream_engine import LINE, StreamEngine, reserved
from tests.waiting import eventually


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[StreamEngine]:
    engine = StreamEngine()
    async with engine.serving():
        yield engine


async def nothing_else_runs() -> bool:
    return asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_is_made_and_not_used_opens_nothing() -> None:
    opened: list[object] = []
    server = await asyncio.start_server(lambda *streams: opened.append(streams), "127.0.0.1", 0)
    async with server, Client(f"127.0.0.1:{server.sockets[0].getsockname()[1]}"):
        await asyncio.sleep(0.1)
    assert opened == []


async def test_close_ends_the_calls_under_way_with_an_error_and_leaves_no_task_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        client = Client(target, channels=1, waiting_commands_max=2)
        (first,) = reserved(client, "under way")
        await asyncio.sleep(0.05)
        calls = [first, *reserved(client, "waits", "waits too", "waits to be let in")]
        await asyncio.sleep(0)
        async with asyncio.timeout(8):
            await client.close()
            errors = await asyncio.gather(*map(answer_or_error, calls))
    assert {(error.code, error.message) for error in errors} == {
        (grpc.StatusCode.CANCELLED, "the client was closed")
    }
    await eventually(nothing_else_runs)


async def test_close_leaves_no_task_of_an_open_stream_behind() -> None:
    engine = ScriptedEngine()
    engine.answers = [pb.CommandResult(outcome=pb.OUTCOME_APPLIED)]
    try:
        async with Client(engine.target) as client:
            await client.release("r")
            assert not await nothing_else_runs()
    finally:
        engine.stop()
    await eventually(nothing_else_runs)


async def test_a_closed_client_says_so(engine: StreamEngine) -> None:
    client = Client(engine.target)
    await client.reserve("r", LINE)
    await client.close()
    with pytest.raises(HoldfastError, match="the client was closed"):
        await client.reserve("r", LINE)
    unused = Client(engine.target)
    await unused.close()
    with pytest.raises(HoldfastError, match="the client was closed"):
        await unused.reserve("r", LINE)


async def test_a_client_belongs_to_one_event_loop(engine: StreamEngine) -> None:
    async with Client(engine.target) as client:
        await client.reserve("r", LINE)
        with pytest.raises(RuntimeError, match="belongs to the event loop"):
            await asyncio.to_thread(lambda: asyncio.run(client.reserve("r", LINE)))
