"""The start of a server: it opens its store, and announces that it is ready."""

import json
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import structlog

from engine.seen import OneProcess, Place
from engine.seen_files import SeenFiles, SeenUnusable
from engine.store.embedded import EmbeddedStore
from engine.store.reports import StoreEvent, StoreStartFailed
from server.config import Config
from server.workers import restart_s
from serving.open_ports import warn_if_open
from serving.settings import name_of
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
def opened_place(config: Config) -> Iterator[Place]:
    """The place where it is remembered how far the store was seen. Raises StartError."""
    path = config.seen_path
    if path is None:
        log.warning(
            "that the store went back is not noticed after a restart: set HOLDFAST_SEEN_DIR"
        )
        yield OneProcess()
        return

    def tell(problem: str) -> None:
        log.error("not remembered", problem=problem)

    try:
        place = SeenFiles(path, tell)
    except SeenUnusable as error:
        raise StartError(
            f"HOLDFAST_SEEN_DIR: {error}. It must be a directory that this user can write to"
        ) from error
    try:
        yield place
    finally:
        place.close()


@contextmanager
def shared_place(config: Config) -> Iterator[str]:
    """The directory that all workers remember in; one for the life of the supervisor, if none is
    named.
    """
    if config.seen_path is not None:
        yield str(config.seen_path)
        return
    log.warning("that the store went back is not noticed after a restart: set HOLDFAST_SEEN_DIR")
    with tempfile.TemporaryDirectory(prefix="holdfast-seen-") as directory:
        yield directory


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
    can = "can reserve, sell and release all stock of every shop"
    warn_if_open(name_of("listen"), config.listen, can)
    log.info("ready", target=target, pid=os.getpid(), about=about)
    print(f"Holdfast is ready on {target} ({about})", flush=True)
    try:
        yield
    finally:
        if ready_file is not None:
            ready_file.unlink(missing_ok=True)
