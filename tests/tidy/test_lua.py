"""The Lua files say of themselves what is so, and keep to the rules that Lua itself does not check."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import pytest
import redis

from engine.columns import Head, StoreCommand, lay_out
from engine.keys import PartitionKeys
from engine.model import (
    AdjustStock,
    Cancel,
    Confirm,
    Disposition,
    Expire,
    Extend,
    Line,
    Outcome,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StockOutcome,
)
from engine.records import fingerprint
from engine.scripts import PARTS, STATE, Kind, batch_script, constants, header, part_text

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_LENGTH_MAX = 100
# Lua 5.1 allows 200 in a function; the script is one.
LOCALS_MAX = 150

LUA_FILES = sorted(entry.name.removesuffix(".lua") for entry in (files("engine") / "lua").iterdir())
WORDS_OF_LUA = set(
    "and break do else elseif end false for function if in local nil not or repeat return then "
    "true until while".split()  # noqa: SIM905
)
GLOBALS_OF_REDIS = {
    *("ARGV", "KEYS", "cmsgpack", "redis", "struct"),
    *("error", "ipairs", "math", "next", "pairs", "pcall", "string", "tonumber", "unpack"),
}


def code(part: str) -> str:
    """The text of a Lua file without its comments."""
    return re.sub(r"(?m)^\s*--.*\n|\s+-- .*$", "", part_text(part))


class Definition(NamedTuple):
    """What a Lua file defines at its top level, in one piece: a function, a table, a rule."""

    part: str
    names: list[str]
    text: str


def definitions(part: str) -> Iterator[Definition]:
    """The definitions of a Lua file, in order."""
    for text in re.split(r"(?m)^(?=local |judge\[|if |return )", code(part)):
        found = re.match(r"local function (\w+)|local ([\w, ]+)|(judge\[\w+\])", text)
        if found:
            yield Definition(
                part, re.split(r", ", next(filter(None, found.groups())).strip()), text
            )


DEFINITIONS = [definition for part in LUA_FILES for definition in definitions(part)]


def reachable(name: str, part: str) -> str:
    """The text of a definition and of all it uses. Where a name is defined twice, the one in the
    same file is meant.
    """
    texts: dict[str, None] = {}
    wanted = [(name, part)]
    while wanted:
        name, part = wanted.pop()
        found = [it for it in DEFINITIONS if name in it.names]
        for definition in [it for it in found if it.part == part] or found:
            if definition.text not in texts:
                texts[definition.text] = None
                wanted += [(word, definition.part) for word in re.findall(r"\w+", definition.text)]
    return "\n".join(texts)


@pytest.mark.parametrize("kind", Kind)
def test_a_header_lists_the_outcomes_that_its_code_can_answer(kind: Kind) -> None:
    known = {it.name for it in Outcome} | {f"STOCK_{it.name}" for it in StockOutcome}
    words = re.findall(r"\w+", reachable(f"judge[{kind.name}]", kind.name.lower()))
    assert header(kind).outcomes == known.intersection(words)


LINES = [Line("TEA", 3), Line("CUP", 4, "north"), Line("TEA", 2)]
SUMMED = [("CUP\0north", 4), ("TEA", 5)]

# A command of each kind, and by the names in its header what it has to lay out; of what comes per
# line, a list.
SAMPLES: dict[Kind, tuple[StoreCommand, dict[str, Any], dict[str, Any]]] = {
    Kind.RESERVE: (
        Reserve("A", LINES, 60_000, "li"),
        {"ttl_ms": 60_000, "line_count": 2, "level": [1, 2], "quantity": [4, 5], "buyer": [1, 2]},
        {"body": b"\0\x1d" + msgspec.msgpack.encode([60_000, "li", "CUP\0north", 4, "TEA", 5])},
    ),
    Kind.CONFIRM: (Confirm("A", True), {"reacquire_if_expired": 1}, {}),
    Kind.RELEASE: (Release("A"), {}, {}),
    Kind.EXTEND: (Extend("A", 7_000), {"expires_at_ms": 7_000}, {}),
    Kind.SHIP: (
        Ship("A", "m1", LINES),
        {"line_count": 2, "quantity": [4, 5]},
        {"key": "sm1", "fingerprint": fingerprint(SUMMED, 0), "field": ["CUP\0north", "TEA"]},
    ),
    Kind.CANCEL: (
        Cancel("A", "m1", LINES),
        {"line_count": 2, "quantity": [4, 5]},
        {"key": "cm1", "fingerprint": fingerprint(SUMMED, 0), "field": ["CUP\0north", "TEA"]},
    ),
    Kind.RETURN: (
        Return("A", "m1", Disposition.DAMAGED, LINES),
        {"disposition": 2, "line_count": 2, "quantity": [4, 5]},
        {"key": "rm1", "fingerprint": fingerprint(SUMMED, 2), "field": ["CUP\0north", "TEA"]},
    ),
    Kind.EXPIRE: (Expire(9), {}, {}),
    Kind.PURGE: (Purge(9), {"limit": 9}, {}),
    Kind.SET_STOCK: (
        SetStock("CUP", 9, "north", 2, 3, 4),
        {"on_hand": 9, "safety_stock": 2, "limit_per_buyer": 3, "expected_version": 4},
        {"field": "CUP\0north"},
    ),
    Kind.ADJUST_STOCK: (
        AdjustStock("CUP", -9, "a1", "north", "broken"),
        {"delta": -9},
        {
            "field": "CUP\0north",
            "adjustment_id": "a1",
            "fingerprint": fingerprint("CUP\0north", -9, "broken"),
            "reason": "broken",
        },
    ),
}
