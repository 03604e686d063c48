"""Keeps workers running: replaces one that dies, rolls them one after another, ends them all."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from holdfast.retry import backoff
from serving.heart import LOOK_S, hangs
from serving.processes import ChildProcess, DidNotStart, in_thread

log = structlog.get_logger()

# A worker that ran this long was well: when it dies, it is replaced as if for the first time.
STAYED_UP_S = 10.0
RESTART_S_MIN = 0.05
RESTART_S_MAX = 5.0


def restart_s(deaths: int) -> float:
    """The pause before a worker or the server's own store is started again.

    `deaths` is how often it died in a row, each time soon after its start.
    """
    return backoff(deaths, RESTART_S_MIN, RESTART_S_MAX)


class Workers:
    """The workers of one port. A worker's number is the lowest that no living one has.

    `launch` starts the worker of a number, `on_restart` is called for each that died, `on_end` with
    each number that is free again. A worker that is to end has `drain_s_max` seconds for it. One
    that hangs (serving.heart), by looks that are `look_s` apart, is killed and replaced.
    """

    def __init__(
        self,
        launch: Callable[[int], ChildProcess],
        on_restart: Callable[[], None],
        on_end: Callable[[int], None],
        drain_s_max: float,
        look_s: float = LOOK_S,
    ) -> None:
        self._launch = launch
        self._on_restart = on_restart
        self._on_end = on_end
        self._drain_s_max = drain_s_max
        self._look_s = look_s
        self._numbers: set[int] = set()
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self, count: int) -> str:
        """Starts `count` workers and waits until all are ready; returns the first one's ready line.

        The first starts alone: a reason not to start is the same for all, and is said once. Raises
        DidNotStart if one ends before it is ready; it has said why on standard error.
        """
        about = await self._add()
        await asyncio.gather(*(self._add() for _ in range(count - 1)))
        return about

    async def roll(self) -> None:
        """Replaces each worker by a new one, which is ready before the old one drains.

        Ends early if a new one does not start; the others go on.
        """
        for keeper in tuple(self._keepers):
            try:
                await self._add()
            except DidNotStart as failure:
                log.error("workers not rolled", problem=str(failure))
                return
            await self._retire(keeper)
        log.info("workers rolled")

    async def stop(self) -> None:
        """Drains all workers at the same time, and waits until they have ended."""
        await self._retire(*self._keepers)

    async def _add(self) -> str:
        """Adds a worker and waits until it is ready."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[str] = loop.create_future()
        keeper = loop.create_task(self._keep(ready))
        self._keepers.append(keeper)
        try:
            return await ready
        except DidNotStart:
            self._keepers.remove(keeper)
            raise

    async def _retire(self, *keepers: "asyncio.Task[None]") -> None:
        for keeper in keepers:
            if not keeper.cancelling():  # draining must not be interrupted
                keeper.cancel()
        if keepers:
            await asyncio.wait(keepers)
        self._keepers = [keeper for keeper in self._keepers if keeper not in keepers]

    async def _keep(self, ready: "asyncio.Future[str]") -> None:
        """Runs a worker, and another when it dies, until cancelled; then drains the last."""
        loop = asyncio.get_running_loop()
        deaths = 0
        while True:
            launched_at = loop.time()
            try:
                exit_code = await self._run(ready)
            except OSError as error:
                log.error("worker not launched", problem=str(error))
                exit_code = 1
            if not ready.done():
                problem = f"a worker ended with exit code {exit_code} before it was ready"
                ready.set_exception(DidNotStart(problem, exit_code))
                return
            if loop.time() - launched_at > STAYED_UP_S:
                deaths = 0
            deaths += 1
            self._on_restart()
            await asyncio.sleep(restart_s(deaths))

    async def _run(self, ready: "asyncio.Future[str]") -> int:
        """Runs a worker until it ends unasked; returns its exit code."""
        async with self._launched() as (number, worker):
            with suppress(DidNotStart):
                about = await in_thread(worker.ready)
                if not ready.done():
                    ready.set_result(about)
            watch = asyncio.create_task(self._watch(number, worker))
            try:
                exit_code = await in_thread(worker.wait)
            finally:
                watch.cancel()
        log.warning("worker ended", worker=number, pid=worker.pid, exit_code=exit_code)
        return exit_code

    async def _watch(self, number: int, worker: ChildProcess) -> None:
        """Kills a worker that hangs: its end is seen to by whoever waits for it."""
        if await hangs(worker, self._look_s):
            log.error("worker hangs", worker=number, pid=worker.pid)
            worker.kill()

    @asynccontextmanager
    async def _launched(self) -> AsyncIterator[tuple[int, ChildProcess]]:
        number = next(n for n in itertools.count(1) if n not in self._numbers)
        self._numbers.add(number)
        try:
            worker = self._launch(number)
            try:
                yield number, worker
            finally:
                await in_thread(worker.end, self._drain_s_max)
        finally:
            self._numbers.remove(number)
            self._on_end(number)
