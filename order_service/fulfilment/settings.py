"""How fast fulfilment is meant to be, in one place."""

from typing import Final

from msgspec import Struct

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class FulfilmentSettings(Struct, frozen=True):
    """Durations in milliseconds."""

    pick_within_ms: int = DAY_MS
    """A shipment that is still to be picked after so long is overdue (O6)."""
    complete_after_ms: int = 7 * DAY_MS
    """An order completes by itself so long after its last parcel was signed for (O11)."""
