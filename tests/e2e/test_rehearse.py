"""A rehearsal as a person runs it: real Locust, a real server, and a sale that lasts seconds."""

import csv
import json
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from holdfast.sync_client import SyncClient
from tests.serving import Server, running, serve
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
Found = TypeVar("Found")
SMALL = {
    "skus": "3",
    "stock": "6",
    "peak-users": "20",
    "gather-s": "2",
    "burst-s": "4",
    "tail-s": "1",
    "think-s": "0.2",
    "payment-s": "0.2",
    "ttl-s": "1",
    "slo-p99-ms": "5000",
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One server for the module; every run sells in a tenant of its own."""
    # Not pytest's own directory: the path of a Unix socket may have about 100 bytes.
    with tempfile.TemporaryDirectory() as directory, serve(Path(directory)) as running:
        yield running


def flags(**changed: str) -> list[str]:
    values = SMALL | {name.replace("_", "-"): value for name, value in changed.items()}
    return [f"--{name}={value}" for name, value in values.items()]


def locust(*arguments: str) -> list[str]:
    program = Path(sys.executable).with_name("locust")
    return [str(program), "-f", str(ROOT / "benchmarks" / "locustfile.py"), *arguments]


def ran(command: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )


def rehearse(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return ran([sys.executable, "-m", "benchmarks.rehearse", *arguments])


def answer_once(ask: Callable[[], Found], holds: Callable[[Found], object]) -> Found:
    """The first answer that is as wanted; asked again as long as nobody answers."""
    answers: list[Found] = []

    def is_so() -> object:
        with suppress(OSError):
            answers.append(ask())
        return answers and holds(answers[-1])

    until(is_so)
    return answers[-1]


@pytest.mark.long
def test_a_rehearsal_with_a_server_of_its_own_sells_out_audits_and_reports(tmp_path: Path) -> None:
    done = rehearse("--results", str(tmp_path), *flags())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Gate: passed." in done.stdout
    assert "units sold" in done.stderr, "progress"

    account = json.loads((tmp_path / "rehearsal.json").read_text())
    assert account["ok"]
    assert account["closed"]
    seen = {row["what"]: row["seen"] for row in account["rows"]}
    assert seen["units on hand at the start"] == seen["units sold (confirmed)"] == "18"
    assert all(int(seen[name]) == 0 for name in ("units oversold", "units undersold"))
    assert int(seen["Reserve calls refused"].replace(",", "")) > 0

    page = (tmp_path / "rehearsal.html").read_text()
    assert page.index('<section id="audit"') < page.index('id="root"')
    with (tmp_path / "rehearsal_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    assert {"Reserve", "Reserve refused", "Confirm", "GetStock"} <= rows.keys()
    assert any("." in rows[name]["Median Response Time"] for name in rows), (
        "times below 100 ms have decimals"
    )


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def fetch(url: str, form: dict[str, str] | None = None) -> str:
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url, data, timeout=PATIENCE_S) as answer:
        text: str = answer.read().decode()
        return text


def fetch_json(url: str, form: dict[str, str] | None = None) -> Any:
    return json.loads(fetch(url, form))


@pytest.mark.long
def test_the_web_page_has_an_audit_tab_that_follows_the_sale_to_its_verdict(
    server: Server,
) -> None:
    port = free_port()
    page = f"http://127.0.0.1:{port}"
    options = [
        *flags(slo_p99_ms="0.01"),
        "--host",
        server.target,
        "--autostart",
        "--loglevel=ERROR",
    ]
    web = ["--web-host=127.0.0.1", f"--web-port={port}"]
    with running(locust(*options, *web), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            # Sold units stay; reserved ones may come and go between two looks of the tab.
            selling = answer_once(
                lambda: tab_of(page),
                lambda rows: rows.get("units sold (confirmed)", "0") > "0",
            )
            assert selling["units undersold"] == "known at the end"
            assert '"extended_tabs": [{"key": "audit", "title": "Audit"}]' in fetch(page)
            ended = answer_once(
                lambda: tab_of(page), lambda rows: rows["the sale was brought to its end"] == "yes"
            )
            assert ended["units sold (confirmed)"] == "18"
            assert ended["units undersold"] == "0"
            account = fetch_json(f"{page}/audit")
            assert [row["what"] for row in account["rows"] if row["verdict"] == "FAILED"] == [
                "p99 of accepted Reserve calls"
            ]
            assert 'id="audit"' in fetch(f"{page}/stats/report")

            answer_once(
                lambda: fetch_json(f"{page}/stats/requests"), lambda it: it["state"] == "stopped"
            )
            refused = fetch_json(f"{page}/swarm", {"stock": "0", "host": server.target})
            assert refused["success"] is False
            assert "--stock must be" in refused["message"]
            again = fetch_json(f"{page}/swarm", {"stock": "4", "host": server.target})
            assert again["success"] is True
            answer_once(
                lambda: fetch_json(f"{page}/audit"),
                lambda it: it["run"] != account["run"] and it["closed"],
            )
        finally:
            process.send_signal(signal.SIGINT)
            printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "Gate: FAILED" in printed


def tab_of(page: str) -> dict[str, str]:
    """The rows of the tab, from where the page has them."""
    statistics = fetch_json(f"{page}/stats/requests")
    (table,) = statistics["extended_stats"]
    assert table["key"] == "audit"
    return {row["what"]: row["seen"] for row in table["data"]}


@pytest.mark.long
def test_an_oversell_fails_the_gate_with_the_load_spread_over_two_processes(
    server: Server, tmp_path: Path
) -> None:
    """Nobody but a test can make the engine sell too much: here more stock is put behind its back,
    so that more units are sold than the rehearsal had put on sale.
    """
    account = tmp_path / "account.json"
    options = ["--headless", "--processes=2", "--host", server.target, f"--audit-file={account}"]
    with (
        SyncClient(server.target, tenant="tampered") as client,
        running(
            locust(*options, *flags(tenant="tampered")),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        levels = answer_once(lambda: list(client.list_stock()), lambda found: len(found) == 3)
        for level in levels:
            client.set_stock(level.sku, 10, limit_per_buyer=2)
        printed, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, printed.decode()
    rows = {row["what"]: row for row in json.loads(account.read_text())["rows"]}
    assert rows["units oversold"]["seen"] == "12"
    assert {name for name, row in rows.items() if row["verdict"] == "FAILED"} == {
        "units oversold",
        "units sold = min(demand, stock)",
    }


@pytest.mark.parametrize(
    ("arguments", "exit_code", "named"),
    [
        (["--stock=0"], 2, "--stock must be 1 to 1,000,000; got 0"),
        (["--host=http://127.0.0.1:1"], 2, "--host must be HOST:PORT"),
        (["--host=127.0.0.1:1"], 3, "no Holdfast serves at 127.0.0.1:1"),
        (["--host=127.0.0.1:1", "--processes=2"], 3, "no Holdfast serves at 127.0.0.1:1"),
    ],
)
def test_what_cannot_be_run_says_so_at_once(
    arguments: list[str], exit_code: int, named: str
) -> None:
    started_s = time.monotonic()
    done = ran(locust("--headless", *arguments))
    assert done.returncode == exit_code
    assert named in done.stderr
    assert "Traceback" not in done.stderr
    assert time.monotonic() - started_s < PATIENCE_S / 2


def test_make_rehearse_refuses_nonsense_before_it_starts_a_server() -> None:
    done = rehearse("--ttl-s=1", "--payment-s=1")
    assert done.returncode == 2
    assert "--ttl-s" in done.stderr
    assert "Starting" not in done.stdout
