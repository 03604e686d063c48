"""The memory of the oracle: reservations, stock levels, adjustments."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.model import (
    Cancel,
    Disposition,
    Line,
    Outcome,
    Reservation,
    ReservationLine,
    Result,
    Return,
    Ship,
    Shortage,
    State,
)

Place = tuple[str, str]
"""SKU and location."""
Movement = Ship | Cancel | Return
MovementContent = tuple[dict[Place, int], Disposition, str, str]

DAY_MS = 24 * 3_600 * 1_000
RETENTION_MS = {
    State.RELEASED: DAY_MS,
    State.EXPIRED: DAY_MS,
    State.CANCELLED: DAY_MS,
    State.FULFILLED: 30 * DAY_MS,
}
ADJUSTMENT_RETENTION_MS = DAY_MS
SETTING_RETENTION_MS = DAY_MS // 24
MOVE_RETENTION_MS = RETENTION_MS[State.FULFILLED]


@dataclass
class Level:
    """The settings and counts of a place besides its reservations, in units."""

    on_hand: int
    safety_stock: int
    limit_per_buyer: int
    damaged: int = 0
    version: int = 1
    incoming: int = 0


@dataclass
class HeldLine:
    """One line of a reservation, in units."""

    quantity: int
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0
    exchanged: list[tuple[str, int]] = field(default_factory=list)
    """Units, and the id of the reservation that counts in their place; the oldest first."""

    @property
    def unshipped(self) -> int:
        """Units that may still be shipped or cancelled."""
        return self.quantity - self.shipped - self.cancelled

    @property
    def with_buyer(self) -> int:
        """Units that may still be returned."""
        return self.shipped - self.returned

    @property
    def counting(self) -> int:
        """Units with the buyer that no other reservation counts in place of."""
        return self.with_buyer - self.exchanged_for()

    def exchanged_for(self, new_id: str | None = None) -> int:
        """Units that are exchanged for a reservation, or for any."""
        return sum(units for one, units in self.exchanged if new_id in (None, one))

    def take(self, most: int, new_id: str | None = None) -> int:
        """Takes up to `most` units out of the exchange for a reservation, or for any; the units."""
        taken, kept = 0, []
        for one, units in self.exchanged:
            some = max(0, min(units, most - taken)) if new_id in (None, one) else 0
            taken += some
            kept += [(one, units - some)] * (units > some)
        self.exchanged = kept
        return taken


class InExchange(NamedTuple):
    """The units of another reservation that one is made in exchange for; {} means all."""

    new_id: str
    other_id: str
    units: dict[Place, int]


@dataclass
class Held:
    """A reservation, or a tombstone: RELEASED and without lines."""

    state: State
    lines: dict[Place, HeldLine]
    buyer_id: str
    ttl_ms: int
    created_at_ms: int
    expires_at_ms: int
    updated_at_ms: int
    ended_at_ms: int | None = None
    movements: dict[tuple[type[Movement], str], MovementContent] = field(default_factory=dict)
    exchange: InExchange | None = None

    @classmethod
    def tombstone(cls, now_ms: int) -> "Held":
        """Makes the record that a Release of an id never seen leaves."""
        return cls(State.RELEASED, {}, "", 0, now_ms, 0, now_ms, ended_at_ms=now_ms)

    def turn(self, state: State, now_ms: int) -> None:
        """Enters a state; retention counts from the moment of an end."""
        self.state = state
        self.updated_at_ms = now_ms
        self.ended_at_ms = now_ms if state in RETENTION_MS else None

    def quantities(self) -> dict[Place, int]:
        """The units that were asked for, as `summed` gives them."""
        return {place: line.quantity for place, line in self.lines.items()}

    def answer(
        self, outcome: Outcome, *, shortages: tuple[Shortage, ...] = (), detail: str = ""
    ) -> Result:
        """The answer of a command that found or made this reservation."""
        return Result(outcome, False, self.state, self.expires_at_ms, shortages, detail)

    def replay(self) -> Result:
        """The answer of a command that had been applied before, with the state of now."""
        return Result(Outcome.APPLIED, True, self.state, self.expires_at_ms)

    def retention_is_over(self, now_ms: int) -> bool:
        """Whether a purge removes it."""
        return self.ended_at_ms is not None and (
            self.ended_at_ms + RETENTION_MS[self.state] <= now_ms
        )

    def shown(self, reservation_id: str) -> Reservation:
        """The reservation as a reader sees it."""
        return Reservation(
            reservation_id,
            self.state,
            tuple(
                ReservationLine(
                    *place,
                    line.quantity,
                    line.shipped,
                    line.cancelled,
                    line.returned,
                    line.exchanged_for(),
                )
                for place, line in self.lines.items()
            ),
            self.buyer_id,
            self.created_at_ms,
            self.expires_at_ms,
            self.updated_at_ms,
        )


@dataclass
class Adjustment:
    """A used id of an adjustment, a setting or a move, and its content."""

    content: tuple[object, ...]
    used_at_ms: int
    kept_ms: int = ADJUSTMENT_RETENTION_MS

    def retention_is_over(self, now_ms: int) -> bool:
        """Whether a purge removes it."""
        return self.used_at_ms + self.kept_ms <= now_ms


def summed(lines: Iterable[Line]) -> dict[Place, int]:
    """Units per SKU and location, sorted."""
    units: Counter[Place] = Counter()
    for line in lines:
        units[line.sku, line.location] += line.quantity
    return dict(sorted(units.items()))
