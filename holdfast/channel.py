"""How the SDK connects: where to, and with which gRPC options, and over how many connections."""

import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2_grpc, operations_pb2_grpc

TARGET_DEFAULT = "127.0.0.1:7600"

CHANNEL_OPTIONS: list[tuple[str, int]] = [
    # A page of 1,000 reservations of 200 lines each is far beyond gRPC's 4 MiB.
    ("grpc.max_receive_message_length", 256 * 1024 * 1024),
    ("grpc.max_send_message_length", 256 * 1024 * 1024),
    # Find a dead peer while a call waits; a quiet connection is left alone.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # gRPC waits 20 s for a peer that accepts and is silent, and up to 2 min between two attempts
    # to connect: longer than a call lasts, and than a server needs to start again.
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # A client is a connection: without this, all clients of a process would share one.
    ("grpc.use_local_subchannel_pool", 1),
    # The engine is next door; a proxy for the internet (http_proxy) only loses the calls.
    ("grpc.enable_http_proxy", 0),
]


def target_or_default(target: str | None) -> str:
    """`target`, else the environment's HOLDFAST_TARGET, else 127.0.0.1:7600.

    Raises INVALID_FIELD for one that gRPC would take for something else.
    """
    return checked_target(target or os.environ.get("HOLDFAST_TARGET") or TARGET_DEFAULT)


# Names of gRPC that are not HOST:PORT, with a scheme that says so.
_OTHER_NAME = re.compile(r"(unix|unix-abstract|vsock|xds|passthrough):\S+|ipv[46]:\S+:[0-9]+")
_DNS = re.compile(r"dns:(//[^/]*/)?")
_NO_PORT = re.compile(r"[^:\[\]/]*|\[[^\]]*\]|[0-9a-fA-F.]*(:[0-9a-fA-F.]*){2,}")
_PORT = re.compile(r"(?:[^:\[\]/{}\"]+|\[[^\]]*\]):(.*)")
PORT_MAX = 65_535


def checked_target(target: str) -> str:
    """A target that gRPC connects to as it says. Raises INVALID_FIELD.

    gRPC takes a name without a port for one with port 443, and a URL for a name with a strange
    port; both end in errors about addresses that nobody has given.
    """
    if _OTHER_NAME.fullmatch(target):
        return target
    name = _DNS.sub("", target, count=1)
    port = _PORT.fullmatch(name)
    wrong_port = port is not None and not _is_port(port[1])
    is_url = target.startswith(("http://", "https://"))
    if not (is_url or wrong_port or _NO_PORT.fullmatch(name) or re.search(r"\s", target)):
        return target
    problem = "must be HOST:PORT, such as 127.0.0.1:7600"
    if is_url:
        problem += f", without {target.partition('://')[0]}://"
    raise HoldfastError.of(Reason.INVALID_FIELD, field="target", problem=problem, value=target)


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) <= PORT_MAX


class Connection(NamedTuple):
    """One connection to an engine, and the services over it. It connects with its first call."""

    channel: Any
    inventory: Any
    stock: Any
    operations: Any


def engine_over(channel: Any) -> Connection:
    """The engine's services over a channel."""
    return Connection(
        channel,
        inventory_pb2_grpc.InventoryServiceStub(channel),
        inventory_pb2_grpc.StockServiceStub(channel),
        operations_pb2_grpc.OperationsServiceStub(channel),
    )


T = TypeVar("T")


def connections(
    make_channel: Callable[..., Any], target: str, count: int, over: Callable[[Any], T]
) -> list[T]:
    """Makes `count` connections to a target.

    `make_channel` is gRPC's, with asyncio or without; `over` makes the services over a channel.
    """
    return [over(make_channel(target, options=CHANNEL_OPTIONS)) for _ in range(count)]
