"""The values the engine takes and gives: commands, results, reservations, stock levels.

Pure data, no I/O. The numbers of `Outcome`, `State` and `Disposition` are those of the wire
contract, so that nothing has to be translated; a test holds them against the .proto files.
Quantities are units, times milliseconds since the Unix epoch, durations milliseconds.
"""

from enum import IntEnum
from typing import ClassVar

import msgspec

# Bounds of the wire contract.
ID_LENGTH_MAX = 64
NAME_BYTES_MAX = 64
QUANTITY_MAX = 1_000_000
TTL_MS_DEFAULT = 900_000
TTL_MS_MIN = 1_000
TTL_MS_MAX = 604_800_000
LINES_MAX = 200
BATCH_COMMANDS_MAX = 1_000
BATCH_LINES_MAX = 4_000
ON_HAND_MAX = 1_000_000_000_000
LIMIT_PER_BUYER_MAX = 4_294_967_295
REASON_BYTES_MAX = 256
# A record keeps every shipment, cancellation and return, so that each is replayed; this bounds it.
MOVEMENTS_MAX = 1_000

DEFAULT_TENANT = "default"
DEFAULT_LOCATION = "default"


class Outcome(IntEnum):
    """The decision about a command."""

    APPLIED = 1
    OUT_OF_STOCK = 2
    UNKNOWN_SKU = 3
    LIMIT_EXCEEDED = 4
    ID_REUSED = 5
    NOT_FOUND = 6
    ALREADY_CONFIRMED = 7
    ALREADY_RELEASED = 8
    ALREADY_EXPIRED = 9
    NOT_CONFIRMED = 10
    QUANTITY_EXCEEDED = 11
    ALREADY_CANCELLED = 12
    INVALID = 13


class State(IntEnum):
    """Where a reservation is in its life."""

    UNSPECIFIED = 0
    RESERVED = 1
    CONFIRMED = 2
    RELEASED = 3
    EXPIRED = 4
    FULFILLED = 5
    CANCELLED = 6


class Disposition(IntEnum):
    """Where returned or cancelled units go. LOST ones go nowhere."""

    UNSPECIFIED = 0
    RESELLABLE = 1
    DAMAGED = 2
    LOST = 3


class Bucket(IntEnum):
    """The count of a level that has the units of a place; OUTSIDE is in none."""

    UNSPECIFIED = 0
    RESELLABLE = 1
    DAMAGED = 2
    INCOMING = 3
    OUTSIDE = 4


class Line(msgspec.Struct, frozen=True, gc=False):
    """`quantity` units of `sku` at `location`."""

    sku: str
    quantity: int
    location: str = DEFAULT_LOCATION


class Reserve(msgspec.Struct, gc=False):
    """Hold every line, or none, until `ttl_ms` from now."""

    reservation_id: str
    lines: list[Line]
    ttl_ms: int = 0
    buyer_id: str = ""


class ExchangedUnits(msgspec.Struct, frozen=True, gc=False):
    """Units of a reservation that its buyer is to give back; no lines means all there are."""

    reservation_id: str
    lines: list[Line] = []


class Exchange(Reserve, gc=False, kw_only=True):
    """Hold every line in exchange for units that the buyer has of another reservation."""

    in_exchange_for: ExchangedUnits


class Confirm(msgspec.Struct, gc=False):
    """Sell a live reservation; an expired one too, if its stock can be had again."""

    reservation_id: str
    reacquire_if_expired: bool = False
    lines: ClassVar[tuple[Line, ...]] = ()


class Release(msgspec.Struct, gc=False):
    """Give a live reservation's units back."""

    reservation_id: str
    lines: ClassVar[tuple[Line, ...]] = ()


class Extend(msgspec.Struct, gc=False):
    """Move a live reservation's deadline."""

    reservation_id: str
    expires_at_ms: int
    lines: ClassVar[tuple[Line, ...]] = ()


class Ship(msgspec.Struct, gc=False):
    """Take confirmed units out of on hand; no lines means all that is left."""

    reservation_id: str
    shipment_id: str
    lines: list[Line] = []


class Cancel(msgspec.Struct, gc=False):
    """Take back the sale of confirmed, unshipped units; no lines means all that is left.

    `disposition` UNSPECIFIED means RESELLABLE.
    """

    reservation_id: str
    cancellation_id: str
    lines: list[Line] = []
    disposition: Disposition = Disposition.UNSPECIFIED


class Return(msgspec.Struct, gc=False):
    """Bring shipped units back; no lines means all that have not come back.

    The level at `to_location` takes them; "" means that of each line. Units that are exchanged for
    the reservation `for_exchange` come back before others; "" means the last.
    """

    reservation_id: str
    return_id: str
    disposition: Disposition
    lines: list[Line] = []
    to_location: str = ""
    for_exchange: str = ""


