"""HTTP by uvicorn, with bounds on what callers may cost before they have said anything.

A request has to be there in full within seconds; of the connections on which one is still being
waited for only so many are kept, and the oldest makes room for the next. So callers that send half
a request and wait hold up nobody, while those who send a whole one are answered.
"""

import asyncio
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

READ_S_MAX: Final = 10.0
"""A request that takes longer to arrive is given up."""
WAITING_MAX: Final = 200
"""Connections on which a request is waited for; fewer than a process may usually have open."""
_WAITING: Final = "holdfast_waiting"


class PatientProtocol(H11Protocol):
    """A connection, which is ended when its request does not come."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Waits for its first request; whoever has waited the longest may have to go."""
        super().connection_made(transport)
        waiting = self._waiting
        while len(waiting) >= WAITING_MAX:
            next(iter(waiting)).give_up()
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Looks whether the request is there in full."""
        super().data_received(data)
        if self._is_whole:
            self._stop_waiting()

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
        """Whether a request has come in full and is not answered yet."""
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete and not cycle.more_body

    @property
    def _waiting(self) -> "dict[PatientProtocol, None]":
        """The connections of this server on which a request is waited for, the oldest first."""
        waiting: dict[PatientProtocol, None] = self.server_state.__dict__.setdefault(_WAITING, {})
        return waiting

    def _wait(self) -> None:
        self._stop_waiting()
        self._waiting[self] = None
        self._deadline = self.loop.call_later(READ_S_MAX, self.give_up)

    def _stop_waiting(self) -> None:
        self._waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def http_config(app: Any, **more: Any) -> uvicorn.Config:
    """The settings of uvicorn for an app, with bounds; `more` are others of its settings."""
    return uvicorn.Config(app, http=PatientProtocol, log_level="warning", access_log=False, **more)
