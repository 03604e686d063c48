"""Where a tenant's state lives: a fixed set of keys per partition, and which partition a SKU has.

All keys of a partition share one hash tag, so a batch is one slot in Redis Cluster; every key is
passed in KEYS, and none is ever built from what a caller sent but the tenant, whose characters
cannot close the tag.
"""

import zlib
from typing import NamedTuple

PREFIX = "holdfast"
TENANTS_KEY = f"{PREFIX}:tenants"


class PartitionKeys(NamedTuple):
    """The keys of one partition, in the order in which the script has them as KEYS."""

    stock: str
    reservations: str
    deadlines: str
    buyers: str
    journal: str
    meta: str
    retention: str
    adjustments: str
    locations: str


def partition_keys(tenant: str, partition: int = 0) -> PartitionKeys:
    """The keys of a tenant's partition."""
    return PartitionKeys(
        *(f"{PREFIX}:{{{tenant}/{partition}}}:{name}" for name in PartitionKeys._fields)
    )


def partition_of(sku: str, partitions: int) -> int:
    """Which of a tenant's partitions a SKU belongs to: all its locations share it."""
    return zlib.crc32(sku.encode()) % partitions
