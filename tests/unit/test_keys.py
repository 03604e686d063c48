"""Where a tenant's state lives."""

import re
from collections import Counter

import pytest

from engine.keys import PartitionKeys, partition_keys, partition_of


def test_a_partition_has_these_keys_in_the_order_in_which_the_script_has_them() -> None:
    assert partition_keys("shop-1", 2) == PartitionKeys(
        stock="holdfast:{shop-1/2}:stock",
        reservations="holdfast:{shop-1/2}:reservations",
        deadlines="holdfast:{shop-1/2}:deadlines",
        buyers="holdfast:{shop-1/2}:buyers",
        journal="holdfast:{shop-1/2}:journal",
        meta="holdfast:{shop-1/2}:meta",
        retention="holdfast:{shop-1/2}:retention",
        adjustments="holdfast:{shop-1/2}:adjustments",
        locations="holdfast:{shop-1/2}:locations",
    )


@pytest.mark.parametrize("tenant", ["default", "a", "A.b_c:d-e", "t" * 64])
def test_all_keys_of_a_partition_are_one_slot_of_a_cluster(tenant: str) -> None:
    tags = {
        re.search(r"\{([^}]+)\}", key)[1]  # type: ignore[index]
        for key in partition_keys(tenant)
    }
    assert tags == {f"{tenant}/0"}


def test_no_two_partitions_share_a_key() -> None:
    partitions = [("a", 0), ("a", 1), ("a", 10), ("b", 0), ("a:1", 0), ("a.1", 0), ("a_0", 0)]
    keys = [key for tenant, number in partitions for key in partition_keys(tenant, number)]
    assert len(keys) == len(set(keys)) == len(partitions) * len(PartitionKeys._fields)


def test_a_sku_stays_in_its_partition_for_ever() -> None:
    """These numbers are where the stock of running shops lies: they may never change."""
    assert [partition_of(sku, 8) for sku in ("TEA", "CUP", "茶杯", "a b")] == [0, 6, 5, 3]
    assert {partition_of(f"sku-{n}", 1) for n in range(100)} == {0}


@pytest.mark.parametrize("partitions", [2, 3, 8, 16])
def test_skus_spread_evenly_over_the_partitions(partitions: int) -> None:
    skus = [f"sku-{n}" for n in range(10_000)]
    found = Counter(partition_of(sku, partitions) for sku in skus)
    assert set(found) == set(range(partitions))
    fair = len(skus) / partitions
    assert max(found.values()) < 1.2 * fair
    assert min(found.values()) > 0.8 * fair
