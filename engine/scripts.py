"""The batch script: the Lua files joined into one text, their words defined.

Outcomes, states and kinds are defined once, in Python, and written into the script as constants. A
header names the columns and outcomes of its command; a test holds it against the Lua below it and
the Python that packs the columns.
"""

import hashlib
import re
from collections.abc import Set
from enum import Enum, IntEnum
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from engine import model

SCHEMA = "2"
EXCHANGES_SCHEMA = "3"
"""Of a partition in which units were ever exchanged: servers before 0.8.0 refuse it."""


class Kind(IntEnum):
    """The commands of a batch. Journals keep the numbers; their order means nothing."""

    RESERVE = 1
    CONFIRM = 2
    RELEASE = 3
    EXTEND = 4
    SHIP = 5
    CANCEL = 6
    RETURN = 7
    EXPIRE = 8
    PURGE = 9
    SET_STOCK = 10
    ADJUST_STOCK = 11
    MOVE_STOCK = 12
    EXCHANGE = 13


# Each kind is in exactly one of these three: it names a reservation, finds due ones by itself, or
# names a stock level. In a journal the subject of the first two is a reservation and its record.
HAS_ID = frozenset(
    {
        *(Kind.RESERVE, Kind.CONFIRM, Kind.RELEASE, Kind.EXTEND),
        *(Kind.SHIP, Kind.CANCEL, Kind.RETURN, Kind.EXCHANGE),
    }
)
SWEEPS = frozenset({Kind.EXPIRE, Kind.PURGE})
STOCK_KINDS = frozenset({Kind.SET_STOCK, Kind.ADJUST_STOCK, Kind.MOVE_STOCK})
WRITES_RECORD = HAS_ID | SWEEPS


class Memory(Enum):
    """Whether a command takes stock, and is refused by a full store, or gives it back."""

    TAKES = "takes"
    GIVES = "gives"


_WORD = r"\b[A-Z][A-Z0-9_]+\b(?!')"  # not within quotes: 'HSET' is not a constant
_NAMES = r"[A-Z][A-Z0-9_]+(?:, [A-Z][A-Z0-9_]+)*"
_LITERALS = r"(?:\d+|'[^'\n]*')(?:, (?:\d+|'[^'\n]*'))*"

# The Lua files, in order: each may use the definitions of the ones before it. Those at the top are
# run by every batch, but `few` only by one of few Reserves, which mostly ends there. The others are
# joined inside one function. Of them a part with kinds is made only for a batch that has one, and a
# part with a condition only where it holds.
FEW = "few"
TOP = ("layout", "arguments", FEW, "state")
PARTS: tuple[tuple[tuple[Kind, ...] | str, tuple[str, ...]], ...] = (
    ((), ("load", "limits", "expire", "search", "lines")),
    ("has_exchanges", ("exchanged",)),
    ((Kind.RESERVE, Kind.EXCHANGE), ("reserve", "exchange")),
    ((Kind.CONFIRM,), ("confirm",)),
    ((Kind.RELEASE,), ("release",)),
    ((Kind.EXTEND,), ("extend",)),
    (
        (Kind.SHIP, Kind.CANCEL, Kind.RETURN, Kind.PURGE),
        ("movement", "ship", "cancel", "return", "purge"),
    ),
    (
        (Kind.SET_STOCK, Kind.ADJUST_STOCK, Kind.MOVE_STOCK),
        ("set_stock", "adjust_stock", "move_stock"),
    ),
    ((), ("store", "batch")),
)


def part_text(part: str) -> str:
    """The text of one Lua file."""
    return (files("engine") / "lua" / f"{part}.lua").read_text(encoding="utf-8")


def constants() -> dict[str, str]:
    """The words that Lua and Python share, each with its value as Lua."""
    words: dict[str, int] = {}
    for enum, prefix in (
        (model.Outcome, ""),
        (model.State, ""),
        (Kind, ""),
        (model.StockOutcome, "STOCK_"),
        (model.Bucket, "BUCKET_"),
    ):
        words |= {prefix + item.name: item.value for item in enum if item.name != "UNSPECIFIED"}
    words |= {
        "RESELLABLE": model.Disposition.RESELLABLE,
        "DAMAGED": model.Disposition.DAMAGED,
        "LOST": model.Disposition.LOST,
        "TTL_MS_MAX": model.TTL_MS_MAX,
        "ON_HAND_MAX": model.ON_HAND_MAX,
        "MOVEMENTS_MAX": model.MOVEMENTS_MAX,
    }
    return {
        "SCHEMA": f"'{SCHEMA}'",
        "EXCHANGES_SCHEMA": f"'{EXCHANGES_SCHEMA}'",
        "DEFAULT_LOCATION": f"'{model.DEFAULT_LOCATION}'",
        "HAS_ID": _lua_set(HAS_ID),
        "WRITES_RECORD": _lua_set(WRITES_RECORD),
    } | {name: str(value) for name, value in words.items()}


def _lua_set(kinds: Set[int]) -> str:
    """A Lua table that is true at each of the kinds. As a list it is made and read fastest."""
    members = (str(number in kinds).lower() for number in range(1, max(kinds) + 1))
    return "{" + ", ".join(members) + "}"


@cache
def batch_script() -> str:
    """The Lua text of the batch script, without the line that says how it treats a full store.

    Comments are left out and constants put in by value. To Lua 5.1 a named constant is a variable
    that every function has to capture each time the script runs, and finding it takes a walk past
    all the others: that was half the time of a batch of one.
    """
    rules = "\n".join(_joined(kinds, names) for kinds, names in PARTS)
    top = "\n".join(_only_if("is_few", FEW) if name == FEW else part_text(name) for name in TOP)
    text = f"{top}\nlocal function main()\n{rules}\nend\nreturn main()\n"
    text = re.sub(r"(?m)^\s*--.*\n|\s+-- .*$", "", text)
    values = constants()
    for definition in re.finditer(rf"(?m)^local ({_NAMES}) = ({_LITERALS})\n", text):
        names, literals = definition.group(1).split(", "), definition.group(2).split(", ")
        values |= dict(zip(names, literals, strict=True))
        text = text.replace(definition.group(), "")
    return re.sub(_WORD, lambda word: values.get(word.group(), word.group()), text)


def _joined(kinds: tuple[Kind, ...] | str, names: tuple[str, ...]) -> str:
    if isinstance(kinds, str):
        return _only_if(kinds, *names)
    if not kinds:
        return "\n".join(part_text(name) for name in names)
    return _only_if(" or ".join(f"wanted[{kind.name}]" for kind in kinds), *names)


def _only_if(condition: str, *names: str) -> str:
    """The text of Lua files that only some batches run."""
    text = "\n".join(part_text(name) for name in names)
    return f"if {condition} then\n{text}\nend"


class Script(NamedTuple):
    """A script text and the SHA-1 by which a store knows it."""

    text: str
    sha: str


def script_of(first_line: str, body: str) -> Script:
    """A script whose first line says what it may do."""
    text = f"{first_line}\n{body}"
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def script_for(memory: Memory, body: str | None = None) -> Script:
    """The batch script as a store runs it.

    A script that takes stock is refused by a store at its maxmemory before it has done anything;
    one that gives stock back runs even then, or a full store could never be emptied.
    """
    flags = " flags=allow-oom" if memory is Memory.GIVES else ""
    return script_of(f"#!lua{flags}", body or batch_script())


def memory_of(kind: Kind) -> Memory:
    """Whether a command takes or gives, as the header of its Lua file says."""
    (said,) = re.findall(r"(?m)^-- Memory: (\w+)$", part_text(kind.name.lower()))
    return Memory(said)
