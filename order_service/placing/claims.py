"""The units to which waiting orders have the first claim, read from the database."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

from sqlalchemy import Connection, bindparam, func, literal_column, select

from order_service.order.states import OrderState
from order_service.storage.orders import Orders
from order_service.storage.schema import order_lines
from order_service.storage.schema import orders as orders_table

_WAITS: Final = (
    orders_table.c.tenant == bindparam("tenant"),
    orders_table.c.state == OrderState.BACKORDERED,
)
_CLAIMS: Final = (
    select(order_lines.c.sku, func.sum(order_lines.c.quantity), func.max(order_lines.c.order_id))
    .join(orders_table, orders_table.c.order_id == order_lines.c.order_id)
    .where(*_WAITS)
    .group_by(order_lines.c.sku)
)
_CLAIMS_BEFORE: Final = _CLAIMS.where(orders_table.c.order_id < bindparam("before"))
# The sum keeps the database from reading in the order of ids, past all orders that do not wait.
_FIRST: Final = (
    select(orders_table.c.order_id)
    .where(*_WAITS)
    .order_by(orders_table.c.order_id + literal_column("0"))
    .limit(1)
)


class Claim(NamedTuple):
    """Units of an article that are waited for."""

    units: int
    last_order_id: str
    """The order that was placed last of those that wait for it."""


@dataclass(slots=True)
class _Looks:
    """The looks at a shop's queue: one is taken at a time, and one may be about to."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    coming: "asyncio.Task[Mapping[str, Claim]] | None" = None


class Claims:
    """The claims of all shops. Every order looks at them, so orders that come together share a look
    that begins after they came.
    """

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)

    async def now(self, tenant: str) -> Mapping[str, Claim]:
        """The claims of the orders that have begun to wait before this call, by SKU.

        Raises StorageUnavailable.
        """
        looks = self._looks[tenant]
        if looks.coming is None:
            looks.coming = asyncio.create_task(self._look(tenant, looks))
        # A caller may be cancelled; the others go on waiting for the same look.
        return await asyncio.shield(looks.coming)

    async def _look(self, tenant: str, looks: _Looks) -> Mapping[str, Claim]:
        async with looks.turn:
            looks.coming = None  # who comes from now on may know of somebody who waits since
            return await self._orders.read(partial(claims_of, tenant=tenant))


def claims_of(connection: Connection, tenant: str, before: str = "") -> Mapping[str, Claim]:
    """The claims of a shop's waiting orders, by SKU: of all, or of those placed before an order."""
    statement = _CLAIMS_BEFORE if before else _CLAIMS
    found = connection.execute(statement, {"tenant": tenant, "before": before})
    return {sku: Claim(int(units), last) for sku, units, last in found}


def first_waiting(connection: Connection, tenant: str) -> str:
    """The order of a shop that waits longest; "" if none does."""
    return connection.scalar(_FIRST, {"tenant": tenant}) or ""
