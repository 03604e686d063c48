"""The headers of the Lua files: each command's columns and outcomes, as its file names them."""

import re
from typing import NamedTuple

from engine.scripts import Kind, Memory, part_text


class Header(NamedTuple):
    """The contents of the header of a command's Lua file."""

    numbers: str
    strings: str
    outcomes: frozenset[str]
    memory: Memory


def header(kind: Kind) -> Header:
    """The header of a command's Lua file."""
    comment = re.match(r"(?:--.*\n)+", part_text(kind.name.lower()))
    lines = [line[2:].strip() for line in (comment.group() if comment else "").splitlines()]
    fields: dict[str, str] = {}
    name = ""
    for line in lines:
        labelled = re.match(r"(Numbers|Strings|Outcomes|Stock outcomes|Memory): (.+)", line)
        if labelled:
            name = labelled.group(1)
            fields[name] = labelled.group(2)
        elif name and line:
            fields[name] += " " + line
    outcomes = fields.get("Outcomes") or fields["Stock outcomes"]
    return Header(
        fields["Numbers"],
        fields["Strings"],
        frozenset(outcome.strip() for outcome in outcomes.split("|")),
        Memory(fields["Memory"]),
    )
