"""A batch as the script takes it: flat arguments, numbers and strings apart, nothing nested.

The script is the bottleneck that all buyers of a tenant share, so whatever Python can build, Python
builds: it sums lines, packs records, and numbers the stock levels and buyers of a batch. Each
`_add_...` lays out one command as the header of its Lua file says.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine import model
from engine.records import buyer_field, fingerprint, pack, pack_body, stock_field, sum_lines
from engine.scripts import Kind

# Ids of ship, cancel and return are separate: each has a letter before it.
_MOVEMENT_LETTER = {Kind.SHIP: "s", Kind.CANCEL: "c", Kind.RETURN: "r"}


class Head(msgspec.Struct, frozen=True, array_like=True):
    """What a batch says of itself, in the order in which state.lua reads it.

    `now_ms` 0 means the store's own time. `epoch_expected` "" means any. `retention_ms` is for
    ended reservations, fulfilled ones, and adjustment ids.
    """

    now_ms: int
    epoch_expected: str
    sequence_min: int
    epoch_new: str
    due_limit: int
    retention_ms: tuple[int, int, int]


class Columns:
    """The arguments of one batch, built one command at a time."""

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self._numbers: list[int] = []
        self._ids: list[str] = []
        self._fields: dict[str, int] = {}
        self._buyers: dict[str, int] = {}
        self._strings: list[str | msgspec.Raw] = []

    def add(self, command: model.StoreCommand) -> None:
        """Lays out one command. Its bounds have been checked."""
        kind, lay_out = _LAYOUT[type(command)]
        self.kinds.append(kind)
        lay_out(self, command)

    def arguments(self, head: Head) -> list[bytes]:
        """The ARGV of the script."""
        return [
            pack(head),
            pack(self.kinds),
            pack(self._numbers),
            pack(self._strings),
            pack(self._ids),
            pack(list(self._fields)),
            pack(list(self._buyers)),
        ]

    def _add_reserve(self, command: model.Reserve) -> None:
        self._ids.append(command.reservation_id)
        lines = sum_lines(command.lines)
        ttl_ms, buyer_id = command.ttl_ms or model.TTL_MS_DEFAULT, command.buyer_id
        fields, buyers, numbers = self._fields, self._buyers, self._numbers
        numbers += (ttl_ms, len(lines))
        content: list[int | str] = [ttl_ms, buyer_id]
        for field, quantity in lines:
            content += (field, quantity)
            buyer = 0
            if buyer_id:
                name = buyer_field(buyer_id, field.partition("\0")[0])
                buyer = buyers.setdefault(name, len(buyers) + 1)
            numbers += (fields.setdefault(field, len(fields) + 1), quantity, buyer)
        self._strings.append(pack_body(content))

    def _add_confirm(self, command: model.Confirm) -> None:
        self._ids.append(command.reservation_id)
        self._numbers.append(int(command.reacquire_if_expired))

    def _add_release(self, command: model.Release) -> None:
        self._ids.append(command.reservation_id)

    def _add_extend(self, command: model.Extend) -> None:
        self._ids.append(command.reservation_id)
        self._numbers.append(command.expires_at_ms)

    def _add_movement(self, kind: Kind, command: Any, movement_id: str, disposition: int) -> None:
        self._ids.append(command.reservation_id)
        lines = sum_lines(command.lines)
        self._numbers += (len(lines), *(quantity for _, quantity in lines))
        self._strings += (
            _MOVEMENT_LETTER[kind] + movement_id,
            fingerprint(lines, disposition),
            *(field for field, _ in lines),
        )

    def _add_ship(self, command: model.Ship) -> None:
        self._add_movement(Kind.SHIP, command, command.shipment_id, 0)

    def _add_cancel(self, command: model.Cancel) -> None:
        self._add_movement(Kind.CANCEL, command, command.cancellation_id, 0)

    def _add_return(self, command: model.Return) -> None:
        self._numbers.append(command.disposition)
        self._add_movement(Kind.RETURN, command, command.return_id, command.disposition)

    def _add_expire(self, command: model.Expire) -> None:
        pass

    def _add_purge(self, command: model.Purge) -> None:
        self._numbers.append(command.limit)

    def _add_set_stock(self, command: model.SetStock) -> None:
        field = stock_field(command.sku, command.location)
        self._fields.setdefault(field, len(self._fields) + 1)
        expected = -1 if command.expected_version is None else command.expected_version
        self._numbers += (command.on_hand, command.safety_stock, command.limit_per_buyer, expected)
        self._strings.append(field)

    def _add_adjust_stock(self, command: model.AdjustStock) -> None:
        field = stock_field(command.sku, command.location)
        self._fields.setdefault(field, len(self._fields) + 1)
        self._numbers.append(command.delta)
        content = fingerprint(field, command.delta, command.reason)
        self._strings += (field, command.adjustment_id, content, command.reason)


_LAYOUT: dict[type, tuple[Kind, Callable[[Columns, Any], None]]] = {
    model.Reserve: (Kind.RESERVE, Columns._add_reserve),
    model.Confirm: (Kind.CONFIRM, Columns._add_confirm),
    model.Release: (Kind.RELEASE, Columns._add_release),
    model.Extend: (Kind.EXTEND, Columns._add_extend),
    model.Ship: (Kind.SHIP, Columns._add_ship),
    model.Cancel: (Kind.CANCEL, Columns._add_cancel),
    model.Return: (Kind.RETURN, Columns._add_return),
    model.Expire: (Kind.EXPIRE, Columns._add_expire),
    model.Purge: (Kind.PURGE, Columns._add_purge),
    model.SetStock: (Kind.SET_STOCK, Columns._add_set_stock),
    model.AdjustStock: (Kind.ADJUST_STOCK, Columns._add_adjust_stock),
}


def lay_out(commands: Sequence[model.StoreCommand]) -> Columns:
    """The columns of a batch."""
    columns = Columns()
    for command in commands:
        columns.add(command)
    return columns
