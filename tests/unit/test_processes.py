"""Starting a program, waiting for its line, and ending it: nothing is left behind."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from serving.processes import (
    ChildProcess,
    DidNotStart,
    address_in,
    in_thread,
    owned,
    without_settings,
)
from tests.embedded import is_alive
from tests.waiting import eventually

READY = "print('ready on 127.0.0.1:7600 (really)', flush=True);"
SERVES = READY + "import sys; sys.stdin.read()"
IGNORES = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + READY + "signal.pause()"


def python(source: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", source]


def test_a_process_is_ready_with_its_line_and_ends_with_its_context() -> None:
    with ChildProcess(python(SERVES)) as process:
        assert address_in(process.ready()) == "127.0.0.1:7600"
        assert is_alive(process.pid)
    assert not is_alive(process.pid)
    assert process.returncode == -signal.SIGTERM


def test_a_process_that_ends_before_its_line_is_quoted(tmp_path: Path) -> None:
    broken = "import sys; print('no store here', file=sys.stderr); sys.exit(7)"
    with (
        ChildProcess(python(broken), errors=tmp_path / "log") as process,
        pytest.raises(DidNotStart, match=r"(?s)exit status 7.*no store here") as raised,
    ):
        process.ready()
    assert raised.value.exit_code == 7


def test_a_process_that_is_not_ready_in_time_is_killed() -> None:
    with (
        ChildProcess(python("import time; time.sleep(600)")) as process,
        pytest.raises(DidNotStart, match=r"not ready in 0.5 s"),
    ):
        process.ready(seconds_max=0.5)
    assert process.returncode == -signal.SIGKILL


def test_a_pipe_that_another_process_holds_open_does_not_make_an_end_wait() -> None:
    leaves_one = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(20)'])\n"
        "sys.exit(5)"
    )
    started_s = time.monotonic()
    with ChildProcess(python(leaves_one)) as process, pytest.raises(DidNotStart) as raised:
        process.ready()
    assert raised.value.exit_code == 5
    assert time.monotonic() - started_s < 15


def test_a_process_that_does_not_drain_is_killed() -> None:
    process = ChildProcess(python(IGNORES))
    process.ready()
    assert process.end(0.2)
    assert process.returncode == -signal.SIGKILL
    assert not process.end(0.2), "it has ended by then"


async def test_an_event_loop_waits_for_a_process_and_may_stop_waiting() -> None:
    process = ChildProcess(python(IGNORES))
    assert await in_thread(process.ready)
    ended = in_thread(process.wait)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_thread(process.wait), 0.1)
    assert await in_thread(process.end, 0.1)
    assert await ended == -signal.SIGKILL


async def test_an_event_loop_hears_why_a_process_did_not_start() -> None:
    with ChildProcess(python("raise SystemExit(3)")) as process:
        with pytest.raises(DidNotStart) as raised:
            await in_thread(process.ready)
        assert raised.value.exit_code == 3


async def test_a_process_that_is_owned_ends_with_its_owner(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    sleeper = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    )
    owner = (
        "import time; from serving.processes import ChildProcess, owned\n"
        f"process = ChildProcess(owned({python(sleeper)!r}))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    with ChildProcess([sys.executable, "-c", owner]) as process:
        await in_thread(process.ready)
        await eventually(lambda: pid_file.exists() and pid_file.read_text())
        process.kill()
        await eventually(lambda: not is_alive(int(pid_file.read_text())))


def test_two_processes_do_not_hold_one_lock(tmp_path: Path) -> None:
    command = owned(python(SERVES), lock=tmp_path / "lock")
    with ChildProcess(command) as first:
        first.ready()
        assert (tmp_path / "lock").read_text() == str(first.pid)
        with (
            ChildProcess(command, errors=tmp_path / "log") as second,
            pytest.raises(DidNotStart, match="is locked by it"),
        ):
            second.ready()


def test_settings_of_another_process_are_not_passed_on() -> None:
    given = {"HOLDFAST_LISTEN": "0.0.0.0:1", "PATH": "/bin"}
    assert without_settings(given) == {"PATH": "/bin"}


def test_a_line_without_an_address_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no address in 'hello'"):
        address_in("hello")
