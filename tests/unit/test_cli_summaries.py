"""Lists of commands show of each what it says of itself, and import none."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App
from cyclopts.command_spec import CommandSpec
from cyclopts.help.help import docstring_parse

from holdfast.cli.app import app
from holdfast.cli.summaries import summary_of


def by_path(group: App = app) -> Iterator[tuple[str, App]]:
    """Every command that is registered by its path, and the command."""
    for command in list(group._commands.values()):
        if isinstance(command, CommandSpec):
            yield command.import_path, command.resolve(group)
            yield from by_path(command.resolve(group))
        elif not command.name[0].startswith("-"):
            yield from by_path(command)


def test_the_text_of_a_module_has_what_the_command_says_of_itself() -> None:
    said = {
        path: docstring_parse(command.help, "plaintext").short_description
        for path, command in by_path()
    }
    assert {path: summary_of(path) for path in said} == said
    assert len(said) > 50


def test_what_no_text_has_is_not_guessed() -> None:
    assert summary_of("holdfast.cli.summaries:nothing_of_that_name") is None
    assert summary_of("holdfast.cli.no_such_module:command") is None


@pytest.mark.parametrize("group", ["", "orders"])
def test_a_list_of_commands_does_not_import_them(group: str) -> None:
    code = f"""
import sys
from holdfast.cli.__main__ import run
run("{group} --help".split())
print(*[name for name in ("holdfast.cli.demo", "holdfast.cli.orders.place", "grpc")
        if name in sys.modules], file=sys.stderr)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stderr.strip() == ""
    assert "Usage: holdfast" in ran.stdout
