"""The loads that processes of the benchmarks send, each with its size.

The target of a load, and the prefix that makes its ids its own, are filled in when it is run.
"""

from typing import ClassVar, Self

import msgspec


def tenant_names(tenant: str, count: int) -> list[str]:
    """The tenants of a load: the one that it names, or so many whose names begin with it."""
    return [tenant] if count == 1 else [f"{tenant}-{number}" for number in range(count)]


class Sized(msgspec.Struct, frozen=True):
    """A load; the field `size_field` says how large it is, at least `size_min`."""

    size_field: ClassVar[str] = "calls"
    size_min: ClassVar[int] = 1

    def scaled(self, scale: float) -> Self:
        """The load in `scale` times the size."""
        size = max(self.size_min, round(getattr(self, self.size_field) * scale))
        return msgspec.structs.replace(self, **{self.size_field: size})


class Load(Sized, frozen=True, kw_only=True):
    """Calls over gRPC, sent by `benchmarks.load`.

    `open_calls` are kept open (a closed loop), unless `per_s` is set: then calls start at that
    rate, at random moments, whether or not earlier ones have ended (an open loop). Each call has
    `commands` commands (Apply; a Reserve is one), each Reserve `lines` lines of one unit of SKUs of
    its own out of `skus`, under a new id. Calls go to `tenants` tenants in turn. `confirmed` makes
    the second half of a call's commands Confirms of its first half.
    """

    calls: int
    service: str = "holdfast.inventory.v1.InventoryService"
    method: str = "Reserve"
    open_calls: int = 64
    per_s: float = 0.0
    commands: int = 1
    skus: int = 1
    lines: int = 1
    confirmed: bool = False
    tenants: int = 1
    target: str = ""
    tenant: str = ""
    prefix: str = ""

    @property
    def path(self) -> str:
        """Where its calls go."""
        return f"/{self.service}/{self.method}"


class SdkLoad(Sized, frozen=True, kw_only=True):
    """`await client.reserve(...)` from `open_calls` tasks, sent by `benchmarks.sdk_load`.

    Each of `tenants` tenants has a client of its own; the calls go to them in turn.
    """

    calls: int
    open_calls: int
    skus: int = 1
    tenants: int = 1
    target: str = ""
    tenant: str = ""
    prefix: str = ""


class RawBatches(Sized, frozen=True, kw_only=True):
    """Batches of Reserves of one unit, sent to the store by `benchmarks.peers.raw_script`.

    `naive` sends the script of the naive server instead, which has no batches: `commands` is 1.
    """

    size_field = "batches"

    batches: int
    commands: int = 1_000
    skus: int = 1
    naive: bool = False
    socket: str = ""
    tenant: str = ""
    prefix: str = ""


class Sales(Sized, frozen=True, kw_only=True):
    """Sales from PostgreSQL's hot row, in one `statement` or in a `transaction`."""

    size_field = "sales"
    size_min = 16  # pgbench needs one a connection

    sales: int
    way: str
    with_pgbench: bool = False
