"""An empty gRPC server in the same layout as Holdfast's: what the transport alone costs.

It parses a ReserveRequest, answers a constant CommandResult, and does nothing else. Prints the
address that it listens on, and serves until its standard input ends. With the word `plain` it runs
as gRPC ships it; else with the event loop, the accepting and the settings of Holdfast's servers.
"""

import sys
from typing import Any

import uvloop

from benchmarks.serving import serve
from holdfast.inventory.v1 import inventory_pb2 as pb
from serving.accepting import AcceptingServer
from serving.loop import run

ANSWER = pb.CommandResult(
    outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED, expires_at_ms=1_700_000_000_000
)


PLAIN = "plain"


async def reserve(_: pb.ReserveRequest, __: Any) -> pb.CommandResult:
    """Answers at once."""
    return ANSWER


if __name__ == "__main__":
    if PLAIN in sys.argv[1:]:
        uvloop.run(serve(reserve))
    else:
        run(serve(reserve, AcceptingServer))
