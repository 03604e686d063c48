"""One run of the store: its settings, and its process started, watched and ended."""

import asyncio
import os
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

from engine.store.directory import StoreDirectory

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
    """The command that becomes the store; this process is its owner (see exec_shim.py).

    It logs to its standard output, where what it says before it has its settings goes too.
    """
    program = str(Path(__file__).with_name("exec_shim.py"))
    owner_pid, lock = str(os.getpid()), str(directory.store_lock)
    settings = SETTINGS | {"dir": str(directory.path), "unixsocket": str(directory.socket)}
    arguments = [word for name, value in settings.items() for word in (f"--{name}", value)]
    return [sys.executable, "-I", "-S", program, owner_pid, lock, str(binary), *arguments]


class StoreProcess:
    """A running store. `pid` is its process, `exited` becomes its exit code (-9 after SIGKILL).

    subprocess starts it and not the event loop: uvloop forks and runs every fork hook, gRPC's too;
    subprocess uses vfork, which runs none. Make it on the event loop's thread: the kernel ends
    the store with the thread that started it.
    """

    def __init__(self, binary: Path, directory: StoreDirectory) -> None:
        """Start it, in a session of its own, so that Ctrl-C on a terminal is its owner's to handle.

        Raises OSError if no process can be made.
        """
        loop = asyncio.get_running_loop()
        self.exited: asyncio.Future[int] = loop.create_future()
        log = directory.open_log()
        try:
            self._popen = subprocess.Popen(
                store_command(binary, directory),
                cwd=directory.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        finally:
            os.close(log)
        self.pid = self._popen.pid
        # A daemon, so that the interpreter can exit, and the store with it, without stop().
        threading.Thread(target=self._watch, args=(loop,), name="store-watch", daemon=True).start()

    async def end(self, seconds_max: float) -> bool:
        """End it with SIGTERM, and SIGKILL after `seconds_max`; whether it had to be killed."""
        if self.exited.done():
            return False
        self._popen.terminate()
        await asyncio.wait({self.exited}, timeout=seconds_max)
        if self.exited.done():
            return False
        self._popen.kill()
        await asyncio.wait({self.exited})
        return True

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        exit_code = self._popen.wait()
        # RuntimeError: the loop was closed without stopping the store, so nobody waits for it.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self.exited.set_result, exit_code)
