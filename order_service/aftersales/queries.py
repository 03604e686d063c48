"""Reads the lists of after-sales, each in one transaction."""

from typing import Final

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import Connection, select

from order_service.order.intercepts import Intercept, InterceptState
from order_service.order.parts import PART_KINDS, part_id
from order_service.order.return_legs import LegKind, LegState, ReturnLeg
from order_service.storage.aftersales_schema import HAS_WAYBILL, IS_OPEN, intercepts, return_legs
from order_service.storage.columns import is_after_part
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import orders

_LEG: Final = (return_legs.c.order_id, return_legs.c.leg_no)
_INTERCEPT: Final = (intercepts.c.order_id, intercepts.c.intercept_no)


class LegFilter(Struct, frozen=True):
    """Which returns: "" and None mean all."""

    order_id: str = ""
    state: LegState | None = None
    kind: LegKind | None = None
    location: str = ""
    waybill: str = ""


def list_legs(
    connection: Connection, tenant: str, wanted: LegFilter, size: int, after: str
) -> list[ReturnLeg]:
    """Returns in the order of their ids; `after` the id of one."""
    equal = [return_legs.c[name] == value for name, value in asdict(wanted).items() if value]
    statement = (
        select(return_legs)
        .join(orders, orders.c.order_id == return_legs.c.order_id)
        .where(orders.c.tenant == tenant, is_after_part(*_LEG, after), *equal)
    )
    if wanted.waybill:
        statement = statement.where(HAS_WAYBILL)
    rows = connection.execute(statement.order_by(*_LEG).limit(size))
    return [ROW_KINDS[ReturnLeg].from_row(row) for row in rows]


def list_intercepts(
    connection: Connection,
    tenant: str,
    order_id: str,
    state: InterceptState | None,
    size: int,
    after: str,
) -> list[Intercept]:
    """Intercepts in the order of their ids; `after` the id of one. "" and None mean all."""
    wanted = {"order_id": order_id, "state": state}
    equal = [intercepts.c[name] == value for name, value in wanted.items() if value]
    statement = (
        select(intercepts)
        .join(orders, orders.c.order_id == intercepts.c.order_id)
        .where(orders.c.tenant == tenant, is_after_part(*_INTERCEPT, after), *equal)
    )
    rows = connection.execute(statement.order_by(*_INTERCEPT).limit(size))
    return [ROW_KINDS[Intercept].from_row(row) for row in rows]


def open_leg_of(connection: Connection, carrier: str, waybill: str) -> str:
    """The open return that a carrier brings under a waybill; "" if none: there is one at most."""
    named = (return_legs.c.carrier == carrier, return_legs.c.waybill == waybill)
    found = connection.execute(select(*_LEG).where(*named, HAS_WAYBILL, IS_OPEN)).first()
    return part_id(found[0], PART_KINDS[ReturnLeg].letter, found[1]) if found else ""
