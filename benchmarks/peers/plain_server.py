"""An empty gRPC server as gRPC comes: none of what Holdfast's servers do to make a call cheaper.

The echo of `benchmarks.echo_server` runs as Holdfast's servers do; over this one it shows how much
cheaper that makes any call. It imports nothing of theirs, because they set gRPC up before it is
imported. Prints the address that it listens on, and serves until its standard input ends.
"""

import asyncio
import gc
import os
import sys
from typing import Any

os.environ.pop("GRPC_EXPERIMENTS", None)

import grpc.aio
import uvloop

from holdfast.inventory.v1 import inventory_pb2 as pb

ANSWER = pb.CommandResult(
    outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED, expires_at_ms=1_700_000_000_000
)
GARBAGE_THRESHOLD = 50_000


async def reserve(_: pb.ReserveRequest, __: Any) -> pb.CommandResult:
    """Answers at once."""
    return ANSWER


async def main() -> None:
    """Serves until standard input ends."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)
    server = grpc.aio.server()
    method = grpc.unary_unary_rpc_method_handler(
        reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
    )
    handlers = {"Reserve": method}
    server.add_registered_method_handlers("holdfast.inventory.v1.InventoryService", handlers)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready on 127.0.0.1:{port}", flush=True)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(main())
