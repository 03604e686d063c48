"""The bounds of the wire contract, checked before a command reaches the store.

Each check returns None, or a `Complaint` about the first field that breaks a bound.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from engine.model import (
    BATCH_COMMANDS_MAX,
    BATCH_LINES_MAX,
    DEFAULT_LOCATION,
    ID_LENGTH_MAX,
    LIMIT_PER_BUYER_MAX,
    LINES_MAX,
    NAME_BYTES_MAX,
    ON_HAND_MAX,
    QUANTITY_MAX,
    REASON_BYTES_MAX,
    TTL_MS_MAX,
    TTL_MS_MIN,
    AdjustStock,
    Bucket,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Exchange,
    Extend,
    Line,
    MoveStock,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StoreCommand,
)

_is_id = re.compile(rf"[A-Za-z0-9._:-]{{1,{ID_LENGTH_MAX}}}").fullmatch
_VALUE_LENGTH_MAX = 80


class Complaint(str):
    """A sentence for a person, `field: problem; got value`, that keeps its parts."""

    __slots__ = ("field", "problem", "value")

    field: str
    problem: str
    value: str

    def __new__(cls, field: str, problem: str, value: object, shown: str = "") -> Self:
        """The complaint about a field's value, shown as its repr, which is cut if it is long."""
        shown = shown or repr(value)
        if len(shown) > _VALUE_LENGTH_MAX:
            shown = shown[:_VALUE_LENGTH_MAX] + "..."
        self = super().__new__(cls, f"{field}: {problem}; got {shown}")
        self.field, self.problem, self.value = field, problem, shown
        return self

    def within(self, parent: str) -> "Complaint":
        """Returns this complaint as one about a field of `parent`."""
        return Complaint(f"{parent}.{self.field}", self.problem, None, self.value)


def check_id(field: str, value: str) -> Complaint | None:
    """Checks an id: 1 to 64 characters of [A-Za-z0-9._:-]."""
    if _is_id(value):
        return None
    return Complaint(
        field, f"must be 1 to {ID_LENGTH_MAX} characters of A-Z a-z 0-9 . _ : -", value
    )


def check_name(field: str, value: str) -> Complaint | None:
    """Checks a SKU or location: 1 to 64 bytes of printable UTF-8."""
    if value.isascii():
        if 0 < len(value) <= NAME_BYTES_MAX and value.isprintable():
            return None
    elif value.isprintable() and len(value.encode("utf-8", "replace")) <= NAME_BYTES_MAX:
        return None
    return Complaint(field, f"must be 1 to {NAME_BYTES_MAX} bytes of printable UTF-8", value)


def check_units(field: str, value: int, least: int, most: int) -> Complaint | None:
    """Checks a count of units."""
    if least <= value <= most:
        return None
    return Complaint(field, f"must be {least:,} to {most:,}", value)


def check_lines(lines: Sequence[Line], least: int) -> Complaint | None:
    """Checks how many lines there are, and each of them."""
    if not least <= len(lines) <= LINES_MAX:
        return Complaint("lines", f"must be {least} to {LINES_MAX} lines", len(lines))
    for position, line in enumerate(lines):
        if not 0 < line.quantity <= QUANTITY_MAX:
            return check_units(f"lines[{position}].quantity", line.quantity, 1, QUANTITY_MAX)
        problem = check_name("sku", line.sku)
        if problem is None and line.location != DEFAULT_LOCATION:
            problem = check_name("location", line.location)
        if problem:
            return problem.within(f"lines[{position}]")
    return None


def _check_reserve(command: Reserve) -> Complaint | None:
    if command.ttl_ms and not TTL_MS_MIN <= command.ttl_ms <= TTL_MS_MAX:
        return Complaint(
            "ttl_ms", f"must be {TTL_MS_MIN:,} to {TTL_MS_MAX:,}, or 0", command.ttl_ms
        )
    if command.buyer_id and not _is_id(command.buyer_id):
        return check_id("buyer_id", command.buyer_id)
    return check_lines(command.lines, 1)


def _check_exchange(command: Exchange) -> Complaint | None:
    other = command.in_exchange_for
    problem = check_id("reservation_id", other.reservation_id) or check_lines(other.lines, 0)
    return problem.within("in_exchange_for") if problem else _check_reserve(command)


def _check_extend(command: Extend) -> Complaint | None:
    if command.expires_at_ms > 0:
        return None
    return Complaint("expires_at_ms", "must be after now", command.expires_at_ms)


def _check_disposition(disposition: int) -> Complaint | None:
    if Disposition.RESELLABLE <= disposition <= Disposition.LOST:
        return None
    return Complaint("disposition", "must be RESELLABLE, DAMAGED or LOST", int(disposition))


def _check_cancel(command: Cancel) -> Complaint | None:
    return (
        _check_disposition(command.disposition or Disposition.RESELLABLE)
        or check_id("cancellation_id", command.cancellation_id)
        or check_lines(command.lines, 0)
    )


