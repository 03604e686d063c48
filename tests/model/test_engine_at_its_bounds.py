"""The engine and the oracle at the edges that random commands do not come near: every field just
within its bounds and just beyond, more due than one batch sweeps, as many movements as fit.
"""

from collections.abc import Iterator

import pytest
import redis

from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Confirm,
    Disposition,
    Expire,
    Extend,
    Line,
    MoveStock,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    SweepResult,
)
from tests.model.oracle import Answer, AnyCommand
from tests.model.side_by_side import SideBySide
from tests.partition import Partition

T0 = 1_700_000_000_000
SECOND_MS = 1_000
WEEK_MS = 7 * 86_400_000
TRILLION = 10**12
ONE = [Line("TEA", 1)]

WITHIN: list[AnyCommand] = [
    Reserve("a" * 64, ONE),
    Reserve("AZaz09._:-", ONE),
    Reserve("lines", [Line(f"TEA-{n % 4}", 1) for n in range(200)]),
    Reserve("units", [Line("TEA", 1_000_000)]),
    Reserve("units-summed", [Line("TEA", 1_000_000)] * 200),
    Reserve("short-ttl", ONE, ttl_ms=1_000),
    Reserve("long-ttl", ONE, ttl_ms=604_800_000),
    Reserve("buyer", ONE, buyer_id="b" * 64),
    Reserve("long-names", [Line("茶" * 21 + "!", 1, "l" * 64)]),
    Reserve("spaces", [Line("TEA cup", 1, "shelf 9")]),
    Ship("moved", "s" * 64, ONE),
    Cancel("moved", "c1", [Line("TEA", 1)] * 200),
    Return("moved", "r1", Disposition.DAMAGED),
    Extend("a" * 64, T0 + WEEK_MS),
    SetStock("茶" * 21, TRILLION, "仓", TRILLION, 2**32 - 1),
    AdjustStock("TEA-0", 1_000 - TRILLION, "x" * 64, reason="盘点" * 42 + "1234"),
    MoveStock("TEA", TRILLION, Bucket.OUTSIDE, Bucket.INCOMING, "x" * 64),
    MoveStock("TEA-1", 1, Bucket.RESELLABLE, Bucket.DAMAGED, "m", reason="盘点" * 42 + "1234"),
]
BEYOND: list[tuple[str, AnyCommand]] = [
    ("reservation_id", Reserve("", ONE)),
    ("reservation_id", Confirm("a" * 65)),
    ("reservation_id", Release("a b")),
    ("reservation_id", Extend("a\n", T0)),
    ("reservation_id", Ship("茶", "s1")),
    ("reservation_id", Cancel("a/b", "c1")),
    ("reservation_id", Return("a,b", "r1", Disposition.DAMAGED)),
    ("lines", Reserve("A", [])),
    ("lines", Reserve("A", ONE * 201)),
    ("lines", Reserve("A", [Line("TEA", 0)])),
    ("lines", Reserve("A", [Line("TEA", -1)])),
    ("lines", Reserve("A", [Line("TEA", 1_000_001)])),
    ("lines", Reserve("A", [*ONE, Line("", 1)])),
    ("lines", Reserve("A", [Line("茶" * 22, 1)])),
    ("lines", Reserve("A", [Line("TEA\x00", 1)])),
    ("lines", Reserve("A", [Line("TEA\x7f", 1)])),
    ("lines", Reserve("A", [Line("TEA", 1, "")])),
    ("lines", Reserve("A", [Line("TEA", 1, "l" * 65)])),
    ("lines", Ship("A", "s1", [Line("TEA", 0)])),
    ("lines", Cancel("A", "c1", ONE * 201)),
    ("lines", Return("A", "r1", Disposition.DAMAGED, [Line("TEA", 1_000_001)])),
    ("ttl_ms", Reserve("A", ONE, ttl_ms=999)),
    ("ttl_ms", Reserve("A", ONE, ttl_ms=-1)),
    ("ttl_ms", Reserve("A", ONE, ttl_ms=604_800_001)),
    ("buyer_id", Reserve("A", ONE, buyer_id="b" * 65)),
    ("buyer_id", Reserve("A", ONE, buyer_id="买")),
    ("expires_at_ms", Extend("A", 0)),
    ("expires_at_ms", Extend("A", -1)),
    ("shipment_id", Ship("A", "")),
    ("cancellation_id", Cancel("A", "c" * 65)),
    ("return_id", Return("A", "r 1", Disposition.DAMAGED)),
    ("disposition", Return("A", "r1", Disposition.UNSPECIFIED)),
    ("to_location", Return("A", "r1", Disposition.LOST, to_location="north")),
    ("to_location", Return("A", "r1", Disposition.DAMAGED, to_location="l" * 65)),
    ("sku", SetStock("", 1)),
    ("sku", AdjustStock("TEA\t", 1, "x")),
    ("location", SetStock("TEA", 1, "l" * 65)),
    ("location", AdjustStock("TEA", 1, "x", "")),
    ("on_hand", SetStock("TEA", -1)),
    ("on_hand", SetStock("TEA", TRILLION + 1)),
    ("safety_stock", SetStock("TEA", 1, safety_stock=-1)),
    ("safety_stock", SetStock("TEA", 1, safety_stock=TRILLION + 1)),
    ("limit_per_buyer", SetStock("TEA", 1, limit_per_buyer=-1)),
    ("limit_per_buyer", SetStock("TEA", 1, limit_per_buyer=2**32)),
    ("delta", AdjustStock("TEA", 0, "x")),
    ("delta", AdjustStock("TEA", TRILLION + 1, "x")),
    ("delta", AdjustStock("TEA", -TRILLION - 1, "x")),
    ("adjustment_id", AdjustStock("TEA", 1, "")),
    ("reason", AdjustStock("TEA", 1, "x", reason="盘点" * 42 + "12345")),
    ("sku", MoveStock("", 1, Bucket.DAMAGED, Bucket.OUTSIDE, "x")),
    ("units", MoveStock("TEA", 0, Bucket.DAMAGED, Bucket.OUTSIDE, "x")),
    ("units", MoveStock("TEA", -1, Bucket.DAMAGED, Bucket.OUTSIDE, "x")),
    ("units", MoveStock("TEA", TRILLION + 1, Bucket.DAMAGED, Bucket.OUTSIDE, "x")),
    ("from_bucket", MoveStock("TEA", 1, Bucket.UNSPECIFIED, Bucket.OUTSIDE, "x")),
    ("to_bucket", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.UNSPECIFIED, "x")),
    ("to_bucket", MoveStock("TEA", 1, Bucket.OUTSIDE, Bucket.OUTSIDE, "x")),
    ("to_bucket", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.DAMAGED, "x")),
    ("to_bucket", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.DAMAGED, "x", "bj", "bj")),
    ("from_location", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.OUTSIDE, "x", "l" * 65)),
    ("from_location", MoveStock("TEA", 1, Bucket.OUTSIDE, Bucket.DAMAGED, "x", "bj")),
    ("to_location", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.OUTSIDE, "x", to_location="bj")),
    ("move_id", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.OUTSIDE, "")),
    ("reason", MoveStock("TEA", 1, Bucket.DAMAGED, Bucket.OUTSIDE, "x", reason="x" * 257)),
]


