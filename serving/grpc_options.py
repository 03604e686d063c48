"""How gRPC servers of ours are set up."""

from typing import Final

GRPC_OPTIONS: Final = (
    # gRPC core drops calls at random above 1,000 pending; a queue of ours decides instead.
    ("grpc.server.max_pending_requests", 100_000),
    ("grpc.server.max_pending_requests_hard_limit", 200_000),
    # The SDK pings every 30 s while a call lasts; a long silent stream is no reason to hang up.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    # A page of 1,000 reservations of 200 lines is larger than any request may be.
    ("grpc.max_send_message_length", -1),
)
ALONE_ON_PORT: Final = ("grpc.so_reuseport", 0)
"""A second server on the port is refused, not silently given half of the connections."""
