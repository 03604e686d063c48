"""The benchmarks as a person runs them, small: they measure, audit, and leave nothing."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.document import read
from benchmarks.processor_time import family
from benchmarks.scenarios import BATCHES, UNARY, WORKERS
from benchmarks.servers import ROOT
from tests.embedded import is_alive
from tests.serving import running
from tests.waiting import PATIENCE_S

CAPACITY = [sys.executable, "-m", "benchmarks.capacity"]
SMALL = ["--scale", "0.02", "--rounds", "1"]


def ran(*words: str) -> "subprocess.CompletedProcess[str]":
    """The output of a run of the benchmarks, and its exit code."""
    return subprocess.run(
        [*CAPACITY, *words],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )


@pytest.mark.long
def test_a_small_run_measures_everything_and_finds_nothing_wrong(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    measured = ran(*SMALL, "--out", str(file), "-o", "json")
    assert measured.returncode == 0, measured.stderr
    document = read(file)
    assert json.loads(measured.stdout) == json.loads(file.read_text())
    results = {result.name: result for result in document.results}
    assert results.keys() > {benchmark.name for benchmark in UNARY + BATCHES + WORKERS}
    assert {"echo_at_50", "reserve_at_50", "echo_at_90", "reserve_at_90"} <= results.keys()
    for result in document.results:
        assert result.per_s > 0, result
        assert 0 < result.p50_ms <= result.p99_ms, result
        assert result.errors == 0, result
        assert bool(result.accepted) != bool(result.refused), result
        assert result.audit is None or result.audit.ok, result
    assert document.audit.ok
    assert document.audit.reservations > 0
    assert {ratio.name for ratio in document.ratios} >= {"reserve_cpu", "half_cpu", "p99_at_half"}
    assert file.with_suffix(".svg").read_text().rstrip().endswith("</svg>")


@pytest.mark.long
def test_ctrl_c_stops_everything_that_was_started(tmp_path: Path) -> None:
    words = [*CAPACITY, "--out", str(tmp_path / "never.json")]
    with running(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        assert "unary" in run.stderr.readline()
        started = family(run.pid)
        postgres = [pid for pid in started if "postgres_server" in _command_line(pid)]
        directory = Path(_command_line(postgres[0]).rstrip("\0").rsplit("\0", 1)[1])
        # PostgreSQL detaches from whoever starts it.
        postmaster = int((directory / "postmaster.pid").read_text().split()[0])
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 128 + signal.SIGINT
    assert "interrupted" in said
    assert not (tmp_path / "never.json").exists()
    assert not directory.exists()
    assert len(started) > 4
    for pid in (*started, postmaster):
        assert not is_alive(pid), started.get(pid, "PostgreSQL")


@pytest.mark.long
def test_a_run_that_was_interrupted_goes_on_after_its_finished_parts(tmp_path: Path) -> None:
    file = tmp_path / "small.json"
    words = ["unary", "rates", *SMALL, "--out", str(file)]
    with running([*CAPACITY, *words], cwd=ROOT, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        while "rates, loads" not in run.stderr.readline():
            pass
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=PATIENCE_S)
    assert "unary; the same command goes on" in said
    again = ran(*words)
    assert again.returncode == 0, again.stderr
    assert "goes on with the run of" in again.stderr
    assert "unary, loads" not in again.stderr
    names = {result.name for result in read(file).results}
    assert {"reserve_64", "reserve_at_50"} <= names
    assert [path.suffix for path in sorted(tmp_path.iterdir())] == [".json", ".svg"]


def _command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()
