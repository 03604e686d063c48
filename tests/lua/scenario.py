"""A small table language for the batch script, in the spirit of TigerBeetle's state machine tests.

    0     stock TEA 10 limit=3
    0     reserve A TEA:2 buyer=li ttl=60s   -> APPLIED RESERVED until 60s
    +     reserve B TEA:2 buyer=li           -> LIMIT_EXCEEDED
    60s   confirm A                          -> ALREADY_EXPIRED EXPIRED
          level TEA                          -> on_hand 10 version 3

A row is a time after `T0`, a command and what it is to be answered. Without a time it comes when
the row above came; with `+` it belongs to the same batch. A row without an answer must be APPLIED,
and not as a replay. `level`, `lines` and `buyer` are no commands: they look at what is stored.

An answer says all there is, but for a deadline, which is compared if the row has `until`; a
tombstone has `until none`. Each answer of a batch of one is held against the store: it tells state,
deadline and level as they are.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest

from engine.answers import Answer
from engine.model import (
    DEFAULT_LOCATION,
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
    Purge,
    Release,
    Reserve,
    Result,
    Return,
    SetStock,
    Ship,
    Shortage,
    StockResult,
    StoreCommand,
    SweepResult,
)
from engine.scripts import Kind
from tests.lua_headers import header
from tests.partition import Partition

T0 = 1_700_000_000_000

_UNIT_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME = re.compile(r"(0)|([\d_]+)(ms|s|m|h|d)")
_LEVEL_COUNTS = ("on_hand", "reserved", "confirmed", "damaged", "incoming")
_LEVEL_SETTINGS = ("safety_stock", "limit_per_buyer", "available", "version")

# A reservation in each state that there is, as of 2s. All are of one buyer, li.
CAST = """
    0     stock TEA 100 limit=50
    +     stock CUP@north 40
    +     release tombstone
    +     reserve live TEA:3 CUP@north:2 buyer=li
    +     reserve lapsed TEA:3 ttl=1s buyer=li
    +     reserve released TEA:3 buyer=li
    +     release released
    +     reserve sold TEA:4 CUP@north:2 buyer=li
    +     confirm sold
    +     reserve part-shipped TEA:4 CUP@north:2 buyer=li
    +     confirm part-shipped
    +     ship part-shipped s1 TEA:3
    +     reserve fulfilled TEA:4 buyer=li
    +     confirm fulfilled
    +     ship fulfilled s1
    +     reserve cancelled TEA:4 buyer=li
    +     confirm cancelled
    +     cancel cancelled c1
    1s    expire 10            -> 1
    2s    level TEA            -> on_hand 93 reserved 3 confirmed 5
          level CUP@north      -> on_hand 40 reserved 2 confirmed 4
          buyer li TEA         -> 15
          buyer li CUP         -> 6
"""
CAST_NAMES = {
    *("never-seen", "tombstone", "live", "lapsed", "released"),
    *("sold", "part-shipped", "fulfilled", "cancelled"),
}


class Row(NamedTuple):
    """One row. `expected` is None where it has no answer."""

    text: str
    now_ms: int
    joins_row_above: bool
    words: list[str]
    expected: list[str] | None


def play(partition: Partition, text: str, now_ms: int = T0) -> int:
    """Plays a scenario row by row; returns the time of its last row.

    `now_ms` is the time of rows that come before any that has one.
    """
    rows = _rows(text, now_ms)
    for batch in _batches(rows):
        look = _LOOKS.get(batch[0].words[0])
        if look:
            _compare(batch[0], look(partition, batch[0]))
            continue
        commands = [_command(row) for row in batch]
        answers = partition.run(commands, batch[0].now_ms)
        for row, answer in zip(batch, answers, strict=True):
            _compare(row, _said(answer, row))
        if len(batch) == 1:
            _compare_with_store(partition, commands[0], answers[0])
    return rows[-1].now_ms


def play_case(partition: Partition, case: str) -> None:
    """Plays a case of a table after the cast. What is refused or replayed must not write."""
    *setup, last = case.splitlines()
    now_ms = play(partition, "\n".join([CAST, *setup]))
    written = _writes(partition)
    play(partition, last, now_ms)
    applied = "APPLIED" in last and "replayed" not in last
    assert (_writes(partition) > written) == applied


def cases(table: str) -> list[Any]:
    """The cases of a table, as parameters: each row with an answer, after the rows without one that
    stand before it.
    """
    found: list[Any] = []
    lines: list[str] = []
    for line in _lines(table):
        lines.append(line)
        if "->" in line:
            found.append(pytest.param("\n".join(lines), id=" ".join(line.split())))
            lines = []
    assert not lines, f"no answer follows {lines}"
    return found


def outcomes_of(table: str) -> set[str]:
    """The outcomes that the rows of a table expect."""
    return {row.expected[0] for row in _rows(table, T0) if row.expected}


def reservations_of(table: str) -> set[str]:
    """The reservations of the cast that the rows of a table name."""
    return {row.words[1] for row in _rows(table, T0)} & CAST_NAMES


def declared_outcomes(kind: Kind) -> set[str]:
    """The outcomes in the header of a command's Lua file."""
    return {outcome.removeprefix("STOCK_") for outcome in header(kind).outcomes}


