"""The engine: every tenant's partitions behind one object, which servers and tests use."""

import asyncio
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis.asyncio

from engine.answers import Answer
from engine.errors import EngineError, StoreCorrupt, StoreWentBack
from engine.group_commit import GroupCommit
from engine.keys import TENANTS_KEY, partition_keys
from engine.link import ScriptLink, store_errors
from engine.model import (
    AdjustStock,
    Command,
    Outcome,
    Release,
    Result,
    SetStock,
    StockOutcome,
    StockResult,
    StoreCommand,
)
from engine.partition import OnBatch, Partition, Retention
from engine.reads import READS_OPEN_MAX, Reader
from engine.seen import Acceptance, OneProcess, Place, Seen
from engine.sold_out import KEEP_MS_MAX
from engine.sweeper import Sweeper, SweepPace
from engine.validation import check_adjust_stock, check_command, check_set_stock

# A batch that would refuse somebody first expires about this many lines of due reservations; the
# sweeper does the rest.
DUE_LIMIT = 100
# From this many tenants on, tenants with nothing in the store are forgotten.
TENANTS_KEPT = 1_000
# The tenants that are named when their store went back, and those looked at with one question.
REFUSED_NAMED_MAX = 3
RECOGNISED_PER_READ = 200


class EngineSettings(msgspec.Struct, frozen=True):
    """The settings of an engine."""

    retention: Retention = Retention()
    sweep: SweepPace = SweepPace()
    due_limit: int = DUE_LIMIT
    sold_out_ms: int = KEEP_MS_MAX


@dataclass
class _Tenant:
    """One tenant's only partition, with its queue and its reader."""

    partition: Partition
    queue: GroupCommit
    reader: Reader
    listed: bool = False


