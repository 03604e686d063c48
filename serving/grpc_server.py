"""The options of our gRPC servers, and their answer to bytes that are no message of the method.

gRPC decodes a unary request before its handler runs, and answers UNKNOWN with the exception's text
when that fails. Here such a request reaches its handler as None, for the guard to refuse as the
contract says. In a stream of requests gRPC raises DecodeError inside the handler, where the guard
sees it anyway.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

STREAMS_PER_CONNECTION_MAX: Final = 1_000
ENDED_STREAMS_PER_CONNECTION_MAX: Final = 1_000
GRPC_OPTIONS: Final = (
    # gRPC core drops calls at random above 1,000 pending; a queue of ours decides instead.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    # The SDK pings every 30 s while a call lasts; a long silent stream is no reason to hang up.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # A page of 1,000 reservations of 200 lines is larger than any request may be.
    ("grpc.max_send_message_length", -1),
    # Further calls of an honest connection wait in its client. One that opens and resets streams as
    # fast as it can is refused more: a stream that was reset counts until its work has ended. So
    # does one that was answered, for a moment in which its client may open another: without
    # room for these, a burst of more calls than the bound would be refused, too.
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION_MAX),
    ("grpc.http2.max_deallocating_streams", ENDED_STREAMS_PER_CONNECTION_MAX),
    # Connections end one day, so that they spread anew over the workers; one without calls sooner.
    # What is under way on one that ends has an hour: an audit may take as long.
    ("grpc.max_connection_idle_ms", 10 * 60_000),
    ("grpc.max_connection_age_ms", 60 * 60_000),
    ("grpc.max_connection_age_grace_ms", 60 * 60_000),
)
ALONE_ON_PORT: Final = ("grpc.so_reuseport", 0)
"""A second server on the port is refused, not silently given half of the connections."""


class DecodingServer:
    """Stands in for a server while generated code adds a servicer to it."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Does nothing: generated code gives the same handlers by method, too."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        """Adds a service's handlers, by method."""
        decoding = {name: _decoding(handler) for name, handler in handlers.items()}
        by_name = grpc.method_handlers_generic_handler(service, decoding)
        self._server.add_generic_rpc_handlers((by_name,))


def _decoding(handler: Any) -> Any:
    if handler.request_streaming:
        return handler
    return handler._replace(request_deserializer=_or_none(handler.request_deserializer))


def _or_none(decode: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def decoded(data: bytes) -> Any:
        try:
            return decode(data)
        except DecodeError:
            return None

    return decoded
