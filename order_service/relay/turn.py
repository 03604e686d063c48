"""One turn of a relay: all that it writes of tasks, and what it claims, in one transaction."""

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import Connection

from order_service.order.tasks import TaskKind
from order_service.storage import tasks
from order_service.storage.tasks import Failure, Taken

CLAIM_MAX = 200


class Turn(Struct, frozen=True):
    """What a turn writes of tasks, by their ids, and of which kinds it claims more."""

    owner: str
    now_ms: int
    ended: Sequence[str]
    failures: Sequence[Failure]
    returned: Sequence[str]
    renewed: Sequence[str]
    kinds: Sequence[TaskKind]


def take_turn(connection: Connection, turn: Turn) -> tuple[Sequence[str], list[Taken]]:
    """Writes a turn; returns the ids of the leases that it could renew, and what it claimed.

    Written twice, because whether the first time was committed is not known, it does no harm.
    """
    tasks.end(connection, turn.ended)
    tasks.write_failures(connection, turn.owner, turn.failures)
    tasks.give_back(connection, turn.owner, turn.returned)
    kept = tasks.renew(connection, turn.owner, turn.renewed, turn.now_ms)
    if not turn.kinds:
        return kept, []
    return kept, tasks.claim(connection, turn.owner, turn.now_ms, CLAIM_MAX, turn.kinds)
