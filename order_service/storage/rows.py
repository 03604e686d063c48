"""From the model to rows and back: fields meet columns by their names.

A row has the values of all columns in their order: on its way in as the driver takes them. How a
value stands in its column follows from the field's type and the column:

- an enum's members are texts, booleans are 0 and 1, structs and tuples are JSON;
- a column that names a part (`part_number`) has the number in the part's id;
- where a column may be null, a 0 that means "not known yet" is null, and takes no room;
- a struct without a column of its own is spread over the columns of its fields.

The functions are made once a table, and are as fast as ones written out by hand: all values are
fetched in one call, then those that differ are converted.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, Final, NamedTuple, get_origin, get_type_hints

import msgspec
from msgspec import Struct
from sqlalchemy import Column, Table

from order_service.order.cases import CaseEvidence, CaseText
from order_service.order.keys import kept_key, key_and_channel
from order_service.order.model import HistoryEntry, Line, Order, Remark, Task
from order_service.order.parts import PART_KINDS, letter_of, part_id, part_no
from order_service.order.placed import Amounts, SubOrder
from order_service.order.receipts import Receipt
from order_service.order.records import (
    LegNews,
    MoneyCase,
    Review,
    TemperatureReading,
    TrackingEvent,
)
from order_service.order.refund_rows import RefundRow
from order_service.storage import aftersales_schema, schema
from order_service.storage.bulk import Row
from order_service.storage.columns import METADATA, PART
from order_service.storage.history import entry_from, entry_row

_encode = msgspec.json.encode
_receipt = msgspec.json.Decoder(Receipt).decode


class _Part(Struct, array_like=True):
    """A sub-order as it is kept; where they are null, its amounts are the order's."""

    merchant_id: str
    amounts: Amounts | None
    held: bool = False
    terms: int = 0
    earned: bool = False


_sub_orders = msgspec.json.Decoder(list[_Part]).decode


class RowKind(NamedTuple):
    """How things of one kind are kept."""

    table: Table
    to_row: Callable[[Any, str], Row]
    """From the thing and the id of its order."""
    from_row: Callable[[Sequence[Any]], Any]


def rows_by_name(struct: type[Struct], table: Table, **by_hand: Callable[[Any], object]) -> RowKind:
    """The rows of a struct in a table.

    `by_hand` makes the values of a column from the whole thing; such a column is read as it is.
    Raises TypeError where a column has no field.
    """
    types = get_type_hints(struct)
    names: dict[str, Any] = {"part_id": part_id, "part_no": part_no, "json": _json}
    written, read = [], {}
    for column in table.c:
        field = _field_of(column, types)
        if field in by_hand:
            names[f"write_{field}"] = by_hand[field]
            written.append(f"write_{field}(thing)")
            read[field] = field
        else:
            written.append(_written(column, f"thing.{field}" if field else "order_id", types))
            read[field] = _read(column, types, names)
    fields = [
        f"{name}={read[name] if name in read else _spread(name, types[name], read, names)}"
        for name in struct.__struct_fields__
        if any(field.partition(".")[0] == name for field in read)
    ]
    names["struct"] = struct
    source = (
        f"def to_row(thing, order_id): return ({', '.join(written)})\n"
        "def from_row(row):\n"
        f" ({', '.join(column.name for column in table.c)}) = row\n"
        f" return struct({', '.join(fields)})\n"
    )
    exec(source, names)  # all of it is names of our own columns and fields
    return RowKind(table, names["to_row"], names["from_row"])


def _field_of(column: "Column[Any]", types: Mapping[str, Any]) -> str:
    """The field that a column keeps: `amounts.total_minor` is one of a field.

    It is "" for the order's id in the table of a struct that does not have it.
    """
    name = column.name
    if name == f"{column.info.get(PART)}_no":
        return f"{column.info[PART]}_id"
    if name in types:
        return name
    for outer, kind in types.items():
        if outer not in column.table.c and name in getattr(kind, "__struct_fields__", ()):
            return f"{outer}.{name}"
    if name == "order_id":
        return ""
    raise TypeError(f"no field is kept in {column}")


def _written(column: "Column[Any]", value: str, types: Mapping[str, Any]) -> str:
    """The expression for the value of a column."""
    kind = types.get(column.name)
    if PART in column.info:
        return f"part_no({value})"
    if kind is bool:
        return f"int({value})" + (" or None" if column.nullable else "")
    if kind is int and column.nullable:
        return f"{value} or None"
    return f"json({value})" if _is_json(kind) else value


