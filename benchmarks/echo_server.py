"""An empty gRPC server in the same layout as Holdfast's: what the transport alone costs.

It parses a ReserveRequest, answers a constant CommandResult, and does nothing else. Prints the port
that it listens on and serves until it is killed.
"""

import asyncio
from typing import Any

import grpc
import grpc.aio
import uvloop

from holdfast.inventory.v1 import inventory_pb2 as pb
from server.app import GRPC_OPTIONS

ANSWER = pb.CommandResult(
    outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED, expires_at_ms=1_700_000_000_000
)


async def reserve(_: pb.ReserveRequest, __: Any) -> pb.CommandResult:
    """Answers at once."""
    return ANSWER


async def serve() -> None:
    """Serves for ever."""
    server = grpc.aio.server(options=GRPC_OPTIONS)
    method = grpc.unary_unary_rpc_method_handler(
        reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
    )
    handlers = {"Reserve": method}
    server.add_registered_method_handlers("holdfast.inventory.v1.InventoryService", handlers)
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())
