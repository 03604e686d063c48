"""`holdfast stock import`, against a real server and store."""

import re
from pathlib import Path

import pytest

from holdfast.cli.__main__ import run
from holdfast.sync_client import SyncClient
from tests.e2e.ran import Holdfast


def test_a_file_is_imported(holdfast: Holdfast, stock_file: Path) -> None:
    ran = holdfast("stock import", str(stock_file))
    assert ran == (0, "Imported 300 of 300 stock levels.\n", "")
    levels = holdfast("stock list -o json").json()["levels"]
    assert {(level["sku"], level["on_hand"]) for level in levels} == {
        (f"SKU-{number}", number) for number in range(1, 301)
    }
    assert {(level["safety_stock"], level["limit_per_buyer"]) for level in levels} == {(1, 2)}


def test_a_file_may_be_imported_again(holdfast: Holdfast, stock_file: Path) -> None:
    for _ in range(2):
        ran = holdfast("stock import -o json", str(stock_file))
        assert ran.json() == {
            "imported": 300,
            "good": 300,
            "bad": [],
            "refused": [],
            "dry_run": False,
        }
    assert holdfast("stock get SKU-7 -o json").json()["levels"][0]["version"] == 1


def test_a_dry_run_imports_nothing(holdfast: Holdfast, stock_file: Path) -> None:
    assert holdfast("stock import --dry-run", str(stock_file)).out.startswith("Good lines: 300.")
    assert holdfast("stock list -o json").json()["levels"] == []


def test_nothing_of_a_bad_file_is_imported(holdfast: Holdfast, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("sku,on_hand\nA,5\nB,1e3\nC,7\n")
    ran = holdfast("stock import", str(path))
    assert ran.exit_status == 1
    assert ran.out == ""
    assert re.search(r"^ +3 +on_hand: must be a whole number .* got '1e3'", ran.err, re.MULTILINE)
    assert "nothing was imported" in ran.err
    assert "--skip-bad" in ran.err
    assert holdfast("stock list -o json").json()["levels"] == []


def test_bad_lines_are_reported_as_json(holdfast: Holdfast, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("sku,on_hand\nA,5\nB,1e3\n")
    ran = holdfast("stock import -o json", str(path))
    assert ran.exit_status == 1
    assert (ran.json()["imported"], [bad["line"] for bad in ran.json()["bad"]]) == (0, [3])
    assert ran.error()["reason"] == "BAD_FILE"


def test_the_good_lines_are_imported_when_bad_ones_are_skipped(
    holdfast: Holdfast, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("sku,on_hand\nA,5\nB,1e3\nC,7\n")
    ran = holdfast("stock import --skip-bad", str(path))
    assert ran.exit_status == 0
    assert ran.out == "Imported 2 of 2 stock levels.\n"
    assert "Bad lines: 1" in ran.err
    assert {level["sku"] for level in holdfast("stock list -o json").json()["levels"]} == {"A", "C"}


def test_a_file_without_a_good_line_fails_though_bad_ones_are_skipped(
    holdfast: Holdfast, tmp_path: Path
) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("sku;on_hand\nA;5\n")
    assert holdfast("stock import --skip-bad", str(path)).exit_status == 1


def test_lines_that_the_server_refuses_are_reported(
    holdfast: Holdfast, client: SyncClient, tmp_path: Path
) -> None:
    client.set_stock("B", 50)
    client.reserve("order-1", [("B", 3)])
    path = tmp_path / "stock.csv"
    path.write_text("sku,on_hand\nA,5\nB,1\nC,7\n")
    ran = holdfast("stock import -o json", str(path))
    assert ran.exit_status == 1
    assert ran.json()["imported"] == 2
    [refused] = ran.json()["refused"]
    assert refused["line"] == 3
    assert "below the 3 units" in refused["reason"]
    assert ran.error()["reason"] == "LINES_REFUSED"


def test_an_import_that_loses_its_server_says_how_far_it_came(
    stock_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["stock", "import", str(stock_file), "--target", "127.0.0.1:1"]) == 3
    captured = capsys.readouterr()
    assert captured.out == "Imported 0 of 300 stock levels.\n"
    assert "importing the file again is safe" in captured.err
