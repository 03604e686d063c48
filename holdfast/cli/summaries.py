"""The first paragraph of a command's help, which a list of commands shows, without importing it.

A list of fifty commands would import fifty modules, which takes longer than everything else that
`holdfast orders --help` does. The paragraph is found in the text of the module instead; where it is
not, as in an archive, the command is imported.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cyclopts import App
from cyclopts.command_spec import CommandSpec

_OF_FUNCTION = r'^(?:async )?def {name}\(.*?\n    """(.*?)(?:\n\n|""")'
_OF_GROUP = r'^{name} = App\([^()]*?help="([^"\n]*)"'


def show_what_is_listed(group: App) -> None:
    """Gives the commands of a group, as far as they are not imported, what its list shows."""
    commands: Mapping[str, Any] = group._commands  # cyclopts itself would import them all
    for command in commands.values():
        if not isinstance(command, CommandSpec) or command.is_resolved or command.help:
            continue
        # The panel of one that names none here is known only to the command itself.
        command.help = summary_of(command.import_path) if command.group else None
        if command.help is None:
            command.resolve(group)


def summary_of(path: str) -> str | None:
    """The first paragraph of the help of `module:name`, if the module's text has it."""
    module, _, name = path.partition(":")
    spec = find_spec(module)
    if spec is None or not spec.has_location or not Path(spec.origin or "").is_file():
        return None
    text = Path(spec.origin or "").read_text("utf-8")
    for pattern in (_OF_FUNCTION, _OF_GROUP):
        if found := re.search(pattern.format(name=re.escape(name)), text, re.DOTALL | re.MULTILINE):
            return " ".join(found[1].split())
    return None
