"""A batch as the script takes it: flat arguments, numbers and strings apart, nothing nested.

The script is the bottleneck that all buyers of a tenant share, so whatever Python can build, Python
builds: it sums lines, packs records, and numbers the stock levels and buyers of a batch. A function
for each command lays it out as the header of its Lua file says.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from engine import model
from engine.records import buyer_field, fingerprint, pack, pack_body, stock_field, sum_lines
from engine.scripts import Kind

# Ids of settings, moves and adjustments are kept together; no adjustment id begins with these.
SETTING_ID_SIGN = "="
MOVE_ID_SIGN = ">"


class Head(msgspec.Struct, frozen=True, array_like=True):
    """The settings of a batch, in the order in which arguments.lua reads them.

    `now_ms` 0 means the store's own time, by its clock between `clock_ms_min` and `clock_ms_max`; a
    `clock_ms_max` of 0 sets no bounds. `epoch_expected` "" means any. `retention_ms` is for
    ended reservations, fulfilled ones (and the ids of moves), and adjustment ids.
    """

    now_ms: int
    epoch_expected: str
    sequence_min: int
    epoch_new: str
    due_limit: int
    retention_ms: tuple[int, int, int]
    clock_ms_min: int = 0
    clock_ms_max: int = 0


class Columns:
    """The arguments of one batch, built one command at a time."""

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.numbers: list[int] = []
        self.strings: list[str | msgspec.Raw] = []
        self.ids: list[str] = []
        self.fields: dict[str, int] = {}  # each with its position, from 1
        self.buyers: dict[str, int] = {}

    def arguments(self, head: Head) -> list[bytes]:
        """Packs the ARGV of the script."""
        return [
            pack(head),
            pack(self.kinds),
            pack(self.numbers),
            pack(self.strings),
            pack(self.ids),
            pack(list(self.fields)),
            pack(list(self.buyers)),
        ]


def lay_out(commands: Sequence[model.StoreCommand]) -> Columns:
    """Lays out the commands of a batch. Their bounds have been checked."""
    columns = Columns()
    kinds = columns.kinds
    for command in commands:
        kind, lay_out_one = _LAYOUT[type(command)]
        kinds.append(kind)
        lay_out_one(columns, command)
    return columns


def _exchange(columns: Columns, command: model.Exchange) -> None:
    other = command.in_exchange_for
    lines: Any = itertools.chain.from_iterable(sum_lines(other.lines))
    _reserve(columns, command, (other.reservation_id, *lines))


def _reserve(
    columns: Columns, command: model.Reserve, exchanged: tuple[int | str, ...] = ()
) -> None:
    columns.ids.append(command.reservation_id)
    lines = sum_lines(command.lines)
    ttl_ms, buyer_id = command.ttl_ms or model.TTL_MS_DEFAULT, command.buyer_id
    fields, buyers, numbers = columns.fields, columns.buyers, columns.numbers
    numbers += (ttl_ms, len(lines))
    content: list[Any] = [(ttl_ms, *exchanged) if exchanged else ttl_ms, buyer_id]
    for field, quantity in lines:
        content += (field, quantity)
        buyer = 0
        if buyer_id:
            name = buyer_field(buyer_id, field.partition("\0")[0])
            buyer = buyers.setdefault(name, len(buyers) + 1)
        numbers += (fields.setdefault(field, len(fields) + 1), quantity, buyer)
    columns.strings.append(pack_body(content))


def _confirm(columns: Columns, command: model.Confirm) -> None:
    columns.ids.append(command.reservation_id)
    columns.numbers.append(int(command.reacquire_if_expired))


def _release(columns: Columns, command: model.Release) -> None:
    columns.ids.append(command.reservation_id)


def _extend(columns: Columns, command: model.Extend) -> None:
    columns.ids.append(command.reservation_id)
    columns.numbers.append(command.expires_at_ms)


def _ship(columns: Columns, command: model.Ship) -> None:
    _movement(columns, command, "s" + command.shipment_id)


def _cancel(columns: Columns, command: model.Cancel) -> None:
    resellable = model.Disposition.RESELLABLE
    goes_to = command.disposition or resellable
    columns.numbers.append(goes_to)
    # Unset and RESELLABLE are one content, that of cancellations before there was a choice.
    content = 0 if goes_to == resellable else goes_to
    _movement(columns, command, "c" + command.cancellation_id, content)


def _return(columns: Columns, command: model.Return) -> None:
    columns.numbers.append(command.disposition)
    columns.strings += (command.to_location, command.for_exchange)
    # What is not set is no part of the content, as in returns from before there was such a field.
    given = [
        (name, value)
        for name in ("to_location", "for_exchange")
        if (value := getattr(command, name))
    ]
    _movement(columns, command, "r" + command.return_id, command.disposition, *given)


def _movement(
    columns: Columns,
    command: model.Ship | model.Cancel | model.Return,
    key: str,
    disposition: int = 0,
    *more: object,
) -> None:
    """Lays out what ship, cancel and return share. A letter keeps their ids apart in `key`.

    `more` is content beside the lines and the disposition.
    """
    columns.ids.append(command.reservation_id)
    lines = sum_lines(command.lines)
    columns.numbers += (len(lines), *(quantity for _, quantity in lines))
    columns.strings += (key, fingerprint(lines, disposition, *more), *(field for field, _ in lines))


def _expire(_columns: Columns, _command: model.Expire) -> None:
    pass  # its limit goes in the head, as `due_limit`


def _purge(columns: Columns, command: model.Purge) -> None:
    columns.numbers.append(command.limit)


def _set_stock(columns: Columns, command: model.SetStock) -> None:
    field = stock_field(command.sku, command.location)
    columns.fields.setdefault(field, len(columns.fields) + 1)
    numbers = (command.on_hand, command.safety_stock, command.limit_per_buyer)
    columns.numbers += (
        -1 if number is None else number for number in (*numbers, command.expected_version)
    )
    setting_id = command.setting_id and SETTING_ID_SIGN + command.setting_id
    columns.strings += (field, setting_id, fingerprint(field, numbers) if setting_id else "")


def _adjust_stock(columns: Columns, command: model.AdjustStock) -> None:
    field = stock_field(command.sku, command.location)
    columns.fields.setdefault(field, len(columns.fields) + 1)
    columns.numbers.append(command.delta)
    content = fingerprint(field, command.delta, command.reason)
    columns.strings += (field, command.adjustment_id, content, command.reason)


def _move_stock(columns: Columns, command: model.MoveStock) -> None:
    fields = [
        stock_field(command.sku, location) if bucket != model.Bucket.OUTSIDE else ""
        for location, bucket in (
            (command.from_location, command.from_bucket),
            (command.to_location, command.to_bucket),
        )
    ]
    for field in filter(None, fields):
        columns.fields.setdefault(field, len(columns.fields) + 1)
    numbers = (command.units, command.from_bucket, command.to_bucket)
    columns.numbers += numbers
    content = fingerprint(fields, numbers, command.reason)
    columns.strings += (*fields, MOVE_ID_SIGN + command.move_id, content, command.reason)


_LAYOUT: dict[type, tuple[Kind, Callable[[Columns, Any], None]]] = {
    model.Reserve: (Kind.RESERVE, _reserve),
    model.Exchange: (Kind.EXCHANGE, _exchange),
    model.Confirm: (Kind.CONFIRM, _confirm),
    model.Release: (Kind.RELEASE, _release),
    model.Extend: (Kind.EXTEND, _extend),
    model.Ship: (Kind.SHIP, _ship),
    model.Cancel: (Kind.CANCEL, _cancel),
    model.Return: (Kind.RETURN, _return),
    model.Expire: (Kind.EXPIRE, _expire),
    model.Purge: (Kind.PURGE, _purge),
    model.SetStock: (Kind.SET_STOCK, _set_stock),
    model.AdjustStock: (Kind.ADJUST_STOCK, _adjust_stock),
    model.MoveStock: (Kind.MOVE_STOCK, _move_stock),
}
