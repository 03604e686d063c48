"""The audit's reading of the journal, while the sweeper trims it and a caller writes to it."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from engine.audit import journal
from engine.audit.protocol import Ask, Finding, Summary
from engine.model import Confirm, Line, Release, Reserve, SetStock
from tests.partition import Partition

T0 = 1_700_000_000_000


@pytest.fixture
def shop(store: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> Partition:
    """A partition with a journal of 41 entries, of which the audit reads three at a time."""
    monkeypatch.setattr(journal, "ENTRIES_PER_READ", 3)
    store.flushall()
    shop = Partition(store)
    shop.run([SetStock("A", 1_000)], T0)
    for number in range(20):
        shop.run([Reserve(f"r{number}", [Line("A", 1)])], T0 + number)
        shop.run([Confirm(f"r{number}") if number % 2 else Release(f"r{number}")], T0 + number)
    return shop


def audited(shop: Partition, between: Callable[[int], None]) -> list[Finding]:
    """The findings of an audit of the journal; `between` is called after each answer."""
    steps = journal.check_journal(shop.keys, Summary())
    findings: list[Finding] = []
    answers: Any = None
    number = 0
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            return findings
        answers = None
        if isinstance(step, Ask):
            answers = [shop.client.execute_command(*words) for words in step.commands]  # type: ignore[no-untyped-call]
            between(number)
            number += 1
        elif isinstance(step, Finding):
            findings.append(step)


def test_a_journal_at_rest_is_sound(shop: Partition) -> None:
    assert audited(shop, lambda _: None) == []


@pytest.mark.parametrize("trimmed_after_read", range(6))
@pytest.mark.parametrize("entries_left", [1, 5, 20, 39])
def test_what_is_trimmed_while_it_is_read_is_no_gap(
    shop: Partition, trimmed_after_read: int, entries_left: int
) -> None:
    def between(number: int) -> None:
        if number == trimmed_after_read:
            shop.client.xtrim(shop.keys.journal, maxlen=entries_left, approximate=False)

    assert audited(shop, between) == []


def test_what_is_written_while_it_is_read_is_read_too_and_sound(shop: Partition) -> None:
    def between(number: int) -> None:
        if number < 5:
            shop.run([Reserve(f"new{number}", [Line("A", 1)]), Confirm(f"new{number}")], T0 + 100)

    assert audited(shop, between) == []


def test_an_entry_that_is_taken_out_of_the_middle_is_a_gap(shop: Partition) -> None:
    entries: Any = shop.client.xrange(shop.keys.journal)
    shop.client.xdel(shop.keys.journal, entries[20][0])
    (finding,) = audited(shop, lambda _: None)
    assert finding.invariant == "journal_has_no_gap"
    assert finding.row == f"journal {entries[21][0].decode()}"
