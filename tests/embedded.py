"""Running an embedded store in tests, hearing its events, killing it."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from engine.store.embedded import EmbeddedStore
from engine.store.reports import StoreEvent
from tests.waiting import eventually


class Events(list[tuple[str, dict[str, Any]]]):
    """The events of a store, in order."""

    def tell(self, event: str, details: dict[str, Any]) -> None:
        self.append((event, details))

    def details(self, event: StoreEvent) -> list[dict[str, Any]]:
        return [details for name, details in self if name == event]


@asynccontextmanager
async def running(data_dir: Path, events: Events, **limits: Any) -> AsyncIterator[EmbeddedStore]:
    store = EmbeddedStore(data_dir, events.tell, **limits)
    await store.start()
    try:
        yield store
    finally:
        await store.stop()


async def until_event(events: Events, event: StoreEvent, times: int) -> None:
    await eventually(lambda: len(events.details(event)) >= times, f"{event}, {times} times")


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill(pid: int | None, signal_number: signal.Signals) -> None:
    assert pid is not None
    os.kill(pid, signal_number)


async def write(url: str, **values: int) -> None:
    async with Redis.from_url(url) as client:
        await client.mset(values)


async def read(url: str, key: str) -> int:
    async with Redis.from_url(url) as client:
        return int(await client.get(key) or 0)
