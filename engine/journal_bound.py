"""Keeps a journal within its bounds: so many changes, and so many bytes of the store's memory.

A change of a wide order is a hundred times as large as one of a line, so a bound on changes alone
would let a few shops with wide orders fill the store for all.
"""

from typing import Any

import redis.asyncio
from redis.exceptions import NoPermissionError

# Entries differ in size, so what is trimmed is a guess: half of them at most, and then looked at
# again. The next purge does the rest.
TRIMS_MAX = 8
# What a trim leaves of the bytes that there may be: the next one is not due at once.
LEFT = 0.9


async def trim_journal(
    client: "redis.asyncio.Redis", key: str, sequence: int, changes_max: int, bytes_max: int
) -> None:
    """Removes the oldest entries of a journal that ends at `sequence`. Raises redis-py's errors."""
    if sequence > changes_max:
        await client.xtrim(key, minid=f"{sequence - changes_max}-0")
    for _ in range(TRIMS_MAX):
        size = await _size(client, key)
        if size <= bytes_max:
            return
        entries = await client.xlen(key)
        kept = int(entries * max(0.5, bytes_max / size * LEFT))
        await client.xtrim(key, maxlen=kept, approximate=False)


async def _size(client: "redis.asyncio.Redis", key: str) -> int:
    """The bytes of memory that a key takes; 0 where the store's user may not ask."""
    try:
        size: Any = await client.memory_usage(key, samples=0)
    except NoPermissionError:
        return 0
    return size or 0
