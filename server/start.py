"""How a start ends: ready, said in a line and a file, or with a message and an exit code."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from server.config import Config

log = structlog.get_logger()

EXIT_REFUSED = 1
EXIT_STORE_UNREACHABLE = 3


class StartError(Exception):
    """The server did not start; the message says why and what to do, `exit_code` how it ends."""

    def __init__(self, message: str, exit_code: int = EXIT_REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code

    @classmethod
    def cannot_listen(cls, setting: str, address: str) -> "StartError":
        """The error of an address that is taken, or not this machine's."""
        return cls(
            f"{setting}: cannot listen on {address}; another server may have the port. Stop it or "
            "choose another port"
        )


@contextmanager
def announced(config: Config, target: str, about: str) -> Iterator[None]:
    """Says that the server is ready on `target`; `about` is what it stands on, for a person.

    A server with a store of its own says so in a file, too, which is there while the context lasts.
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