class Engine:
    """Judges commands of any tenant. Make it inside a running event loop, then `start`."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        settings: EngineSettings,
        on_failure: Callable[[EngineError], None],
        on_batch: OnBatch = lambda kinds, outcomes, seconds: None,
        place: Place | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._on_failure = on_failure
        self._on_batch = on_batch
        self._place = place or OneProcess()
        self._link = ScriptLink(client)
        self._sweep_link = ScriptLink(client)
        self._reads = asyncio.Semaphore(READS_OPEN_MAX)
        self._tenants: dict[str, _Tenant] = {}
        self._unrecognised: list[str] = []
        self._sweeper = Sweeper(client, self._swept_partitions, settings.sweep, on_failure)

    def start(self) -> None:
        """Starts the sweeper."""
        self._sweeper.start()

    async def drain(self) -> None:
        """Judges the queued commands, then stops. New commands raise `Draining`."""
        await asyncio.gather(*(tenant.queue.drain() for tenant in self._tenants.values()))
        await self._sweeper.stop()
        await self._link.close()
        await self._sweep_link.close()

    async def apply(
        self, tenant: str, commands: Sequence[Command], deadline: float
    ) -> list[Result | EngineError]:
        """Judges commands of one tenant in order, each alone; found[i] answers commands[i].

        `deadline` is in the event loop's time. One that breaks a bound is answered INVALID; one
        that was not judged, while others were, is answered with its `EngineError`. Raises an
        `EngineError` if none was judged, or all answers were lost.
        """
        problems = [check_command(command) for command in commands]
        if not any(problems):
            return await self._submit(tenant, commands, deadline)  # type: ignore[return-value]
        valid = [c for c, problem in zip(commands, problems, strict=True) if problem is None]
        found = iter(await self._submit(tenant, valid, deadline) if valid else ())
        return [
            Result(Outcome.INVALID, detail=problem) if problem else next(found)  # type: ignore[misc]
            for problem in problems
        ]

    async def set_stock(self, tenant: str, command: SetStock, deadline: float) -> StockResult:
        """Creates a stock level or changes its settings."""
        (found,) = await self.set_stock_levels(tenant, [command], deadline)
        return _judged(found)

    async def set_stock_levels(
        self, tenant: str, commands: Sequence[SetStock], deadline: float
    ) -> list[StockResult | EngineError]:
        """Creates stock levels or changes their settings, each alone, in order, as `apply` does."""
        problems = [check_set_stock(command) for command in commands]
        valid = [c for c, problem in zip(commands, problems, strict=True) if problem is None]
        found = iter(await self._submit(tenant, valid, deadline) if valid else ())
        return [
            StockResult(StockOutcome.INVALID, detail=problem) if problem else next(found)  # type: ignore[misc]
            for problem in problems
        ]

    async def adjust_stock(self, tenant: str, command: AdjustStock, deadline: float) -> StockResult:
        """Adds to or takes from on hand, once per adjustment id."""
        if problem := check_adjust_stock(command):
            return StockResult(StockOutcome.INVALID, detail=problem)
        (found,) = await self._submit(tenant, [command], deadline)
        return _judged(found)

    def reader(self, tenant: str) -> Reader:
        """Reads a tenant's reservations and stock."""
        return self._tenant(tenant).reader

    def partition(self, tenant: str) -> Partition:
        """A tenant's partition."""
        return self._tenant(tenant).partition

    @property
    def queued_commands(self) -> int:
        """The number of commands of all tenants that wait for a batch."""
        return sum(tenant.queue.queued_commands for tenant in self._tenants.values())

    def trouble(self) -> str:
        """Why the engine refuses some tenants' commands; "" when it refuses none's."""
        refused = [
            name
            for name, tenant in self._tenants.items()
            if tenant.partition.went_back and not tenant.partition.recall()
        ]
        if not refused:
            return ""
        others = len(refused) - REFUSED_NAMED_MAX
        named = "; ".join(str(StoreWentBack(name)) for name in refused[:REFUSED_NAMED_MAX])
        return named + (f"; and {others:,} other tenants'" if others > 0 else "")

    async def recognise_store(self, tenants_max: int | None = None) -> None:
        """Holds the store against what was seen of it, for some tenants more at each call.

        Whether it went back is known, and `trouble` says so, before anybody asks for a tenant. None
        means all tenants. Raises an `EngineError` if the store does not answer.
        """
        if not self._unrecognised:
            self._unrecognised = self._place.tenants()
        count = len(self._unrecognised) if tenants_max is None else tenants_max
        names, self._unrecognised = self._unrecognised[:count], self._unrecognised[count:]
        for first in range(0, len(names), RECOGNISED_PER_READ):
            some = names[first : first + RECOGNISED_PER_READ]
            before = [self._place.latest(name) for name in some]
            try:
                there = await self._store_at(some)
            except StoreCorrupt:
                continue  # who asks for such a tenant hears of it
            for name, known, now in zip(some, before, there, strict=True):
                if known.lost_by(now):
                    self.partition(name).went_back = True
                elif name in self._tenants:
                    self._tenants[name].partition.went_back = False

    async def accept_store(self, tenants: Sequence[str] | None, reason: str) -> list[Acceptance]:
        """Accepts the store as it is, where it went back, of some tenants or of all.

        What was lost stays lost. Returns what was accepted; nothing of a tenant that is served.
        """
        accepted = []
        for name in self._place.tenants() if tenants is None else tenants:
            before = self._place.latest(name)
            (now,) = await self._store_at([name])
            if before.lost_by(now):
                after = now._replace(accepted=before.accepted + 1)
                accepted.append(Acceptance(name, before, after, reason))
                self._place.accept(accepted[-1])
                self.partition(name).recall()
        return accepted

    async def _store_at(self, tenants: Sequence[str]) -> list[Seen]:
        """How far the store is, for some tenants."""
        pipeline = self._client.pipeline(transaction=False)
        for name in tenants:
            pipeline.hmget(partition_keys(name).meta, ["epoch", "sequence"])
        with store_errors():
            async with self._reads:
                found = await pipeline.execute()
        try:
            return [Seen((epoch or b"").decode(), int(sequence or 0)) for epoch, sequence in found]
        except ValueError as error:
            raise StoreCorrupt(partition_keys(tenants[0]).meta, str(error)) from error

    async def _submit(
        self, tenant_name: str, commands: Sequence[StoreCommand], deadline: float
    ) -> list[Answer | EngineError]:
        tenant = self._tenant(tenant_name)
        if not tenant.listed and any(isinstance(c, SetStock | Release) for c in commands):
            await self._list(tenant_name)
            tenant.listed = True
        return await tenant.queue.submit(commands, deadline)

    def _tenant(self, name: str) -> _Tenant:
        tenant = self._tenants.get(name)
        if tenant is None:
            if len(self._tenants) >= TENANTS_KEPT:
                self._forget_empty_tenants()
            partition = Partition(
                name,
                self._link,
                self._sweep_link,
                self._settings.retention,
                self._place,
                lambda: secrets.token_hex(8),
                self._settings.due_limit,
                self._on_batch,
                self._settings.sold_out_ms,
            )
            tenant = _Tenant(
                partition,
                GroupCommit(partition, self._on_failure),
                Reader(self._client, partition, self._reads),
            )
            self._tenants[name] = tenant
        return tenant

    def _forget_empty_tenants(self) -> None:
        """Forgets tenants with nothing in the store: made-up names are not to fill the memory."""
        empty = [
            name
            for name, tenant in self._tenants.items()
            if not tenant.partition.epoch and tenant.queue.idle
        ]
        for name in empty:
            self._tenants.pop(name).queue.close()

    async def _list(self, tenant: str) -> None:
        """Puts a tenant on the list that sweepers follow, before it has anything to sweep.

        Only a command that can be a tenant's first write does so: mistyped tenants leave no trace.
        """
        with store_errors():
            # Asked first: a full store refuses to add, even what it has.
            if not await self._client.sismember(TENANTS_KEY, tenant):
                await self._client.sadd(TENANTS_KEY, tenant)

    async def _swept_partitions(self) -> Iterable[Partition]:
        """The partitions to sweep: those of every tenant that any server has listed."""
        with store_errors():
            names: Any = await self._client.smembers(TENANTS_KEY)
        return [self.partition(name.decode()) for name in names]


def _judged(found: Any) -> StockResult:
    """The result of a stock command. Raises its `EngineError` if it was not judged."""
    if isinstance(found, EngineError):
        raise found
    return found  # type: ignore[no-any-return]
