"""The keys of a tenant's partition: a fixed set, in the order in which the script has them.

All keys of a partition share one hash tag, so a batch is one slot in Redis Cluster; every key is
passed in KEYS, and none is ever built from what a caller sent but the tenant, whose characters
cannot close the tag.
"""

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
    limits: str


def partition_keys(tenant: str, partition: int = 0) -> PartitionKeys:
    """The keys of a tenant's partition."""
    return PartitionKeys(
        *(f"{PREFIX}:{{{tenant}/{partition}}}:{name}" for name in PartitionKeys._fields)
    )
