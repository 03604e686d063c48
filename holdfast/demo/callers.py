"""The clients of the demo, and what happens to their calls on the way.

Every command leaves through here, is noted in the ledger, and may meet a mishap: sent twice, or its
client killed with the call in flight and another one taking over with the same command and ids.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple, TypeVar

import grpc

from holdfast.client import Client
from holdfast.commands import Cancel, Command, Confirm, Extend, Release, Reserve, Return, Ship
from holdfast.demo.ledger import Ledger
from holdfast.demo.plan import NO_MISHAP, Mishap, MishapKind
from holdfast.errors import HoldfastError
from holdfast.types import Result

APPLY_COMMANDS_MAX = 200
APPLY_LINES_MAX = 4_000
TIMES_ASKED_MAX = 10

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class Tally:
    """What was counted on the way; `reserve_ms` holds one latency for each order."""

    calls: int = 0
    duplicates_sent: int = 0
    duplicates_replayed: int = 0
    clients_killed: int = 0
    clients_resumed: int = 0
    killed_after_effect: int = 0
    expired: int = 0
    reacquired: int = 0
    reserve_ms: list[float] = field(default_factory=list)


class _Answer(NamedTuple):
    result: Result
    latency_ms: float


class Callers:
    """Several clients of one engine, which share a ledger and a tally."""

    def __init__(self, clients: Sequence[Client], ledger: Ledger, tally: Tally) -> None:
        self._clients = clients
        self._ledger = ledger
        self._tally = tally

    async def call(self, caller: int, command: Command, mishap: Mishap = NO_MISHAP) -> Result:
        """Sends a command for `caller` (any number; it picks the client) and gives its answer.

        Raises HoldfastError if it was not judged in spite of the client's retries.
        """
        client = self._clients[caller % len(self._clients)]
        other = self._clients[(caller + 1) % len(self._clients)]
        self._ledger.sent(command)
        match mishap.kind:
            case MishapKind.NONE:
                answers = [[await self._ask(client, command)]]
            case MishapKind.TWICE_AT_ONCE:
                answers = [await self._ask_at_once(client, other, command)]
            case MishapKind.TWICE_IN_A_ROW:
                answers = [[await self._ask(client, command)], [await self._ask(other, command)]]
            case MishapKind.KILLED:
                answers = await self._ask_and_die(client, other, command, mishap.after_ms)
        if isinstance(command, Reserve):
            self._tally.reserve_ms.append(answers[0][0].latency_ms)
        if mishap.kind in (MishapKind.TWICE_AT_ONCE, MishapKind.TWICE_IN_A_ROW):
            self._note_duplicate(answers)
        noted = [
            self._ledger.answered(command, [answer.result for answer in copies])
            for copies in answers
        ]
        return noted[-1]

    async def apply(self, commands: Sequence[Command]) -> list[Result]:
        """Sends commands in batches, in order, and gives their answers."""
        results: list[Result] = []
        for batch in batches(commands):
            for command in batch:
                self._ledger.sent(command)
            answers = await insist(partial(self._clients[0].apply, batch))
            self._tally.calls += 1
            results.extend(
                self._ledger.answered(command, [answer])
                for command, answer in zip(batch, answers, strict=True)
            )
        return results

    async def _ask(self, client: Client, command: Command) -> _Answer:
        self._tally.calls += 1
        sent_at = time.perf_counter()
        result = await insist(partial(ask, client, command))
        return _Answer(result, (time.perf_counter() - sent_at) * 1_000)

    async def _ask_at_once(self, client: Client, other: Client, command: Command) -> list[_Answer]:
        async with asyncio.TaskGroup() as copies:
            tasks = [copies.create_task(self._ask(one, command)) for one in (client, other)]
        return [task.result() for task in tasks]

    async def _ask_and_die(
        self, client: Client, other: Client, command: Command, after_ms: float
    ) -> list[list[_Answer]]:
        """Asks, dies after `after_ms`, and has `other` ask again.

        If the answer to the dead client came just before its end, it is given too, as the first.
        """
        doomed = asyncio.create_task(self._ask(client, command))
        try:
            await asyncio.wait({doomed}, timeout=after_ms / 1_000)
        finally:
            doomed.cancel()
        (last_words,) = await asyncio.gather(doomed, return_exceptions=True)
        self._tally.clients_killed += 1
        answer = await self._ask(other, command)
        self._tally.clients_resumed += 1
        self._tally.killed_after_effect += answer.result.replayed
        return [[last_words], [answer]] if isinstance(last_words, _Answer) else [[answer]]

    def _note_duplicate(self, answers: list[list[_Answer]]) -> None:
        self._tally.duplicates_sent += 1
        self._tally.duplicates_replayed += any(
            answer.result.replayed for copies in answers for answer in copies
        )


async def insist(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Makes a call, again and again as long as its answer is too late: its ids make that safe.

    That happens when more buyers wait than the machine can serve in a call's time. What else can be
    sent again, the client has sent again already. Raises HoldfastError.
    """
    for _ in range(TIMES_ASKED_MAX - 1):
        try:
            return await call()
        except HoldfastError as error:
            if error.code is not grpc.StatusCode.DEADLINE_EXCEEDED:
                raise
    return await call()


async def ask(client: Client, command: Command) -> Result:
    """Sends a command by the client's method for it."""
    match command:
        case Reserve(reservation_id, lines, ttl_ms, buyer_id):
            return await client.reserve(reservation_id, lines, ttl_ms=ttl_ms, buyer_id=buyer_id)
        case Confirm(reservation_id, reacquire_if_expired):
            return await client.confirm(reservation_id, reacquire_if_expired=reacquire_if_expired)
        case Release(reservation_id):
            return await client.release(reservation_id)
        case Extend(reservation_id, expires_at_ms):
            return await client.extend(reservation_id, expires_at_ms)
        case Ship(reservation_id, shipment_id, lines):
            return await client.ship(reservation_id, shipment_id, lines)
        case Cancel(reservation_id, cancellation_id, lines):
            return await client.cancel(reservation_id, cancellation_id, lines)
        case Return(reservation_id, return_id, lines, disposition):
            return await client.return_units(
                reservation_id, return_id, lines, disposition=disposition
            )


def batches(commands: Iterable[Command]) -> Iterator[list[Command]]:
    """The commands in order, in batches that one Apply takes: of so many commands and lines."""
    batch: list[Command] = []
    lines = 0
    for command in commands:
        line_count = len(command.lines) if isinstance(command, Reserve) else 0
        if batch and (len(batch) == APPLY_COMMANDS_MAX or lines + line_count > APPLY_LINES_MAX):
            yield batch
            batch, lines = [], 0
        batch.append(command)
        lines += line_count
    if batch:
        yield batch


async def for_each(
    items: Sequence[Item], concurrency: int, work: Callable[[Item], Awaitable[object]]
) -> None:
    """Does `work` for every item, begun in order, for at most `concurrency` of them at once."""
    queue = iter(items)

    async def take_from_queue() -> None:
        for item in queue:
            await work(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(min(concurrency, len(items))):
            workers.create_task(take_from_queue())
