"""The audit of the journal: what is wrong is found, and what only moves while it is read is not."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from engine.audit import journal
from engine.audit.journal import JournalEntry
from engine.audit.protocol import Ask, Finding, Summary
from engine.keys import PartitionKeys
from engine.model import (
    AdjustStock,
    Bucket,
    Confirm,
    Line,
    MoveStock,
    Release,
    Reserve,
    SetStock,
    State,
)
from engine.records import packed_string
from engine.scripts import Kind, batch_script
from tests.partition import Partition, audit_now

T0 = 1_700_000_000_000
RELEASED, SOLD = "r0", "r1"
pack = msgspec.msgpack.encode

Damage = Callable[["redis.Redis", PartitionKeys], Any]


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


def put_entry(kind: Kind, reservation_id: str, state: State, level: bytes) -> Damage:
    """Appends an entry as the next change: what became of a reservation, and of level A."""

    def damage(store: "redis.Redis", keys: PartitionKeys) -> None:
        sequence = store.hincrby(keys.meta, "sequence", 1)
        subject = [packed_string(reservation_id.encode()), packed_string(bytes([state]))]
        levels = [packed_string(b"A"), packed_string(level)] if level else []
        entry = pack(JournalEntry(T0, [kind], subject, levels))
        store.xadd(keys.journal, {"batch": entry}, id=f"{sequence}-0")

    return damage


def put_noise(**fields: bytes) -> Damage:
    return lambda store, keys: store.xadd(keys.journal, fields, id="999-0")  # type: ignore[arg-type]


def delete_entry(number: int) -> Damage:
    """Deletes the n-th entry, from the end if it is negative."""

    def damage(store: "redis.Redis", keys: PartitionKeys) -> None:
        entries: Any = store.xrange(keys.journal)
        store.xdel(keys.journal, entries[number][0])

    return damage


def level_a(on_hand: int, version: int) -> bytes:
    return pack([on_hand, 10, 10, 0, 0, 0, version, T0])


DAMAGES: dict[str, tuple[Damage, str, str]] = {
    "an entry is gone": (delete_entry(20), "journal_has_no_gap", "journal 22-0"),
    "the newest entry is gone": (delete_entry(-1), "journal_ends_at_the_sequence", "journal"),
    "the sequence went back": (
        lambda store, keys: store.hincrby(keys.meta, "sequence", -1),
        "journal_ends_at_the_sequence",
        "journal",
    ),
    "released and then sold": (
        put_entry(Kind.CONFIRM, RELEASED, State.CONFIRMED, b""),
        "reservation_moves_as_it_may",
        "journal 42-0",
    ),
    "sold and then reserved": (
        put_entry(Kind.RESERVE, SOLD, State.RESERVED, b""),
        "reservation_moves_as_it_may",
        "journal 42-0",
    ),
    "a reservation that moved on hand": (
        put_entry(Kind.RESERVE, "new", State.RESERVED, level_a(7, 99)),
        "only_stock_commands_move_on_hand",
        "journal 42-0",
    ),
    "a version that went back": (
        put_entry(Kind.SHIP, "new", State.CONFIRMED, level_a(1_000, 1)),
        "version_grows",
        "journal 42-0",
    ),
    "a level that is not as it was left": (
        lambda store, keys: store.hset(keys.stock, "A", level_a(999, 41)),
        "level_is_as_the_journal_left_it",
        "stock A @ default",
    ),
    "noise": (put_noise(batch=b"\xc1"), "row_is_readable", "journal 999-0"),
    "an entry without a batch": (put_noise(note=b"mine"), "row_is_readable", "journal 999-0"),
    "a batch of another shape": (put_noise(batch=b"\x93abc"), "row_is_readable", "journal 999-0"),
    "a level of noise": (
        put_entry(Kind.RESERVE, "new", State.RESERVED, b"\xc1"),
        "row_is_readable",
        "journal 42-0",
    ),
    "a state that does not exist": (
        put_entry(Kind.RESERVE, "new", 99, b""),  # type: ignore[arg-type]
        "row_is_readable",
        "journal 42-0",
    ),
}


@pytest.mark.parametrize(("damage", "invariant", "row"), DAMAGES.values(), ids=DAMAGES)
def test_what_is_wrong_in_the_journal_is_found_and_named(
    shop: Partition, damage: Damage, invariant: str, row: str
) -> None:
    damage(shop.client, shop.keys)
    findings, summary = audit_now(shop.client, shop.keys)
    assert (invariant, row) in {(finding.invariant, finding.row) for finding in findings}
    assert summary.findings == len(findings)


def test_an_entry_that_cannot_be_read_does_not_hide_what_comes_after_it(shop: Partition) -> None:
    oldest: Any = shop.client.xrange(shop.keys.journal, count=1)
    shop.client.xdel(shop.keys.journal, oldest[0][0])
    shop.client.xtrim(shop.keys.journal, maxlen=30, approximate=False)
    shop.client.hincrby(shop.keys.meta, "sequence", 1)
    shop.client.xadd(shop.keys.journal, {"batch": b"\xc1"}, id="42-0")
    put_entry(Kind.CONFIRM, "r99", State.CONFIRMED, b"")(shop.client, shop.keys)
    put_entry(Kind.RELEASE, "r99", State.RELEASED, b"")(shop.client, shop.keys)
    found = {(finding.invariant, finding.row) for finding in audited(shop, lambda _: None)}
    assert found == {
        ("row_is_readable", "journal 42-0"),
        ("reservation_moves_as_it_may", "journal 44-0"),
    }


def test_moved_units_that_do_not_add_up_are_found(store: redis.Redis) -> None:
    store.flushall()
    shop = Partition(store)
    shop.run([SetStock("A", 9), SetStock("A", 0, "north")], T0)
    incoming = MoveStock("A", 4, Bucket.RESELLABLE, Bucket.INCOMING, "m1", to_location="north")
    here = MoveStock("A", 3, Bucket.INCOMING, Bucket.RESELLABLE, "m2", "north", "north")
    shop.run([incoming, AdjustStock("A", -1, "a1"), Reserve("r", [Line("A", 1)])], T0)
    shop.run([here], T0)
    shop.run([MoveStock("A", 1, Bucket.INCOMING, Bucket.OUTSIDE, "m3", "north")], T0)
    shop.run([MoveStock("A", 1, Bucket.OUTSIDE, Bucket.DAMAGED, "m4"), SetStock("A", 50)], T0)
    assert audited(shop, lambda _: None) == []
    script, right = batch_script(), "add_units(to, to_bucket, units)"
    assert script.count(right) == 1
    careless = Partition(store, script=script.replace(right, "add_units(to, to_bucket, units - 1)"))
    careless.run([MoveStock("A", 2, Bucket.OUTSIDE, Bucket.DAMAGED, "m5")], T0)
    [finding] = audited(shop, lambda _: None)
    assert finding.invariant == "moved_units_add_up"
    assert finding.detail == "SKU A at default: damaged went from 1 to 2, its moves say +2"
