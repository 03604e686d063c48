"""The typed values of the SDK: what goes into a call and what comes out.

Quantities are units, `..._at_ms` milliseconds since the Unix epoch, `..._ms` durations.
"""

import secrets
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from holdfast.outcomes import Outcome

_SETTING_ID_BYTES = 16


class State(IntEnum):
    """Where a reservation is in its life. RESERVED is live; the last four are ends."""

    UNSPECIFIED = 0
    RESERVED = 1
    CONFIRMED = 2
    RELEASED = 3
    EXPIRED = 4
    FULFILLED = 5
    CANCELLED = 6


class Disposition(IntEnum):
    """Where returned or cancelled units go: back on sale, aside, or nowhere."""

    RESELLABLE = 1
    DAMAGED = 2
    LOST = 3


class Bucket(IntEnum):
    """The count of a stock level that has the units of a place; OUTSIDE is in none."""

    RESELLABLE = 1
    DAMAGED = 2
    INCOMING = 3
    OUTSIDE = 4


class Line(NamedTuple):
    """`quantity` units (1 to 1,000,000) of `sku` at `location`."""

    sku: str
    quantity: int
    location: str = "default"


class Shortage(NamedTuple):
    """A line that could not be held: units `requested`, and units `available` at that moment."""

    sku: str
    location: str
    requested: int
    available: int


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one command.

    `state` and `expires_at_ms` are the reservation's after the command; UNSPECIFIED and 0 where
    there is none. `shortages` comes with OUT_OF_STOCK, `detail` with INVALID and NOT_JUDGED, the
    `reason` of an error with NOT_JUDGED. `answered_at_ms` is the store's time, which judges the
    deadline; no part of what is compared.
    """

    outcome: Outcome
    replayed: bool = False
    state: State = State.UNSPECIFIED
    expires_at_ms: int = 0
    shortages: tuple[Shortage, ...] = ()
    detail: str = ""
    answered_at_ms: int = field(default=0, compare=False)
    reason: str = ""

    @property
    def applied(self) -> bool:
        """Whether the command is in effect, now or since an earlier call."""
        return self.outcome is Outcome.APPLIED


@dataclass(frozen=True, slots=True)
class ReservationLine:
    """One line of a reservation and how far it has come, in units."""

    sku: str
    location: str
    quantity: int
    shipped: int
    cancelled: int
    returned: int
    exchanged: int = 0
    """Shipped and not returned, but another reservation counts in their place."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Stock held, sold or shipped for one order. A tombstone is RELEASED and has no lines.

    `answered_at_ms` is the store's time when it was read; no part of what is compared.
    """

    tenant: str
    reservation_id: str
    state: State
    lines: tuple[ReservationLine, ...]
    buyer_id: str
    created_at_ms: int
    expires_at_ms: int
    updated_at_ms: int
    answered_at_ms: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The units of one SKU at one location, by what they are held for."""

    tenant: str
    sku: str
    location: str
    on_hand: int
    reserved: int
    confirmed: int
    damaged: int
    safety_stock: int
    available: int
    limit_per_buyer: int
    version: int
    incoming: int = 0


@dataclass(frozen=True, slots=True)
class StockMove:
    """The stock levels after a move, as of now; None for OUTSIDE.

    `replayed` says that it had been made before.
    """

    from_level: StockLevel | None = None
    to_level: StockLevel | None = None
    replayed: bool = False


class StockSetting(NamedTuple):
    """A stock level as it is to be; None leaves what there is, and is 0 in a new level."""

    sku: str
    on_hand: int | None
    location: str = "default"
    safety_stock: int | None = None
    limit_per_buyer: int | None = None
    expected_version: int | None = None
    setting_id: str = ""
    """Of the caller: what is sent again with it is not done again, for an hour."""


def new_setting_id() -> str:
    """An id for a stock setting that nobody has used."""
    return secrets.token_hex(_SETTING_ID_BYTES)


@dataclass(frozen=True, slots=True)
class SettingResult:
    """The answer to one setting of many: the level after it, and why it was refused, if it was.

    `reason` is a `holdfast.errors.Reason`, "" for a setting that is in effect.
    """

    level: StockLevel | None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A row that breaks an invariant."""

    invariant: str
    row: str
    detail: str


@dataclass(frozen=True, slots=True)
class AuditProgress:
    """The progress of an audit, in reservations."""

    reservations_checked: int
    reservations_total: int


@dataclass(frozen=True, slots=True)
class AuditSummary:
    """The rows that an audit checked, and its verdict.

    `ok` is false if any row breaks an invariant, and also if rows stayed `unsettled`: they changed
    in every pass, so their sums could not be proven.
    """

    ok: bool
    levels: int
    reservations: int
    buyers: int
    journal_entries: int
    findings: int
    unsettled: int
    elapsed_ms: int


AuditEvent = AuditProgress | AuditFinding | AuditSummary
"""The events of an audit: progress and findings as they come, the summary last."""


@dataclass(frozen=True, slots=True)
class Status:
    """The engine's version and store. `trouble` says why it does not serve, "" when it serves;
    `warning` what needs a person all the same.
    """

    version: str
    store: str
    durability: str
    trouble: str
    warning: str = ""
    retention_fulfilled_ms: int = 0
    """So long fulfilled reservations are kept; 0: the engine is too old to tell."""


@dataclass(frozen=True, slots=True)
class AcceptedStore:
    """A tenant's store that was accepted as it is, although it went back in time.

    Its changes as far as they had been seen, and those in it now; `replaced` if it is another
    store, or was emptied, and no older copy of the same.
    """

    tenant: str
    changes_seen: int
    changes_now: int
    replaced: bool
