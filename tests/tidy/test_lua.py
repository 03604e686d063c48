"""The headers of the Lua files are true, and the files keep to rules that Lua does not check."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec
import pytest
import redis

from engine.columns import Head, lay_out
from engine.keys import PartitionKeys
from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Confirm,
    Disposition,
    Exchange,
    ExchangedUnits,
    Expire,
    Extend,
    Line,
    MoveStock,
    Outcome,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StockOutcome,
    StoreCommand,
)
from engine.records import fingerprint, unpacked_string
from engine.scripts import FEW, PARTS, TOP, Kind, batch_script, constants, part_text
from tests.lua_headers import header

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
LINE_LENGTH_MAX = 100
# Lua 5.1 allows 200 in a function; the script is one.
LOCALS_MAX = 160

LUA_FILES = sorted(entry.name.removesuffix(".lua") for entry in (files("engine") / "lua").iterdir())
WORDS_OF_LUA = {
    *("and", "break", "do", "else", "elseif", "end", "false", "for", "function", "if", "in"),
    *("local", "nil", "not", "or", "repeat", "return", "then", "true", "until", "while"),
}
GLOBALS_OF_REDIS = {
    *("ARGV", "KEYS", "cmsgpack", "redis", "struct"),
    *("error", "ipairs", "math", "next", "pairs", "pcall", "string", "table", "tonumber", "type"),
    "unpack",
}


def code(part: str) -> str:
    """The text of a Lua file without its comments."""
    return re.sub(r"(?m)^\s*--.*\n|\s+-- .*$", "", part_text(part))


class Definition(NamedTuple):
    """A definition at the top level of a Lua file: a function, a table, a rule."""

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


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
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
        {"body": b"\0\x17" + msgspec.msgpack.encode([60_000, "li", "CUP\0north", 4, "TEA", 5])},
    ),
    Kind.EXCHANGE: (
        Exchange("A", LINES, 60_000, "li", in_exchange_for=ExchangedUnits("B", LINES[:1])),
        {"ttl_ms": 60_000, "line_count": 2, "level": [1, 2], "quantity": [4, 5], "buyer": [1, 2]},
        {
            "body": b"\0\x1f"
            + msgspec.msgpack.encode(
                [[60_000, "B", "TEA", 3], "li", "CUP\0north", 4, "TEA", 5],
            )
        },
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
        Cancel("A", "m1", LINES, Disposition.LOST),
        {"disposition": 3, "line_count": 2, "quantity": [4, 5]},
        {"key": "cm1", "fingerprint": fingerprint(SUMMED, 3), "field": ["CUP\0north", "TEA"]},
    ),
    Kind.RETURN: (
        Return("A", "m1", Disposition.DAMAGED, LINES, "south", "B"),
        {"disposition": 2, "line_count": 2, "quantity": [4, 5]},
        {
            "location": "south",
            "for_exchange": "B",
            "key": "rm1",
            "fingerprint": fingerprint(SUMMED, 2, ("to_location", "south"), ("for_exchange", "B")),
            "field": ["CUP\0north", "TEA"],
        },
    ),
    Kind.EXPIRE: (Expire(9), {}, {}),
    Kind.PURGE: (Purge(9), {"limit": 9}, {}),
    Kind.SET_STOCK: (
        SetStock("CUP", 9, "north", 2, None, 4, "id"),
        {"on_hand": 9, "safety_stock": 2, "limit_per_buyer": -1, "expected_version": 4},
        {
            "field": "CUP\0north",
            "setting_id": "=id",
            "fingerprint": fingerprint("CUP\0north", (9, 2, None)),
        },
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
    Kind.MOVE_STOCK: (
        MoveStock("CUP", 9, Bucket.DAMAGED, Bucket.OUTSIDE, "m1", "north", reason="scrap"),
        {"units": 9, "from_bucket": 2, "to_bucket": 4},
        {
            "from_field": "CUP\0north",
            "to_field": "",
            "move_id": ">m1",
            "fingerprint": fingerprint(["CUP\0north", ""], (9, 2, 4), "scrap"),
            "reason": "scrap",
        },
    ),
}


def expanded(names: str, lines: int) -> list[tuple[str, int | None]]:
    """The names of a header in the order in which they are laid out, each with its line or None."""
    if names == "none":
        return []
    once, _, per_line = names.partition(", then per line: ")
    return [(name, None) for name in once.split(", ")] + [
        (name, line) for line in range(lines) for name in (per_line.split(", ") if per_line else ())
    ]


def in_order(names: str, values: dict[str, Any]) -> list[Any]:
    """The values in the order of a header's names, which must be the same names."""
    laid_out = expanded(names, len(SUMMED))
    assert {name for name, _ in laid_out} == values.keys()
    return [values[name] if line is None else values[name][line] for name, line in laid_out]


@pytest.mark.parametrize("kind", Kind, ids=lambda kind: kind.name.lower())
def test_a_header_names_the_columns_as_they_are_laid_out(kind: Kind) -> None:
    command, numbers, strings = SAMPLES[kind]
    columns = lay_out([command])
    assert columns.kinds == [kind]
    arguments = columns.arguments(Head(0, "", 0, "", 1, (1, 1, 1)))
    assert msgspec.msgpack.decode(arguments[2]) == in_order(header(kind).numbers, numbers)
    packed = msgspec.msgpack.decode(arguments[3], type=list[msgspec.Raw])
    assert [unpacked_string(raw) for raw in packed] == [
        value if isinstance(value, bytes) else value.encode()
        for value in in_order(header(kind).strings, strings)
    ]


