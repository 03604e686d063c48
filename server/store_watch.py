"""Watches the store: whether it answers, and whether it is still safe to entrust stock to."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import redis.asyncio
import structlog
from redis import exceptions

from engine.causes import explained
from engine.errors import EngineError
from engine.store.durability import (
    Durability,
    Weakness,
    describe,
    durability_of,
    inspect_store,
    judge,
    try_to_write,
)
from holdfast.errors import HoldfastError, Reason

log = structlog.get_logger()

PAUSE_S = 1.0
LOOK_S_MAX = 2.0  # a store that is silent for longer is not there for its buyers


class StoreWatch:
    """Looks at the store every second, and at once when a batch has failed.

    `store` and `durability` describe what was found; `trouble` says why nothing can be served, ""
    when it can: what a write would be answered, what the engine says of its tenants
    (`engine_trouble`), and what can be seen of a store of
    the server's own (`own_trouble`, given whether it answers).
    """

    def __init__(
        self,
        client: "redis.asyncio.Redis",
        keep: Durability,
        engine_trouble: Callable[[], Awaitable[str]],
        own_trouble: Callable[[bool], str],
        on_change: Callable[[bool], Awaitable[None]],
    ) -> None:
        self.store = ""
        self.durability = ""
        self.trouble = "the store has not been looked at yet"
        self._client = client
        self._keep = keep
        self._engine_trouble = engine_trouble
        self._own_trouble = own_trouble
        self._weaknesses: list[Weakness] = []
        self._on_change = on_change
        self._look_now = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def refuse_if_unsafe(self) -> None:
        """Raises STORE_UNSAFE if the store fell below the level that it must keep."""
        for weakness in self._weaknesses:
            raise HoldfastError.of(
                Reason.STORE_UNSAFE,
                setting=weakness.setting,
                value=weakness.value,
                mend=weakness.mend,
            )

    async def look(self) -> list[Weakness]:
        """Looks once; returns the settings that are too weak. Raises redis-py's errors."""
        facts = await inspect_store(self._client)
        self.store = describe(facts)
        self.durability = durability_of(facts)
        self._weaknesses = judge(facts, self._keep)
        return self._weaknesses

    async def start(self) -> None:
        """Says how the store is, as `look` has just found it safe, and starts watching."""
        await self._report(await self._trouble())
        self._task = asyncio.get_running_loop().create_task(self._run())

    def suspect(self) -> None:
        """Looks at the store without waiting for the next second: a batch has just failed."""
        self._look_now.set()

    async def stop(self) -> None:
        """Stops watching, after the look that is under way."""
        self._stopping = True
        self._look_now.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        while not self._stopping:
            self._look_now.clear()
            trouble = await self._trouble()
            if trouble != self.trouble and not self._stopping:
                await self._report(trouble)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), PAUSE_S)

    async def _report(self, trouble: str) -> None:
        self.trouble = trouble
        if trouble:
            log.error("not serving", trouble=trouble)
        else:
            log.info("serving", store=self.store, durability=self.durability)
        await self._on_change(not trouble)

    async def _trouble(self) -> str:
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                weaknesses = await self.look()
                if weaknesses:
                    return "; ".join(map(str, weaknesses))
                await try_to_write(self._client)
                return self._own_trouble(True) or await self._engine_trouble()
        except (exceptions.RedisError, OSError, TimeoutError) as error:
            return self._own_trouble(False) or explained(error)
        except EngineError as error:
            return str(error)
