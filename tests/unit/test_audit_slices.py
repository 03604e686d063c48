"""The audit in slices of a few rows: the same findings, with memory that does not grow."""

import pytest
import redis

from engine.audit import levels
from engine.audit.run import audit_now
from engine.model import Confirm, Line, Reserve, SetStock
from tests.partition import Partition

T0 = 1_700_000_000_000
SKUS = 20


@pytest.fixture(params=[1, 3, 7, 1_000])
def shop(
    request: pytest.FixtureRequest, store: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> Partition:
    """A sound partition of 20 levels and 60 buyer counts, audited in slices of `param` rows."""
    monkeypatch.setattr(levels, "ROWS_PER_SLICE_MAX", request.param)
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
        shop.client.zrem(shop.keys.deadlines, f"r{number + SKUS}")
    findings, summary = audit_now(shop.client, shop.keys)
    buyers = {f"buyer b0, SKU S{n}" for n in range(0, SKUS, 3)}
    gone = {f"buyer b1, SKU S{n}" for n in range(1, SKUS, 3)}
    stock = {f"stock S{n} @ default" for n in range(1, SKUS, 3)}
    assert {finding.row for finding in findings} == buyers | gone | stock
    assert len(findings) == summary.findings == len(buyers | gone | stock)
    assert summary.unsettled == 0
