"""The engine: every tenant's partitions behind one object, which servers and tests use."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import redis.asyncio

from engine.answers import Answer
from engine.clock import StoreClock
from engine.clock_accepted import acceptances, note_acceptance, wind_back
from engine.due import due_of
from engine.errors import EngineError, StoreCorrupt, StoreWentBack
from engine.group_commit import GroupCommit
from engine.keys import TENANTS_KEY, partition_keys
from engine.link import ScriptLink, store_errors
from engine.listing import Scans
from engine.model import (
    AdjustStock,
    Command,
    MoveStock,
    Outcome,
    Release,
    Result,
    SetStock,
    State,
    StockOutcome,
    StockResult,
    StoreCommand,
)
from engine.partition import OnBatch, Partition, Retention
from engine.reads import READS_OPEN_MAX, Reader
from engine.seen import Acceptance, OneProcess, Place, Seen
from engine.sold_out import KEEP_MS_MAX
from engine.sweeper import Sweeper, SweepPace
from engine.turns import Turns
from engine.validation import (
    check_adjust_stock,
    check_command,
    check_move_stock,
    check_set_stock,
)

# A batch that would refuse somebody first expires about this many lines of due reservations; the
# sweeper does the rest.
DUE_LIMIT = 100
# From this many tenants on, tenants with nothing in the store are forgotten.
TENANTS_KEPT = 1_000
# A sweeper that has done nothing for so long hangs: a silent store fails its step much earlier.
SWEEPER_SILENT_S_MAX = 60.0
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
    listed: int | None = None
    """How often its store had been accepted when it was found on the list of tenants."""
    callers: int = 0
    """Callers that wait for an answer: with one it is in use, whatever its queue says."""


class Engine:
    """Judges commands of any tenant. Make it inside a running event loop, then `start`."""

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        settings: EngineSettings,
        on_failure: Callable[[Exception], None],
        on_batch: OnBatch = lambda kinds, outcomes, seconds: None,
        place: Place | None = None,
    ) -> None:
        self._client = client
        self.settings = settings
        self._on_failure = on_failure
        self._on_batch = on_batch
        self._place = place or OneProcess()
        self.clock = StoreClock()
        self._clock_accepted: int | None = None
        self._link = ScriptLink(client)
        self._sweep_link = ScriptLink(client)
        self._reads = asyncio.Semaphore(READS_OPEN_MAX)
        self.turns = Turns()
        """The turns of all who read for people, in lists and audits."""
        self._scans = Scans()
        self._tenants: dict[str, _Tenant] = {}
        self._unrecognised: list[str] = []
        self._tenants_kept = TENANTS_KEPT
        self._sweeper = Sweeper(
            client, self._due_partitions, self._grown_partitions, settings.sweep, on_failure
        )

    def start(self) -> None:
        """Starts the sweeper."""
        self._sweeper.start()

    def is_well(self) -> bool:
        """Whether the sweeper goes on, as far as the store lets it."""
        return asyncio.get_running_loop().time() - self._sweeper.turned_at < SWEEPER_SILENT_S_MAX

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

    async def judge(self, tenant: str, command: Command, deadline: float) -> Result:
        """Judges one command as `apply` does. Raises the `EngineError` if it was not judged."""
        problem = check_command(command)
        if problem:
            return Result(Outcome.INVALID, detail=problem)
        (found,) = await self._submit(tenant, (command,), deadline)
        return _judged(found)  # type: ignore[return-value]

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
        return _judged(found)  # type: ignore[return-value]

    async def move_stock(self, tenant: str, command: MoveStock, deadline: float) -> StockResult:
        """Moves units from one place to another, once per move id."""
        if problem := check_move_stock(command):
            return StockResult(StockOutcome.INVALID, detail=problem)
        (found,) = await self._submit(tenant, [command], deadline)
        return _judged(found)  # type: ignore[return-value]

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

    async def accept_clock(self, reason: str) -> int:
        """Takes the store's clock as right from now on, in all processes; `reason` is written down.

        Returns how far it was from where it should have been, in milliseconds.
        """
        await self.follow_clock()
        step_ms = self.clock_off_ms
        with store_errors():
            await note_acceptance(self._client, step_ms, reason)
        await self.follow_clock()
        return step_ms

    async def follow_clock(self) -> None:
        """Accepts the store's clock where a person has, by whichever process. Once a second."""
        with store_errors():
            accepted = await acceptances(self._client)
            if self._clock_accepted not in (None, accepted):
                self.clock.accept()
                await wind_back(self._client)
            self._clock_accepted = accepted

    @property
    def clock_off_ms(self) -> int:
        """How far the store's clock is from the time of its reservations; 0 where it is right."""
        ahead = max((tenant.partition.ahead_ms for tenant in self._tenants.values()), default=0)
        return self.clock.step_ms or -ahead

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
        tenant.callers += 1
        try:
            known = tenant.partition.seen()
            if tenant.listed == known.accepted or await self._is_listed(
                tenant_name, tenant, known, commands
            ):
                return await tenant.queue.submit(commands, deadline)
            return await self._submit_to_nobody(tenant, commands, deadline)
        finally:
            tenant.callers -= 1

    async def _is_listed(
        self, name: str, tenant: _Tenant, known: Seen, commands: Sequence[StoreCommand]
    ) -> bool:
        """Whether a tenant is on the list that sweepers follow, as it must be to have something.

        Setting stock is what puts it there, before it has anything to sweep. All other commands
        leave no trace of a tenant that nobody has, such as a mistyped one.
        """
        sets_stock = any(isinstance(command, SetStock) for command in commands)
        releases = any(isinstance(command, Release) for command in commands)
        if not sets_stock and (known.epoch or not releases):
            return True  # it has something already, or they write nothing where there is nothing
        async with self._reads:
            with store_errors():
                # Asked first: a full store refuses to add, even what it has.
                is_listed = bool(await self._client.sismember(TENANTS_KEY, name))
                if sets_stock and not is_listed:
                    await self._client.sadd(TENANTS_KEY, name)
                    is_listed = True
        if is_listed:
            tenant.listed = known.accepted
        return is_listed

    async def _submit_to_nobody(
        self, tenant: _Tenant, commands: Sequence[StoreCommand], deadline: float
    ) -> list[Answer | EngineError]:
        """Answers commands of a tenant that nobody has. A Release is done: it holds nothing.

        No tombstone is needed either, since nothing can be reserved where no stock was ever set.
        """
        others = [command for command in commands if not isinstance(command, Release)]
        found = iter(await tenant.queue.submit(others, deadline) if others else ())
        released = Result(Outcome.APPLIED, state=State.RELEASED)
        return [released if isinstance(it, Release) else next(found) for it in commands]

    def _tenant(self, name: str) -> _Tenant:
        tenant = self._tenants.get(name)
        if tenant is None:
            if len(self._tenants) >= self._tenants_kept:
                self._forget_empty_tenants()
            partition = Partition(
                name,
                self._link,
                self._sweep_link,
                self.settings.retention,
                self._place,
                self.clock,
                lambda: secrets.token_hex(8),
                self.settings.due_limit,
                self._on_batch,
                self.settings.sold_out_ms,
            )
            tenant = _Tenant(
                partition,
                GroupCommit(partition, self._on_failure),
                Reader(self._client, partition, self._reads, self.turns, self._scans),
            )
            self._tenants[name] = tenant
        return tenant

    def _forget_empty_tenants(self) -> None:
        """Forgets tenants with nothing in the store: made-up names are not to fill the memory."""
        empty = [
            name
            for name, tenant in self._tenants.items()
            if not tenant.partition.epoch and tenant.queue.idle and not tenant.callers
        ]
        for name in empty:
            self._tenants.pop(name).queue.close()
        # Looked for again when there are half as many more: each look reads all of them.
        self._tenants_kept = max(TENANTS_KEPT, len(self._tenants) * 3 // 2)

    async def _due_partitions(self, key: str) -> list[Partition]:
        """The partitions that have something due, of all tenants that any server has listed.

        `key` names the sorted set that says so, `deadlines` or `retention`.
        """
        names = [name.decode() for name in await self._sweep_link.reply("SMEMBERS", TENANTS_KEY)]
        partitions = [partition_keys(name) for name in names]
        due = await due_of(self._sweep_link, partitions, key, self.clock.bounds_ms())
        return [self.partition(names[position]) for position in due]

    def _grown_partitions(self) -> list[Partition]:
        """The partitions in which this engine has seen changes."""
        return [tenant.partition for tenant in self._tenants.values() if tenant.partition.epoch]


T = TypeVar("T", bound=Answer)


def _judged(found: T | EngineError) -> T:
    """The result of a command. Raises its `EngineError` if it was not judged."""
    if isinstance(found, EngineError):
        raise found
    return found
