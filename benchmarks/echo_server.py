"""An empty gRPC server in the same layout as Holdfast's: what the transport alone costs.

It parses a ReserveRequest, answers a constant CommandResult, and does nothing else. Prints the
address that it listens on, and serves until its standard input ends.
"""

from typing import Any

from benchmarks.reserve_server import serve
from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.loop import run

ANSWER = pb.CommandResult(
    outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED, expires_at_ms=1_700_000_000_000
)


async def reserve(_: pb.ReserveRequest, __: Any) -> pb.CommandResult:
    """Answers at once."""
    return ANSWER


if __name__ == "__main__":
    run(serve(reserve))
