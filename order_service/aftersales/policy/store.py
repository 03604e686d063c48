"""Policies and pauses in their tables. Functions of a connection, in its caller's transaction."""

from typing import Any

import msgspec
from sqlalchemy import Connection, Table, func, insert, select

from order_service.aftersales.policy.clauses import Value
from order_service.aftersales.policy.deadlines import Pause, checked_pause
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.versions import following
from order_service.order.cases import Case, CaseState
from order_service.order.model import Order
from order_service.order.parts import order_id_of, part_id
from order_service.order.refusals import InvalidField
from order_service.storage.aftersales_schema import cases
from order_service.storage.load import load_orders
from order_service.storage.policy_schema import pauses, policies
from order_service.storage.schema import orders

PAUSES_MAX = 1_000
"""Of a shop: they are listed in one piece, and looked at for every deadline."""


def put_policy(
    connection: Connection, tenant: str, wanted: Policy, now_ms: int
) -> tuple[Policy, bool]:
    """Writes the version that follows those of a shop; the second value: its last is the same.

    Raises InvalidField. Of two at once one fails with KeyTaken, and is to be tried again.
    """
    known = versions_of(connection, tenant)
    made = following(known, wanted, now_ms)
    if made is None:
        own = [each for each in known if each.merchant_id == wanted.merchant_id]
        return own[-1], True
    connection.execute(insert(policies), {"tenant": tenant, **_row(made)})
    return made, False


def put_pause(connection: Connection, tenant: str, wanted: Pause, now_ms: int) -> bool:
    """Writes a pause; whether it was there already. Raises InvalidField."""
    known = pauses_of(connection, tenant)
    if wanted in known:
        return True
    checked_pause(wanted, now_ms)
    if len(known) >= PAUSES_MAX:
        raise InvalidField("pause", f"a shop has at most {PAUSES_MAX:,}", len(known))
    row = {name: getattr(wanted, name) for name in Pause.__struct_fields__}
    connection.execute(insert(pauses), {"tenant": tenant, **row})
    return False


def versions_of(connection: Connection, tenant: str) -> list[Policy]:
    """All versions of a shop and of its merchants, by number."""
    return list_policies(connection, tenant, "", 0, -1)


def list_policies(
    connection: Connection, tenant: str, merchant_id: str, after: int, size: int
) -> list[Policy]:
    """Versions by number, those after one; "" of the merchant means all."""
    wanted = select(policies).where(policies.c.tenant == tenant, policies.c.version > after)
    if merchant_id:
        wanted = wanted.where(policies.c.merchant_id == merchant_id)
    wanted = wanted.order_by(policies.c.version)
    rows = connection.execute(wanted if size < 0 else wanted.limit(size))
    return [_policy(row) for row in rows]


def pauses_of(connection: Connection, tenant: str) -> list[Pause]:
    """All pauses of a shop, the earliest first."""
    wanted = select(pauses).where(pauses.c.tenant == tenant)
    rows = connection.execute(wanted.order_by(pauses.c.from_at_ms, pauses.c.state))
    return [Pause(CaseState(row.state), row.from_at_ms, row.until_at_ms) for row in rows]


def past_cases(connection: Connection, tenant: str, size: int) -> list[tuple[Order, Case]]:
    """The newest cases of a shop, ended ones too, each with its order."""
    newest = (
        select(cases.c.order_id, cases.c.case_no)
        .join(orders, orders.c.order_id == cases.c.order_id)
        .where(orders.c.tenant == tenant)
        .order_by(cases.c.order_id.desc(), cases.c.case_no.desc())
        .limit(size)
    )
    ids = [part_id(row[0], "c", row[1]) for row in connection.execute(newest)]
    found = load_orders(connection, list(dict.fromkeys(map(order_id_of, ids))))
    return [
        (order, case)
        for order in found.values()
        for case in order.parts_of(Case)
        if case.case_id in set(ids)
    ]


def counts(connection: Connection) -> dict[str, tuple[int, int]]:
    """The number of versions and of pauses of each shop that has any: neither ever falls."""
    versions, held = (_count(connection, each) for each in (policies, pauses))
    return {
        tenant: (versions.get(tenant, 0), held.get(tenant, 0))
        for tenant in versions.keys() | held.keys()
    }


def _count(connection: Connection, table: Table) -> dict[str, int]:
    rows = connection.execute(select(table.c.tenant, func.count()).group_by(table.c.tenant))
    return {row[0]: row[1] for row in rows}


def _row(policy: Policy) -> dict[str, Any]:
    return {
        "version": policy.version,
        "policy_id": policy.policy_id,
        "merchant_id": policy.merchant_id,
        "published_at_ms": policy.published_at_ms,
        "effective_from_ms": policy.effective_from_ms,
        "law": int(policy.law),
        "clauses": msgspec.json.encode(policy.clauses).decode(),
    }


def _policy(row: Any) -> Policy:
    return Policy(
        policy_id=row.policy_id,
        version=row.version,
        merchant_id=row.merchant_id,
        published_at_ms=row.published_at_ms,
        effective_from_ms=row.effective_from_ms,
        law=bool(row.law),
        clauses=msgspec.json.decode(row.clauses, type=dict[str, Value]),
    )