def documented(array: str) -> list[str]:
    """The names that comments give the elements of an array, which must be numbered from 1."""
    text = "".join(part_text(part) for part in LUA_FILES)
    found = re.findall(rf"(?m)^-- {array}\[(\d+)\] (\w+)", text)
    assert [int(number) for number, _ in found] == list(range(1, len(found) + 1))
    return [name for _, name in found]


def test_the_keys_are_documented_in_the_order_in_which_they_are_passed() -> None:
    assert documented("KEYS") == list(PartitionKeys._fields)
    assert len(documented("ARGV")) == len(lay_out([]).arguments(Head(0, "", 0, "", 1, (1, 1, 1))))


def test_every_lua_file_is_part_of_the_script_once() -> None:
    assert sorted([*TOP, *(name for _, names in PARTS for name in names)]) == LUA_FILES


def test_a_rule_is_made_for_every_batch_that_has_its_kind() -> None:
    for kind in Kind:
        [kinds] = [kinds for kinds, names in PARTS if kind.name.lower() in names]
        assert not kinds or kind in kinds


@pytest.mark.parametrize("part", LUA_FILES)
def test_no_rule_compares_kinds_by_their_numbers(part: str) -> None:
    """A new command gets the next number, whatever it does: the sets of kinds tell them apart."""
    kinds = "|".join(kind.name for kind in Kind)
    assert re.findall(rf"[<>]=? *(?:{kinds})\b|\b(?:{kinds}) *[<>]", code(part)) == []


def test_only_two_parts_write_and_they_go_through_one_function(store: "redis.Redis") -> None:
    """Writes are to come after the last guard, all of them, and to be put back by one place."""
    everything = {part: code(part) for part in LUA_FILES}
    assert re.findall(r"\bredis\b.*", "\n".join(everything.values())) == ["redis.call"]
    called = {
        part: set(re.findall(r"'([A-Z]+)'", " ".join(re.findall(r"\bcall\(([^,)]+)", text))))
        for part, text in everything.items()
    }
    commands: Any = store.command()
    writing = {name.upper() for name, about in commands.items() if "write" in about["flags"]}
    assert {part for part, names in called.items() if names & writing} == {"few", "store"}


def visible_parts(part: str) -> list[str]:
    """The parts whose top-level names a part can see: those before it, but none that is within a
    condition of its own.
    """
    if part in TOP:
        return list(TOP[: TOP.index(part)])
    found = [name for name in TOP if name != FEW]
    for kinds, names in PARTS:
        if part in names:
            return [*found, *names[: names.index(part)]]
        if not kinds:
            found += names
    raise AssertionError(f"{part} is not a part of the script")


def words_at(text: str) -> Iterator[tuple[int, str]]:
    """The names that a Lua text uses, with where: not fields, keys of tables, or what is quoted."""
    bare = re.sub(r"'[^'\n]*'", lambda quoted: " " * len(quoted.group()), text)
    for found in re.finditer(r"(?<![\w.:])([A-Za-z_]\w*)(\s*=(?!=))?", bare):
        in_table = bare.count("{", 0, found.start()) > bare.count("}", 0, found.start())
        if found.group(1) not in WORDS_OF_LUA and not (in_table and found.group(2)):
            yield found.start(), found.group(1)


def declared_at(text: str) -> dict[str, int]:
    """The names that a Lua text declares anywhere, with where first."""
    found: dict[str, int] = {}
    for declaration in re.finditer(
        r"local function (?P<name>\w+)\((?P<of>[^)]*)\)|function ?\((?P<parameters>[^)]*)\)"
        r"|local (?P<locals>[\w, ]+)|for (?P<counters>[\w, ]+?) ?(?:=|in\b)",
        text,
    ):
        for name in re.findall(r"\w+", " ".join(filter(None, declaration.groups()))):
            found.setdefault(name, declaration.start())
    return found


@pytest.mark.parametrize("part", LUA_FILES)
def test_every_name_is_declared_before_it_is_used(part: str) -> None:
    """An undeclared name is a global: Redis stops the script there, in the middle of a batch."""
    text = code(part)
    visible = GLOBALS_OF_REDIS | constants().keys()
    for before in visible_parts(part):
        visible |= {name for it in definitions(before) for name in it.names}
    declared = declared_at(text)
    undeclared = {
        name
        for at, name in words_at(text)
        if name not in visible and declared.get(name, len(text)) > at
    }
    assert undeclared == set()


@pytest.mark.parametrize("part", LUA_FILES)
def test_files_functions_and_lines_fit_a_screen(part: str) -> None:
    lines = part_text(part).splitlines()
    assert len(lines) <= FILE_LINES_MAX
    assert [line for line in lines if len(line) > LINE_LENGTH_MAX] == []
    long = [it for it in definitions(part) if it.text.count("\n") > FUNCTION_LINES_MAX]
    assert [it.names for it in long] == []


def test_the_script_has_room_for_more_locals() -> None:
    top, rules = batch_script().split("local function main()")
    for text in (top, rules):
        declared = re.findall(r"(?m)^local (?:function )?([\w, ]+)", text)
        assert sum(names.count(",") + 1 for names in declared) <= LOCALS_MAX
