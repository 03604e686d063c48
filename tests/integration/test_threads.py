"""The threads of a server: those of gRPC that have nothing to do sleep."""

from pathlib import Path

import pytest

from holdfast.client import Client
from tests.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALLS = 200
NAME = "event_engine"


def waits_of(pid: int, name: str) -> int:
    """How often the threads of this name have begun to wait for something."""
    waits = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        said = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines())
        if said["Name"].startswith(name):
            waits += int(said["voluntary_ctxt_switches"])
    return waits


async def test_no_thread_of_an_event_engine_wakes_for_a_call(
    server: Server, client: Client
) -> None:
    await client.get_status()
    assert waits_of(server.pid, NAME) > 0
    before = waits_of(server.pid, NAME)
    for _ in range(CALLS):
        await client.get_status()
    # Three a call, had gRPC not heeded the flag (serving/__init__.py): it was renamed then, or is
    # gone, and what a call costs is to be measured anew.
    assert waits_of(server.pid, NAME) - before < CALLS / 2
