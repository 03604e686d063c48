"""The load's own books: what buyers were told, kept apart from what the engine says of itself."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmarks.flash_sale.gate import SkuCount
from holdfast.types import Reservation, State

ENDS = {
    State.RESERVED: State.EXPIRED,
    State.CONFIRMED: State.CONFIRMED,
    State.RELEASED: State.RELEASED,
    State.EXPIRED: State.EXPIRED,
}
"""What must have become of a reservation in the end, by what its buyer was told last."""


class Books:
    """What the buyers of one process, or of all, were told.

    `told` has the last state of each accepted reservation, UNSPECIFIED where a call got no answer;
    `refused_units` is how many units of each SKU somebody asked for in vain; `beyond_limit` counts
    reservations that were accepted though the buyer's limit was reached. They grow with what is
    accepted, which the stock bounds, and not with what is refused.
    """

    def __init__(self) -> None:
        self.told: dict[str, State] = {}
        self.refused_units: Counter[str] = Counter()
        self.beyond_limit = 0

    def to_message(self) -> dict[str, Any]:
        """The entries, as Locust can send them to another process."""
        return {
            "told": {name: int(state) for name, state in self.told.items()},
            "refused_units": dict(self.refused_units),
            "beyond_limit": self.beyond_limit,
        }

    def add(self, message: Mapping[str, Any]) -> None:
        """Enters what another process has in its books."""
        self.told.update((name, State(state)) for name, state in message["told"].items())
        self.refused_units.update(message["refused_units"])
        self.beyond_limit += message["beyond_limit"]


def contradictions(told: Mapping[str, State], found: Mapping[str, State]) -> Iterator[str]:
    """Where what buyers were told is not what the engine has (`found`), a sentence each.

    To be asked when no reservation is live any more.
    """
    for reservation_id, state in told.items():
        seen = found.get(reservation_id)
        if state is State.UNSPECIFIED:
            continue
        if seen is None:
            yield f"{reservation_id}: the buyer was told {state.name}, the engine has it not"
        elif seen is not ENDS.get(state):
            yield f"{reservation_id}: the buyer was told {state.name}, the engine has {seen.name}"
    for reservation_id in found.keys() - told.keys():
        state = found[reservation_id]
        yield f"{reservation_id}: the engine has {state.name}, no buyer was told of it"


def unequal_sums(counts: Iterable[SkuCount], reservations: Iterable[Reservation]) -> Iterator[str]:
    """Where an article's level says other than its confirmed reservations do, a sentence each."""
    confirmed: Counter[str] = Counter()
    for reservation in reservations:
        if reservation.state is State.CONFIRMED:
            for line in reservation.lines:
                confirmed[line.sku] += line.quantity
    for count in counts:
        if count.sold != confirmed[count.sku]:
            yield (
                f"{count.sku}: the level has {count.sold} units confirmed, the confirmed "
                f"reservations have {confirmed[count.sku]}"
            )
