"""One connection to the store: commands go out as they come, and each reply to its own command.

redis-py connects, authenticates and encrypts; then the connection's protocol is ours, because
redis-py takes a task, a timeout and a lock for each reply. Replies have no names: the store answers
in the order of the commands. So each command puts into a queue what is to be called with its reply,
and each reply takes the first of them out, whether or not anybody still waits for it. A connection
on which anything went wrong is ended and not used again, so that no reply ever reaches the wrong
caller; each command under way gets the error instead.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import hiredis
import redis.asyncio
from redis import exceptions
from redis._parsers.base import BaseParser

ANSWER_TIMEOUT_S = 5.0
_INCOMPLETE: Final = object()

Words = tuple[Any, ...]
"""A command: its name and its arguments."""
OnReply = Callable[[Any], None]
"""Is called with the reply, or with the exception that it means or that came instead."""


class Pipe(asyncio.Protocol):
    """One connection to the store, used by many callers at a time, until it is `broken`."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        pool: Any = client.connection_pool
        self._connection = pool.connection_class(**pool.connection_kwargs)
        self._connecting: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: Any = None
        self._replies = hiredis.Reader(
            protocolError=exceptions.InvalidResponse,
            replyError=BaseParser.parse_error,
            notEnoughData=_INCOMPLETE,
        )
        # Of each command that is under way, in order: its caller, and when it was sent.
        self._under_way: deque[tuple[OnReply, float]] = deque()
        self._watchdog: asyncio.TimerHandle | None = None
        self.broken = False
        self.scripts: set[str] = set()
        """The SHA-1s of the scripts that were sent on this connection."""

    @property
    def connected(self) -> bool:
        """Whether a command can be sent at once."""
        return self._transport is not None and not self.broken

    async def connect(self) -> None:
        """Connects, once for all who wait for it. Raises redis-py's errors."""
        if self._connecting is None:
            self._connecting = self._loop.create_task(self._connect())
            self._connecting.add_done_callback(_is_known)
        # Whoever gives up waiting costs nobody else the connection.
        await asyncio.shield(self._connecting)

    async def _connect(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._connection.connect()
            self._take_over()
        except BaseException as error:
            self.end(exceptions.ConnectionError(f"not connected: {error!r}"))
            raise

    def _take_over(self) -> None:
        transport, reader = self._connection._writer.transport, self._connection._reader
        if self.broken or reader._buffer or reader.at_eof() or transport.is_closing():
            transport.abort()
            raise exceptions.ConnectionError("the store hung up, or said more than it was asked")
        transport.set_protocol(self)
        self._transport = transport

    def send(self, on_reply: OnReply, *commands: Words) -> None:
        """Sends commands, at once; `on_reply` is called for each. Ask before if it is `connected`.

        What is sent at a time costs the store one wake.
        """
        now = self._loop.time()
        self._transport.write(b"".join([hiredis.pack_command(words) for words in commands]))
        self._under_way.extend([(on_reply, now)] * len(commands))
        if self._watchdog is None:
            self._watchdog = self._loop.call_at(now + ANSWER_TIMEOUT_S, self._look)

    def send_together(self, on_replies: OnReply, *commands: Words) -> None:
        """Sends commands, at once; `on_replies` is called once with the list of their replies, or
        with the first exception of them.
        """
        found: list[Any] = []

        def take(reply: Any) -> None:
            found.append(reply)
            if len(found) == len(commands):
                on_replies(next((it for it in found if isinstance(it, Exception)), found))

        self.send(take, *commands)

    def replies(self, *commands: Words) -> "asyncio.Future[list[Any]]":
        """Sends commands, at once; the future has their replies, or the first exception of them."""
        future: asyncio.Future[list[Any]] = self._loop.create_future()

        def take(found: Any) -> None:
            if future.done():
                return  # whoever waited does not any more
            if isinstance(found, Exception):
                future.set_exception(found)
            else:
                future.set_result(found)

        self.send_together(take, *commands)
        return future

    def data_received(self, data: bytes) -> None:
        """Gives each reply that is whole to its caller."""
        try:
            self._replies.feed(data)
            while (reply := self._replies.gets()) is not _INCOMPLETE:
                if isinstance(reply, hiredis.PushNotification):
                    continue  # not asked for, and no reply
                on_reply, _ = self._under_way.popleft()
                self._tell(on_reply, reply)
        except IndexError:
            self.end(exceptions.ConnectionError("the store said more than it was asked"))
        except exceptions.InvalidResponse as error:
            self.end(exceptions.ConnectionError(f"the store does not speak its protocol: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        """Fails what is under way."""
        self.end(exceptions.ConnectionError(f"the connection was lost: {exc or 'hung up'}"))

    def end(self, reason: Exception) -> None:
        """Ends the connection; each command under way gets the reason for a reply."""
        self.broken = True
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        if self._transport is not None:
            self._transport.abort()
        self._connection._close()
        while self._under_way:
            on_reply, _ = self._under_way.popleft()
            self._tell(on_reply, reason)

    def _tell(self, on_reply: OnReply, reply: Any) -> None:
        """Calls back; a caller's own bug is no other's."""
        try:
            on_reply(reply)
        except Exception as error:  # noqa: BLE001
            self._loop.call_exception_handler(
                {"message": "a reply of the store was not taken", "exception": error}
            )

    def _look(self) -> None:
        """Ends the connection if the first reply is late; the replies after it would be later."""
        self._watchdog = None
        if not self._under_way:
            return
        late_at = self._under_way[0][1] + ANSWER_TIMEOUT_S
        if late_at > self._loop.time():
            self._watchdog = self._loop.call_at(late_at, self._look)
            return
        self.end(exceptions.TimeoutError(f"the store did not answer in {ANSWER_TIMEOUT_S:g} s"))


def _is_known(connecting: asyncio.Task[None]) -> None:
    """Takes note of a failure that nobody may be waiting for."""
    if not connecting.cancelled():
        connecting.exception()
