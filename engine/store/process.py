"""One run of the store: its settings, and the process with them."""

import os
import signal
import subprocess
from pathlib import Path

from engine.store.directory import StoreDirectory
from serving.processes import ChildProcess, owned

SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "appendonly": "yes",
    "appendfsync": "always",
    "save": "",
    "maxmemory-policy": "noeviction",
    # A batch asks one hash for many fields, and a listpack is searched from its start for each.
    "hash-max-listpack-entries": "64",
}


def store_command(binary: Path, directory: StoreDirectory) -> list[str]:
    """The command that becomes the store, alone in its directory; this process is its owner."""
    settings = SETTINGS | {"dir": str(directory.path), "unixsocket": str(directory.socket)}
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return owned([str(binary), *arguments], signal.SIGTERM, directory.store_lock)


def started_store(binary: Path, directory: StoreDirectory) -> ChildProcess:
    """A store that has just been started. Raises OSError if no process can be made.

    It logs to its standard output, as it does for errors in its settings. Start it on the event
    loop's thread: the kernel ends it with the thread that started it.
    """
    log = directory.open_log()
    try:
        return ChildProcess(
            store_command(binary, directory),
            stdout=log,
            errors=subprocess.STDOUT,
            cwd=directory.path,
            umask=0o077,
        )
    finally:
        os.close(log)
