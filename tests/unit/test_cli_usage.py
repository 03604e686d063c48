"""Wrong usage of `holdfast`: exit status 2 and a way out; and the help, which keeps from it."""

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

import pytest
from cyclopts import App

from holdfast.cli.__main__ import run
from holdfast.cli.app import app, as_cyclopts_reads
from holdfast.cli.output import wants_json
from tests.waiting import PATIENCE_S

HELP_COLUMNS = 80


def commands(parent: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command, by the words that call it."""
    for name in parent:
        if not name.startswith("-"):
            yield (*path, name)
            yield from commands(parent[name], (*path, name))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("stokc", 'Did you mean "stock"?'),
        ("stock lst", 'Did you mean "list"?'),
        ("reservation gte order-1", 'Did you mean "get"?'),
        ("stock list --tennant shop", "Did you mean --tenant? See `holdfast stock list --help`"),
        ("status --outptu json", "Did you mean --output?"),
        ("stock import --skipbad stock.csv", "Did you mean --skip-bad?"),
        ("status -o jsn", 'Did you mean "json"?'),
        ("stock set SKU-1", "ON_HAND requires an argument"),
        ("stock set SKU-1 5x", "ON_HAND: must be a whole number such as 50; got '5x'"),
        ("stock set SKU-1 2.6", "ON_HAND: must be a whole number such as 50; got '2.6'"),
        ("stock set SKU-1 5 --safety-stock 1e3", "Invalid value for --safety-stock: "),
        ("stock get", "SKUS requires an argument"),
        ("stock list --limit 0", "--limit: must be 1 or more; got 0"),
        ("stock import no-such-file.csv", "cannot read no-such-file.csv: No such file"),
        ("stock import .", "cannot read .: Is a directory"),
        ("reservation list --state held", 'Choose from: "reserved", "confirmed", '),
        ("reservation extend order-1", "give either --ttl DURATION or --until TIME"),
        ("reservation extend order-1 --ttl 1m --until 5", "and not both"),
        ("reservation extend order-1 --ttl 15", "must be a duration such as 90s"),
        ("audit everything", "everything"),
        ("dev --port 70000", "must be from 0 to 65535; got 70000"),
        ("demo --stock-ratio 1e3", "must be a number such as 0.8; got '1e3'"),
        ("completion tcsh", '"bash", "zsh", "fish"'),
    ],
)
def test_wrong_usage_says_what_and_how(
    line: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("holdfast: ")
    assert message in captured.err
    assert len(captured.err.splitlines()) == 1


def test_serve_without_a_store_points_to_dev(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HOLDFAST_REDIS_URL", raising=False)
    assert run(["serve"]) == 2
    assert "use `holdfast dev`" in capsys.readouterr().err


def test_wrong_usage_is_a_json_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-o", "json", "stock", "lst"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err)["error"]
    assert (error["reason"], error["exit_status"]) == ("USAGE", 2)
    assert 'Did you mean "list"?' in error["message"]


def test_a_server_that_is_not_there_is_exit_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["status", "--target", "127.0.0.1:1", "-o", "json"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    error = json.loads(captured.err)["error"]
    assert error["reason"] == "UNAVAILABLE"
    assert "127.0.0.1:1" in error["message"]
    assert "holdfast dev" in error["message"]


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_every_help_has_an_example_and_fits_a_terminal(path: Sequence[str]) -> None:
    command = reduce(lambda parent, name: parent[name], path, app)
    text = inspect.cleandoc(command.help).partition("\nParameters\n")[0]
    assert [line for line in text.splitlines() if len(line) >= HELP_COLUMNS] == []
    if command.default_command:
        example = text.partition("For example:\n")[2]
        assert " ".join(("holdfast", *path)) in example


def test_help_and_version_load_nothing_slow() -> None:
    program = (
        "import sys; from holdfast.cli.__main__ import run; run(['--help']); run(['--version']);"
        "slow = {'grpc', 'asyncio', 'redis', 'rich.markdown', 'holdfast.types'};"
        "sys.exit(', '.join(slow & set(sys.modules)) or 0)"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, timeout=PATIENCE_S
    )


def test_version_is_the_package_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.strip().count(".") == 2


def test_the_installed_command_is_the_same() -> None:
    command = Path(sys.executable).with_name("holdfast")
    completed = subprocess.run(
        [command, "stokc"], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert completed.returncode == 2
    assert 'Did you mean "stock"?' in completed.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_names_the_commands(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("holdfast", "reservation", "import", "skip-bad"):
        assert word in script


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("reservation list --state ", "reserved confirmed released expired fulfilled cancelled"),
        ("orders list --state aw", "awaiting-payment"),
        ("orders list --source ", "web app phone shop import"),
        ("orders place --shortage ", "all-or-nothing ship-available wait"),
        ("orders shipments --state o", "out-for-delivery"),
        ("orders tasks --kind no", "notify-buyer notify-merchant"),
        ("orders replay --kind co", "confirm complete"),
        ("orders incidents list --kind d", "delay damage"),
        ("orders incidents report X ", "delay loss damage wrong-item missing-item"),
        ("orders incidents resolve X ", "wait reship refund"),
        ("orders record X c", "collected cash-collected"),
    ],
)
def test_names_of_which_there_are_few_are_completed(
    line: str, offered: str, bash_completion: Path
) -> None:
    program = f"""
        source {bash_completion}
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _holdfast; echo "${{COMPREPLY[@]}}"
    """
    words = ["bash", "-c", program, "bash", "holdfast", *line.split(" ")]
    assert (
        subprocess.run(words, capture_output=True, text=True, check=True).stdout == f"{offered}\n"
    )


@pytest.fixture(scope="module")
def bash_completion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script that `holdfast completion bash` prints."""
    path = tmp_path_factory.mktemp("completion") / "holdfast.bash"
    path.write_text(app.generate_completion(shell="bash"))
    return path


@pytest.mark.parametrize(
    ("arguments", "read"),
    [
        ("status", "status"),
        ("-o json status", "status -o json"),
        ("--output=json --target h:1 stock get A", "stock get A --output=json --target h:1"),
        ("--tenant t stock get -- -A", "stock get --tenant t -- -A"),
        ("--help", "--help"),
        ("--target", "--target"),
        ("stock import - --dry-run", "stock import /dev/stdin --dry-run"),
        ("stock get -", "stock get -"),
    ],
)
def test_a_command_line_is_turned_into_one_that_cyclopts_reads(arguments: str, read: str) -> None:
    assert as_cyclopts_reads(arguments.split()) == read.split()


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ("status -o json", True),
        ("status -ojson", True),
        ("--output=json status", True),
        ("stock lst --output json", True),
        ("status -o table", False),
        ("stock get json", False),
        ("stock get foo-o json", False),
    ],
)
def test_whether_json_is_wanted_is_known_of_a_wrong_line_too(arguments: str, wanted: bool) -> None:
    assert wants_json(arguments.split()) == wanted
