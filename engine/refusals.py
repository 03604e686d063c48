"""Refusals of what was sold out a moment ago: collected, then looked up in the store together.

gRPC hands calls over one by one, and a look at the store costs as much for one as for many. So the
first waits for others of its kind, and as long as others come, to a bound: nobody is harmed who
hears a few milliseconds later that there is nothing left, and most calls of a flash sale do.
"""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

from engine.errors import EngineError
from engine.model import BATCH_COMMANDS_MAX
from engine.partition import Partition, Refused
from engine.request import Request

# They are looked up after COMPANY_S that brought no other, and after COLLECTED_S_MAX at the latest.
COMPANY_S = 0.002
COLLECTED_S_MAX = 0.008


class Refusals:
    """The requests of one partition that are to be refused.

    `judge` takes those that have to be judged after all, `fail` those of which the store did not
    answer. `on_turn` is called whenever some have been dealt with.
    """

    def __init__(
        self,
        partition: Partition,
        judge: Callable[[list[Request]], None],
        fail: Callable[[list[Request], EngineError], None],
        on_turn: Callable[[], None],
    ) -> None:
        self._partition = partition
        self._judge = judge
        self._fail = fail
        self._on_turn = on_turn
        self._loop = asyncio.get_running_loop()
        self._collected: list[Request] = []
        self._ask_by = 0.0
        self._under_way: dict[object, list[Request]] = {}

    @property
    def waiting(self) -> Iterator[Request]:
        """The requests that have no answer yet."""
        return (it for batch in (self._collected, *self._under_way.values()) for it in batch)

    @property
    def idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not self._collected and not self._under_way

    def add(self, request: Request) -> None:
        """Takes a request: a Reserve of one line, and nothing else."""
        self._collected.append(request)
        if len(self._collected) == 1:
            self._ask_by = self._loop.time() + COLLECTED_S_MAX
            self._loop.call_later(COMPANY_S, self._look, self._collected, 1)
        elif len(self._collected) >= BATCH_COMMANDS_MAX:
            self.ask()

    def _look(self, collected: list[Request], before: int) -> None:
        """Asks, unless more have come than there were `before`."""
        if collected is not self._collected:
            return
        if len(collected) > before and self._loop.time() + COMPANY_S <= self._ask_by:
            self._loop.call_later(COMPANY_S, self._look, collected, len(collected))
        else:
            self.ask()

    def ask(self) -> None:
        """Looks up what has been collected, without waiting for more."""
        batch = [request for request in self._collected if not request.answers.done()]
        self._collected = []
        if not batch:
            return
        key = object()

        def on_refused(refused: Refused | EngineError | None) -> None:
            try:
                self._end(batch, refused)
            finally:
                del self._under_way[key]
                self._on_turn()

        self._under_way[key] = batch
        reserves: list[Any] = [request.commands[0] for request in batch]
        try:
            asked = self._partition.refuse(reserves, on_refused)
        except Exception:  # noqa: BLE001 - whose failure it is comes out when they are judged
            asked = False
        if not asked:
            on_refused(None)

    def _end(self, batch: list[Request], refused: Refused | EngineError | None) -> None:
        if isinstance(refused, EngineError):
            self._fail(batch, refused)
        elif refused is None:
            self._judge(batch)
        else:
            answered = zip(batch, refused, strict=True)
            left = [it for it, refusal in answered if refusal is None or not it.take((refusal,))]
            if left:
                self._judge(left)
