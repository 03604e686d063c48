"""Announces that a server is ready: in a line and in a file."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from server.config import Config

log = structlog.get_logger()


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
