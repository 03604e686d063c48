"""The start of `holdfast`: what a command does not need is not imported."""

import json
import re
import subprocess
import sys

import pytest

from tests.waiting import PATIENCE_S

MODULES = """
import json, sys
from holdfast.cli.__main__ import run
run(sys.argv[1:])
print("\\n" + json.dumps(sorted(sys.modules)))
"""
NEVER = {"urllib.request", "email", "tempfile", "holdfast.demo", "engine", "server"}
ON_THE_WIRE = {"grpc", "google.protobuf", "asyncio", "ssl", "holdfast.client"}
# A tenth more than there are, the interpreter's and cyclopts' own among them.
MODULES_MAX = {
    "--help": 295,
    "stock list --help": 270,
    "status --target 127.0.0.1:1": 345,
    "orders list --help": 320,
}


def imported(line: str) -> set[str]:
    """The modules that a command has imported when it ends."""
    ran = subprocess.run(
        [sys.executable, "-c", MODULES, *line.split()],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return set(json.loads(ran.stdout.splitlines()[-1]))


@pytest.mark.parametrize("line", MODULES_MAX)
def test_a_command_imports_little_more_than_it_needs(line: str) -> None:
    found = imported(line)
    assert NEVER & found == set()
    if not line.startswith(("orders", "status")):
        assert ON_THE_WIRE & found == set()
    assert len(found) <= MODULES_MAX[line], sorted(found)


@pytest.mark.parametrize("group", ["", "orders", "stock", "server", "orders review"])
def test_a_list_of_commands_says_what_each_is_for(group: str) -> None:
    line = [sys.executable, "-m", "holdfast.cli", *group.split(), "--help"]
    ran = subprocess.run(line, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    rows = [row.strip("│ ") for row in ran.stdout.splitlines() if re.match("│ [^ ]", row)]
    assert len(rows) > 1
    assert [row for row in rows if " " not in row] == []
