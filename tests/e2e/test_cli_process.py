"""`holdfast` as a process: pipes, terminals, signals, and the server it becomes."""

import fcntl
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from holdfast.sync_client import SyncClient
from tests.serving import READY, Server, running, serve
from tests.waiting import PATIENCE_MS, PATIENCE_S

TERMINAL_COLUMNS = 100
_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def process_of(*arguments: str) -> AbstractContextManager["subprocess.Popen[str]"]:
    """`holdfast` in a process of its own."""
    return running(
        [sys.executable, "-m", "holdfast.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_file_may_come_from_a_pipe_and_the_target_from_the_environment(
    server: Server, tenant: str
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "holdfast.cli", "stock", "import", "-", "--tenant", tenant],
        env={**os.environ, "HOLDFAST_TARGET": server.target},
        input="sku,on_hand\nA,5\n",
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout == "Imported 1 of 1 stock levels.\n"
    assert ran.returncode == 0


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_reader_who_has_seen_enough_is_no_error(
    server: Server, client: SyncClient, tenant: str, output: str
) -> None:
    client.set_stock("SKU-1", 1)
    options = ("--target", server.target, "--tenant", tenant, "-o", output)
    with process_of("stock", "list", *options) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_ctrl_c_ends_quietly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = f"127.0.0.1:{silent.getsockname()[1]}"
        with process_of("status", "--target", target) as process:
            silent.settimeout(PATIENCE_S)
            silent.accept()[0].close()
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=PATIENCE_S) == ("", "")
    assert process.returncode == 130


def test_a_terminal_sees_a_progress_bar_and_tables_of_its_width(
    server: Server, stock_file: Path, tenant: str
) -> None:
    options = ("--target", server.target, "--tenant", tenant)
    imported = in_terminal("stock", "import", str(stock_file), *options)
    assert "Importing" in imported
    assert "Imported 300 of 300 stock levels." in imported
    listed = in_terminal("stock", "list", "--limit", "5", *options)
    assert "There are more" in listed
    assert all(len(line) <= TERMINAL_COLUMNS for line in listed.splitlines())


def in_terminal(*arguments: str) -> str:
    """The output of a command on a terminal."""
    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, TERMINAL_COLUMNS, 0, 0))
    environment = {name: os.environ[name] for name in os.environ if name != "COLUMNS"}
    with running(
        [sys.executable, "-m", "holdfast.cli", *arguments],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment | {"TERM": "xterm"},
    ) as process:
        os.close(terminal)
        shown = bytearray()
        while True:
            try:
                chunk = os.read(master, 65_536)
            except OSError:  # the last one to hold the terminal is gone
                break
            shown += chunk
        os.close(master)
        assert process.wait(PATIENCE_S) == 0
    return _CONTROL_SEQUENCE.sub("", shown.decode())


def test_dev_keeps_its_data_over_a_kill(tmp_path: Path) -> None:
    # A server.py where the command is run must not be taken for the server.
    (tmp_path / "server.py").write_text("raise SystemExit('not this one')")
    with dev(tmp_path) as (process, target), SyncClient(target) as client:
        client.set_stock("SKU-1", 5)
        assert client.reserve("order-1", [("SKU-1", 2)]).applied
        process.kill()
    with dev(tmp_path) as (process, target), SyncClient(target) as client:
        assert client.get_stock("SKU-1")[0].available == 3
        assert client.confirm("order-1").applied
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == ["data"]


@contextmanager
def dev(directory: Path) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`holdfast dev` run in a directory: its process, and where it says that it listens."""
    command = [sys.executable, "-m", "holdfast.cli", "dev", "--port", "0", "--data-dir", "data"]
    with running(
        command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(READY)
        yield process, line.removeprefix(READY).split()[0]


def test_a_server_that_stops_is_found_again(tmp_path: Path) -> None:
    with serve(tmp_path) as server, SyncClient(server.target) as client:
        client.set_stock("SKU-1", 5)
        server.stop()
        with serve(tmp_path, HOLDFAST_LISTEN=server.target):
            assert client.get_stock("SKU-1", timeout_ms=PATIENCE_MS)[0].on_hand == 5
