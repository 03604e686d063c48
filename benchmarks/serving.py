"""A gRPC server with one method, Reserve, in the process layout of a Holdfast worker."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import grpc
import grpc.aio

from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.grpc_server import GRPC_OPTIONS
from serving.start import collect_seldom

Reserve = Callable[[pb.ReserveRequest, Any], Awaitable[pb.CommandResult]]


NewServer = Callable[[Sequence[tuple[str, Any]]], grpc.aio.Server]


def plain_server(options: Sequence[tuple[str, Any]]) -> grpc.aio.Server:
    """The server that gRPC ships."""
    return grpc.aio.server(options=options)


async def serve(reserve: Reserve, new_server: NewServer = plain_server) -> None:
    """Prints the address that it listens on, then serves until standard input ends."""
    collect_seldom()
    server = new_server(GRPC_OPTIONS)
    method = grpc.unary_unary_rpc_method_handler(
        reserve, pb.ReserveRequest.FromString, pb.CommandResult.SerializeToString
    )
    name, handlers = "holdfast.inventory.v1.InventoryService", {"Reserve": method}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(name, handlers),))
    server.add_registered_method_handlers(name, handlers)
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
