"""Each invariant of the audit, broken by hand in a real store, is found and the row is named."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from engine.audit.rows import LEVEL_RULES, RESERVATION_RULES
from engine.keys import PartitionKeys
from engine.model import (
    AdjustStock,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Expire,
    Line,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    State,
)
from tests.partition import Partition, audit_now

T0 = 1_700_000_000_000
pack = msgspec.msgpack.encode

# Reserved in one batch, so one entry of deadlines names them all.
NAMES = ("live", "sold", "moved", "fulfilled", "cancelled", "released")
ENTRY = pack([2 * len(NAMES), *NAMES])

Damage = Callable[["redis.Redis", PartitionKeys], Any]


@pytest.fixture
def shop(store: "redis.Redis") -> Partition:
    """A sound partition with something of everything in it."""
    store.flushall()
    shop = Partition(store)
    shop.run([SetStock("A", 100, limit_per_buyer=50), SetStock("A", 20, "north")], T0)
    shop.run([AdjustStock("A", 5, "count-1", reason="found"), SetStock("B", 30)], T0)
    both = [Line("A", 3), Line("A", 2, "north")]
    shop.run([Reserve(name, both, 900_000, "li") for name in NAMES], T0)
    shop.run([Reserve("other", [Line("B", 4)], 1_000)], T0)
    shop.run([Confirm(name) for name in NAMES[1:5]], T0 + 1)
    moves: list[Command] = [
        Ship("moved", "s", [Line("A", 2)]),
        Cancel("moved", "c", [Line("A", 1, "north")], Disposition.LOST),
    ]
    shop.run([*moves, Return("moved", "r", Disposition.DAMAGED, [Line("A", 1)])], T0 + 2)
    shop.run([Ship("fulfilled", "s"), Cancel("cancelled", "c"), Release("released")], T0 + 3)
    shop.run([Release("tombstone"), Expire(1)], T0 + 5_000)
    assert shop.audit() == []
    return shop


def change_level(**counts: int) -> Damage:
    """Sets counts of stock level A @ default, leaving the others as they are."""
    names = ["on_hand", "reserved", "confirmed", "damaged", "safety_stock", "limit", "version"]
    names.append("due_from_ms")

    def damage(store: "redis.Redis", keys: PartitionKeys) -> None:
        packed: Any = store.hget(keys.stock, "A")
        level = dict(zip(names, msgspec.msgpack.decode(packed), strict=True)) | counts
        store.hset(keys.stock, "A", pack(list(level.values())))

    return damage


def record(
    state: State,
    created: int = T0,
    expires: int = T0 + 900_000,
    updated: int = T0,
    body: bytes | None = None,
    progress: bytes = b"",
) -> bytes:
    """A reservation's record with one line of three A for buyer li, unless `body` says other."""
    body = pack([900_000, "li", "A", 3]) if body is None else body
    times = b"".join(at.to_bytes(6, "big") for at in (created, expires, updated))
    return bytes([state]) + times + len(body).to_bytes(2, "big") + body + progress


def put_record(name: str, *args: Any, **kwargs: Any) -> Damage:
    value = record(*args, **kwargs)
    return lambda store, keys: store.hset(keys.reservations, name, value)


def counts(shipped: int, cancelled: int, returned: int) -> bytes:
    """The progress of a record with one line, and no movement."""
    return pack([[shipped, cancelled, returned], []])


def zadd(key: str, member: Any, score: int) -> Damage:
    return lambda store, keys: store.zadd(getattr(keys, key), {member: score})


def zrem(key: str, member: str | bytes) -> Damage:
    return lambda store, keys: store.zrem(getattr(keys, key), member)


def hset(key: str, field: str | bytes, value: str | bytes | int) -> Damage:
    return lambda store, keys: store.hset(getattr(keys, key), field, value)


def hdel(key: str, field: str) -> Damage:
    return lambda store, keys: store.hdel(getattr(keys, key), field)


