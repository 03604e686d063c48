"""kill -9 of the store and of the server under load: nothing that was answered is lost."""

import os
import signal
import time
from pathlib import Path

import pytest

from holdfast.client import Client
from tests.load import Load, stock_up
from tests.serving import Server, assert_sound, serve
from tests.waiting import PATIENCE_MS

pytestmark = pytest.mark.asyncio(loop_scope="session")

RECOVERED_S_MAX = 5.0
KILLS = 3


def kill_store(server: Server) -> None:
    """kill -9 of the server's own store."""
    os.kill(server.logged("store_ready")[-1]["pid"], signal.SIGKILL)


async def test_what_was_answered_is_there_after_the_store_was_killed(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target, timeout_ms=PATIENCE_MS, attempts_max=1) as client:
            await stock_up(client)
            load = Load(client)
            recovered_s = []
            async with load.running():
                for _ in range(KILLS):
                    await load.until_answered(300)
                    kill_store(server)
                    killed_s = time.monotonic()
                    await load.until_answered(50)
                    recovered_s.append(time.monotonic() - killed_s)
            # A busy machine may delay any of them.
            assert min(recovered_s) < RECOVERED_S_MAX
            assert load.lost  # else no call was under way, and this proves nothing
            assert set(load.errors) <= {"STORE_UNREACHABLE", "STORE_REFUSES"}
            await load.check(client)
            await assert_sound(client)
            assert len(server.logged("store_exited")) == KILLS


async def test_a_caller_who_retries_does_not_notice_that_the_store_was_killed(
    tmp_path: Path,
) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target, timeout_ms=PATIENCE_MS, attempts_max=1_000) as client:
            await stock_up(client)
            load = Load(client)
            async with load.running():
                await load.until_answered(200)
                kill_store(server)
                await load.until_answered(200)
            assert load.errors == {}
            await load.check(client)
            await assert_sound(client)


async def test_what_was_answered_is_there_after_the_server_was_killed(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target, timeout_ms=PATIENCE_MS, attempts_max=1) as client:
            await stock_up(client)
            load = Load(client)
            async with load.running():
                await load.until_answered(500)
                server.kill()
                await load.until_lost()
    with serve(tmp_path) as server:
        async with Client(server.target) as client:
            await load.check(client)
            await assert_sound(client)
            # The server goes on where the killed one was: it sells, and replays what was sold.
            again = await client.reserve("after", [("HOT", 1)])
            assert again.applied
            reservation_id = next(iter(load.answered))
            replayed = await client.reserve(reservation_id, [("HOT", 2), ("COLD", 1)])
            assert (replayed.applied, replayed.replayed) == (True, True)
