"""SIGHUP: a lone server has nothing to roll and goes on; one whose terminal closes ends."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.client import Client
from tests.serving import READY, serve
from tests.waiting import PATIENCE_S, eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_sighup_does_not_end_a_lone_server(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        server.process.send_signal(signal.SIGHUP)
        await eventually(lambda: "SIGHUP has no effect" in server.log())
        async with Client(server.target) as client:
            assert (await client.get_status()).trouble == ""
        assert server.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_a_server_ends_in_order_when_its_terminal_closes(
    tmp_path: Path, workers: str
) -> None:
    ready_file = tmp_path / "server.json"
    mine, terminal = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if "HOLDFAST" not in name}
    environment |= {"HOLDFAST_DATA_DIR": str(tmp_path), "HOLDFAST_LISTEN": "127.0.0.1:0"}
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-P", "-m", "server"],
        env=environment | {"HOLDFAST_WORKERS": workers},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    ) as process:
        try:
            os.close(terminal)
            shown = b""
            while READY.encode() not in shown or not shown.endswith(b"\n"):
                shown += os.read(mine, 65_536)
            assert ready_file.exists()
            os.close(mine)
            process.send_signal(signal.SIGHUP)  # as the kernel does to a terminal's session
            assert process.wait(PATIENCE_S) == 0
        finally:
            process.kill()
    assert not ready_file.exists()
