"""The history of orders in its table: an entry names its move by a number, and its part by another.

The number of a move is a digest of its names. So it is the same in every process and version,
whatever moves there will be; that no two have the same one is a test. Whoever reads a history is
told the names by the database: it knows also the moves of a newer version.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple
from zlib import crc32

from sqlalchemy import Select, select

from order_service.order.model import HistoryEntry
from order_service.order.parts import letter_of, machines, part_id, part_no
from order_service.storage.bulk import Row
from order_service.storage.schema import history, moves

_NUMBER_MAX: Final = (1 << 31) - 1


class Move(NamedTuple):
    """A move of a machine. What begins has no event and no state before, a note has none at all."""

    machine: str
    from_state: str | None = None
    event: str | None = None
    to_state: str | None = None

    @property
    def number(self) -> int:
        """The move's number in the history."""
        return crc32("/".join(name or "" for name in self).encode()) & _NUMBER_MAX


def all_moves() -> Iterator[Move]:
    """All that a history can have."""
    for machine in machines():
        yield Move(machine.name)
        yield Move(machine.name, to_state=machine.first)
        for state, row in machine.moves.items():
            for event, after in row.items():
                yield Move(machine.name, state, event, after)


@cache
def _number_of(move: Move) -> int:
    return move.number


ENTRIES: Final["Select[Any]"] = select(
    history.c.order_id,
    history.c.version,
    history.c.entry_no,
    moves.c.machine,
    history.c.part_no,
    moves.c.event,
    moves.c.from_state,
    moves.c.to_state,
    history.c.actor,
    history.c.why,
    history.c.at_ms,
    history.c.seal,
).join_from(history, moves)


def entry_row(entry: HistoryEntry, _order_id: str) -> Row:
    """The row of an entry."""
    return (
        entry.order_id,
        entry.version,
        entry.entry_no,
        _number_of(Move(entry.machine, entry.from_state, entry.event, entry.to_state)),
        part_no(entry.part_id),
        entry.actor,
        entry.why,
        entry.at_ms,
        entry.seal,
    )


def entry_from(row: Sequence[Any]) -> HistoryEntry:
    """The entry of a row of `ENTRIES`."""
    order_id, version, entry_no, machine, number, *about = row
    of_part = part_id(order_id, letter_of(machine), number)
    return HistoryEntry(order_id, version, entry_no, machine, of_part, *about)
