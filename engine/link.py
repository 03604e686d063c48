"""The way to the store: runs the batch script, and turns redis-py's errors into the engine's.

redis-py connects, authenticates and reads replies. The script runs on a connection of its own, so
that a batch never queues behind a read; a connection on which anything went wrong is not used
again, so that a reply can never reach the wrong caller.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import hiredis
import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from engine.causes import code_of, is_refusal
from engine.errors import (
    EngineError,
    StoreCorrupt,
    StoreFull,
    StoreRefuses,
    StoreUnreachable,
)
from engine.keys import PartitionKeys
from engine.scripts import Script

ANSWER_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 2.0

# The keys that are no hash.
_KEY_TYPES = {"deadlines": "zset", "retention": "zset", "journal": "stream"}


def connect(url: str) -> "redis.asyncio.Redis":
    """A client of the store at a redis-py URL. It does not retry: its callers decide that."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def engine_error(error: Exception) -> EngineError:
    """The engine's error for one of redis-py."""
    text, code = str(error) or type(error).__name__, code_of(error)
    if code == "OOM":
        return StoreFull(text)
    if is_refusal(code):
        return StoreRefuses(code, text)
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | OSError):
        return StoreUnreachable(text)
    return StoreCorrupt("", text)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns an error of redis-py into an `EngineError`."""
    try:
        yield
    except (exceptions.RedisError, OSError) as error:
        raise engine_error(error) from error


async def located(
    failure: StoreCorrupt, client: "redis.asyncio.Redis", keys: PartitionKeys
) -> StoreCorrupt:
    """The failure with the name of the key that has a wrong type, if one has."""
    with store_errors():
        kinds: list[Any] = [await client.type(key) for key in keys]
    for (name, key), found in zip(keys._asdict().items(), kinds, strict=True):
        kind, wanted = found.decode(), _KEY_TYPES.get(name, "hash")
        if kind not in ("none", wanted):
            return StoreCorrupt(key, f"is a {kind}, not a {wanted}")
    return StoreCorrupt(keys.meta.rpartition(":")[0], str(failure))


class _Pipe:
    """One connection to the store. Replies come in the order of the commands."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        pool: Any = client.connection_pool
        # Deadlines are `ScriptLink`'s: redis-py's own, one for each write, cost a task each time.
        self._connection = pool.connection_class(
            **pool.connection_kwargs | {"socket_timeout": None}
        )
        self._connecting = asyncio.Lock()
        self._last: asyncio.Future[None] | None = None
        self.broken = False
        self.scripts: set[str] = set()  # SHA-1s of the scripts sent on this connection

    @property
    def connected(self) -> bool:
        """Whether a command can be sent at once."""
        return bool(self._connection.is_connected) and not self._connecting.locked()

    async def connect(self) -> None:
        """Connects, unless another task has done so meanwhile."""
        async with self._connecting:
            if not self.broken and not self._connection.is_connected:
                await self._connection.connect()

    async def call(self, *words: Any) -> Any:
        """Sends a command, at once and before anything is awaited; its reply, in its turn."""
        if self.broken:
            raise exceptions.ConnectionError("the connection was given up")
        before, mine = self._last, asyncio.get_running_loop().create_future()
        self._last = mine
        try:
            packed = hiredis.pack_command(words)
            await self._connection.send_packed_command(packed, check_health=False)
            if before is not None and not before.done():
                await asyncio.wait((before,))  # which leaves it be if this wait is cancelled
            if self.broken:
                raise exceptions.ConnectionError("the connection was given up")
            return await self._connection.read_response(timeout=math.inf)
        except exceptions.ResponseError:
            raise
        except BaseException:
            # A reply may still come: the next caller to read would take it for its own.
            self.broken = True
            raise
        finally:
            mine.set_result(None)

    async def close(self) -> None:
        """Ends the connection; calls that wait for a reply fail."""
        self.broken = True
        await self._connection.disconnect(nowait=True)


class ScriptLink:
    """Runs scripts on one connection.

    A call is sent before the one before it is answered, so the store need not wait for Python; it
    judges them in the order in which they were made.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._pipe: _Pipe | None = None

    async def run(self, script: Script, keys: PartitionKeys, arguments: Sequence[bytes]) -> Any:
        """Runs a script and returns its reply.

        Raises an `EngineError`. After `StoreUnreachable` it may have run.
        """

        try:
            return await self.read(script, keys, arguments)
        except StoreCorrupt as failure:
            raise await located(failure, self._client, keys) from failure

    async def read(
        self, script: Script, keys: Sequence[str], arguments: Sequence[bytes] = ()
    ) -> Any:
        """Runs a script that may read keys of many partitions, and returns its reply.

        Raises an `EngineError`.
        """

        async def evaluate(pipe: _Pipe) -> Any:
            # The text goes with the first call on a connection. Were it sent only when the store
            # asks for it, calls sent meanwhile would overtake the first.
            if script.sha in pipe.scripts:
                try:
                    return await pipe.call("EVALSHA", script.sha, len(keys), *keys, *arguments)
                except exceptions.NoScriptError:
                    pass  # the store's scripts were flushed
            pipe.scripts.add(script.sha)
            return await pipe.call("EVAL", script.text, len(keys), *keys, *arguments)

        return await self._ask(evaluate)

    async def values(self, *asked: tuple[str, Sequence[str]]) -> list[list[bytes | None]]:
        """The values of some fields of hashes, read one hash after the other.

        Raises an `EngineError`.
        """

        async def read(pipe: _Pipe) -> list[list[bytes | None]]:
            # All are sent before the first is answered.
            calls = (pipe.call("HMGET", key, *fields) for key, fields in asked)
            return list(await asyncio.gather(*calls))

        found: list[list[bytes | None]] = await self._ask(read)
        return found

    async def _ask(self, question: Callable[[_Pipe], Awaitable[Any]]) -> Any:
        if self._pipe is None or self._pipe.broken:
            self._pipe = _Pipe(self._client)
        pipe = self._pipe
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                if not pipe.connected:
                    await pipe.connect()
                return await question(pipe)
        except exceptions.ResponseError as error:
            raise engine_error(error) from error
        except (exceptions.RedisError, OSError) as error:
            await pipe.close()
            raise engine_error(error) from error
        except BaseException:
            await pipe.close()
            raise

    async def close(self) -> None:
        """Closes the connection; the next call makes a new one."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            await pipe.close()
