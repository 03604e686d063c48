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
            "resume": None,
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
    path.write_text("sku;colour\nA;5\n")
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


def test_what_the_file_does_not_name_stays_as_it_is(
    holdfast: Holdfast, client: SyncClient, tmp_path: Path
) -> None:
    client.set_stock("MUG", 50, safety_stock=5, limit_per_buyer=2)
    path = tmp_path / "stock.csv"
    path.write_text("sku,on_hand\nMUG,60\n")
    assert holdfast("stock import", str(path)).exit_status == 0
    (level,) = client.get_stock("MUG")
    assert (level.on_hand, level.safety_stock, level.limit_per_buyer) == (60, 5, 2)
    path.write_text("sku;on_hand;limit_per_buyer\nMUG;60;0\nCUP;1;\n")
    assert holdfast("stock import", str(path)).exit_status == 0
    assert client.get_stock("MUG")[0].limit_per_buyer == 0


def test_an_import_goes_on_without_undoing_what_came_since(
    holdfast: Holdfast, client: SyncClient, tmp_path: Path
) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,on_hand\nA,5\nB,6\nC,7\n")
    token = "0123456789abcdef:2"
    assert holdfast(f"stock import --resume {token}", str(path)).exit_status == 0
    client.adjust_stock("A", -1, "sold")
    assert holdfast(f"stock import --resume {token}", str(path)).exit_status == 0
    assert client.get_stock("A")[0].on_hand == 4
    later = holdfast("stock import --resume fedcba9876543210:4 -o json", str(path))
    assert (later.exit_status, later.json()["imported"]) == (0, 1)
    assert holdfast("stock import --resume x", str(path)).exit_status == 2


def test_an_import_of_many_rows_takes_a_few_calls(holdfast: Holdfast, tmp_path: Path) -> None:
    path = tmp_path / "stock.csv"
    path.write_text("sku,on_hand\n" + "".join(f"SKU-{n},{n}\n" for n in range(5_000)))
    assert holdfast("stock import", str(path)).out == "Imported 5,000 of 5,000 stock levels.\n"
