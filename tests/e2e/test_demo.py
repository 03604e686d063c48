"""`holdfast demo`, as a person or a script runs it: real servers, a real store."""

import csv
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.demo.synthetic_log import ORDERS
from tests.serving import running
from tests.waiting import PATIENCE_S, until

SAMPLE = Path(__file__).parents[3] / "shared" / "data" / "online_retail_sample.csv"
ENGINE_SALE = ("--engine-seconds", "0.1")
COLUMNS = [
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
]
PROMISED_KEYS = {
    "orders",
    "lines",
    "units",
    "accepted",
    "refused",
    "returns",
    "skipped_rows",
    "oversold_units",
    "undersold_units",
    "audit_ok",
    "reservations_per_second",
    "engine_reservations_per_second",
    "engine_p99_ms",
    "part_ms",
    "p50_ms",
    "p99_ms",
    "orders_placed",
    "orders_paid",
    "orders_refunded",
    "orders_delivered",
    "captured_minor",
    "refunded_minor",
    "books_balance",
}


@pytest.fixture
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The directory that demos of this test make theirs in; nothing may be left of them."""
    # Not pytest's own: the path of a Unix socket may have about 100 bytes.
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def command_of(*arguments: str | Path) -> list[str]:
    program = Path(sys.executable).with_name("holdfast")
    return [str(program), "demo", *ENGINE_SALE, *map(str, arguments)]


def environment_of(temporary: Path) -> dict[str, str]:
    # What is set for another engine must not reach the demo's.
    return os.environ | {
        "TMPDIR": str(temporary),
        "HOLDFAST_REDIS_URL": "redis://127.0.0.1:1",
        "HOLDFAST_DATABASE_URL": "postgresql://127.0.0.1:1/none",
    }


def demo(temporary: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command_of(*arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment_of(temporary),
        check=False,
    )
    assert list(temporary.iterdir()) == []
    return done


def report_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report.keys() >= PROMISED_KEYS
    assert report["ok"] is report["audit_ok"] is True
    assert report["oversold_units"] == report["undersold_units"] == 0
    assert report["books_balance"] is report["crossing_ok"] is True
    assert report["accepted"] + report["refused"] == report["orders"]
    assert report["orders"] >= report["orders_placed"] >= report["orders_paid"]
    assert report["orders_paid"] >= report["orders_delivered"]
    assert report["captured_minor"] >= report["refunded_minor"]
    assert report["rows"] == report["lines"] + report["return_lines"] + report["skipped_rows"]
    assert 0 < report["p50_ms"] <= report["p99_ms"]
    assert report["engine_reserved"] >= report["engine_concurrency"] == 1_000
    assert sum(report["part_ms"].values()) <= report["elapsed_ms"]
    return report


def orders_file(path: Path, rows: list[list[object]]) -> Path:
    with path.open("w", encoding="latin-1", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return path


def row(invoice: str, sku: str, quantity: object, customer: str, price: object = 1) -> list[object]:
    return [invoice, sku, "CAF\xc9 SIGN", quantity, "12/1/10 8:26", price, customer, "France"]


def processes_of(temporary: Path) -> list[str]:
    """The process ids of a demo and of all that it started: they have its directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            environment = (process / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if f"TMPDIR={temporary}".encode() in environment:
            found.append(process.name)
    return found


def test_a_file_of_invoices_is_replayed_and_every_row_accounted_for(
    temporary: Path, tmp_path: Path
) -> None:
    rows = [row(f"{number}", "10001", 2, f"{number % 5}") for number in range(100, 130)]
    rows += [row("130", "10002", 1, ""), row("130", "10002", 3, ""), row("130", "POST", 1, "")]
    rows += [row("131", "10001", "many", "1"), row("132", "10001", 1, "1", price=0)]
    rows += [row("C133", "10001", -1, "0"), row("C134", "99999", -1, "0")]
    path = orders_file(tmp_path / "orders.csv", rows)
    report = report_of(
        demo(
            temporary,
            "--orders",
            path,
            *["--stock-ratio", "0.5", "--concurrency", "4", "--seed", "1", "-o", "json"],
        )
    )
    assert (report["orders"], report["lines"], report["units"]) == (31, 32, 64)
    assert (report["skus"], report["stock_units"]) == (2, 32)
    assert report["skipped_rows"] == sum(report["skipped_by_reason"].values()) == 3
    assert (report["returns"], report["unmatched_returns"]) == (1, 1)
    assert 0 < report["refused"] < 31
    assert report["seed"] == 1


def test_the_money_of_an_order_and_of_its_return_is_what_the_log_says(
    temporary: Path, tmp_path: Path
) -> None:
    """An order that is sent back later is always paid at once and shipped whole; above 50 pounds
    the freight is free.
    """
    rows = [row("100", "10001", 3, "17", "20.00"), row("100", "10002", 1, "17", "9.99")]
    path = orders_file(tmp_path / "orders.csv", [*rows, row("C101", "10001", -2, "17")])
    report = report_of(demo(temporary, "--orders", path, "--stock-ratio", "1", "-o", "json"))
    assert (report["captured_minor"], report["refunded_minor"]) == (6_999, 4_000)
    assert (report["orders_paid"], report["orders_delivered"], report["units_shipped"]) == (1, 1, 4)
    assert (report["orders_refunded"], report["returned_units"]) == (1, 2)


@pytest.mark.long
def test_with_all_the_stock_nobody_is_refused(temporary: Path, tmp_path: Path) -> None:
    rows = [row(f"{number}", f"{number % 7 + 10000}", 3, "") for number in range(100, 140)]
    path = orders_file(tmp_path / "orders.csv", rows)
    report = report_of(
        demo(temporary, "--orders", path, "--stock-ratio", "1", "--concurrency", "50", "-o", "json")
    )
    assert (report["accepted"], report["refused"]) == (40, 0)
    assert report["released"] + report["sold"] + report["expired"] >= 40


@pytest.mark.long
@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample of real invoices is not here")
@pytest.mark.parametrize(
    ("ratio", "stock", "returns"),
    [("0.8", 9_989, None), ("1", 12_863, 1)],
)
def test_the_sample_of_real_invoices_is_replayed(
    temporary: Path, ratio: str, stock: int, returns: int | None
) -> None:
    """The figures were counted apart from the parser, with sed and awk: 66 invoices, of which 4
    are returns and one is a single row without a price.
    """
    report = report_of(demo(temporary, "--orders", SAMPLE, "--stock-ratio", ratio, "-o", "json"))
    assert (report["rows"], report["orders"], report["lines"]) == (999, 61, 986)
    assert (report["units"], report["skus"], report["stock_units"]) == (12_863, 584, stock)
    assert (report["skipped_rows"], report["return_lines"]) == (4, 9)
    assert returns in (None, report["returns"])
    if ratio == "1":
        assert report["refused"] == 0


@pytest.mark.long
def test_without_a_file_it_makes_a_sale_from_a_seed_and_reports_it_to_people(
    temporary: Path,
) -> None:
    done = demo(temporary)
    assert done.returncode == 0, done.stderr
    assert "Every unit went to exactly one order, and every penny with it" in done.stdout
    assert f"{ORDERS:,} orders" in done.stdout
    assert "made from seed" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--orders", "missing.csv"], "--orders"),
        (["--orders", "."], "is a directory"),
        (["--stock-ratio", "0"], "stock-ratio"),
        (["--stock-ratio", "nan"], "stock-ratio"),
        (["--stock-ratio", "-1"], "stock-ratio"),
        (["--stock-ratio", "11"], "stock-ratio"),
        (["--concurrency", "0"], "concurrency"),
        (["--engine-seconds", "-1"], "engine-seconds"),
        (["--engine-seconds", "nan"], "engine-seconds"),
        (["--concurrency", "10001"], "concurrency"),
    ],
)
def test_wrong_usage_names_the_option(temporary: Path, arguments: list[str], named: str) -> None:
    done = demo(temporary, *arguments, "-o", "json")
    assert done.returncode == 2
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_without_the_columns_names_the_one_it_misses(
    temporary: Path, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("InvoiceNo,StockCode,UnitPrice,CustomerID\n1,10001,1,17\n")
    done = demo(temporary, "--orders", path, "-o", "json")
    assert (done.returncode, done.stdout) == (2, "")
    assert "column Quantity is missing" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_demo_that_is_stopped_leaves_no_server_behind(
    temporary: Path, number: signal.Signals
) -> None:
    def is_ready() -> bool:
        logs = temporary.glob("holdfast-demo-*/order-service.log")
        return any('"ready"' in path.read_text() for path in logs)

    with running(
        command_of("-o", "json"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment_of(temporary),
    ) as process:
        until(is_ready)
        # The demo, the engine, the sandbox, the order service.
        assert len(processes_of(temporary)) == 4
        process.send_signal(number)
        assert process.wait(PATIENCE_S) != 0
    until(lambda: processes_of(temporary) == [])
    if number is signal.SIGINT:
        assert list(temporary.iterdir()) == []
