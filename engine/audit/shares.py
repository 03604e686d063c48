"""The units that a reservation adds to levels and buyers.

A row is named by a letter and its field: `s` and a stock field, or `b` and a buyer field.
"""

from collections.abc import Iterator

from engine.model import Reservation, State
from engine.records import buyer_field, stock_field


def shares(reservation: Reservation) -> Iterator[tuple[str, int, int]]:
    """Yields each row with two counts: a level's reserved and confirmed units; for a buyer, the
    units that count for a limit, and 0.
    """
    for line in reservation.lines:
        row = "s" + stock_field(line.sku, line.location)
        left = line.quantity - line.cancelled - line.returned
        if reservation.state is State.RESERVED:
            yield row, line.quantity, 0
        elif reservation.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED):
            yield row, 0, line.quantity - line.shipped - line.cancelled
        else:
            left = 0
        if left and reservation.buyer_id:
            yield "b" + buyer_field(reservation.buyer_id, line.sku), left, 0


def units_of(value: bytes | None) -> int:
    """A buyer's units; -1, which no sum can be, if the value is no number."""
    if value is None:
        return 0
    return int(value) if value.isdigit() else -1
