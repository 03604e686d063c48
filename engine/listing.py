"""Lists rows of a hash a page at a time: one that is there all the time comes exactly once.

A scan of the store gives each of those rows at least once, in an order that changes as the hash
grows and shrinks. So pages have an order of their own: by bucket, a hash of the row's name, then by
name. A page token says after which name to go on, and any server can go on from there.

The names are found by a whole scan, which is kept for the pages that follow. It serves a page if it
began no earlier than the list itself, which the partition's number of changes tells: the token has
it from the list's first page.
"""

import asyncio
import base64
import binascii
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, NamedTuple

import msgspec

BUCKETS: Final = 4_096
# Names that a process keeps, of all lists: some 100 MB. Of a larger hash a scan keeps the first
# buckets, and the list scans again where they end.
NAMES_MAX: Final = 1_000_000
KEPT_S: Final = 60.0
_NAME_BYTES_MAX: Final = 200


class PageTokenInvalid(Exception):
    """A page token that no page gave."""


class Position(NamedTuple):
    """The place of a list to go on from: after a name in a bucket, of all rows since a change."""

    since: int
    bucket: int = 0
    after: bytes = b""

    def token(self) -> str:
        """The page token of this position."""
        return base64.urlsafe_b64encode(msgspec.msgpack.encode(self)).decode().rstrip("=")


_read_position: Final = msgspec.msgpack.Decoder(tuple[int, int, bytes]).decode


def position_of(token: str) -> Position:
    """The position that a token stands for. Raises PageTokenInvalid."""
    try:
        padded = token + "=" * (-len(token) % 4)
        position = Position(
            *_read_position(base64.b64decode(padded, altchars=b"-_", validate=True))
        )
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise PageTokenInvalid(token) from error
    if not (
        0 <= position.since < 2**63
        and 0 <= position.bucket < BUCKETS
        and len(position.after) <= _NAME_BYTES_MAX
    ):
        raise PageTokenInvalid(token)
    return position


def bucket_of(name: bytes) -> int:
    """The bucket of a row's name."""
    return zlib.crc32(name) % BUCKETS


class Names:
    """The names that one scan has found, from a bucket on, each once."""

    def __init__(self, first: int = 0) -> None:
        self.first = first
        self.end = BUCKETS
        """The first bucket that is not kept any more."""
        self.since = 0
        """The partition's number of changes when the scan began."""
        self.count = 0
        self._buckets: dict[int, set[bytes]] = {}
        self._order: list[int] | None = None

    def add(self, names: Iterable[bytes]) -> None:
        """Adds what a step of the scan has found; it may name a row again."""
        for name in names:
            bucket = bucket_of(name)
            if self.first <= bucket < self.end:
                found = self._buckets.setdefault(bucket, set())
                self.count += name not in found
                found.add(name)
        while self.count > NAMES_MAX and self.end > self.first + 1:
            self.end -= 1
            self.count -= len(self._buckets.pop(self.end, ()))
        self._order = None

    def has(self, position: Position) -> bool:
        """Whether the list can go on from a position with these names."""
        return self.first <= position.bucket < self.end and self.since >= position.since

    def after(self, position: Position, count: int) -> list[bytes]:
        """The next names after a position, `count` at most, in order."""
        if self._order is None:
            self._order = sorted(self._buckets)
        found: list[bytes] = []
        for bucket in self._order[bisect_left(self._order, position.bucket) :]:
            names = sorted(self._buckets[bucket])
            if bucket == position.bucket:
                names = names[bisect_right(names, position.after) :]
            found += names[: count - len(found)]
            if len(found) >= count:
                break
        return found


# Scans all names into the object that it is given.
Scan = Callable[[Names], Awaitable[None]]


class Scans:
    """The scans of one process, by the key that was scanned."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: dict[str, tuple[Names, float]] = {}  # in the order of their last use
        self._running: dict[str, asyncio.Task[Names]] = {}
        self._next: dict[str, asyncio.Task[Names]] = {}

    async def names(self, key: str, position: Position | None, scan: Scan) -> Names:
        """Names from which a list can go on from a position; None is its beginning."""
        kept, _ = self._kept.get(key, (None, 0.0))
        if position is not None and kept is not None and kept.has(position):
            self._keep(key, kept)
            return kept
        if position is None or kept is None or kept.end == BUCKETS:
            names = await self._scan_that_begins_now(key, scan)
            if position is None or names.has(position):
                return names
        return await self._scanned(key, Names(position.bucket), scan)

    async def _scan_that_begins_now(self, key: str, scan: Scan) -> Names:
        """A whole scan that has not begun yet: lists that begin while one is under way share it."""
        following = self._next.get(key)
        if following is None:
            after = self._running.get(key)
            following = self._loop.create_task(self._scan_after(after, key, scan))
            self._next[key] = following
        # What one caller has begun goes on for the others, should that one give up.
        return await asyncio.shield(following)

    async def _scan_after(
        self, running: "asyncio.Task[Names] | None", key: str, scan: Scan
    ) -> Names:
        if running is not None:
            await asyncio.wait((running,))
        this = self._running[key] = self._next.pop(key)
        try:
            return await self._scanned(key, Names(), scan)
        finally:
            if self._running.get(key) is this:
                del self._running[key]

    async def _scanned(self, key: str, names: Names, scan: Scan) -> Names:
        await scan(names)
        self._keep(key, names)
        return names

    def _keep(self, key: str, names: Names) -> None:
        self._kept.pop(key, None)
        self._kept[key] = (names, self._loop.time())
        while (
            len(self._kept) > 1 and sum(kept.count for kept, _ in self._kept.values()) > NAMES_MAX
        ):
            del self._kept[next(iter(self._kept))]
        self._loop.call_later(KEPT_S, self._forget_unused, key)

    def _forget_unused(self, key: str) -> None:
        kept = self._kept.get(key)
        if kept is not None and self._loop.time() - kept[1] >= KEPT_S:
            del self._kept[key]