Command = Reserve | Exchange | Confirm | Release | Extend | Ship | Cancel | Return


class SetStock(msgspec.Struct, gc=False):
    """Create a stock level or change its settings, once per `setting_id` if it has one.

    A setting of None stays as it is, and is 0 in a new level. `expected_version` None means always,
    0 only if the level does not exist.
    """

    sku: str
    on_hand: int | None
    location: str = DEFAULT_LOCATION
    safety_stock: int | None = 0
    limit_per_buyer: int | None = 0
    expected_version: int | None = None
    setting_id: str = ""
    lines: ClassVar[tuple[Line, ...]] = ()


class AdjustStock(msgspec.Struct, gc=False):
    """Add `delta` units to on hand, once per `adjustment_id`."""

    sku: str
    delta: int
    adjustment_id: str
    location: str = DEFAULT_LOCATION
    reason: str = ""
    lines: ClassVar[tuple[Line, ...]] = ()


class MoveStock(msgspec.Struct, gc=False):
    """Move `units` from one place to another, once per `move_id`. OUTSIDE has no location."""

    sku: str
    units: int
    from_bucket: Bucket
    to_bucket: Bucket
    move_id: str
    from_location: str = DEFAULT_LOCATION
    to_location: str = DEFAULT_LOCATION
    reason: str = ""
    lines: ClassVar[tuple[Line, ...]] = ()


class Expire(msgspec.Struct, gc=False):
    """Expire reservations that are past their deadline, about `limit` lines of them."""

    limit: int
    lines: ClassVar[tuple[Line, ...]] = ()


class Purge(msgspec.Struct, gc=False):
    """Remove at most `limit` finished reservations and adjustment ids whose retention is over;
    fewer, if they have many lines.
    """

    limit: int
    lines: ClassVar[tuple[Line, ...]] = ()


StockCommand = SetStock | AdjustStock | MoveStock
StoreCommand = Command | StockCommand | Expire | Purge


class Shortage(msgspec.Struct, frozen=True, gc=False):
    """A line that could not be held."""

    sku: str
    location: str
    requested: int
    available: int


class Result(msgspec.Struct, frozen=True, gc=False):
    """The answer to one command. `detail` is set with INVALID and names the field."""

    outcome: Outcome
    replayed: bool = False
    state: State = State.UNSPECIFIED
    expires_at_ms: int = 0
    shortages: tuple[Shortage, ...] = ()
    detail: str = ""


class StockOutcome(IntEnum):
    """The decision about a stock setting, adjustment or move."""

    APPLIED = 1
    NOT_FOUND = 2
    ON_HAND_BELOW_COMMITTED = 3
    VERSION_MISMATCH = 4
    ADJUSTMENT_ID_REUSED = 5
    INVALID = 6
    NOT_ENOUGH_UNITS = 7


class StockResult(msgspec.Struct, gc=False):
    """The answer to SetStock, AdjustStock and MoveStock.

    `level` is the stock level after the command, None if there is none; of a move the level that
    gives units, and `to_level` the one that takes them. `detail` is set with INVALID and names the
    field.
    """

    outcome: StockOutcome
    level: "StockLevel | None" = None
    replayed: bool = False
    detail: str = ""
    to_level: "StockLevel | None" = None


class SweepResult(msgspec.Struct, gc=False):
    """The answer to Expire and Purge: how many were handled, and whether more are due."""

    handled: int
    more: bool


class ReservationLine(msgspec.Struct, frozen=True, gc=False):
    """One line of a reservation, with its units shipped, cancelled, returned and exchanged."""

    sku: str
    location: str
    quantity: int
    shipped: int = 0
    cancelled: int = 0
    returned: int = 0
    exchanged: int = 0


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """Stock held, sold or shipped for one order. A tombstone is RELEASED and has no lines."""

    reservation_id: str
    state: State
    lines: tuple[ReservationLine, ...]
    buyer_id: str
    created_at_ms: int
    expires_at_ms: int
    updated_at_ms: int


class StockLevel(msgspec.Struct, frozen=True, gc=False):
    """The units of one SKU at one location, by what they are held for."""

    sku: str
    location: str
    on_hand: int
    reserved: int = 0
    confirmed: int = 0
    damaged: int = 0
    safety_stock: int = 0
    limit_per_buyer: int = 0
    version: int = 1
    incoming: int = 0

    @property
    def available(self) -> int:
        """Units that can be reserved now."""
        return max(0, self.on_hand - self.reserved - self.confirmed - self.safety_stock)
