"""The loads that processes of the benchmarks send, each with its size.

What a load is sent to, and the prefix that makes its ids its own, are filled in when it is run.
"""

from typing import Self

import msgspec


def _at_least_one(size: float) -> int:
    return max(1, round(size))


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Calls over gRPC, sent by `benchmarks.load`.

    `open_calls` are kept open (a closed loop), unless `per_s` is set: then calls start at that
    rate, at random moments, whether or not earlier ones have ended (an open loop). Each call has
    `commands` commands (Apply; a Reserve is one), each Reserve `lines` lines of one unit of SKUs of
    its own out of `skus`, under a new id. `confirmed` makes the second half of a call's commands
    Confirms of its first half.
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
    target: str = ""
    tenant: str = ""
    prefix: str = ""

    @property
    def path(self) -> str:
        """Where its calls go."""
        return f"/{self.service}/{self.method}"

    def scaled(self, scale: float) -> Self:
        """The load with so many times the calls."""
        return msgspec.structs.replace(self, calls=_at_least_one(self.calls * scale))


class SdkLoad(msgspec.Struct, frozen=True, kw_only=True):
    """`await client.reserve(...)` from `open_calls` tasks, sent by `benchmarks.sdk_load`."""

    calls: int
    open_calls: int
    skus: int = 1

    def scaled(self, scale: float) -> Self:
        """The load with so many times the calls."""
        return msgspec.structs.replace(self, calls=_at_least_one(self.calls * scale))


class RawBatches(msgspec.Struct, frozen=True, kw_only=True):
    """Batches of Reserves of one unit, sent to the store by `benchmarks.peers.raw_script`."""

    batches: int
    commands: int = 1_000
    skus: int = 1
    socket: str = ""
    tenant: str = ""
    prefix: str = ""

    def scaled(self, scale: float) -> Self:
        """The load with so many times the batches."""
        return msgspec.structs.replace(self, batches=_at_least_one(self.batches * scale))


class Sales(msgspec.Struct, frozen=True, kw_only=True):
    """Sales from PostgreSQL's hot row, in one `statement` or in a `transaction`."""

    sales: int
    way: str
    with_pgbench: bool = False

    def scaled(self, scale: float) -> Self:
        """The load with so many times the sales; pgbench needs one a connection."""
        return msgspec.structs.replace(self, sales=max(16, round(self.sales * scale)))


class Transfers(msgspec.Struct, frozen=True, kw_only=True):
    """Pending transfers of TigerBeetle, whose server program is `binary`."""

    binary: str
    calls: int
    commands: int

    def scaled(self, scale: float) -> Self:
        """The load with so many times the calls."""
        return msgspec.structs.replace(self, calls=_at_least_one(self.calls * scale))
