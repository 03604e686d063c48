"""The values in the store: packed by the script or by Python, read by both.

A stock field is the SKU, followed by NUL and the location unless that is `default`: NUL is not
printable, so it cannot be part of either. A record is a fixed header that the script writes, the
body that the caller packed (ttl_ms, buyer, lines), and the progress of its movements. The body is
the whole content of the Reserve that made it, so comparing bodies tells a replay from a reused id
exactly; no hash is kept beside it.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from engine.model import (
    DEFAULT_LOCATION,
    Line,
    Reservation,
    ReservationLine,
    State,
    StockLevel,
)

_TIMES = (slice(1, 7), slice(7, 13), slice(13, 19))  # created, expires, updated; after the state
_HEADER_BYTES = 19
_BODY_FIRST = 21

pack = msgspec.msgpack.encode
_unpack_body = msgspec.msgpack.Decoder(list[int | str | list[int | str]] | dict[str, int]).decode
_unpack_numbers = msgspec.msgpack.Decoder(list[int]).decode
_LEVEL_COUNTS = 7
# Counts and due_from_ms; then `incoming`, while there is any.
_LEVEL_LENGTHS = (8, 9)
unpack_locations = msgspec.msgpack.Decoder(list[str]).decode


class _Progress(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """The progress of a record; `exchanges` is id, line and units of each, see exchanged.lua."""

    counts: list[int]
    movements: list[str] | dict[str, int]
    exchanges: list[int | str] = []


_unpack_progress = msgspec.msgpack.Decoder(_Progress).decode


def stock_field(sku: str, location: str) -> str:
    """The field of a stock level in `stock`."""
    return sku if location in (DEFAULT_LOCATION, "") else f"{sku}\0{location}"


def split_field(field: str) -> tuple[str, str]:
    """The SKU and location of a stock field."""
    sku, _, location = field.partition("\0")
    return sku, location or DEFAULT_LOCATION


def fields_of_sku(sku: str, located: bytes | None) -> list[str]:
    """The fields of a SKU: that of the default location, then those in its packed `locations`."""
    return [sku, *(stock_field(sku, name) for name in unpack_locations(located or b"\x90"))]


def buyer_field(buyer_id: str, sku: str) -> str:
    """The field of a buyer's units of a SKU, over all its locations, in `buyers`."""
    return f"{buyer_id}\0{sku}"


def sum_lines(lines: Sequence[Line]) -> list[tuple[str, int]]:
    """Lines as stock fields and units: one entry a SKU and location, in the order of the fields.

    The order makes the content of a request independent of how its lines were arranged.
    """
    if len(lines) == 1:
        line = lines[0]
        return [(stock_field(line.sku, line.location), line.quantity)]
    units: dict[str, int] = {}
    for line in lines:
        field = stock_field(line.sku, line.location)
        units[field] = units.get(field, 0) + line.quantity
    return sorted(units.items())


def pack_body(content: Sequence[int | str | Sequence[int | str]]) -> msgspec.Raw:
    """The body of a reservation's record, with its length before it, as a packed string.

    `content` is ttl_ms, buyer_id, then field and units of each line; instead of ttl_ms, of one made
    in exchange, ttl_ms, the id of the other and its fields and units.
    """
    body = pack(content)
    if len(body) < len(_BODY_PREFIXES):
        return msgspec.Raw(_BODY_PREFIXES[len(body)] + body)
    return packed_string(len(body).to_bytes(2, "big") + body)


def packed_string(data: bytes) -> msgspec.Raw:
    """Packs any bytes as a msgpack string: Lua's msgpack knows no other kind, and reads bytes."""
    size = len(data)
    if size < 1 << 5:
        return msgspec.Raw(bytes((0xA0 | size,)) + data)
    if size < 1 << 8:
        return msgspec.Raw(bytes((0xD9, size)) + data)
    return msgspec.Raw(b"\xda" + size.to_bytes(2, "big") + data)


# The bytes before a short body, by its length: the length of the packed string, then its own.
_BODY_PREFIXES = [
    bytes(packed_string(size.to_bytes(2, "big") + bytes(size)))[: -size or None]
    for size in range(254)
]


