"""MoveStock: the places it names, the units that may leave one, and moving them."""

from collections.abc import Callable

from engine.model import Bucket, MoveStock, StockLevel, StockOutcome
from tests.model.bounds import UNITS_MAX
from tests.model.records import Level, Place

# The field of a level that counts the units of a bucket.
COUNTED_IN = {
    Bucket.RESELLABLE: "on_hand",
    Bucket.DAMAGED: "damaged",
    Bucket.INCOMING: "incoming",
}


def places_of(command: MoveStock) -> tuple[Place | None, Place | None]:
    """The levels that give and take units; None is outside of all."""
    gives, takes = (command.sku, command.from_location), (command.sku, command.to_location)
    return (
        None if command.from_bucket is Bucket.OUTSIDE else gives,
        None if command.to_bucket is Bucket.OUTSIDE else takes,
    )


def content_of_move(command: MoveStock) -> tuple[object, ...]:
    """The content that a replay must repeat."""
    buckets = (command.from_bucket, command.to_bucket)
    return places_of(command), buckets, command.units, command.reason


def move_between(
    command: MoveStock, levels: dict[Place, Level], shown: Callable[[Place], StockLevel]
) -> StockOutcome:
    """Moves the units, unless something forbids it; `shown` is a level with all its counts."""
    gives, takes = places = places_of(command)
    if any(place and place not in levels for place in places):
        return StockOutcome.NOT_FOUND
    if gives and command.units > _may_leave(shown(gives), command.from_bucket):
        return StockOutcome.NOT_ENOUGH_UNITS
    if takes and _count(levels[takes], command.to_bucket) + command.units > UNITS_MAX:
        return StockOutcome.INVALID
    if gives:
        _add(levels[gives], command.from_bucket, -command.units)
    if takes:
        _add(levels[takes], command.to_bucket, command.units)
    return StockOutcome.APPLIED


def _may_leave(level: StockLevel, bucket: Bucket) -> int:
    """Units of a bucket that a move may take: of those on sale only what nobody has."""
    if bucket is Bucket.RESELLABLE:
        return level.available
    return int(getattr(level, COUNTED_IN[bucket]))


def _count(level: Level, bucket: Bucket) -> int:
    return int(getattr(level, COUNTED_IN[bucket]))


def _add(level: Level, bucket: Bucket, units: int) -> None:
    setattr(level, COUNTED_IN[bucket], _count(level, bucket) + units)
