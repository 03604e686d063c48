"""A lean gRPC caller for unary calls: HTTP/2 frames by hand, a tenth of the cost of gRPC's client.

On a machine that the load shares with the server, gRPC's own client in Python is slower than the
server, so it would measure itself; h2load is fast enough but can only send one body, and every
Reserve needs an id of its own. This sends prepared bodies and understands just enough of HTTP/2
(RFC 9113): requests fit into one frame, and so few are open at a time that the server's flow
control window is never exhausted.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import cast

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RST_STREAM, _SETTINGS, _PING, _GOAWAY, _WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_WINDOW = 2**31 - 1
_FRAME_HEADER = 9
_FRAME_MAX = 16_384


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big")
    return head + payload


def _text(value: str) -> bytes:
    return bytes((len(value),)) + value.encode()


def request_headers(path: str, authority: str) -> bytes:
    """The header block of a call, without indexing (RFC 7541)."""
    return (
        b"\x83\x86"  # :method POST, :scheme http
        + (b"\x04" + _text(path))
        + (b"\x01" + _text(authority))
        + (b"\x0f\x10" + _text("application/grpc"))  # content-type
        + (b"\x00" + _text("te") + _text("trailers"))
    )


class H2Caller(asyncio.Protocol):
    """One connection, on which any number of calls is open.

    `answers` has the message of each call that got one, `latencies_s` how long each took that
    ended. `on_ended` is told how many calls have just ended; `broken` is set with the error that
    ended the connection.
    """

    def __init__(
        self, path: str, authority: str, on_ended: "Callable[[H2Caller, int], None]"
    ) -> None:
        self.answers: list[bytes] = []
        self.latencies_s: list[float] = []
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._headers = request_headers(path, authority)
        self._on_ended = on_ended
        self._started_s: dict[int, float] = {}
        self._stream = 1
        self._unread = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Opens the connection with windows so large that they never have to be renewed."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        no_table = b"\x00\x01" + (0).to_bytes(4, "big")
        window = b"\x00\x04" + _WINDOW.to_bytes(4, "big")
        grow = (_WINDOW - 65_535).to_bytes(4, "big")
        self._transport.write(
            _PREFACE
            + _frame(_SETTINGS, 0, 0, no_table + window)
            + _frame(_WINDOW_UPDATE, 0, 0, grow)
        )

    def send(self, messages: Sequence[bytes], since_s: Sequence[float]) -> None:
        """Opens a call for each message; its latency counts from `since_s` (perf_counter)."""
        frames = []
        for message, started_s in zip(messages, since_s, strict=True):
            assert len(message) + 5 <= _FRAME_MAX
            frames.append(_frame(_HEADERS, _END_HEADERS, self._stream, self._headers))
            body = b"\0" + len(message).to_bytes(4, "big") + message
            frames.append(_frame(_DATA, _END_STREAM, self._stream, body))
            self._started_s[self._stream] = started_s
            self._stream += 2
        self._transport.write(b"".join(frames))

    def data_received(self, data: bytes) -> None:
        """Reads the frames that have come, and tells of the calls that have ended."""
        data = self._unread + data
        at, ended, now_s = 0, 0, time.perf_counter()
        while len(data) >= at + _FRAME_HEADER:
            length = int.from_bytes(data[at : at + 3], "big")
            if len(data) < at + _FRAME_HEADER + length:
                break
            kind, flags = data[at + 3], data[at + 4]
            stream = int.from_bytes(data[at + 5 : at + 9], "big")
            payload = data[at + _FRAME_HEADER : at + _FRAME_HEADER + length]
            at += _FRAME_HEADER + length
            if kind == _DATA:
                self.answers.append(payload[5:])
            elif kind == _HEADERS and flags & _END_STREAM:
                self.latencies_s.append(now_s - self._started_s.pop(stream))
                ended += 1
            elif kind in (_RST_STREAM, _GOAWAY):
                self._fail(f"the server ended the connection: frame {kind}, {payload!r}")
            elif kind in (_PING, _SETTINGS) and not flags & _ACK:
                self._transport.write(_frame(kind, _ACK, 0, payload if kind == _PING else b""))
        self._unread = data[at:]
        if ended:
            self._on_ended(self, ended)

    def connection_lost(self, error: Exception | None) -> None:
        """Says that nothing more will end."""
        self._fail(f"the connection was lost: {error}")

    def close(self) -> None:
        """Ends the connection."""
        self._transport.close()

    def _fail(self, problem: str) -> None:
        if not self.broken.done():
            self.broken.set_exception(ConnectionError(problem))
