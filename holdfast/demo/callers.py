"""The clients of the demo, and what happens to their calls on the way.

Every command leaves through here and may meet a mishap: sent twice, or its client killed with the
call in flight and another one taking over with the same request and keys.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

import grpc

from holdfast.client import Client
from holdfast.commands import Return
from holdfast.demo.effects import Effects, name_of, verdict_of
from holdfast.demo.plan import NO_MISHAP, Mishap, MishapKind
from holdfast.errors import HoldfastError
from holdfast.order.v1 import order_pb2
from holdfast.orders import OrderClient

TIMES_ASKED_MAX = 10

Item = TypeVar("Item")
Answered = TypeVar("Answered")


@dataclass(slots=True)
class Tally:
    """Counts of calls and mishaps; `place_ms` holds one latency for each PlaceOrder.

    `placed_at_s` is when the last of them was answered, on the clock of `time.perf_counter`.
    """

    calls: int = 0
    duplicates_sent: int = 0
    duplicates_replayed: int = 0
    clients_killed: int = 0
    clients_resumed: int = 0
    killed_after_effect: int = 0
    place_ms: list[float] = field(default_factory=list)
    placed_at_s: float = 0.0


class _Answer(NamedTuple):
    content: Any
    latency_ms: float


class Clients(NamedTuple):
    """One client: its connections to the order service and to the engine."""

    orders: OrderClient
    engine: Client


class Callers:
    """Several clients, which share a tally and an account of effects."""

    def __init__(self, clients: Sequence[Clients], effects: Effects, tally: Tally) -> None:
        self._clients = clients
        self.effects = effects
        self.tally = tally

    @property
    def orders(self) -> OrderClient:
        """A client that nothing happens to, for what changes nothing."""
        return self._clients[0].orders

    async def command(
        self,
        caller: int,
        request: Any,
        mishap: Mishap = NO_MISHAP,
        allowed: Collection[str] = (),
    ) -> Any:
        """Sends a request, or the engine's Return, for `caller` (any number; it picks the client).

        Beside APPLIED, outcomes that are `allowed` are expected. Gives the answer that counts: the
        one of the copy that took effect. Raises HoldfastError if it was not judged in spite of the
        client's retries.
        """
        client = self._clients[caller % len(self._clients)]
        other = self._clients[(caller + 1) % len(self._clients)]
        match mishap.kind:
            case MishapKind.NONE:
                groups = [[await self._ask(client, request)]]
            case MishapKind.TWICE_AT_ONCE:
                groups = [await self._ask_at_once(client, other, request)]
            case MishapKind.TWICE_IN_A_ROW:
                groups = [[await self._ask(client, request)], [await self._ask(other, request)]]
            case MishapKind.KILLED:
                groups = await self._ask_and_die(client, other, request, mishap.after_ms)
        answers = [answer.content for group in groups for answer in group]
        if isinstance(request, order_pb2.PlaceOrderRequest):
            self.tally.place_ms.append(groups[0][0].latency_ms)
            self.tally.placed_at_s = time.perf_counter()
        if mishap.kind in (MishapKind.TWICE_AT_ONCE, MishapKind.TWICE_IN_A_ROW):
            self.tally.duplicates_sent += 1
            self.tally.duplicates_replayed += any(one.replayed for one in answers)
        for group in groups:
            verdicts = [verdict_of(answer.content) for answer in group]
            self.effects.answered(name_of(request), verdicts, allowed)
        return next((one for one in answers if _took_effect(one)), answers[-1])

    async def _ask(self, client: Clients, request: Any) -> _Answer:
        self.tally.calls += 1
        sent_at = time.perf_counter()
        content = await insist(partial(ask, client, request))
        return _Answer(content, (time.perf_counter() - sent_at) * 1_000)

    async def _ask_at_once(self, client: Clients, other: Clients, request: Any) -> list[_Answer]:
        async with asyncio.TaskGroup() as copies:
            tasks = [copies.create_task(self._ask(one, request)) for one in (client, other)]
        return [task.result() for task in tasks]

    async def _ask_and_die(
        self, client: Clients, other: Clients, request: Any, after_ms: float
    ) -> list[list[_Answer]]:
        """Asks, dies after `after_ms`, and has `other` ask again.

        If the answer to the dead client came just before its end, it is given too, as the first.
        """
        doomed = asyncio.create_task(self._ask(client, request))
        try:
            await asyncio.wait({doomed}, timeout=after_ms / 1_000)
        finally:
            doomed.cancel()
        last_words: object = (await asyncio.gather(doomed, return_exceptions=True))[0]
        self.tally.clients_killed += 1
        answer = await self._ask(other, request)
        self.tally.clients_resumed += 1
        self.tally.killed_after_effect += answer.content.replayed
        return [[last_words], [answer]] if isinstance(last_words, _Answer) else [[answer]]


async def insist(call: Callable[[], Awaitable[Answered]]) -> Answered:
    """Makes a call, again and again as long as its answer is too late: its keys make that safe.

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


async def ask(client: Clients, request: Any) -> Any:
    """Sends a request to whom it is for."""
    if isinstance(request, Return):
        return await client.engine.return_units(
            request.reservation_id,
            request.return_id,
            request.lines,
            disposition=request.disposition,
        )
    return await client.orders.ask(request)


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


def _took_effect(answer: Any) -> bool:
    verdict = verdict_of(answer)
    return verdict.applied and not verdict.replayed
