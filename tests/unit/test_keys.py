"""Where a tenant's state lives."""

import re

import pytest

from engine.keys import PartitionKeys, partition_keys


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
        limits="holdfast:{shop-1/2}:limits",
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
