"""Unary calls that are sent again where that can help.

`sync_calls.py`, the synchronous twin, is generated from this file.
"""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable
from operator import attrgetter
from typing import Any

import grpc
import grpc.aio

from holdfast.channel import connections, engine_over
from holdfast.errors import HoldfastError
from holdfast.retry import RetryBudget, wait_ms_before_next


class Calls:
    """Calls over some connections in turns, each within a deadline, and all within a retry budget.

    `timeout_ms` and `attempts_max` are for the calls that bring none of their own. `over` makes the
    services over a channel: the engine's, or those of the order service. `attempts_max` None means
    that the deadline and the budget are the only bounds.
    """

    def __init__(
        self,
        target: str,
        channels: int,
        timeout_ms: int,
        attempts_max: int | None,
        over: Callable[[Any], Any] = engine_over,
    ) -> None:
        self.connections = connections(grpc.aio.insecure_channel, target, channels, over)
        self.timeout_ms = timeout_ms
        self.attempts_max = attempts_max
        self.budget = RetryBudget()
        self._turns = itertools.cycle(self.connections)

    def next_connection(self) -> Any:
        """The connection whose turn it is."""
        return next(self._turns)

    async def call(
        self,
        rpc: str,
        request: Any,
        timeout_ms: float | None = None,
        attempts_max: int | None = None,
    ) -> Any:
        """The answer of an RPC, such as `inventory.GetStock`. Raises HoldfastError."""
        timeout_s = (self.timeout_ms if timeout_ms is None else timeout_ms) / 1_000
        deadline_s = time.monotonic() + timeout_s
        attempt = 0
        while True:
            attempt += 1
            method = attrgetter(rpc)(self.next_connection())
            try:
                answer = await method(request, timeout=deadline_s - time.monotonic())
            except grpc.RpcError as rpc_error:
                error = HoldfastError.from_rpc(rpc_error)
                left_ms = (deadline_s - time.monotonic()) * 1_000
                wait_ms = wait_ms_before_next(
                    error, attempt, attempts_max or self.attempts_max, left_ms, random.random()
                )
                if wait_ms is None or not self.budget.allows(error):
                    raise error from rpc_error
            else:
                self.budget.answered()
                return answer
            await asyncio.sleep(wait_ms / 1_000)

    async def pages(self, rpc: str, request: Any, timeout_ms: int | None) -> AsyncIterator[Any]:
        """The pages of a list, one call each; `request` is changed on the way."""
        while True:
            page = await self.call(rpc, request, timeout_ms)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def close(self) -> None:
        """Closes the connections; calls under way end."""
        for connection in self.connections:
            await connection.channel.close()
