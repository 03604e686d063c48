"""When how many people are there: the phases of a flash sale."""

import math
from typing import NamedTuple

from benchmarks.flash_sale.options import Settings

TAIL_SHARE = 0.2
"""The part of the users at the peak who still come in the tail."""
RAMP_SHARE = 0.8
"""The part of the gathering in which people arrive; then they all wait."""
LEAVE_S = 3.0
"""The time in which people leave who do not stay for the tail."""


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
