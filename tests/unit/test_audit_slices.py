"""The audit in slices of a few rows: the same findings, with memory that does not grow."""

from typing import Any

import pytest
import redis

from engine.audit import deadlines, levels
from engine.audit.first_sight import doubtful_groups, group_of
from engine.audit.protocol import Ask, Summary
from engine.model import Confirm, Line, Reserve, SetStock
from tests.partition import Partition, audit_now

T0 = 1_700_000_000_000
SKUS = 20


@pytest.fixture(params=[1, 3, 7, 1_000])
def shop(
    request: pytest.FixtureRequest, store: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> Partition:
    """A sound partition of 20 levels and 60 buyer counts, audited in slices of `param` rows."""
    monkeypatch.setattr(levels, "ROWS_PER_SLICE_MAX", request.param)
    monkeypatch.setattr(deadlines, "LIVE_NOTED_MAX", request.param)
    store.flushall()
    shop = Partition(store)
    shop.run([SetStock(f"S{n}", 100) for n in range(SKUS)], T0)
    reserves = [
        Reserve(f"r{n}", [Line(f"S{n % SKUS}", 2)], buyer_id=f"b{n // SKUS}") for n in range(60)
    ]
    shop.run([*reserves, *(Confirm(f"r{n}") for n in range(0, 60, 2))], T0)
    return shop


def test_a_sound_store_is_sound_and_every_row_is_counted_once(shop: Partition) -> None:
    findings, summary = audit_now(shop.client, shop.keys)
    assert findings == []
    assert summary.ok
    assert (summary.levels, summary.buyers, summary.reservations) == (SKUS, 60, 60)


def test_each_damaged_row_is_found_once(shop: Partition) -> None:
    for number in range(0, SKUS, 3):
        shop.client.hset(shop.keys.buyers, f"b0\0S{number}", 7)
    for number in range(1, SKUS, 3):
        shop.client.hdel(shop.keys.reservations, f"r{number + SKUS}")
    findings, summary = audit_now(shop.client, shop.keys)
    buyers = {f"buyer b0, SKU S{n}" for n in range(0, SKUS, 3)}
    gone = {f"buyer b1, SKU S{n}" for n in range(1, SKUS, 3)}
    stock = {f"stock S{n} @ default" for n in range(1, SKUS, 3)}
    assert {finding.row for finding in findings} == buyers | gone | stock
    assert len(findings) == summary.findings == len(buyers | gone | stock)
    assert summary.unsettled == 0


def doubtful(shop: Partition, summary: Summary) -> frozenset[int]:
    """The findings of a first look."""
    steps = doubtful_groups(shop.keys, summary, 0)
    answers: Any = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration as ended:
            found: frozenset[int] = ended.value
            return found
        answers = None
        if isinstance(step, Ask):
            answers = [shop.client.execute_command(*words) for words in step.commands]  # type: ignore[no-untyped-call]


def test_a_first_look_doubts_only_who_does_not_add_up(shop: Partition) -> None:
    summary = Summary()
    assert doubtful(shop, summary) == frozenset()
    assert summary.buyers == 60
    shop.client.hset(shop.keys.buyers, "b0\0S3", 7)
    shop.client.hset(shop.keys.buyers, "b1\0S4", "many")
    shop.client.hdel(shop.keys.buyers, "b2\0S5")
    shop.client.hset(shop.keys.buyers, "nobody\0S6", 1)
    rows = ("bb0\0S3", "bb1\0S4", "bb2\0S5", "bnobody\0S6")
    assert doubtful(shop, Summary()) == {group_of(row) for row in rows}
