"""A command may have any number: the sets of kinds say which have an id and write a record."""

from typing import Final

import pytest
import redis

from engine import scripts
from engine.audit import journal
from engine.columns import Head, lay_out
from engine.model import Confirm, Line, Release, Reserve, SetStock, State, StoreCommand
from engine.scripts import (
    HAS_ID,
    STOCK_KINDS,
    SWEEPS,
    WRITES_RECORD,
    Kind,
    Memory,
    batch_script,
    script_for,
)
from tests.lua.scenario import T0
from tests.partition import RETENTION_MS, Partition

NEW: Final = max(Kind) + 1
RELEASE_AS_NEW: Final = f"""
judge[{NEW}] = function(id)
  end_reservation({NEW}, id, {int(State.RELEASED)})
  return 1, {int(State.RELEASED)}, 0
end
"""
NOTE_WITHOUT_AN_ID: Final = f"""
judge[{NEW}] = function(id)
  journal_count, only_whole_records = journal_count + 1, false
  journal_kinds[journal_count] = {NEW}
  journal_subjects[2 * journal_count - 1] = id or 'note'
  journal_subjects[2 * journal_count] = 'of no record'
  return 1, 0, 0
end
"""


def script_with(rule: str) -> str:
    """The batch script with the rule of one more command."""
    return batch_script.__wrapped__().replace(
        "local function load_batch", rule + "\nlocal function load_batch"
    )


def run(partition: Partition, commands: list[StoreCommand], kinds: list[int], script: str) -> None:
    """Judges one batch by another script, its commands under other numbers."""
    columns = lay_out(commands)
    columns.kinds[:] = kinds
    arguments = columns.arguments(Head(T0, "", 0, "epoch-1", 100, RETENTION_MS))
    keys = partition.keys
    text = script_for(Memory.GIVES, script).text
    status, _ = partition.client.eval(text, len(keys), *keys, *arguments)
    assert status == b"OK"


@pytest.fixture
def partition(store: "redis.Redis") -> Partition:
    """A partition with two reservations."""
    store.flushall()
    partition = Partition(store)
    partition.run([SetStock("TEA", 9), *(Reserve(r, [Line("TEA", 2)]) for r in "AB")], T0)
    return partition


def test_every_kind_has_an_id_or_is_a_sweep_or_is_of_stock() -> None:
    for kind in Kind:
        assert sum(kind in kinds for kinds in (HAS_ID, SWEEPS, STOCK_KINDS)) == 1
    assert WRITES_RECORD == HAS_ID | SWEEPS


def test_a_command_with_an_id_may_have_a_number_above_those_of_stock(
    partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scripts, "HAS_ID", HAS_ID | {NEW})
    monkeypatch.setattr(scripts, "WRITES_RECORD", WRITES_RECORD | {NEW})
    monkeypatch.setattr(journal, "WRITES_RECORD", WRITES_RECORD | {NEW})
    run(
        partition,
        [SetStock("TEA", 10), Release("A"), Confirm("B")],
        [Kind.SET_STOCK, NEW, Kind.CONFIRM],
        script_with(RELEASE_AS_NEW),
    )
    states = {name: row.state for name, row in partition.reservations().items()}
    assert states == {"A": State.RELEASED, "B": State.CONFIRMED}
    assert partition.audit() == []
    run(partition, [Release("A")], [NEW], script_with(RELEASE_AS_NEW))  # as no command may
    assert "reservation_moves_as_it_may" in {finding.invariant for finding in partition.audit()}


def test_a_command_without_an_id_takes_none_from_those_after_it(partition: Partition) -> None:
    run(partition, [Confirm("A")], [NEW, Kind.CONFIRM], script_with(NOTE_WITHOUT_AN_ID))
    states = {name: row.state for name, row in partition.reservations().items()}
    assert states == {"A": State.CONFIRMED, "B": State.RESERVED}
    assert partition.audit() == []
