"""A gRPC server with one method, Reserve, in the process layout of a Holdfast worker."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.accepting import AcceptingServer
from serving.grpc_server import GRPC_OPTIONS
from serving.start import collect_seldom

Reserve = Callable[[pb.ReserveRequest, Any], Awaitable[pb.CommandResult]]


async def serve(reserve: Reserve) -> None:
    """Prints the address that it listens on, then serves until standard input ends."""
    collect_seldom()
    server = AcceptingServer(GRPC_OPTIONS)
    method = grpc.unary_unary_rpc_method_handler(
        reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
    )
    name, handlers = "holdfast.inventory.v1.InventoryService", {"Reserve": method}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"ready on 127.0.0.1:{port}", flush=True)
    await until_stdin_ends()
    await server.stop(None)


async def until_stdin_ends() -> None:
    """Waits until the process that started this one closes its standard input, or is gone."""
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    await ended.wait()
