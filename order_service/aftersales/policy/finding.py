"""A finding: the clause, version, inputs, comparison and result of one decision. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from msgspec import Struct

Inputs = Mapping[str, int | bool | str]


class Finding(Struct, frozen=True):
    """Why a decision is what it is. Nothing in it is personal."""

    clause: str
    """The name of the clause or rule that decided, such as `window.NO_REASON.days` or `T1`."""
    version: str
    """The version that the clause is of (`document.name_of`)."""
    inputs: Inputs
    """The facts that were looked at, by name."""
    comparison: str
    """The two sides that were compared, for a person."""
    result: str

    def __str__(self) -> str:
        return f"{self.clause} of {self.version}: {self.comparison}: {self.result}"


def time_text(at_ms: int, zone: str) -> str:
    """A moment as people of a zone write it, to the millisecond."""
    at = datetime.fromtimestamp(at_ms // 1_000, UTC).astimezone(ZoneInfo(zone))
    return f"{at:%Y-%m-%d %H:%M:%S}.{at_ms % 1_000:03d} {zone}"