def _check_return(command: Return) -> Complaint | None:
    return (
        _check_disposition(command.disposition)
        or check_id("return_id", command.return_id)
        or check_lines(command.lines, 0)
        or _check_to_location(command)
        or (check_id("for_exchange", command.for_exchange) if command.for_exchange else None)
    )


def _check_to_location(command: Return) -> Complaint | None:
    if not command.to_location:
        return None
    if command.disposition == Disposition.LOST:
        return Complaint(
            "to_location", "must be empty for LOST units, which go nowhere", command.to_location
        )
    return check_name("to_location", command.to_location)


_CHECKS: dict[type, Callable[[Any], Complaint | None]] = {
    Reserve: _check_reserve,
    Exchange: _check_exchange,
    Confirm: lambda _: None,
    Release: lambda _: None,
    Extend: _check_extend,
    Ship: lambda c: check_id("shipment_id", c.shipment_id) or check_lines(c.lines, 0),
    Cancel: _check_cancel,
    Return: _check_return,
}


def check_command(command: Command) -> Complaint | None:
    """Checks a command against the contract's bounds."""
    if not _is_id(command.reservation_id):
        return check_id("reservation_id", command.reservation_id)
    return _CHECKS[type(command)](command)


def check_set_stock(command: SetStock) -> Complaint | None:
    """Checks a stock setting against the contract's bounds."""
    problem = (
        check_name("sku", command.sku)
        or check_name("location", command.location)
        or check_units("on_hand", command.on_hand or 0, 0, ON_HAND_MAX)
        or check_units("safety_stock", command.safety_stock or 0, 0, ON_HAND_MAX)
        or check_units("limit_per_buyer", command.limit_per_buyer or 0, 0, LIMIT_PER_BUYER_MAX)
        or (check_id("setting_id", command.setting_id) if command.setting_id else None)
    )
    if not problem and command.expected_version is not None and command.expected_version < 0:
        return Complaint("expected_version", "must be 0 or more", command.expected_version)
    return problem


def check_adjust_stock(command: AdjustStock) -> Complaint | None:
    """Checks a stock adjustment against the contract's bounds."""
    if command.delta == 0:
        return Complaint("delta", "must not be 0", 0)
    return (
        _check_reason(command.reason)
        or check_name("sku", command.sku)
        or check_name("location", command.location)
        or check_units("delta", command.delta, -ON_HAND_MAX, ON_HAND_MAX)
        or check_id("adjustment_id", command.adjustment_id)
    )


def check_move_stock(command: MoveStock) -> Complaint | None:
    """Checks a move of stock against the contract's bounds."""
    problem = (
        check_name("sku", command.sku)
        or check_units("units", command.units, 1, ON_HAND_MAX)
        or _check_place("from", command.from_location, command.from_bucket)
        or _check_place("to", command.to_location, command.to_bucket)
        or check_id("move_id", command.move_id)
        or _check_reason(command.reason)
    )
    if not problem and command.from_bucket == command.to_bucket:
        to = command.to_location
        if command.to_bucket == Bucket.OUTSIDE or command.from_location == to:
            name = f"{Bucket(command.to_bucket).name} at {to}"
            return Complaint("to_bucket", "must be another place than the units come from", name)
    return problem


def _check_place(side: str, location: str, bucket: int) -> Complaint | None:
    if not Bucket.RESELLABLE <= bucket <= Bucket.OUTSIDE:
        problem = "must be RESELLABLE, DAMAGED, INCOMING or OUTSIDE"
        return Complaint(f"{side}_bucket", problem, int(bucket))
    if bucket == Bucket.OUTSIDE and location != DEFAULT_LOCATION:
        return Complaint(
            f"{side}_location", "must be empty for OUTSIDE, which has no location", location
        )
    return check_name(f"{side}_location", location)


def _check_reason(reason: str) -> Complaint | None:
    if len(reason.encode("utf-8", "replace")) > REASON_BYTES_MAX:
        return Complaint("reason", f"must be at most {REASON_BYTES_MAX} bytes", reason)
    return None


def check_command_count(count: int) -> Complaint | None:
    """Checks how many commands a batch has."""
    if 1 <= count <= BATCH_COMMANDS_MAX:
        return None
    return Complaint("commands", f"must be 1 to {BATCH_COMMANDS_MAX:,} commands", count)


def check_line_count(count: int) -> Complaint | None:
    """Checks how many lines the commands of a batch have in all."""
    if count <= BATCH_LINES_MAX:
        return None
    return Complaint("commands", f"must have at most {BATCH_LINES_MAX:,} lines in all", count)


def line_count(commands: Iterable[StoreCommand]) -> int:
    """Counts the lines of commands, those that are given back in exchange included."""
    exchanges = [command for command in commands if type(command) is Exchange]
    return sum([len(command.lines) for command in commands]) + sum(
        len(command.in_exchange_for.lines) for command in exchanges
    )