def _lines(text: str) -> list[str]:
    stripped = (line.strip() for line in text.splitlines())
    return [line for line in stripped if line and not line.startswith("#")]


def _rows(text: str, now_ms: int) -> list[Row]:
    rows = []
    for line in _lines(text):
        asked, arrow, answer = line.partition("->")
        first, *rest = words = asked.split()
        if first == "+" or _TIME.fullmatch(first):
            words = rest
        if _TIME.fullmatch(first):
            now_ms = T0 + _span_ms(first)
        rows.append(Row(line, now_ms, first == "+", words, _expected(answer) if arrow else None))
    return rows


def _expected(answer: str) -> list[str]:
    words = answer.split()
    if "until" in words and words[-1] != "none":
        at = words.index("until") + 1
        words[at] = str(_span_ms(words[at]))
    return words


def _span_ms(text: str) -> int:
    found = _TIME.fullmatch(text)
    assert found, f"not a time: {text}"
    return 0 if found.group(1) else int(found.group(2)) * _UNIT_MS[found.group(3)]


def _batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        if batch and not row.joins_row_above:
            yield batch
            batch = []
        batch.append(row)
    yield batch


def _place(word: str) -> tuple[str, str]:
    sku, _, location = word.partition("@")
    return sku, location or DEFAULT_LOCATION


def _line(word: str) -> Line:
    place, _, quantity = word.rpartition(":")
    sku, location = _place(place)
    return Line(sku, int(quantity), location)


def _written_place(sku: str, location: str) -> str:
    return sku if location == DEFAULT_LOCATION else f"{sku}@{location}"


Options = dict[str, str]


def _reserve(words: Sequence[str], options: Options) -> Reserve:
    ttl_ms, buyer_id = _span_ms(options.get("ttl", "0")), options.get("buyer", "")
    lines = [_line(word) for word in words[1:]]
    if "for" not in options:
        return Reserve(words[0], lines, ttl_ms, buyer_id)
    other_id, *exchanged = options["for"].split(",")
    other = ExchangedUnits(other_id, [_line(word) for word in exchanged])
    return Exchange(words[0], lines, ttl_ms, buyer_id, in_exchange_for=other)


def _set_stock(words: Sequence[str], options: Options) -> SetStock:
    sku, location = _place(words[0])
    return SetStock(
        sku,
        _setting(words[1]),
        location,
        _setting(options.get("safety", "0")),
        _setting(options.get("limit", "0")),
        int(options["version"]) if "version" in options else None,
        options.get("id", ""),
    )


def _setting(word: str) -> int | None:
    return None if word == "as-it-is" else int(word)


def _adjust_stock(words: Sequence[str], options: Options) -> AdjustStock:
    sku, location = _place(words[0])
    return AdjustStock(sku, int(words[1]), words[2], location, options.get("reason", ""))


def _move_stock(words: Sequence[str], options: Options) -> MoveStock:
    """`move TEA 2 damaged@north resellable m1`: a place is a bucket and where."""
    sku, units, gives, takes, move_id = words
    (from_bucket, from_location), (to_bucket, to_location) = _place(gives), _place(takes)
    return MoveStock(
        sku,
        int(units),
        Bucket[from_bucket.upper()],
        Bucket[to_bucket.upper()],
        move_id,
        from_location,
        to_location,
        options.get("reason", ""),
    )


def _cancel(words: Sequence[str], _: Options) -> Cancel:
    reservation_id, cancellation_id, *rest = words
    disposition = Disposition.UNSPECIFIED
    if rest and rest[0].upper() in Disposition.__members__:
        disposition = Disposition[rest.pop(0).upper()]
    return Cancel(reservation_id, cancellation_id, [_line(w) for w in rest], disposition)


