"""Moves of stock in the journal: what they say that each level gained or lost."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from engine.model import Bucket, StockLevel
from engine.records import unpacked_string
from engine.scripts import Kind

# Of these the journal does not say by how much they changed which count.
_SAY_NO_AMOUNT = frozenset({Kind.SET_STOCK, Kind.SHIP, Kind.CANCEL, Kind.RETURN})
COUNTS = {
    Bucket.RESELLABLE: "on_hand",
    Bucket.DAMAGED: "damaged",
    Bucket.INCOMING: "incoming",
}
_unpack_move = msgspec.msgpack.Decoder(tuple[int, str, Bucket, str, Bucket, str, str]).decode
_unpack_adjustment = msgspec.msgpack.Decoder(tuple[int, str, str]).decode

Gains = Counter[tuple[str, str]]
"""Units by field and count; fewer than 0 are lost."""


def gains_of(kinds: Sequence[int], subjects: Sequence[msgspec.Raw]) -> Gains | None:
    """The gains that the moves of a batch say, with its adjustments; None if it has no moves, or if
    others changed counts, too. Raises a MsgspecError.
    """
    if Kind.MOVE_STOCK not in kinds or not _SAY_NO_AMOUNT.isdisjoint(kinds):
        return None
    gains: Gains = Counter()
    for i, kind in enumerate(kinds):
        asked = subjects[2 * i + 1]
        if kind == Kind.ADJUST_STOCK:
            delta, *_ = _unpack_adjustment(asked)
            gains[unpacked_string(subjects[2 * i]).decode(), "on_hand"] += delta
        elif kind == Kind.MOVE_STOCK:
            units, from_field, from_bucket, to_field, to_bucket, *_ = _unpack_move(asked)
            gains[from_field, COUNTS.get(from_bucket, "")] -= units
            gains[to_field, COUNTS.get(to_bucket, "")] += units
    return gains


def difference(before: StockLevel, after: StockLevel, field: str, gains: Gains) -> str:
    """The first count of a level that did not change as its moves say, in words; "" if none."""
    for count in COUNTS.values():
        was, is_now = getattr(before, count), getattr(after, count)
        if is_now - was != gains[field, count]:
            return f"{count} went from {was} to {is_now}, its moves say {gains[field, count]:+}"
    return ""
