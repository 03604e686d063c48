"""The work of one call is bounded by what is in the store, whatever the commands say.

A call judges as many commands as touch 1,000 lines of records, and at least one. What is cut off is
judged by the next call as if the batch had been one.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from engine.answers import CUT
from engine.model import (
    Cancel,
    Confirm,
    Disposition,
    Extend,
    Line,
    Outcome,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    State,
    StoreCommand,
    SweepResult,
)
from engine.records import unpacked_string
from engine.scripts import Kind
from tests.lua.scenario import T0
from tests.lua.test_journal import journal
from tests.partition import DAY_MS, Partition

LINES = 200
WIDE = [f"w{n}" for n in range(25)]
PER_CALL = 5
SKUS = [f"sku-{n}" for n in range(LINES)]


@pytest.fixture
def wide(partition: Partition) -> Partition:
    """Reservations of 200 lines each."""
    partition.run([SetStock(sku, 1_000) for sku in SKUS], T0)
    lines = [Line(sku, 2) for sku in SKUS]
    for first in range(0, len(WIDE), 20):
        partition.run([Reserve(name, lines, 3_600_000) for name in WIDE[first : first + 20]], T0)
    return partition


def judged(partition: Partition, commands: Sequence[StoreCommand]) -> int:
    """The number of commands that one call judges; all are applied, and the rest is cut."""
    answers = partition.judge_once(commands, T0 + 1)
    count = len(answers) - answers.count(CUT)
    assert answers[count:] == [CUT] * (len(answers) - count)
    assert {answer.outcome for answer in answers[:count]} == {Outcome.APPLIED}  # type: ignore[union-attr]
    return count


def journal_bytes(partition: Partition) -> int:
    entries: Any = partition.client.xrange(partition.keys.journal)
    return sum(len(fields[b"batch"]) for _, fields in entries)


KINDS: dict[str, tuple[list[StoreCommand], list[StoreCommand]]] = {
    "confirm": ([], [Confirm(name) for name in WIDE]),
    "release": ([], [Release(name) for name in WIDE]),
    "extend": ([], [Extend(name, T0 + 60_000) for name in WIDE]),
    "ship": ([Confirm(name) for name in WIDE], [Ship(name, "s") for name in WIDE]),
    "cancel": ([Confirm(name) for name in WIDE], [Cancel(name, "c") for name in WIDE]),
    "return": (
        [*(Confirm(name) for name in WIDE), *(Ship(name, "s") for name in WIDE)],
        [Return(name, "r", Disposition.RESELLABLE) for name in WIDE],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_call_judges_no_more_commands_than_it_may_touch_lines(wide: Partition, kind: str) -> None:
    before, commands = KINDS[kind]
    if before:
        wide.run(before, T0)
    assert judged(wide, commands) == PER_CALL
    wide.run(commands, T0 + 1)
    assert {row.updated_at_ms for row in wide.reservations().values()} == {T0 + 1}
    assert wide.audit() == []


def test_commands_of_one_wide_reservation_count_each_for_itself(wide: Partition) -> None:
    wide.run([Confirm("w0")], T0)
    ships: list[StoreCommand] = [Ship("w0", f"s{n}", [Line(SKUS[n], 1)]) for n in range(30)]
    assert judged(wide, ships) == PER_CALL
    wide.run(ships, T0 + 1)
    row = wide.reservation("w0")
    assert row
    assert sum(line.shipped for line in row.lines) == 30
    assert wide.audit() == []


def test_a_record_longer_than_a_call_may_touch_is_judged_alone(wide: Partition) -> None:
    """A record with as many movements as it may have; its neighbour waits for the next call."""
    long = WIDE[:2]
    wide.run([Confirm(name) for name in long], T0)
    many = [text for n in range(999) for text in (f"s{n:063}", f"{n:016}")]
    for name in long:
        record: Any = wide.client.hget(wide.keys.reservations, name)
        progress = msgspec.msgpack.encode([[0] * 3 * LINES, many])
        wide.client.hset(wide.keys.reservations, name, record + progress)
    assert judged(wide, [Ship(name, "last") for name in long]) == 1
    assert judged(wide, [Ship(long[1], "last")]) == 1


def test_a_thousand_movements_of_one_reservation_are_one_call_and_write_its_record_once(
    partition: Partition,
) -> None:
    partition.run([SetStock("TEA", 1_000_000), Reserve("A", [Line("TEA", 1_000)])], T0)
    partition.run([Confirm("A")], T0)
    before = journal_bytes(partition)
    ships: list[StoreCommand] = [
        Ship("A", f"{'s' * 58}{n}", [Line("TEA", 1)]) for n in range(1_000)
    ]
    assert judged(partition, ships) == 1_000
    assert journal_bytes(partition) - before < 150 * 1_000
    again = partition.run([ships[0], ships[999], Ship("A", "more")], T0 + 2)
    assert [answer.outcome.name for answer in again] == ["APPLIED", "APPLIED", "QUANTITY_EXCEEDED"]  # type: ignore[union-attr]
    assert [answer.replayed for answer in again] == [True, True, False]  # type: ignore[union-attr]
    assert partition.audit() == []


def test_a_purge_takes_no_more_lines_than_it_may_and_goes_on(wide: Partition) -> None:
    wide.run([Release(name) for name in WIDE], T0)
    handled = []
    more = True
    while more:
        (swept,) = wide.run([Purge(500)], T0 + DAY_MS)
        assert isinstance(swept, SweepResult)
        handled.append(swept.handled)
        more = swept.more
    assert sum(handled) == len(WIDE)
    assert max(handled) <= 500 / LINES
    assert wide.reservations() == {}
    assert wide.audit() == []


def test_the_journal_has_of_a_change_what_changed(wide: Partition) -> None:
    before = journal_bytes(wide)
    wide.run([Confirm("w0")], T0)
    wide.run([Ship("w0", "s1", [Line("sku-7", 1)])], T0)
    *_, (_, entry) = journal(wide)
    (kind,), (_, news) = entry.kinds, entry.subjects
    header, movement = unpacked_string(news)[:19], unpacked_string(news)[19:]
    assert (Kind(kind), header[0]) == (Kind.SHIP, State.CONFIRMED)
    assert msgspec.msgpack.decode(movement) == ["ss1", "sku-7", 1]
    # Of a Confirm there are the levels, 200 of them, and not the record with its 200 lines.
    assert journal_bytes(wide) - before < 200 * 30
