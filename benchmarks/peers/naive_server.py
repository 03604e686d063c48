"""A server with a hand-written Lua script behind gRPC: one EVALSHA a request, through redis-py.

The same process layout as a Holdfast worker and the same store with the same fsync, but nothing is
batched, and of the features there is only the reservation itself: no idempotency, no limit per
buyer, no journal. `python -m benchmarks.peers.naive_server STORE_URL` prints its
address.
"""

import sys
from typing import Any

import redis.asyncio
import uvloop

from benchmarks.serving import serve
from holdfast.inventory.v1 import inventory_pb2 as pb

KEYS = ("naive:stock", "naive:reservations", "naive:deadlines")
TTL_MS = 900_000
UNITS = 1_000_000_000
RESERVE = """
local available = tonumber(redis.call('HGET', KEYS[1], ARGV[2]) or '0')
local quantity = tonumber(ARGV[3])
if available < quantity then
  return 0
end
local now = redis.call('TIME')
redis.call('HINCRBY', KEYS[1], ARGV[2], -quantity)
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('ZADD', KEYS[3], now[1] * 1000 + tonumber(ARGV[4]), ARGV[1])
return 1
"""
APPLIED = pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED)
REFUSED = pb.CommandResult(outcome=pb.OUTCOME_OUT_OF_STOCK)


async def main(store_url: str) -> None:
    """Serves until standard input ends."""
    async with redis.asyncio.Redis.from_url(store_url) as store:
        sha = await store.script_load(RESERVE)
        await store.hset(KEYS[0], "SKU-0", str(UNITS))

        async def reserve(request: pb.ReserveRequest, _: Any) -> pb.CommandResult:
            line = request.lines[0]
            words = (request.reservation_id, line.sku, line.quantity, TTL_MS)
            applied = await store.evalsha(sha, len(KEYS), *KEYS, *words)
            return APPLIED if applied else REFUSED

        await serve(reserve)


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
