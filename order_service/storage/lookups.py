"""Finds orders by the numbers that people hold in their hands: one table of look-ups.

Each is answered from an index. A number may be found in several ways, and in several orders.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from order_service.order.ids import number_of
from order_service.order.keys import key_and_channel
from order_service.order.model import Payment, Refund, Shipment
from order_service.order.parts import PART_KINDS, PartKind, order_id_of, part_id, part_no
from order_service.order.placed import Source
from order_service.storage.columns import HAS_CHANNEL, METADATA, NO_WORDS, key_in, phone_in
from order_service.storage.reads import SUMMARY, Summary, summary_of
from order_service.storage.schema import orders, payments, refunds, shipments


class Number(NamedTuple):
    """A number to look for."""

    typed: str
    phone: str
    """As orders have it, E.164; "" if it is none."""


class Lookup(NamedTuple):
    """A row of the table."""

    by: str
    """The kind of number that it is then, for a person."""
    condition: "Callable[[Number], ColumnElement[bool] | None]"
    """Which orders have it; None if it cannot be one of these."""
    part: "tuple[type[Struct], str] | None" = None
    """The kind of part that has it, and the column; None where the order has it."""


class Found(NamedTuple):
    """An order, and what of it the number is."""

    order: Summary
    by: str
    part_id: str = ""
    """The part that has it, if it is one part."""


def _id(number: Number) -> "ColumnElement[bool] | None":
    """An id of an order, or of one of its parts."""
    order_id = order_id_of(number.typed)
    return orders.c.order_id == order_id if number_of(order_id) > 0 else None


def _of_part(table: Table, *has_it: "ColumnElement[bool]") -> "ColumnElement[bool]":
    return orders.c.order_id.in_(select(table.c.order_id).where(*has_it))


def _named(table: Table, column: str, number: Number) -> "ColumnElement[bool]":
    """Whether a part has the number; as the index's condition has it."""
    return _of_part(table, table.c[column] == number.typed, table.c[column] != NO_WORDS)


def _has_phone(number: Number) -> "ColumnElement[bool] | None":
    if not number.phone:
        return None
    phone = phone_in(orders.c.delivery)
    # An extension follows behind a semicolon.
    with_extension = (phone > f"{number.phone};") & (phone < f"{number.phone}<")
    return or_(phone == number.phone, with_extension)


def _key_of_channel(number: Number) -> "ColumnElement[bool]":
    """Whether an order has the key in any channel, or in the one that is typed behind it."""
    order_key, channel = key_and_channel(number.typed)
    in_channel = [orders.c.order_key == number.typed] if channel else []
    return and_(HAS_CHANNEL, key_in(orders.c.order_key) == order_key, *in_channel)


LOOKUPS: Final = (
    Lookup("order or part of it", _id),
    Lookup(
        "order key",
        lambda number: (orders.c.order_key == number.typed) & orders.c.source.in_(list(Source)),
    ),
    Lookup("order key", _key_of_channel),
    Lookup(
        "payment's number at its provider",
        lambda number: _named(payments, "provider_ref", number),
        (Payment, "provider_ref"),
    ),
    Lookup(
        "refund's number at its provider",
        lambda number: _named(refunds, "provider_ref", number),
        (Refund, "provider_ref"),
    ),
    Lookup("waybill", lambda number: _named(shipments, "waybill", number), (Shipment, "waybill")),
    Lookup("buyer", lambda number: orders.c.buyer_id == number.typed),
    Lookup("receiver's phone number", _has_phone),
)


def find_orders(
    connection: Connection, tenant: str, number: Number, size: int, after: str = ""
) -> Sequence[Found]:
    """A shop's orders that a number leads to, the newest first, of those before the id `after`.

    An order that it leads to in two ways is found once, by the first of them.
    """
    found: dict[str, Found] = {}
    for lookup in LOOKUPS:
        condition = lookup.condition(number)
        if condition is None:
            continue
        where: list[Any] = [orders.c.tenant == tenant, condition]
        if after:
            where.append(orders.c.order_id < after)
        statement = select(*SUMMARY).where(*where).order_by(orders.c.order_id.desc()).limit(size)
        for row in connection.execute(statement):
            order = summary_of(row)
            if order.order_id not in found:
                part_id = _part_of(connection, order.order_id, number, lookup)
                found[order.order_id] = Found(order, lookup.by, part_id)
    newest = sorted(found.values(), key=lambda one: one.order.order_id, reverse=True)
    return newest[:size]


def _part_of(connection: Connection, order_id: str, number: Number, lookup: Lookup) -> str:
    """The part of an order that has a number; "" where none has it, or several."""
    if lookup.part is not None:
        struct, column = lookup.part
        kinds = [PART_KINDS[struct]]
    else:
        kinds, column = [each for each in PART_KINDS.values() if _is_id_of(each, number)], ""
    for kind in kinds:
        table = METADATA.tables[kind.table]
        numbers = table.c[f"{kind.machine.name}_no"]
        has_it = table.c[column] == number.typed if column else numbers == part_no(number.typed)
        rows = connection.execute(select(numbers).where(table.c.order_id == order_id, has_it))
        found = [row[0] for row in rows]
        if len(found) == 1:
            return part_id(order_id, kind.letter, found[0])
    return ""


def _is_id_of(kind: PartKind, number: Number) -> bool:
    """Whether a number is written as the ids of a kind of parts are."""
    part = part_no(number.typed)
    return part > 0 and number.typed == part_id(order_id_of(number.typed), kind.letter, part)