A = "stock A @ default"
LIVE, SOLD = "reservation live", "reservation sold"

# What is damaged, the invariant that is broken by it, and the row that is named.
DAMAGES: list[tuple[str, Damage, str, str]] = [
    ("on hand is negative", change_level(on_hand=-1), "level_counts_are_not_negative", A),
    ("damaged is negative", change_level(damaged=-1), "level_counts_are_not_negative", A),
    ("safety stock is negative", change_level(safety_stock=-1), "level_counts_are_not_negative", A),
    ("on hand is too low", change_level(on_hand=5), "committed_units_are_on_hand", A),
    ("a level has no version", change_level(version=0), "level_has_a_version", A),
    ("reserved is too high", change_level(reserved=4), "level_is_sum_of_reservations", A),
    ("reserved is too low", change_level(reserved=2), "level_is_sum_of_reservations", A),
    ("confirmed is too high", change_level(confirmed=9), "level_is_sum_of_reservations", A),
    ("a level is gone", hdel("stock", "A"), "level_is_sum_of_reservations", A),
    ("a reservation is gone", hdel("reservations", "sold"), "level_is_sum_of_reservations", A),
    (
        "a reservation is doubled",
        put_record("twin", State.CONFIRMED),
        "level_is_sum_of_reservations",
        A,
    ),
    (
        "on hand moved by itself",
        change_level(on_hand=101),
        "level_is_as_the_journal_left_it",
        A,
    ),
    (
        "a buyer has too many",
        hset("buyers", "li\0A", 99),
        "buyer_units_are_sum_of_reservations",
        "buyer li, SKU A",
    ),
    (
        "a buyer's count is gone",
        hdel("buyers", "li\0A"),
        "buyer_units_are_sum_of_reservations",
        "buyer li, SKU A",
    ),
    (
        "a buyer who never bought has some",
        hset("buyers", "wu\0B", 1),
        "buyer_units_are_sum_of_reservations",
        "buyer wu, SKU B",
    ),
    (
        "a buyer's count is negative",
        hset("buyers", "li\0A", -5),
        "buyer_units_are_sum_of_reservations",
        "buyer li, SKU A",
    ),
    (
        "more shipped than there is",
        put_record("sold", State.CONFIRMED, progress=counts(4, 0, 0)),
        "line_moves_no_more_than_it_has",
        SOLD,
    ),
    (
        "more returned than shipped",
        put_record("sold", State.CONFIRMED, progress=counts(1, 0, 2)),
        "line_moves_no_more_than_it_has",
        SOLD,
    ),
    (
        "a line of nothing",
        put_record("sold", State.CONFIRMED, body=pack([900_000, "li", "A", 0])),
        "line_moves_no_more_than_it_has",
        SOLD,
    ),
    (
        "shipped before it was sold",
        put_record("live", State.RESERVED, progress=counts(1, 0, 0)),
        "only_sold_units_move",
        LIVE,
    ),
    (
        "fulfilled with units left",
        put_record("sold", State.FULFILLED),
        "state_agrees_with_lines",
        SOLD,
    ),
    (
        "confirmed with nothing left",
        put_record("sold", State.CONFIRMED, progress=counts(3, 0, 0)),
        "state_agrees_with_lines",
        SOLD,
    ),
    (
        "cancelled though some were shipped",
        put_record("sold", State.CANCELLED, progress=counts(1, 2, 0)),
        "state_agrees_with_lines",
        SOLD,
    ),
    (
        "sold without lines",
        put_record("sold", State.CONFIRMED, body=pack([])),
        "only_a_tombstone_has_no_lines",
        SOLD,
    ),
    (
        "changed before it was made",
        put_record("sold", State.CONFIRMED, updated=T0 - 1),
        "times_are_in_order",
        SOLD,
    ),
    (
        "expired before it was made",
        put_record("sold", State.CONFIRMED, expires=T0 - 1),
        "times_are_in_order",
        SOLD,
    ),
    ("a record is noise", hset("reservations", "sold", b"\x02noise"), "row_is_readable", SOLD),
    ("a record is empty", hset("reservations", "sold", b""), "row_is_readable", SOLD),
    ("a state is unknown", hset("reservations", "sold", b"\x09" * 40), "row_is_readable", SOLD),
    ("a level is noise", hset("stock", "A", b"\xc1"), "row_is_readable", "stock 'A'"),
    ("a level is too short", hset("stock", "A", pack([1, 2])), "row_is_readable", "stock 'A'"),
    (
        "a live reservation has no deadline",
        zrem("deadlines", ENTRY),
        "deadline_of_every_live_reservation",
        LIVE,
    ),
    (
        "an entry is due too late",
        zadd("deadlines", ENTRY, T0 + 900_001),
        "deadline_of_every_live_reservation",
        LIVE,
    ),
    (
        "an entry is noise",
        zadd("deadlines", b"noise", T0),
        "row_is_readable",
        "deadlines 'noise'",
    ),
    (
        "a level would refuse what is due",
        change_level(due_from_ms=T0 + 900_001),
        "no_unit_is_due_before_its_level_says",
        A,
    ),
    (
        "an ended reservation stays for ever",
        zrem("retention", "rreleased"),
        "retention_of_every_ended_reservation",
        "reservation released",
    ),
    (
        "a tombstone stays for ever",
        zrem("retention", "rtombstone"),
        "retention_of_every_ended_reservation",
        "reservation tombstone",
    ),
    (
        "a live reservation is to be purged",
        zadd("retention", "rlive", T0),
        "retention_of_every_ended_reservation",
        LIVE,
    ),
    (
        "an adjustment's content is gone",
        hdel("adjustments", "count-1"),
        "retention_of_every_adjustment",
        "adjustment count-1",
    ),
    (
        "an adjustment stays for ever",
        zrem("retention", "acount-1"),
        "retention_of_every_adjustment",
        "adjustment count-1",
    ),
    ("a buyer's row is noise", hset("buyers", "noise", 3), "row_is_readable", "buyer 'noise'"),
    (
        "a buyer's count is noise",
        hset("buyers", "li\0A", "many"),
        "buyer_units_are_sum_of_reservations",
        "buyer li, SKU A",
    ),
    (
        "a name is not UTF-8",
        hset("reservations", b"\xff\xfe", record(State.CONFIRMED)),
        "row_is_readable",
        "reservation",
    ),
    (
        "a SKU is not UTF-8",
        hset("stock", b"\xff\xfe", pack([1, 0, 0, 0, 0, 0, 1, 0])),
        "row_is_readable",
        "stock",
    ),
]


@pytest.mark.parametrize(
    ("damage", "invariant", "row"),
    [damage[1:] for damage in DAMAGES],
    ids=[damage[0] for damage in DAMAGES],
)
def test_damage_is_found_and_its_row_named(
    shop: Partition, damage: Damage, invariant: str, row: str
) -> None:
    damage(shop.client, shop.keys)
    findings, summary = audit_now(shop.client, shop.keys)
    named = [f for f in findings if f.invariant == invariant and f.row.startswith(row)]
    assert len(named) == 1, findings
    assert summary.findings == len(findings)
    assert not summary.ok


def test_an_entry_may_name_who_is_not_live_or_not_there(shop: Partition) -> None:
    shop.client.zadd(shop.keys.deadlines, {pack([5, "sold", "released", "nobody"]): T0})
    assert audit_now(shop.client, shop.keys)[0] == []


def test_every_rule_about_rows_is_in_the_table() -> None:
    broken = {invariant for _, _, invariant, _ in DAMAGES}
    assert broken >= LEVEL_RULES.keys() | RESERVATION_RULES.keys()
