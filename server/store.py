"""The store of a server: one that it is given, or one of its own."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog

from engine.store.embedded import EmbeddedStore
from engine.store.reports import StoreEvent, StoreStartFailed
from server.config import Config
from server.restarts import restart_s
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
