"""The start of a server: it opens its store, and announces that it is ready."""

import json
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from engine.store.embedded import EmbeddedStore
from engine.store.reports import StoreEvent, StoreStartFailed
from server.config import Config
from server.workers import restart_s
from serving.start import StartError

log = structlog.get_logger()


@asynccontextmanager
async def opened_store(config: Config, on_restart: Callable[[], None]) -> AsyncIterator[str]:
    """The URL of the store, which is started and stopped if it is the server's own.

    `on_restart` is called each time that it died and is started again. Raises StartError.
    """
    if config.redis_url:
        yield config.redis_url
        return

    def tell(event: str, details: dict[str, Any]) -> None:
        log.info(event, **details)
        if event == StoreEvent.EXITED:
            on_restart()

    store = EmbeddedStore(Path(config.data_dir), tell, restart_seconds=restart_s)
    try:
        await store.start()
    except StoreStartFailed as error:
        raise StartError(str(error)) from error
    try:
        yield store.url
    finally:
        await store.stop()


@contextmanager
def announced(config: Config, target: str, about: str) -> Iterator[None]:
    """Says that the server is ready on `target`; `about` describes its store, for a person.

    A server with a store of its own also writes a file, which is there while the context lasts.
    """
    ready_file = None
    if not config.redis_url:
        ready_file = Path(config.data_dir) / "server.json"
        unfinished = ready_file.with_suffix(".new")
        unfinished.write_text(json.dumps({"pid": os.getpid(), "target": target}))
        unfinished.replace(ready_file)
    log.info("ready", target=target, pid=os.getpid(), about=about)
    print(f"Holdfast is ready on {target} ({about})", flush=True)
    try:
        yield
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
