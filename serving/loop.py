"""The event loop of our servers: uvloop's, woken by gRPC once for all that has happened.

gRPC's own thread writes a byte for each event, and its reader takes one byte at a time, though it
handles all events that there are: the loop would be woken again for each of the others.
"""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import uvloop
from grpc._cython import cygrpc

WAKES_READ_MAX = 4_096


class _Drained(socket.socket):
    """A socket that is read empty, however little is asked for: how often it wakes says nothing."""

    __slots__ = ()

    def recv(self, _: int, flags: int = 0) -> bytes:
        return super().recv(WAKES_READ_MAX, flags)


class Loop(uvloop.Loop):
    """An event loop that drains gRPC's socket when it is woken by it."""

    def add_reader(self, fd: Any, callback: Callable[..., Any], *args: Any) -> None:  # type: ignore[override]
        """Calls back when there is something to read."""
        if _is_of_grpc(callback) and type(fd) is socket.socket:
            fd.__class__ = _Drained
        super().add_reader(fd, callback, *args)


def _is_of_grpc(callback: Callable[..., Any]) -> bool:
    reader = getattr(callback.func, "__self__", None) if isinstance(callback, partial) else None
    return isinstance(reader, cygrpc.PollerCompletionQueue)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Runs a server to its end."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main)
