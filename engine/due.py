"""Which of many partitions have something due: asked of the store for hundreds of them at once."""

from collections.abc import Sequence
from typing import Final

from engine.keys import PartitionKeys
from engine.link import ScriptLink
from engine.scripts import script_of

PARTITIONS_PER_READ: Final = 250

# KEYS are pairs: the sorted set, and `meta`, which has the time that a batch is never behind.
# Returns the positions of the pairs with an entry that is due. One that cannot be read counts as
# due: its sweep says what is wrong with it, and the others are swept all the same.
_DUE: Final = script_of(
    "#!lua flags=no-writes,allow-oom",
    """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local earliest, latest = tonumber(ARGV[1]), tonumber(ARGV[2])
if latest > 0 then
  now = math.max(earliest, math.min(latest, now))
end
local due = {}
for i = 1, #KEYS, 2 do
  local seen = redis.pcall('HGET', KEYS[i + 1], 'now')
  local until_ms = math.max(now, type(seen) == 'string' and tonumber(seen) or 0)
  local found = redis.pcall('ZRANGEBYSCORE', KEYS[i], '-inf', until_ms, 'LIMIT', 0, 1)
  if found['err'] or #found > 0 then
    due[#due + 1] = (i - 1) / 2
  end
end
return due
""",
)


async def due_of(
    link: ScriptLink, partitions: Sequence[PartitionKeys], key: str, clock_ms: tuple[int, int]
) -> list[int]:
    """The positions of the partitions that have something due in a key, such as `deadlines`.

    `clock_ms` are the bounds of the store's clock, as a batch has them.
    Raises an `EngineError` if the store does not answer.
    """
    due: list[int] = []
    bounds = [str(bound).encode() for bound in clock_ms]
    for first in range(0, len(partitions), PARTITIONS_PER_READ):
        some = partitions[first : first + PARTITIONS_PER_READ]
        keys = [name for each in some for name in (getattr(each, key), each.meta)]
        due += [first + position for position in await link.read(_DUE, keys, bounds)]
    return due