def _return(words: Sequence[str], options: Options) -> Return:
    disposition = Disposition[words[2].upper()]
    lines = [_line(word) for word in words[3:]]
    to_location, for_exchange = options.get("to", ""), options.get("for", "")
    return Return(words[0], words[1], disposition, lines, to_location, for_exchange)


_COMMANDS: dict[str, Callable[[Sequence[str], Options], StoreCommand]] = {
    "reserve": _reserve,
    "confirm": lambda words, _: Confirm(words[0], words[1:] == ["reacquire"]),
    "release": lambda words, _: Release(words[0]),
    "extend": lambda words, _: Extend(words[0], T0 + _span_ms(words[1])),
    "ship": lambda words, _: Ship(words[0], words[1], [_line(w) for w in words[2:]]),
    "cancel": _cancel,
    "return": _return,
    "stock": _set_stock,
    "adjust": _adjust_stock,
    "move": _move_stock,
    "expire": lambda words, _: Expire(int(words[0])),
    "purge": lambda words, _: Purge(int(words[0])),
}


def _command(row: Row) -> StoreCommand:
    name, *words = row.words
    options = dict(word.split("=") for word in words if "=" in word)
    return _COMMANDS[name]([word for word in words if "=" not in word], options)


def _compare(row: Row, said: list[str]) -> None:
    as_expected = (
        said == row.expected
        if row.expected is not None
        else said[0] == "APPLIED" and "replayed" not in said
    )
    assert as_expected, f"{row.text}\nbut it is: {' '.join(said)}"


def _said(answer: Answer, row: Row) -> list[str]:
    """An answer in the words of a row."""
    if isinstance(answer, SweepResult):
        return [str(answer.handled)] + ["more"] * answer.more
    words = [answer.outcome.name]
    if isinstance(answer, Result) and answer.state:
        words.append(answer.state.name)
    words += ["replayed"] * answer.replayed
    if isinstance(answer, Result) and "until" in (row.expected or ()):
        words += ["until", str(answer.expires_at_ms - T0) if answer.expires_at_ms else "none"]
    if isinstance(answer, Result) and answer.shortages:
        words += ["short", *(_written_shortage(shortage) for shortage in answer.shortages)]
    return words


def _written_shortage(shortage: Shortage) -> str:
    place = _written_place(shortage.sku, shortage.location)
    return f"{place}:{shortage.requested}/{shortage.available}"


def _compare_with_store(partition: Partition, command: StoreCommand, answer: Answer) -> None:
    if isinstance(answer, Result):
        stored = partition.reservation(command.reservation_id)  # type: ignore[union-attr]
        expected = (stored.state, stored.expires_at_ms) if stored else (0, 0)
        assert (answer.state, answer.expires_at_ms) == expected
    elif isinstance(command, MoveStock):
        levels = partition.levels()
        assert isinstance(answer, StockResult)
        for level, bucket, location in (
            (answer.level, command.from_bucket, command.from_location),
            (answer.to_level, command.to_bucket, command.to_location),
        ):
            is_outside = bucket is Bucket.OUTSIDE
            assert level == (None if is_outside else levels.get((command.sku, location)))
    elif isinstance(answer, StockResult):
        place = command.sku, command.location  # type: ignore[union-attr]
        assert answer.level == partition.levels().get(place)


def _level(partition: Partition, row: Row) -> list[str]:
    level = partition.levels().get(_place(row.words[1]))
    named = row.expected or []
    return [
        word
        for name in (*_LEVEL_COUNTS, *_LEVEL_SETTINGS)
        if name in named or (name in _LEVEL_COUNTS and getattr(level, name))
        for word in (name, str(getattr(level, name)))
    ]


def _reservation_lines(partition: Partition, row: Row) -> list[str]:
    """Each line as quantity/shipped/cancelled/returned, and /exchanged where units are."""
    reservation = partition.reservation(row.words[1])
    return [
        f"{_written_place(line.sku, line.location)}:"
        f"{line.quantity}/{line.shipped}/{line.cancelled}/{line.returned}"
        + f"/{line.exchanged}"
        * bool(line.exchanged)
        for line in (reservation.lines if reservation else ())
    ]


def _buyer(partition: Partition, row: Row) -> list[str]:
    return [str(partition.buyers().get((row.words[1], row.words[2]), 0))]


_LOOKS: dict[str, Callable[[Partition, Row], list[str]]] = {
    "level": _level,
    "lines": _reservation_lines,
    "buyer": _buyer,
}


def _writes(partition: Partition) -> int:
    """How often the store's data has been written to."""
    about: Any = partition.client.info("persistence")
    return int(about["rdb_changes_since_last_save"])