@pytest.fixture
def both(partition: Partition) -> Iterator[SideBySide]:
    """The engine and the oracle with a full shop; what they store is compared at the end."""
    both = SideBySide(partition)
    places = [("TEA", "default"), ("茶" * 21 + "!", "l" * 64), ("TEA cup", "shelf 9")]
    places += [(f"TEA-{number}", "default") for number in range(4)]
    both.run([SetStock(sku, TRILLION, location) for sku, location in places], T0)
    both.run([Reserve("moved", [Line("TEA", 1_000)]), Confirm("moved")], T0)
    yield both
    both.compare_state()


def test_what_is_just_within_its_bounds_is_judged(both: SideBySide) -> None:
    answers = outcomes(both.run(WITHIN, T0))
    assert [c for c, name in zip(WITHIN, answers, strict=True) if name != "APPLIED"] == []


@pytest.mark.parametrize(("field", "command"), BEYOND)
def test_what_is_just_beyond_its_bounds_is_invalid_and_names_the_field(
    both: SideBySide, field: str, command: AnyCommand
) -> None:
    [first, *_] = both.run([command, Confirm("nobody"), command], T0)
    [alone] = both.partition.run([command], T0)
    assert outcomes([first, alone]) == ["INVALID", "INVALID"]
    assert not isinstance(alone, SweepResult)
    assert alone.detail.startswith(field)


