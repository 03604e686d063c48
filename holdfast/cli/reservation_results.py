"""The answers to commands for a reservation, for people: what was done, or what to do instead."""

from typing import TYPE_CHECKING

from holdfast.cli.connection import Connection
from holdfast.cli.failures import Failure
from holdfast.cli.output import print_json
from holdfast.cli.times import left_or_ago, local_iso, now_ms

if TYPE_CHECKING:
    from holdfast.types import Result

# The command that helps with a refusal, where one does.
_INSTEAD = {
    "ALREADY_CONFIRMED": "`holdfast reservation cancel {id}` gives its units back",
    "ALREADY_EXPIRED": "`holdfast reservation confirm {id} --reacquire` takes its stock again",
    "NOT_CONFIRMED": "`holdfast reservation confirm {id}` sells it",
    "UNKNOWN_SKU": "`holdfast stock set SKU 0 --location LOCATION` makes a level there",
    "QUANTITY_EXCEEDED": "`holdfast reservation get {id}` tells what is left",
}


# The outcomes of a Reserve that are about the reservation that it is in exchange for.
_OF_THE_OTHER = ("NOT_FOUND", "NOT_CONFIRMED", "QUANTITY_EXCEEDED")


def print_result(
    reservation_id: str,
    result: "Result",
    connection: Connection,
    done: str,
    other_id: str = "",
    **ids: str,
) -> None:
    """Prints what was done, with the `ids` that repeat it. Raises Failure for a refusal.

    `other_id` is the reservation that one is in exchange for.
    """
    from holdfast.outcomes import OUTCOMES

    if not result.applied:
        named = other_id if result.outcome.name in _OF_THE_OTHER and other_id else reservation_id
        instead = _INSTEAD.get(result.outcome.name, "").format(id=named)
        advice = f"; {instead}" if instead else ""
        is_what = f" is {result.state.name}" if result.state else ""
        raise Failure(
            f"reservation {named}{is_what}: "
            f"{OUTCOMES[result.outcome].message}. Nothing was changed{advice}",
            reason=result.outcome.name,
            details={"reservation_id": reservation_id, "state": result.state.name, **ids},
        )
    if connection.as_json:
        print_json({"reservation_id": reservation_id, "result": result, **ids})
        return
    before = " before; nothing was changed now" if result.replayed else ""
    deadline = ""
    if done in ("Extended", "Reserved"):
        left = left_or_ago(result.expires_at_ms, now_ms())
        deadline = f" Its deadline is {local_iso(result.expires_at_ms)} ({left})."
    named = "".join(
        f" The {name.removesuffix('_id')}'s id is {value}." for name, value in ids.items()
    )
    print(f"{done} {reservation_id}{before}.{deadline}{named}")
