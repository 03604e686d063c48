"""One tenant's partition: judges batches of commands in the store, and watches that it never goes
back in time.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec

from engine.answers import Answer, answers, unpack_reply
from engine.columns import Head, StoreCommand, lay_out
from engine.errors import EngineError, StoreCorrupt, StoreFull, StoreWentBack
from engine.keys import PartitionKeys, partition_keys
from engine.link import ScriptLink
from engine.model import Expire, Purge, SweepResult
from engine.scripts import SCHEMA, Kind, Memory, Script, header, script_for

TAKES = script_for(Memory.TAKES)
GIVES = script_for(Memory.GIVES)
GIVING_KINDS = frozenset(kind for kind in Kind if header(kind).memory is Memory.GIVES)

# One sweep's bound keeps the script under 5 ms; a sweep for a short SKU runs several of them.
SWEEP_LIMIT = 500


class Retention(msgspec.Struct, frozen=True):
    """How long the store keeps what is finished, in milliseconds."""

    ended_ms: int = 86_400_000
    fulfilled_ms: int = 30 * 86_400_000
    adjustments_ms: int = 86_400_000


class Seen(NamedTuple):
    """How far a partition's store has been seen to be: its life since it was empty, and changes."""

    epoch: str
    sequence: int


# Told of every batch: the kind and the signed outcome of each command, and how long it took.
OnBatch = Callable[[Sequence[int], Sequence[int], float], None]


class Partition:
    """Judges batches of one tenant's partition. May be used by several tasks at once."""

    def __init__(
        self,
        tenant: str,
        number: int,
        link: ScriptLink,
        sweep_link: ScriptLink,
        retention: Retention,
        new_epoch: Callable[[], str],
        due_limit: int,
        on_batch: OnBatch,
    ) -> None:
        self.tenant = tenant
        self.keys: PartitionKeys = partition_keys(tenant, number)
        self.epoch = ""
        self.sequence = 0
        self.went_back = False
        self._link = link
        self._sweep_link = sweep_link
        self._retention = (retention.ended_ms, retention.fulfilled_ms, retention.adjustments_ms)
        self._new_epoch = new_epoch
        self._due_limit = due_limit
        self._on_batch = on_batch

    async def judge(self, commands: Sequence[StoreCommand]) -> list[Answer | EngineError]:
        """Judges a batch in one atomic step; found[i] answers commands[i].

        In a full store only the commands that give stock back are judged, the others are answered
        with `StoreFull`. Raises an `EngineError` if the batch as a whole was not judged.
        """
        try:
            return list(await self._judge(commands, TAKES, self._link))
        except StoreFull as full:
            giving = [lay_out([command]).kinds[0] in GIVING_KINDS for command in commands]
            gives = [command for command, gives in zip(commands, giving, strict=True) if gives]
            found = iter(await self._judge(gives, GIVES, self._link) if gives else ())
            return [next(found) if gives else full for gives in giving]

    async def expire(self) -> int:
        """Expires everything that is due, a bounded batch at a time; returns how many."""
        return await self._sweep(Expire(SWEEP_LIMIT), SWEEP_LIMIT)

    async def purge(self) -> int:
        """Removes everything whose retention is over, likewise."""
        return await self._sweep(Purge(SWEEP_LIMIT), self._due_limit)

    def seen(self) -> Seen:
        """How far the store has been seen to be; taken before asking, to `check` the answer by."""
        return Seen(self.epoch, self.sequence)

    def check(self, before: Seen, now: Seen) -> None:
        """Raises `StoreWentBack` unless the store is at what was seen before, or further."""
        if before.epoch and (now.epoch != before.epoch or now.sequence < before.sequence):
            self.went_back = True
            raise StoreWentBack(self.tenant)
        self._note(now)

    def _note(self, now: Seen) -> None:
        # Answers may overtake one another: those of sweeps come over a connection of their own.
        self.went_back = False
        self.epoch = now.epoch
        self.sequence = max(self.sequence, now.sequence)

    async def _sweep(self, command: Expire | Purge, due_limit: int) -> int:
        total = 0
        while True:
            (swept,) = await self._judge([command], GIVES, self._sweep_link, due_limit)
            assert isinstance(swept, SweepResult)
            total += swept.handled
            if not swept.more or not swept.handled:
                return total

    async def _judge(
        self,
        commands: Sequence[StoreCommand],
        script: Script,
        link: ScriptLink,
        due_limit: int | None = None,
    ) -> list[Answer]:
        columns = lay_out(commands)
        started_s = time.perf_counter()
        expired = 1
        while True:
            head = Head(
                0,
                self.epoch,
                self.sequence,
                self._new_epoch(),
                due_limit or self._due_limit,
                self._retention,
            )
            status, packed = await link.run(script, self.keys, columns.arguments(head))
            if status != b"AGAIN":
                break
            expired, expired_before = await self.expire(), expired
            # Once nothing may be left to expire because another sweep was faster; not twice.
            if not expired and not expired_before:
                problem = "is full of due reservations that cannot be read"
                raise StoreCorrupt(self.keys.deadlines, problem)
        if status == b"WENT_BACK":
            self.went_back = True
            raise StoreWentBack(self.tenant)
        if status != b"OK":
            raise StoreCorrupt(self.keys.meta, f"has schema {packed!r}, this is {SCHEMA}")
        try:
            reply = unpack_reply(packed)
        except msgspec.MsgspecError as error:
            raise StoreCorrupt(self.keys.meta, str(error)) from error
        self._note(Seen(reply.epoch, reply.sequence))
        self._on_batch(columns.kinds, reply.outcomes, time.perf_counter() - started_s)
        return answers(commands, reply)
