"""HTTP/1.1 by hand: prepared requests over connections that stay open, one at a time on each.

For the same reason as `h2_caller.py`: on a machine that the load shares with the server, an HTTP
client in Python would measure itself.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

from benchmarks.sample import Measured, Stopwatch

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


def request_of(url: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A POST, ready to be sent."""
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path} HTTP/1.1",
        f"host: {parts.netloc}",
        f"content-length: {len(body)}",
        "content-type: application/json",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join(lines).encode() + _END_OF_HEAD + body


class _Poster(asyncio.Protocol):
    """One connection: sends the next request when the one before has been answered."""

    def __init__(self, waiting: Iterator[bytes], answers: list[bytes]) -> None:
        self.latencies_s: list[float] = []
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = waiting
        self._answers = answers
        self._unread = b""
        self._sent_s = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        head, found, rest = self._unread.partition(_END_OF_HEAD)
        if not found or len(rest) < _length_in(head):
            return
        self._unread = b""
        self._answers.append(head.split(b" ", 2)[1])
        self.latencies_s.append(time.perf_counter() - self._sent_s)
        self.send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError(f"the connection was lost: {error}"))

    def send_next(self) -> None:
        """Sends the next request; without one this connection has ended its work."""
        request = next(self._waiting, None)
        if request is not None:
            self._sent_s = time.perf_counter()
            self._transport.write(request)
        elif not self.ended.done():
            self.ended.set_result(None)
            self._transport.close()


async def post_all(url: str, requests: Sequence[bytes], open_calls: int) -> Measured:
    """Sends the requests, `open_calls` at a time. The answers are statuses, such as b"200".

    Raises ConnectionError.
    """
    parts = urlsplit(url)
    waiting = iter(requests)
    answers: list[bytes] = []
    posters: list[_Poster] = []
    for _ in range(min(open_calls, len(requests))):
        _, poster = await asyncio.get_running_loop().create_connection(
            lambda: _Poster(waiting, answers), parts.hostname or "", parts.port or 0
        )
        posters.append(poster)
    stopwatch = Stopwatch()
    for poster in posters:
        poster.send_next()
    await asyncio.gather(*(poster.ended for poster in posters))
    latencies_s = [latency_s for poster in posters for latency_s in poster.latencies_s]
    return stopwatch.measured(latencies_s, answers)


def _length_in(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(_LENGTH):
            return int(line[len(_LENGTH) :])
    return 0
