"""Finds orders by the numbers that people hold in their hands: one table of look-ups.

Each is answered from an index. A number may be found in several ways, and in several orders.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select

from order_service.order.ids import number_of
from order_service.order.keys import key_and_channel
from order_service.order.parts import order_id_of
from order_service.order.placed import Source
from order_service.storage.columns import HAS_CHANNEL, NO_WORDS, key_in, phone_in
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


class Found(NamedTuple):
    """An order, and what of it the number is."""

    order: Summary
    by: str


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
        "payment's number at its provider", lambda number: _named(payments, "provider_ref", number)
    ),
    Lookup(
        "refund's number at its provider", lambda number: _named(refunds, "provider_ref", number)
    ),
    Lookup("waybill", lambda number: _named(shipments, "waybill", number)),
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
            found.setdefault(order.order_id, Found(order, lookup.by))
    newest = sorted(found.values(), key=lambda one: one.order.order_id, reverse=True)
    return newest[:size]