def unpacked_string(raw: msgspec.Raw) -> bytes:
    """The bytes of a packed msgpack string, whatever they are."""
    data = bytes(raw)
    if 0xA0 <= data[0] <= 0xBF:
        return data[1:]
    return data[{0xD9: 2, 0xDA: 3, 0xDB: 5}[data[0]] :]


def fingerprint(*content: object) -> str:
    """A short digest of a command's content, kept with its id to tell a replay from a reused id."""
    return blake2b(pack(content), digest_size=8).hexdigest()


class Unreadable(ValueError):
    """A value of another shape than its key has: another program wrote it."""


def unpack_reservation(reservation_id: str, record: bytes) -> Reservation:
    """A reservation from its record. Raises Unreadable."""
    try:
        return _reservation(reservation_id, record)
    except (ValueError, TypeError, IndexError, msgspec.MsgspecError) as error:
        raise Unreadable(f"the record of reservation {reservation_id}: {error}") from error


def _reservation(reservation_id: str, record: bytes) -> Reservation:
    created, expires, updated = (int.from_bytes(record[part]) for part in _TIMES)
    body_end = _BODY_FIRST + int.from_bytes(record[_HEADER_BYTES:_BODY_FIRST], "big")
    body: Any = _unpack_body(record[_BODY_FIRST:body_end]) or [0, ""]
    fields, quantities = body[2::2], body[3::2]
    if not all(isinstance(text, str) for text in (body[1], *fields)) or not all(
        isinstance(quantity, int) for quantity in quantities
    ):
        raise ValueError("its body has another shape")
    counts, exchanged = [0] * (3 * len(fields)), [0] * len(fields)
    if body_end < len(record):
        progress = _unpack_progress(record[body_end:])
        counts = progress.counts
        for line, units in zip(progress.exchanges[1::3], progress.exchanges[2::3], strict=True):
            exchanged[line - 1] += units  # type: ignore[operator]
    lines = (
        ReservationLine(*split_field(field), quantity, *(*counts[3 * i : 3 * i + 3], exchanged[i]))
        for i, (field, quantity) in enumerate(zip(fields, quantities, strict=True))
    )
    state = State(record[0])
    return Reservation(reservation_id, state, tuple(lines), body[1], created, expires, updated)


def unpack_level(field: str, packed: bytes) -> StockLevel:
    """A stock level from its packed counts. Raises Unreadable."""
    return level_of(field, _level_numbers(f"the stock level of {field!r}", packed))


def level_of(field: str, numbers: Sequence[int]) -> StockLevel:
    """A stock level from its numbers, in the order in which the store has them."""
    return StockLevel(*split_field(field), *numbers[:_LEVEL_COUNTS], *numbers[_LEVEL_COUNTS + 1 :])


def due_from_ms(packed: bytes) -> int:
    """The time before which no reserved unit of a packed level is due. Raises Unreadable."""
    return _level_numbers("a stock level", packed)[_LEVEL_COUNTS]


def _level_numbers(name: str, packed: bytes) -> list[int]:
    try:
        numbers = _unpack_numbers(packed)
    except msgspec.MsgspecError as error:
        raise Unreadable(f"{name}: {error}") from error
    if len(numbers) not in _LEVEL_LENGTHS:
        raise Unreadable(f"{name}: it has {len(numbers)} numbers")
    return numbers


def buyer_units(value: bytes) -> int:
    """The units in a buyer's row, beside which ids of reservations may stand. Raises ValueError."""
    units, _, _ = value.partition(b" ")
    if not units.isdigit():
        raise ValueError(f"{value!r} is no number")
    return int(units)


def pairs(flat: Any) -> list[tuple[bytes, bytes]]:
    """The pairs of a flat reply; newer protocols give them as pairs or a map already."""
    if isinstance(flat, dict):
        return list(flat.items())
    if flat and isinstance(flat[0], list | tuple):
        return [(name, value) for name, value in flat]
    return list(zip(flat[::2], flat[1::2], strict=True))
