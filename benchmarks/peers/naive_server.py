"""A server with a hand-written Lua script behind gRPC: one EVALSHA a request, through redis-py.

The same process layout as a Holdfast worker and the same store with the same fsync, but nothing is
batched, and of the features there is only the reservation itself: no idempotency, no limit per
buyer, no journal. `python -m benchmarks.peers.naive_server STORE_URL` prints its
address.
"""

import sys
from typing import Any

import redis.asyncio

from benchmarks.peers.naive_script import KEYS, RESERVE, UNITS, words
from benchmarks.reserve_server import serve
from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.loop import run

APPLIED = pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED)
REFUSED = pb.CommandResult(outcome=pb.OUTCOME_OUT_OF_STOCK)


async def main(store_url: str) -> None:
    """Serves until standard input ends."""
    async with redis.asyncio.Redis.from_url(store_url) as store:
        sha = await store.script_load(RESERVE)
        await store.hset(KEYS[0], "SKU-0", str(UNITS))

        async def reserve(request: pb.ReserveRequest, _: Any) -> pb.CommandResult:
            line = request.lines[0]
            call = words(request.reservation_id, line.sku, line.quantity)
            applied = await store.evalsha(sha, *call)  # type: ignore[arg-type]
            return APPLIED if applied else REFUSED

        await serve(reserve)


if __name__ == "__main__":
    run(main(sys.argv[1]))
