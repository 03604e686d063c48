"""How workers start, or say why they do not; and that their port is theirs alone."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from holdfast.client import Client
from tests.embedded import is_alive
from tests.serving import Server, launched, own_store, refused_start, serve
from tests.waiting import eventually

EXIT_REFUSED, EXIT_USAGE, EXIT_STORE_UNREACHABLE = 1, 2, 3
ALONE, SEVERAL = {"HOLDFAST_WORKERS": "1"}, {"HOLDFAST_WORKERS": "2"}


@pytest.mark.parametrize(
    ("first", "second"), [(SEVERAL, ALONE), (ALONE, SEVERAL), (SEVERAL, SEVERAL)]
)
async def test_a_second_server_on_the_port_is_refused_and_the_first_goes_on(
    tmp_path: Path, first: dict[str, str], second: dict[str, str]
) -> None:
    with serve(tmp_path / "first", **first) as server:
        ended = refused_start(tmp_path / "second", HOLDFAST_LISTEN=server.target, **second)
        assert ended.exit_code == EXIT_REFUSED
        assert f"holdfast: HOLDFAST_LISTEN: cannot listen on {server.target}; " in ended.message
        async with Client(server.target) as client:
            assert (await client.get_status()).trouble == ""


async def test_the_port_stays_theirs_while_no_worker_is_alive(tmp_path: Path) -> None:
    with serve(tmp_path / "first", **SEVERAL) as server:
        for record in server.logged("ready"):
            if "worker" in record:
                # Stopped, not killed: nobody takes its place.
                os.kill(record["pid"], signal.SIGSTOP)
        ended = refused_start(tmp_path / "second", HOLDFAST_LISTEN=server.target)
        assert ended.exit_code == EXIT_REFUSED
        for record in server.logged("ready"):
            if "worker" in record:
                os.kill(record["pid"], signal.SIGCONT)


def test_what_keeps_workers_from_starting_is_said_once_with_its_exit_code(tmp_path: Path) -> None:
    with own_store(tmp_path / "store", appendfsync="everysec") as store:
        ended = refused_start(tmp_path, HOLDFAST_REDIS_URL=store.url, HOLDFAST_WORKERS="3")
    assert ended.exit_code == EXIT_REFUSED
    assert ended.message.count("CONFIG SET appendfsync always\n") == 1
    assert "a worker ended with exit code 1 before it was ready" in ended.message
    assert "Traceback" not in ended.message

    ended = refused_start(tmp_path / "absent", HOLDFAST_REDIS_URL="unix:///no/such", **SEVERAL)
    assert ended.exit_code == EXIT_STORE_UNREACHABLE


@pytest.mark.parametrize("value", ["0", "-1", "1000", "x"])
def test_a_number_of_workers_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    ended = refused_start(tmp_path, HOLDFAST_WORKERS=value)
    assert ended.exit_code == EXIT_USAGE
    assert ended.message.startswith("holdfast: HOLDFAST_WORKERS: ")
    assert repr(value) in ended.message


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_address_for_metrics_that_is_taken_is_refused(tmp_path: Path, workers: str) -> None:
    with serve(tmp_path / "first", HOLDFAST_METRICS_LISTEN="127.0.0.1:0") as server:
        taken = server.logged("metrics")[0]["target"]
        ended = refused_start(
            tmp_path / "second", HOLDFAST_METRICS_LISTEN=taken, HOLDFAST_WORKERS=workers
        )
    assert ended.exit_code == EXIT_REFUSED
    assert f"holdfast: HOLDFAST_METRICS_LISTEN: cannot listen on {taken}" in ended.message


@pytest.mark.parametrize("event", ["store_ready", "serving", "ready"])
async def test_a_stop_while_workers_start_leaves_nothing(tmp_path: Path, event: str) -> None:
    server: Server = launched(tmp_path, HOLDFAST_WORKERS="3")
    try:
        await eventually(lambda: server.logged(event))
        workers = children(server.pid)
    finally:
        exit_code = server.stop()
    assert exit_code == 0
    assert [pid for pid in workers if is_alive(pid)] == []
    assert "Traceback" not in server.log()


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has ended meanwhile
            found += map(int, (task / "children").read_text().split())
    return found