def test_on_hand_may_not_be_adjusted_past_a_trillion(both: SideBySide) -> None:
    deltas = (-1, 1, 1)
    commands = [AdjustStock("TEA", delta, f"adj-{n}") for n, delta in enumerate(deltas)]
    answers = both.run(commands, T0)
    assert outcomes(answers) == ["APPLIED", "APPLIED", "INVALID"]


def test_a_reservation_keeps_a_thousand_movements_and_replays_each(both: SideBySide) -> None:
    ships: list[AnyCommand] = [Ship("moved", f"m{n}", ONE) for n in range(500)]
    cancels: list[AnyCommand] = [Cancel("moved", f"m{n}", ONE) for n in range(499)]
    assert set(outcomes(both.run(ships, T0) + both.run(cancels, T0))) == {"APPLIED"}
    last = Return("moved", "m0", Disposition.DAMAGED, ONE)
    one_more = Return("moved", "m1", Disposition.DAMAGED, ONE)
    too_many_units = Ship("moved", "m500", ONE * 2)
    answers = both.run([last, one_more, too_many_units, last, ships[0]], T0)
    assert outcomes(answers) == ["APPLIED", "INVALID", "QUANTITY_EXCEEDED", "APPLIED", "APPLIED"]


@pytest.mark.parametrize(
    ("on_hand", "limit_per_buyer", "commands"),
    [
        (5, 0, [Reserve("A", ONE * 5, buyer_id="li")]),
        (50, 5, [Reserve("A", ONE * 5, buyer_id="li")]),
        (5, 0, [SetStock("TEA", 0)]),
        (5, 0, [AdjustStock("TEA", -5, "adj")]),
        (5, 5, [SetStock("TEA", 1), Confirm("due-0", reacquire_if_expired=True)]),
        (50, 5, [SetStock("TEA", 50, limit_per_buyer=1), Confirm("due-4", True)]),
    ],
)
def test_all_that_is_due_counts_as_expired_even_if_one_batch_cannot_sweep_it(
    store: redis.Redis, on_hand: int, limit_per_buyer: int, commands: list[AnyCommand]
) -> None:
    both = SideBySide(Partition(store, due_limit=2))
    due = [Reserve(f"due-{n}", ONE, SECOND_MS, "li") for n in range(5)]
    both.run([SetStock("TEA", on_hand, limit_per_buyer=limit_per_buyer), *due], T0)
    assert set(outcomes(both.run(commands, T0 + SECOND_MS))) == {"APPLIED"}
    both.compare_state()


def test_an_expire_takes_as_many_as_it_may_and_says_whether_more_may_be_due(
    store: redis.Redis,
) -> None:
    partition = Partition(store, due_limit=2)
    partition.clear()
    partition.run([SetStock("TEA", 5)], T0)
    for n in range(5):
        partition.run([Reserve(f"due-{n}", ONE, SECOND_MS)], T0)
    assert partition.run([Expire(3)], T0 + SECOND_MS) == [SweepResult(3, more=True)]
    assert partition.run([Expire(3)], T0 + SECOND_MS) == [SweepResult(2, more=False)]
    assert partition.run([Expire(3)], T0 + SECOND_MS) == [SweepResult(0, more=False)]


def outcomes(answers: list[Answer]) -> list[str]:
    """The names of the outcomes."""
    return [answer.outcome.name for answer in answers if not isinstance(answer, SweepResult)]
