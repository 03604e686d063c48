"""Requests to a process from outside: to stop, and with SIGHUP to begin anew."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

STANDARD_STREAMS = (0, 1, 2)


class Signals:
    """Listens for the signals of the process. `stopping` is set by SIGTERM and SIGINT.

    It is also set when the terminal closes that the process was started on, and with `with_stdin`
    when standard input ends. Any other SIGHUP calls `on_hang_up`. Make it inside the running event
    loop, on the main thread.
    """

    def __init__(self, on_hang_up: Callable[[], None], *, with_stdin: bool) -> None:
        self.stopping = asyncio.Event()
        self._on_hang_up = on_hang_up
        self._terminals = [stream for stream in STANDARD_STREAMS if os.isatty(stream)]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        if with_stdin:
            loop.add_reader(sys.stdin.fileno(), self._read_stdin)

    def _stop(self) -> None:
        self._leave_closed_terminal()
        self.stopping.set()

    def _hang_up(self) -> None:
        if self._leave_closed_terminal():
            self.stopping.set()
        else:
            self._on_hang_up()

    def _leave_closed_terminal(self) -> bool:
        """Whether the terminal is gone. What is still to be logged must not fail for it."""
        gone = [stream for stream in self._terminals if not os.isatty(stream)]
        for stream in gone:
            os.dup2(os.open(os.devnull, os.O_RDWR), stream)
        return bool(gone)

    def _read_stdin(self) -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            self.stopping.set()
