"""The audit of a store that moves at the worst moments: nothing that is sound is ever a finding.

The audit reads rows and reservations one after the other. What is written between two reads may
look the same in every pass and still not be what is wrong.
"""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from engine.audit.levels import check_levels
from engine.audit.protocol import Ask, Finding, Summary
from engine.model import Confirm, Line, Release, Reserve, SetStock
from tests.partition import Partition

T0 = 1_700_000_000_000


class Buyer:
    """Reserves one unit and gives it back, again and again, each time under a new id."""

    def __init__(self, shop: Partition) -> None:
        self._shop = shop
        self._number = 0

    def comes(self) -> None:
        self._number += 1
        self._shop.run([Reserve(f"r{self._number}", [Line("A", 1)], buyer_id="li")], T0)

    def goes(self) -> None:
        self._shop.run([Release(f"r{self._number}")], T0)


@pytest.fixture
def shop(store: "redis.Redis") -> Partition:
    store.flushall()
    shop = Partition(store)
    shop.run([SetStock("A", 10), SetStock("B", 10)], T0)
    shop.run([Reserve("sold", [Line("B", 1)], buyer_id="wu"), Confirm("sold")], T0)
    return shop


def audited(
    shop: Partition, before_scan: Callable[[], None], after_scan: Callable[[], None]
) -> tuple[list[Finding], Summary]:
    """An audit of the sums, with something done before and after each read of reservations."""
    summary = Summary()
    steps = check_levels(shop.keys, summary)
    findings: list[Finding] = []
    answers: Any = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            return findings, summary
        answers = None
        if isinstance(step, Ask):
            scans = step.commands[0][:2] == ("HSCAN", shop.keys.reservations)
            if scans:
                before_scan()
            answers = [shop.client.execute_command(*words) for words in step.commands]  # type: ignore[no-untyped-call]
            if scans:
                after_scan()
        elif isinstance(step, Finding):
            findings.append(step)


def test_a_buyer_who_is_gone_whenever_reservations_are_read_is_no_finding(shop: Partition) -> None:
    buyer = Buyer(shop)
    buyer.comes()
    findings, summary = audited(shop, buyer.goes, buyer.comes)
    assert findings == []
    assert summary.unsettled > 0


def test_a_buyer_who_is_there_only_when_reservations_are_read_is_no_finding(
    shop: Partition,
) -> None:
    buyer = Buyer(shop)
    findings, summary = audited(shop, buyer.comes, buyer.goes)
    assert findings == []
    assert summary.unsettled > 0


def test_what_is_wrong_is_found_while_others_come_and_go(shop: Partition) -> None:
    buyer = Buyer(shop)
    shop.client.hset(shop.keys.buyers, "wu\0B", 7)
    findings, _ = audited(shop, buyer.comes, buyer.goes)
    assert [finding.row for finding in findings] == ["buyer wu, SKU B"]


def test_a_store_that_comes_to_rest_is_proven(shop: Partition) -> None:
    buyer = Buyer(shop)
    visits = iter([buyer.comes, buyer.goes, buyer.comes])

    def one_more() -> None:
        next(visits, lambda: None)()

    findings, summary = audited(shop, one_more, lambda: None)
    assert findings == []
    assert summary.ok
