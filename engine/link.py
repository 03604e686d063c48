"""The way to the store: runs the batch script, and says in the engine's words what went wrong.

redis-py connects, speaks RESP, authenticates and reconnects. The script runs on a connection of its
own, so that a batch never queues behind a read, and one call at a time, so that a reply can never
reach the wrong caller.
"""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import redis.asyncio
from redis import exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

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

# What a store answers while it cannot decide; its first word says so.
_REFUSALS = frozenset(
    {"LOADING", "BUSY", "MISCONF", "NOREPLICAS", "MASTERDOWN", "READONLY", "CLUSTERDOWN"}
    | {"TRYAGAIN", "NOAUTH", "NOPERM", "WRONGPASS", "UNKILLABLE"}
)
_KEY_TYPES = {
    "stock": "hash",
    "reservations": "hash",
    "deadlines": "zset",
    "buyers": "hash",
    "journal": "stream",
    "meta": "hash",
    "retention": "zset",
    "adjustments": "hash",
    "locations": "hash",
}


def connect(url: str) -> "redis.asyncio.Redis":
    """A client of the store at a redis-py URL. It does not retry: whoever asks decides that."""
    return redis.asyncio.Redis.from_url(
        url,
        socket_timeout=ANSWER_TIMEOUT_S,
        socket_connect_timeout=CONNECT_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def engine_error(error: Exception) -> EngineError:
    """What an error of redis-py means to the engine."""
    text = str(error)
    word = text.partition(" ")[0]
    if isinstance(error, exceptions.OutOfMemoryError) or word == "OOM":
        return StoreFull(text)
    if isinstance(error, exceptions.BusyLoadingError | exceptions.ReadOnlyError):
        return StoreRefuses(text)
    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return StoreRefuses(text)
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError | OSError):
        return StoreUnreachable(text)
    if word in _REFUSALS:
        return StoreRefuses(text)
    return StoreCorrupt("", text)


@contextmanager
def store_errors() -> Iterator[None]:
    """Turns what redis-py raises into an `EngineError`."""
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
        kind = found.decode()
        if kind not in ("none", _KEY_TYPES[name]):
            return StoreCorrupt(key, f"is a {kind}, not a {_KEY_TYPES[name]}")
    return StoreCorrupt(keys.meta.rpartition(":")[0], str(failure))


class ScriptLink:
    """Runs scripts on one connection, one call at a time."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._connection: Any = None
        self._turn = asyncio.Lock()

    async def run(
        self, script: Script, keys: PartitionKeys, arguments: Sequence[bytes]
    ) -> list[Any]:
        """Runs a script; its text is sent only to a store that does not have it yet.

        Raises an `EngineError`. After `StoreUnreachable` the script may have run.
        """
        async with self._turn:
            try:
                try:
                    return await self._call("EVALSHA", script.sha, keys, arguments)
                except exceptions.NoScriptError:
                    return await self._call("EVAL", script.text, keys, arguments)
            except exceptions.ResponseError as error:
                failure = engine_error(error)
            except (exceptions.RedisError, OSError) as error:
                await self.close()
                failure = engine_error(error)
            except BaseException:
                # Cancelled between request and reply: the next reply would be somebody else's.
                await self.close()
                raise
        if isinstance(failure, StoreCorrupt):
            failure = await located(failure, self._client, keys)
        raise failure

    async def _call(
        self, command: str, script: str, keys: PartitionKeys, arguments: Sequence[bytes]
    ) -> list[Any]:
        if self._connection is None:
            pool: Any = self._client.connection_pool
            self._connection = await pool.get_connection()
        connection = self._connection
        await connection.send_command(command, script, len(keys), *keys, *arguments)
        reply = await connection.read_response()
        return list(reply)

    async def close(self) -> None:
        """Gives the connection up; the next call makes a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect()
            await self._client.connection_pool.release(connection)
