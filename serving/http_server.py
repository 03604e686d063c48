"""HTTP by uvicorn, with bounds on what callers may cost before they have said anything.

A request has to be there in full within seconds; of the connections on which one is still being
waited for only so many are kept, and the oldest makes room for the next. So callers that send half
a request and wait hold up nobody, while those who send a whole one are answered.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX: Final = 16_384
"""A request whose head is longer is given up. Its parser would take one of any length."""
READ_S_MAX: Final = 10.0
"""A request that takes longer to arrive is given up."""
WAITING_MAX: Final = 200
"""Connections on which a request is waited for; fewer than a process may usually have open."""
_WAITING: Final = "holdfast_waiting"


class PatientProtocol(HttpToolsProtocol):
    """A connection, which is ended when its request does not come, or its head does not end."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Waits for its first request; whoever has waited the longest may have to go."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Looks whether the request is there in full."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            self.give_up()
        elif self._is_whole:
            self._stop_waiting()

    def on_headers_complete(self) -> None:
        """Counts the bytes of the next head from here on."""
        super().on_headers_complete()
        self._head_bytes = 0

    def on_body(self, body: bytes) -> None:
        """Takes a part of the body, which is of no head."""
        self._head_bytes = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        """Waits for the next request."""
        super().on_response_complete()
        if not self.transport.is_closing() and not self._is_whole:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Waits no more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def give_up(self) -> None:
        """Ends the connection."""
        self._stop_waiting()
        self.transport.abort()

    @property
    def _is_whole(self) -> bool:
        """Whether a request has come in full and is not answered yet.

        Others may have come behind it, of which `cycle` is the last.
        """
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return bool(self.pipeline) or not cycle.more_body

    def _wait(self) -> None:
        self._stop_waiting()
        _wait_for(self, self.server_state)
        self._deadline = self.loop.call_later(READ_S_MAX, self.give_up)

    def _stop_waiting(self) -> None:
        _waiting_of(self.server_state).pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Handshake(asyncio.Protocol):
    """A connection that is not encrypted yet; then the protocol that `new_protocol` makes has it.

    asyncio's servers encrypt by themselves, and say nothing of a connection until they have,
    however many there are and however long they take.
    """

    def __init__(
        self, context: ssl.SSLContext, new_protocol: Callable[..., Any], **given: Any
    ) -> None:
        self._context = context
        self._new_protocol = partial(new_protocol, **given)
        self._state = given["server_state"]
        self._is_begun = False

    def connection_made(self, transport: Any) -> None:
        """Begins to encrypt; whoever has waited the longest may have to go."""
        accepted = transport.get_extra_info("socket")
        # Nothing was read of it, and all is to be read by whoever encrypts.
        self._socket = socket.socket(fileno=os.dup(accepted.fileno()))
        self._socket.setblocking(False)
        transport.abort()
        _wait_for(self, self._state)
        self._state.connections.add(self)
        self._encrypting = asyncio.get_running_loop().create_task(self._encrypt())

    def give_up(self) -> None:
        """Ends the connection."""
        self._forget()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._encrypting.cancel()
        if not self._is_begun:
            self._socket.close()  # else it is the event loop's, which closes it

    shutdown = give_up
    """As uvicorn ends its connections when it stops."""

    async def _encrypt(self) -> None:
        self._is_begun = True
        with suppress(OSError):  # late, gone, or no TLS at all: nothing that a log needs
            await asyncio.get_running_loop().connect_accepted_socket(
                self._new_protocol,
                self._socket,
                ssl=self._context,
                ssl_handshake_timeout=READ_S_MAX,
            )
        self._forget()

    def _forget(self) -> None:
        _waiting_of(self._state).pop(self, None)
        self._state.connections.discard(self)


def _waiting_of(state: Any) -> dict[Any, None]:
    """The connections of a server on which something is waited for, the oldest first."""
    waiting: dict[Any, None] = state.__dict__.setdefault(_WAITING, {})
    return waiting


def _wait_for(connection: Any, state: Any) -> None:
    """Adds a connection to those; whoever has waited the longest may have to go."""
    waiting = _waiting_of(state)
    while len(waiting) >= WAITING_MAX:
        next(iter(waiting)).give_up()
    waiting[connection] = None


class _Config(uvicorn.Config):
    def load(self) -> None:
        super().load()
        if self.ssl is not None:
            protocol: Any = partial(Handshake, self.ssl, self.http_protocol_class)
            self.http_protocol_class, self.ssl = protocol, None


def http_config(app: Any, **more: Any) -> uvicorn.Config:
    """The settings of uvicorn for an app, with bounds; `more` are others of its settings."""
    return _Config(
        app,
        http=PatientProtocol,
        ws="none",
        proxy_headers=False,  # nothing asks who is at the other end
        log_level="warning",
        access_log=False,
        **more,
    )
