"""The way to the store: runs the batch script, and turns redis-py's errors into the engine's.

The script runs on a connection of its own (engine/pipe.py), so that a batch never queues behind a
read; redis-py's pool of connections serves everything else.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

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
from engine.pipe import ANSWER_TIMEOUT_S, OnReply, Pipe
from engine.scripts import Script

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


class ScriptLink:
    """Runs scripts on one connection.

    A call is sent before the one before it is answered, so the store need not wait for Python; it
    judges them in the order in which they were made.
    """

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._pipe: Pipe | None = None

    def send(
        self,
        on_reply: OnReply,
        script: Script,
        keys: Sequence[str],
        arguments: Sequence[bytes],
    ) -> bool:
        """Sends a script, if that can be done at once; returns whether it could.

        `on_reply` is called with the reply, or with the `EngineError` that came instead. After
        `StoreUnreachable` the script may have run; after another it has changed nothing.
        """

        def answered(reply: Any) -> None:
            on_reply(engine_error(reply) if isinstance(reply, Exception) else reply)

        pipe = self._pipe
        if pipe is None or not pipe.connected or script.sha not in pipe.scripts:
            return False
        pipe.send(answered, ("EVALSHA", script.sha, len(keys), *keys, *arguments))
        return True

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
        with store_errors():
            pipe = await self._connected()
            # The text goes with the first call on a connection. Were it sent only when the store
            # asks for it, calls sent meanwhile would overtake the first.
            given = (len(keys), *keys, *arguments)
            if script.sha in pipe.scripts:
                try:
                    (reply,) = await pipe.replies(("EVALSHA", script.sha, *given))
                    return reply
                except exceptions.NoScriptError:
                    pipe = await self._connected()  # the store's scripts were flushed
            pipe.scripts.add(script.sha)
            (reply,) = await pipe.replies(("EVAL", script.text, *given))
            return reply

    async def reply(self, *words: str) -> Any:
        """The reply to a command of the store's own. Raises an `EngineError`."""
        with store_errors():
            pipe = await self._connected()
            (reply,) = await pipe.replies(words)
            return reply

    def ask(self, on_values: OnReply, *asked: tuple[str, Sequence[str]]) -> bool:
        """Asks for some fields of hashes, one hash after the other, if that can be done at once;
        returns whether it could.

        `on_values` is called with the list of their lists, or with the `EngineError` that came
        instead.
        """

        def answered(found: Any) -> None:
            on_values(engine_error(found) if isinstance(found, Exception) else found)

        pipe = self._pipe
        if pipe is None or not pipe.connected:
            return False
        pipe.send_together(answered, *(("HMGET", key, *fields) for key, fields in asked))
        return True

    async def _connected(self) -> Pipe:
        """The connection; a new one if there is none, or the last one broke."""
        if self._pipe is None or self._pipe.broken:
            self._pipe = Pipe(self._client)
        pipe = self._pipe
        if not pipe.connected:
            await pipe.connect()
        if pipe.broken:
            raise exceptions.ConnectionError("the connection was lost as it was made")
        return pipe

    async def close(self) -> None:
        """Closes the connection; the next call makes a new one."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            pipe.end(exceptions.ConnectionError("the connection was closed"))
