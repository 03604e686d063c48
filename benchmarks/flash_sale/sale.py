"""One sale: what every process of a rehearsal must know of it, and how many people come when."""

import math
from typing import Any, NamedTuple

from benchmarks.flash_sale.options import Settings

LATE_BY_S = 0.1
"""A late payment comes this long after its deadline."""
VISIT_CALLS_S_MAX = 15.0
"""The most that the calls of one visit may take together, by their deadlines."""
TAIL_SHARE = 0.2
"""The part of the users at the peak who still come in the tail."""
RAMP_SHARE = 0.8
"""The part of the gathering in which people arrive; then they all wait."""
LEAVE_S = 3.0
"""The time in which people leave who do not stay for the tail."""


class Sale(NamedTuple):
    """A run's articles, clock and paces. `run` is in each of its ids, so that none meets another's.

    `opens_at_s` is T-0 in seconds since the Unix epoch; 0 as long as the sale has not begun.
    """

    run: str
    tenant: str
    skus: tuple[str, ...]
    stock: int
    limit_per_buyer: int
    think_s: float
    payment_s: float
    ttl_s: float
    opens_at_s: float = 0.0

    @property
    def ttl_ms(self) -> int:
        """The life of a reservation, in milliseconds."""
        return round(self.ttl_s * 1_000)

    @property
    def visit_s_max(self) -> float:
        """The longest a visit lasts: a buyer waits for the deadline and pays after it."""
        return self.ttl_s + LATE_BY_S + VISIT_CALLS_S_MAX

    def wanted_sku(self, chance: float) -> str:
        """The article that somebody wants, by a number drawn from 0 to 1.

        The n-th is wanted in proportion to about 1 / n (Zipf), the first the most.
        """
        return self.skus[int((len(self.skus) + 1) ** chance) - 1]


def sale_of(settings: Settings, run: str) -> Sale:
    """The sale that a run makes of its settings; in a tenant of its own unless one is named."""
    return Sale(
        run,
        settings.tenant or f"rehearsal-{run}",
        tuple(f"{run}-article-{number}" for number in range(1, settings.skus + 1)),
        settings.stock,
        settings.limit_per_buyer,
        settings.think_s,
        settings.payment_s,
        settings.ttl_s,
    )


def to_message(sale: Sale) -> dict[str, Any]:
    """The sale as Locust sends it to its workers."""
    return sale._asdict()


def from_message(message: dict[str, Any]) -> Sale:
    """The sale that a worker was sent."""
    return Sale(**{**message, "skus": tuple(message["skus"])})


class Phase(NamedTuple):
    """A part of a sale: until when, in seconds from its start, with how many users."""

    name: str
    until_s: float
    users: int
    users_per_s: float
    """How fast users come or go."""


def phases(settings: Settings) -> tuple[Phase, ...]:
    """People gather, all shop at once from T-0, a few stay, and in the closing nobody is there."""
    peak, opens_s = settings.peak_users, settings.gather_s
    arriving_per_s, leaving_per_s = peak / (opens_s * RAMP_SHARE), peak / LEAVE_S
    tail_from_s = opens_s + settings.burst_s
    tail_users = max(1, round(peak * TAIL_SHARE))
    return (
        Phase("gather", opens_s, peak, arriving_per_s),
        Phase("burst", tail_from_s, peak, arriving_per_s),
        Phase("tail", tail_from_s + settings.tail_s, tail_users, leaving_per_s),
        Phase("closing", math.inf, 0, leaving_per_s),
    )


def phase_at(settings: Settings, run_time_s: float) -> Phase:
    """The phase that a sale is in `run_time_s` after its start."""
    return next(phase for phase in phases(settings) if run_time_s < phase.until_s)