def _read(column: "Column[Any]", types: Mapping[str, Any], names: dict[str, Any]) -> str:
    """The expression for the value of a field, from a variable with the name of its column."""
    name, kind = column.name, types.get(column.name)
    if PART in column.info:
        return f"part_id(order_id, {letter_of(column.info[PART])!r}, {name})"
    if kind is bool:
        return f"bool({name})"
    if kind is int and column.nullable:
        return f"{name} or 0"
    if _is_json(kind) or (isinstance(kind, type) and issubclass(kind, Enum)):
        names[f"read_{name}"] = msgspec.json.Decoder(kind).decode if _is_json(kind) else kind
        return f"read_{name}({name})"
    return name


def _spread(name: str, struct: type[Struct], read: Mapping[str, str], names: dict[str, Any]) -> str:
    """The expression for a field whose own fields have columns."""
    names[f"read_{name}"] = struct
    return (
        f"read_{name}({', '.join(read[f'{name}.{field}'] for field in struct.__struct_fields__)})"
    )


def _is_json(kind: Any) -> bool:
    return get_origin(kind) is tuple or hasattr(kind, "__struct_fields__")


def _json(value: Any) -> str:
    return _encode(value).decode()


def _sub_orders_text(order: Order) -> str:
    """Merchants and their amounts; a lone one's are the order's, and are not written twice."""
    alone = len(order.sub_orders) == 1 and order.sub_orders[0].amounts == order.amounts
    return _json([_kept(part, None if alone else part.amounts) for part in order.sub_orders])


def _kept(part: SubOrder, amounts: Amounts | None) -> list[object]:
    """A sub-order without what most do not have, which takes no room then."""
    fields: list[object] = [part.merchant_id, amounts, part.held, part.terms, part.earned]
    while not fields[-1] and len(fields) > 2:
        fields.pop()
    return fields


_ORDER: Final = rows_by_name(
    Order,
    schema.orders,
    sub_orders=_sub_orders_text,
    order_key=lambda order: kept_key(order.order_key, order.channel),
)
_SUB_ORDERS: Final = list(schema.orders.c).index(schema.orders.c.sub_orders)


def order_row(order: Order) -> Row:
    """The row of an order, without its lines, parts and tasks."""
    return _ORDER.to_row(order, order.order_id)


def order_from(row: Sequence[Any]) -> Order:
    """The order of a row, without its lines, parts and tasks."""
    order: Order = _ORDER.from_row(row)
    order.order_key, order.channel = key_and_channel(order.order_key)
    order.sub_orders = tuple(
        SubOrder(
            f"{order.order_id}.{number}",
            kept.merchant_id,
            kept.amounts or order.amounts,
            kept.held,
            kept.terms,
            kept.earned,
        )
        for number, kept in enumerate(_sub_orders(row[_SUB_ORDERS]), 1)
    )
    return order


def _receipt_row(receipt: Receipt, order_id: str) -> Row:
    return (order_id, receipt.issued_at_ms, _json(receipt))


class _RowKinds(dict[type, RowKind]):
    """How each struct is kept. A part's kind (`order/parts.py`) is added when it is asked for."""

    def __missing__(self, struct: type) -> RowKind:
        kind = rows_by_name(struct, METADATA.tables[PART_KINDS[struct].table])
        return self.setdefault(struct, kind)

    def in_order(self) -> Iterator[type]:
        """All structs: those that rows of others refer to come first."""
        yield RefundRow  # its refund's trigger adds them up
        yield from PART_KINDS
        yield from (struct for struct in self if struct not in {RefundRow, *PART_KINDS})


ROW_KINDS: Final = _RowKinds(
    {
        Line: rows_by_name(Line, schema.order_lines),
        RefundRow: rows_by_name(RefundRow, schema.refund_rows),
        HistoryEntry: RowKind(schema.history, entry_row, entry_from),
        Remark: rows_by_name(Remark, schema.remarks),
        Task: rows_by_name(Task, schema.tasks),
        Receipt: RowKind(schema.receipts, _receipt_row, lambda row: _receipt(row[2])),
        Review: rows_by_name(Review, schema.reviews),
        TrackingEvent: rows_by_name(TrackingEvent, schema.tracking_events),
        LegNews: rows_by_name(LegNews, aftersales_schema.leg_events),
        TemperatureReading: rows_by_name(TemperatureReading, schema.temperature_readings),
        MoneyCase: rows_by_name(MoneyCase, schema.money_cases),
        CaseText: rows_by_name(CaseText, METADATA.tables["case_texts"]),
        CaseEvidence: rows_by_name(CaseEvidence, METADATA.tables["case_evidence"]),
    }
)
