"""The load's own books: the answers to its buyers, kept apart from the engine's account."""

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
"""The state of a reservation in the end, by the last answer to its buyer."""


class Books:
    """The answers to the buyers of one process, or of all.

    `answered` has the last state of each accepted reservation, UNSPECIFIED where a call got no
    answer; `refused_units` counts the units of each SKU that were asked for in vain; `beyond_limit`
    the reservations that were accepted though the buyer's limit was reached. The books grow with
    accepted calls, which the stock bounds, and not with refused ones.
    """

    def __init__(self) -> None:
        self.answered: dict[str, State] = {}
        self.refused_units: Counter[str] = Counter()
        self.beyond_limit = 0

    def to_message(self) -> dict[str, Any]:
        """The entries, as Locust can send them to another process."""
        return {
            "answered": {name: int(state) for name, state in self.answered.items()},
            "refused_units": dict(self.refused_units),
            "beyond_limit": self.beyond_limit,
        }

    def add(self, message: Mapping[str, Any]) -> None:
        """Enters what another process has in its books."""
        self.answered.update((name, State(state)) for name, state in message["answered"].items())
        self.refused_units.update(message["refused_units"])
        self.beyond_limit += message["beyond_limit"]


def contradictions(answered: Mapping[str, State], found: Mapping[str, State]) -> Iterator[str]:
    """The reservations whose last answer is not what the engine has (`found`), a sentence each.

    To be asked when no reservation is live any more.
    """
    for reservation_id, state in answered.items():
        seen = found.get(reservation_id)
        if state is State.UNSPECIFIED:
            continue
        if seen is None:
            yield f"{reservation_id}: the buyer was told {state.name}, the engine has it not"
        elif seen is not ENDS.get(state):
            yield f"{reservation_id}: the buyer was told {state.name}, the engine has {seen.name}"
    for reservation_id in found.keys() - answered.keys():
        state = found[reservation_id]
        yield f"{reservation_id}: the engine has {state.name}, no buyer was told of it"


def unequal_sums(counts: Iterable[SkuCount], reservations: Iterable[Reservation]) -> Iterator[str]:
    """The articles whose level contradicts their confirmed reservations, a sentence each."""
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
