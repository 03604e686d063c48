"""The steps of the store's clock that a person has accepted, written down in the store.

All processes that use a store count them, and follow its clock anew when there is one more.
"""

import json
from typing import Any

import redis.asyncio

from engine.clock import STEP_MS_MAX
from engine.keys import PREFIX, TENANTS_KEY, partition_keys

CLOCK_KEY = f"{PREFIX}:clock"
ACCEPTANCES_KEPT = 1_000


async def acceptances(client: "redis.asyncio.Redis") -> int:
    """The number of steps that were accepted so far."""
    count: Any = await client.hget(CLOCK_KEY, "count")
    return int(count or 0)


async def note_acceptance(client: "redis.asyncio.Redis", step_ms: int, reason: str) -> None:
    """Writes down that a step is accepted: how far, at which time of the store, and why."""
    seconds, _ = await client.time()
    count: Any = await client.hincrby(CLOCK_KEY, "count", 1)
    said = json.dumps({"at_s": seconds, "step_ms": step_ms, "reason": reason}, ensure_ascii=False)
    await client.hset(CLOCK_KEY, str(count), said)
    await client.hdel(CLOCK_KEY, str(count - ACCEPTANCES_KEPT))


async def wind_back(client: "redis.asyncio.Redis") -> None:
    """Takes the time of partitions that are ahead of the store's clock back to it.

    Deadlines stay as they were made.
    """
    names: Any = await client.smembers(TENANTS_KEY)
    for name in names:
        meta = partition_keys(name.decode()).meta
        seconds, micros = await client.time()
        clock_ms = seconds * 1000 + micros // 1000
        last_ms: Any = await client.hget(meta, "now")
        if last_ms and int(last_ms) > clock_ms + STEP_MS_MAX:
            await client.hset(meta, "now", clock_ms)
