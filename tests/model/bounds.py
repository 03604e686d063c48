"""The bounds of a command, said a second time: which field breaks the contract, if any.

The numbers are written out here rather than taken from `engine.model`, so that a wrong one there
is noticed.
"""

import re
from collections.abc import Iterator, Sequence

from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Exchange,
    Expire,
    Extend,
    Line,
    MoveStock,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StockCommand,
)

ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
UNITS_MAX = 10**12

Check = tuple[str, bool]
"""A field's name, and whether the field is within its bounds."""


def broken_field(command: Command | StockCommand | Expire | Purge) -> str:
    """The first field of a command that breaks a bound, "" if the command can be judged."""
    if isinstance(command, Expire | Purge):
        return ""
    if isinstance(command, MoveStock):
        checks = _move_checks(command)
    elif isinstance(command, SetStock | AdjustStock):
        checks = _stock_checks(command)
    else:
        checks = _checks(command)
    return next((field for field, holds in checks if not holds), "")


def _checks(command: Command) -> Iterator[Check]:
    yield "reservation_id", _is_id(command.reservation_id)
    match command:
        case Reserve():
            yield "lines", len(command.lines) >= 1
            yield from _line_checks(command.lines)
            yield "ttl_ms", command.ttl_ms == 0 or 1_000 <= command.ttl_ms <= 604_800_000
            if isinstance(command, Exchange):
                other = command.in_exchange_for
                yield "in_exchange_for.reservation_id", _is_id(other.reservation_id)
                yield from _line_checks(other.lines)
            yield "buyer_id", command.buyer_id == "" or _is_id(command.buyer_id)
        case Extend():
            yield "expires_at_ms", command.expires_at_ms > 0
        case Ship():
            yield "shipment_id", _is_id(command.shipment_id)
            yield from _line_checks(command.lines)
        case Cancel():
            yield "cancellation_id", _is_id(command.cancellation_id)
            yield from _line_checks(command.lines)
        case Return():
            yield "return_id", _is_id(command.return_id)
            yield from _line_checks(command.lines)
            yield "disposition", command.disposition is not Disposition.UNSPECIFIED
            is_lost = command.disposition is Disposition.LOST
            yield "to_location", not command.to_location or not is_lost
            yield "to_location", not command.to_location or _is_name(command.to_location)
            yield "for_exchange", not command.for_exchange or _is_id(command.for_exchange)
        case Confirm() | Release():
            pass


def _stock_checks(command: SetStock | AdjustStock) -> Iterator[Check]:
    yield "sku", _is_name(command.sku)
    yield "location", _is_name(command.location)
    match command:
        case SetStock():
            yield "on_hand", 0 <= (command.on_hand or 0) <= UNITS_MAX
            yield "safety_stock", 0 <= (command.safety_stock or 0) <= UNITS_MAX
            yield "limit_per_buyer", 0 <= (command.limit_per_buyer or 0) < 2**32
            yield "setting_id", not command.setting_id or _is_id(command.setting_id)
        case AdjustStock():
            yield "delta", command.delta != 0 and abs(command.delta) <= UNITS_MAX
            yield "adjustment_id", _is_id(command.adjustment_id)
            yield "reason", len(command.reason.encode()) <= 256


def _move_checks(command: MoveStock) -> Iterator[Check]:
    gives = (command.from_bucket, command.from_location)
    takes = (command.to_bucket, command.to_location)
    yield "sku", _is_name(command.sku)
    yield "units", 1 <= command.units <= UNITS_MAX
    for side, (bucket, location) in (("from", gives), ("to", takes)):
        is_outside = bucket is Bucket.OUTSIDE
        yield f"{side}_bucket", bucket is not Bucket.UNSPECIFIED
        yield f"{side}_location", _is_name(location)
        yield f"{side}_location", not is_outside or location == "default"
    yield "to_bucket", gives != takes
    yield "move_id", _is_id(command.move_id)
    yield "reason", len(command.reason.encode()) <= 256


def _line_checks(lines: Sequence[Line]) -> Iterator[Check]:
    yield "lines", len(lines) <= 200
    for line in lines:
        yield "lines", _is_name(line.sku)
        yield "lines", _is_name(line.location)
        yield "lines", 1 <= line.quantity <= 1_000_000


def _is_id(text: str) -> bool:
    return ID.fullmatch(text) is not None


def _is_name(text: str) -> bool:
    return text.isprintable() and 1 <= len(text.encode()) <= 64
