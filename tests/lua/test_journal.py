"""The journal: one entry for each batch that changed something, and no number missing."""

from collections.abc import Iterator
from typing import Any

import msgspec

from engine.audit.journal import JournalEntry
from engine.records import unpacked_string
from engine.scripts import Kind
from tests.lua.scenario import T0, play
from tests.partition import DAY_MS, Partition


def journal(partition: Partition) -> Iterator[tuple[int, JournalEntry]]:
    """The entries of the journal, each with the sequence in its id."""
    entries: Any = partition.client.xrange(partition.keys.journal)
    for entry_id, fields in entries:
        yield (
            int(entry_id.partition(b"-")[0]),
            msgspec.msgpack.decode(fields[b"batch"], type=JournalEntry),
        )


def test_the_journal_has_an_entry_for_each_batch_that_changed_something(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0     stock TEA 9
        +     stock TEA 9                    -> APPLIED replayed
        1s    reserve A TEA:2 ttl=1s
        +     reserve A TEA:2 ttl=1s         -> APPLIED RESERVED replayed
        +     reserve B TEA:99               -> OUT_OF_STOCK short TEA:99/7
        +     reserve C TEA:2
        +     release D
        1s    confirm nobody                 -> NOT_FOUND
        2s    expire 10                      -> 1
        +     extend C 1h
        +     confirm C
        +     ship C s1 TEA:1
        +     cancel C c1
        +     return C r1 damaged
        3s    adjust TEA +1 a1
        2d    purge 10                       -> 3
        """,
    )
    found = list(journal(partition))
    kinds = [[Kind(kind).name for kind in entry.kinds] for _, entry in found]
    assert kinds == [
        ["SET_STOCK"],
        ["RESERVE", "RESERVE", "RELEASE"],
        ["EXPIRE", "EXTEND", "CONFIRM", "SHIP", "CANCEL", "RETURN"],
        ["ADJUST_STOCK"],
        ["PURGE", "PURGE"],
    ]
    assert [entry.at_ms - T0 for _, entry in found] == [0, 1_000, 2_000, 3_000, 2 * DAY_MS]
    assert [sequence for sequence, _ in found] == [1, 4, 10, 11, 13]
    assert partition.sequence == 13


def test_the_journal_has_of_a_return_the_levels_that_took_the_units(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             stock TEA@bj 9
             reserve A TEA:3
             confirm A
             ship A s1
             return A r1 resellable TEA:1
             return A r2 resellable TEA:2 to=bj
        """,
    )
    moves = [unpacked_string(entry.subjects[1]) for _, entry in list(journal(partition))[4:]]
    ship, own, elsewhere = (msgspec.msgpack.decode(record[19:]) for record in moves)
    assert ship == ["ss1", "TEA", 3]
    assert own == ["rr1", "TEA", 1]
    assert elsewhere == ["rr2", "TEA\0bj", 2]


def test_the_journal_keeps_why_stock_was_adjusted_and_what_was_set(partition: Partition) -> None:
    play(partition, "0 stock TEA@north 9 safety=2 limit=3 \n adjust TEA@north -1 a1 reason=盘点")
    subjects = [
        [msgspec.msgpack.decode(subject) for subject in entry.subjects]
        for _, entry in journal(partition)
    ]
    assert subjects == [["TEA\0north", [9, 2, 3]], ["TEA\0north", [-1, "a1", "盘点"]]]
