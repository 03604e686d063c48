"""One tenant's partition: judges batches of commands in the store, refuses from memory what is sold
out, and watches that the store never goes back in time.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import repeat
from typing import Any, NamedTuple

import msgspec

from engine.answers import REFUSALS_KEPT, Answer, NotJudged, answers, unpack_reply
from engine.clock import STEP_MS_MAX, StoreClock, passing_ms
from engine.columns import Head, lay_out
from engine.errors import (
    EngineError,
    StoreCorrupt,
    StoreFull,
    StoreRefuses,
    StoreUnreachable,
    StoreWentBack,
)
from engine.keys import PartitionKeys, partition_keys
from engine.link import ScriptLink
from engine.model import (
    Expire,
    Line,
    Outcome,
    Purge,
    Reserve,
    Result,
    Shortage,
    StoreCommand,
    SweepResult,
)
from engine.records import Unreadable, due_from_ms, stock_field, unpack_level
from engine.scripts import EXCHANGES_SCHEMA, SCHEMA, Kind, Memory, Script, memory_of, script_for
from engine.seen import Place, Seen
from engine.sold_out import SoldOut

TAKES = script_for(Memory.TAKES)
GIVES = script_for(Memory.GIVES)
GIVING_KINDS = frozenset(kind for kind in Kind if memory_of(kind) is Memory.GIVES)

NEVER_MS = 2**62
# The work of one step of a sweep: lines of reservations to expire, or ids to purge. The step holds
# up all buyers of the tenant, so it is to stay well under 5 ms.
SWEEP_LIMIT = 100


class Retention(msgspec.Struct, frozen=True):
    """The time for which the store keeps finished reservations and ids, in milliseconds."""

    ended_ms: int = 86_400_000
    fulfilled_ms: int = 30 * 86_400_000
    adjustments_ms: int = 86_400_000


# Called for every batch: the kind and signed outcome of each command, and the seconds it took.
OnBatch = Callable[[Sequence[int], Sequence[int], float], None]


Found = list[Answer | NotJudged | EngineError]
OnFound = Callable[[Found | EngineError | None], None]
Refused = Sequence[Result | None]
OnRefused = Callable[[Refused | EngineError | None], None]


class _Judging(NamedTuple):
    """A batch that is being judged, and when it was sent, by the monotonic and the passing clock.

    `kinds` are those of the commands, `arguments` the script's.
    """

    commands: Sequence[StoreCommand]
    kinds: Sequence[int]
    arguments: Sequence[bytes]
    started_s: float
    sent_ms: int


class Partition:
    """Judges batches of one tenant's partition. May be used by several tasks at once."""

    def __init__(
        self,
        tenant: str,
        link: ScriptLink,
        sweep_link: ScriptLink,
        retention: Retention,
        place: Place,
        clock: StoreClock,
        new_epoch: Callable[[], str],
        due_limit: int,
        on_batch: OnBatch,
        sold_out_ms: int,
    ) -> None:
        self.tenant = tenant
        self.keys: PartitionKeys = partition_keys(tenant)
        self.epoch, self.sequence, self.accepted = place.latest(tenant)
        self._place = place
        self.clock = clock
        self.now_ms = 0
        """The store's time at its last answer."""
        self.ahead_ms = 0
        """How far that was ahead of the store's clock: time stood still."""
        self.went_back = False
        self.sold_out = SoldOut(sold_out_ms)
        self._link = link
        self._sweep_link = sweep_link
        self._retention = (retention.ended_ms, retention.fulfilled_ms, retention.adjustments_ms)
        self._new_epoch = new_epoch
        self._due_limit = due_limit
        self._on_batch = on_batch

    async def judge(self, commands: Sequence[StoreCommand]) -> Found:
        """Judges a batch in one atomic step; found[i] answers commands[i].

        A command that would be refused for lack of units while more may be due than one batch
        expires is NOT_JUDGED, and so are later ones that have an id or a SKU in common with it:
        send them again, in their order, after an `expire_step`. A batch that has more work than a
        call may do is judged up to there; the rest is CUT: send it again. In a full store only the
        commands that give stock back are judged, the others are answered with `StoreFull`. Raises
        an `EngineError` if the batch as a whole was not judged.
        """
        try:
            return list(await self._judge(commands, TAKES, self._link))
        except StoreFull as full:
            return await self._judge_what_gives(commands, full)

    async def _judge_what_gives(self, commands: Sequence[StoreCommand], full: StoreFull) -> Found:
        """Judges what gives stock back; the other commands of a batch are answered `full`."""
        giving = [lay_out([command]).kinds[0] in GIVING_KINDS for command in commands]
        gives = [command for command, gives in zip(commands, giving, strict=True) if gives]
        found: Iterator[Answer | NotJudged | EngineError]
        try:
            found = iter(await self._judge(gives, GIVES, self._link) if gives else ())
        except EngineError as failure:
            found = repeat(failure)
        return [next(found) if gives else full for gives in giving]

    def send(self, commands: Sequence[StoreCommand], on_found: OnFound) -> bool:
        """Sends a batch to be judged, if that can be done at once; returns whether it could.

        `on_found` is called with what `judge` would return; with the error if the answers are lost,
        or the store refuses all for now; with None if nothing was judged, and `judge` has to be
        asked, which can do more about it.
        """
        judging = self._judging(commands)

        def on_reply(reply: Any) -> None:
            found: Found | EngineError | None = None
            if isinstance(reply, StoreUnreachable | StoreRefuses):
                found = reply
            elif not isinstance(reply, EngineError) and reply[0] == b"OK":
                with suppress(Exception):  # `judge` will meet it, too, and finds out whose it is
                    found = list(self._found(judging, reply[1]))
            on_found(found)

        return self._link.send(on_reply, TAKES, self.keys, judging.arguments)

    async def expire_step(self) -> SweepResult:
        """Expires due reservations, up to a bound."""
        return await self._sweep(Expire(SWEEP_LIMIT))

    async def purge_step(self) -> SweepResult:
        """Removes finished reservations and ids past their retention, up to a bound."""
        return await self._sweep(Purge(SWEEP_LIMIT))

    def refuse(self, reserves: Sequence[Reserve], on_refused: OnRefused) -> bool:
        """Asks whether Reserves of one line are surely to be refused for lack of units, if that can
        be done at once; returns whether it could.

        `on_refused` is called with a refusal for each, None for one that must be judged; with the
        error if the store does not answer, or refuses all for now; with None if all must be judged.

        The units are counted anew, for others may have given some back. An id of which the store
        has a record is judged: it has an answer already.
        """
        started_s, before = time.monotonic(), self.seen()
        lines = [reserve.lines[0] for reserve in reserves]
        wanted = list(dict.fromkeys(lines))  # most of a sell-out are equal
        fields = [stock_field(line.sku, line.location) for line in wanted]
        ids = [reserve.reservation_id for reserve in reserves]

        def on_values(found: Any) -> None:
            refused: Refused | EngineError | None = None
            if isinstance(found, StoreUnreachable | StoreRefuses):
                refused = found
            elif not isinstance(found, EngineError):
                with suppress(Exception):  # `judge` will meet it, too
                    levels, meta, records = found
                    now_ms = self._latest_ms(before, *meta)
                    free = [surely_free(level, now_ms) for level in levels]
                    refusals = dict(zip(wanted, map(_refusal, wanted, free), strict=True))
                    refused = [
                        refusals[line] if record is None else None
                        for line, record in zip(lines, records, strict=True)
                    ]
                    self._note_refused(refusals, refused, started_s)
            on_refused(refused)

        # In this order: whoever has no record after the units were counted had none then.
        return self._link.ask(
            on_values,
            (self.keys.stock, fields),
            (self.keys.meta, ("epoch", "sequence", "now")),
            (self.keys.reservations, ids),
        )

    def _latest_ms(
        self, before: Seen, epoch: bytes | None, sequence: bytes | None, last_ms: bytes | None
    ) -> int:
        """The latest that the partition's time may be, by what its store has said.

        Raises `StoreWentBack`.
        """
        self.check(before, Seen((epoch or b"").decode(), int(sequence or 0)))
        latest_ms = self.clock.bounds_ms()[1]
        return max(latest_ms, int(last_ms or 0)) if latest_ms else NEVER_MS

    def _note_refused(
        self, refusals: Mapping[Line, Result | None], refused: Refused, started_s: float
    ) -> None:
        self.sold_out.found_again(refusals, started_s)
        count = len(refused) - refused.count(None)
        if count:
            outcomes = [Outcome.OUT_OF_STOCK] * count
            self._on_batch([Kind.RESERVE] * count, outcomes, time.monotonic() - started_s)

    def seen(self) -> Seen:
        """How far the store has been seen to be; taken before asking, to `check` the answer by."""
        if not self.epoch:
            self.recall()
        return Seen(self.epoch, self.sequence, self.accepted)

    def check(self, before: Seen, now: Seen) -> None:
        """Raises `StoreWentBack` unless the store is at what was seen before, or further."""
        if before.lost_by(now):
            self.recall()
            if self.seen().lost_by(now):
                self.went_back = True
                raise StoreWentBack(self.tenant)
        self._note(now)

    def recall(self) -> bool:
        """Learns what other processes know, if this one knows nothing of the store, or if a person
        has accepted it as it is. Returns whether it did.
        """
        latest = self._place.latest(self.tenant)
        if latest.accepted <= self.accepted and (self.epoch or not latest.epoch):
            return False
        self.epoch, self.sequence, self.accepted = latest
        self.went_back = False
        return True

    def saw_time(self, clock_ms: int, last_ms: int, sent_ms: int) -> int:
        """Learns what the store's clock showed after `sent_ms`; the partition's time then.

        That is never before `last_ms`, the time of its last batch.
        """
        self.clock.follow(clock_ms, sent_ms)
        within_ms = self.clock.within(clock_ms)
        self.now_ms = max(within_ms, last_ms)
        self.ahead_ms = self.now_ms - within_ms if self.now_ms > within_ms + STEP_MS_MAX else 0
        return self.now_ms

    def _note(self, now: Seen) -> None:
        # Answers may overtake one another: sweeps have a connection of their own.
        self.went_back = False
        if now.epoch == self.epoch and now.sequence <= self.sequence:
            return
        self.epoch = now.epoch
        self.sequence = max(self.sequence, now.sequence)
        if self.epoch:
            self._place.note(self.tenant, Seen(self.epoch, self.sequence, self.accepted))

    async def _sweep(self, command: Expire | Purge) -> SweepResult:
        (swept,) = await self._judge([command], GIVES, self._sweep_link, SWEEP_LIMIT)
        assert isinstance(swept, SweepResult)
        return swept

    async def _judge(
        self,
        commands: Sequence[StoreCommand],
        script: Script,
        link: ScriptLink,
        due_limit: int | None = None,
    ) -> list[Answer | NotJudged]:
        judging = self._judging(commands, due_limit)
        status, packed = await link.run(script, self.keys, judging.arguments)
        if status == b"WENT_BACK":
            if self.recall():
                return await self._judge(commands, script, link, due_limit)
            self.went_back = True
            raise StoreWentBack(self.tenant)
        if status != b"OK":
            raise StoreCorrupt(
                self.keys.meta,
                f"was written with schema {packed.decode()}, this version of Holdfast has schema "
                f"{SCHEMA} or {EXCHANGES_SCHEMA}: serve this store with the version that wrote it, "
                "or start with an empty one",
            )
        return self._found(judging, packed)

    def _judging(self, commands: Sequence[StoreCommand], due_limit: int | None = None) -> _Judging:
        """The arguments of the script for a batch that is sent now."""
        columns = lay_out(commands)
        before = self.seen()
        head = Head(
            0,
            before.epoch,
            before.sequence,
            "" if before.epoch else self._new_epoch(),
            due_limit or self._due_limit,
            self._retention,
            *self.clock.bounds_ms(),
        )
        return _Judging(
            commands, columns.kinds, columns.arguments(head), time.monotonic(), passing_ms()
        )

    def _found(self, judging: _Judging, packed: bytes) -> list[Answer | NotJudged]:
        """The answers in the reply of a batch that was judged. Raises `StoreCorrupt`."""
        try:
            reply = unpack_reply(packed)
        except msgspec.MsgspecError as error:
            raise StoreCorrupt(self.keys.meta, str(error)) from error
        self._note(Seen(reply.epoch, reply.sequence))
        self.saw_time(reply.clock_ms, reply.now_ms, judging.sent_ms)
        kinds = judging.kinds[: len(reply.outcomes)]
        self._on_batch(kinds, reply.outcomes, time.monotonic() - judging.started_s)
        found = answers(judging.commands, reply)
        with_extra = [found[extra[0] - 1] for extra in reply.extras]
        self.sold_out.learn(judging.commands, with_extra, judging.started_s)
        return found


def surely_free(packed: bytes | None, now_ms: int) -> int | None:
    """The units of a packed level that can be reserved; None if that is not certain.

    It is not where a reserved unit may be due by `now_ms`, for it would be free then, nor of a
    level that is not there or cannot be read.
    """
    try:
        level = unpack_level("", packed) if packed else None
        if level is None or (level.reserved and due_from_ms(packed or b"") <= now_ms):
            return None
    except Unreadable:
        return None
    return level.available


@lru_cache(maxsize=REFUSALS_KEPT)
def _refusal(line: Line, free: int | None) -> Result | None:
    """The refusal of a Reserve of one line; None if it is not certain."""
    if free is None or line.quantity <= free:
        return None
    return Result(
        Outcome.OUT_OF_STOCK,
        shortages=(Shortage(line.sku, line.location, line.quantity, free),),
    )
