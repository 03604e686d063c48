"""Servers of ours take in calls several at a time, begin or refuse each, and seldom wake for it."""

import asyncio
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from serving import loop
from serving.accepting import CALLS_AHEAD, STOPPING, AcceptingServer
from serving.loop import Loop

BURST = 100
IN_TIME_S = 60.0

Method = Callable[[bytes, Any], Awaitable[bytes]]


async def echo(request: bytes, _: Any) -> bytes:
    return request


@asynccontextmanager
async def served(
    handler: Method,
) -> AsyncIterator[tuple[AcceptingServer, Callable[[bytes], Any]]]:
    """A server with one method, and that method of a client."""
    server = AcceptingServer(())
    handlers = {"Echo": grpc.unary_unary_rpc_method_handler(handler)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    server.add_registered_method_handlers("test", handlers)  # as generated code does
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        await channel.channel_ready()
        yield server, channel.unary_unary("/test/Echo")
    await server.stop(None)


def on_our_loop(main: Callable[[], Any]) -> None:
    async def in_time() -> None:
        async with asyncio.timeout(IN_TIME_S):
            await main()

    loop.run(in_time())


def test_every_call_of_a_burst_is_answered_with_its_own_answer() -> None:
    async def main() -> None:
        async with served(echo) as (_, call):
            sent = [b"%d" % number for number in range(BURST)]
            assert list(await asyncio.gather(*map(call, sent))) == sent

    on_our_loop(main)


def test_calls_that_come_while_the_loop_is_busy_are_handed_over_together() -> None:
    async def main() -> None:
        async with served(echo) as (server, call):
            calls = [call(b"%d" % number) for number in range(CALLS_AHEAD)]
            accepting = server._server
            assert accepting.calls_asked_for == CALLS_AHEAD
            await asyncio.sleep(0)
            time.sleep(0.1)  # noqa: ASYNC251 - the loop is busy, and gRPC's threads are not
            left = CALLS_AHEAD
            while left == CALLS_AHEAD:
                await asyncio.sleep(0)
                left = accepting.calls_asked_for
            assert left == 0  # all in one turn
            await asyncio.gather(*calls)
            assert accepting.calls_asked_for == CALLS_AHEAD

    on_our_loop(main)


def test_a_wake_of_the_loop_takes_all_that_has_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    receive = loop._Drained.recv

    def counted(self: Any, size: int, flags: int = 0) -> bytes:
        read = receive(self, size, flags)
        reads.append(len(read))
        return read

    monkeypatch.setattr(loop._Drained, "recv", counted)

    async def main() -> None:
        async with served(echo) as (_, call):
            calls = [call(b"") for _ in range(BURST)]
            await asyncio.sleep(0)
            time.sleep(0.05)  # noqa: ASYNC251
            await asyncio.gather(*calls)

    on_our_loop(main)
    # Four events a call on each side; it would be as many reads if each took one.
    assert sum(reads) >= 4 * BURST
    assert len(reads) < sum(reads) / 2


def test_calls_that_a_stopping_server_does_not_begin_are_refused_at_once() -> None:
    ends: Counter[str] = Counter()

    async def main() -> None:
        async with served(echo) as (server, call):

            async def called() -> None:
                try:
                    await call(b"")
                    ends["answered"] += 1
                except grpc.aio.AioRpcError as error:
                    ends[f"{error.code().name}: {error.details()}"] += 1

            calls = [asyncio.ensure_future(called()) for _ in range(CALLS_AHEAD)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)  # each call is a task of its own
            time.sleep(0.1)  # noqa: ASYNC251 - gRPC has handed all of them over
            await server.stop(IN_TIME_S)
            await asyncio.gather(*calls)

    on_our_loop(main)
    assert ends == {"answered": 1, f"UNAVAILABLE: {STOPPING}": CALLS_AHEAD - 1}


def test_the_loop_reads_other_sockets_as_they_are() -> None:
    class Reading(Loop):
        def __init__(self) -> None:
            super().__init__()
            self.files: list[Any] = []

        def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
            super().add_reader(fd, callback, *args)
            self.files.append(fd)

    async def main() -> None:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            running: Any = asyncio.get_running_loop()
            running.add_reader(ours, lambda: None)
            running.remove_reader(ours)
            assert [type(file) for file in running.files] == [socket.socket]

    with asyncio.Runner(loop_factory=Reading) as runner:
        runner.run(main())
