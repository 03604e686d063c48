"""Reads lists of cases, and what people wrote in one, each in one transaction."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import Connection, select

from order_service.order.cases import CASE, ENDED, Case, CaseEvidence, CaseKind, CaseState, CaseText
from order_service.order.model import HistoryEntry, Order
from order_service.order.parts import order_id_of, part_no
from order_service.storage.aftersales_schema import (
    case_evidence,
    case_texts,
    cases,
)
from order_service.storage.columns import is_after_part, is_part
from order_service.storage.history import ENTRIES, entry_from
from order_service.storage.load import load_orders
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import history, moves, orders

_CASE: Final = (cases.c.order_id, cases.c.case_no)


class CaseFilter(Struct, frozen=True):
    """Which cases: "" and None mean all."""

    order_id: str = ""
    state: CaseState | None = None
    kind: CaseKind | None = None
    ended_too: bool = False
    overdue_at_ms: int = 0
    """Only those whose deadline had passed then; 0: all."""


def list_cases(
    connection: Connection, tenant: str, wanted: CaseFilter, size: int, after: str
) -> list[Case]:
    """Cases in the order of their ids; `after` the id of one."""
    statement = (
        select(cases)
        .join(orders, orders.c.order_id == cases.c.order_id)
        .where(orders.c.tenant == tenant, is_after_part(*_CASE, after))
    )
    for name in ("order_id", "state", "kind"):
        if value := getattr(wanted, name):
            statement = statement.where(cases.c[name] == value)
    if not wanted.ended_too and not wanted.state:
        statement = statement.where(cases.c.state.not_in(ENDED))
    if wanted.overdue_at_ms:
        statement = statement.where(
            cases.c.deadline_at_ms > 0, cases.c.deadline_at_ms <= wanted.overdue_at_ms
        )
    rows = connection.execute(statement.order_by(*_CASE).limit(size))
    return [ROW_KINDS[Case].from_row(row) for row in rows]


def orders_of(connection: Connection, order_ids: Sequence[str]) -> dict[str, Order]:
    """The orders of those ids."""
    return load_orders(connection, order_ids)


def words_of(connection: Connection, case_id: str) -> tuple[list[CaseText], list[CaseEvidence]]:
    """The words and files of a case, the oldest first. Personal."""
    texts = select(case_texts).where(is_part(case_texts.c.order_id, case_texts.c.case_no, case_id))
    files = select(case_evidence).where(
        is_part(case_evidence.c.order_id, case_evidence.c.case_no, case_id)
    )
    return (
        [
            ROW_KINDS[CaseText].from_row(row)
            for row in connection.execute(texts.order_by(case_texts.c.at_ms))
        ],
        [
            ROW_KINDS[CaseEvidence].from_row(row)
            for row in connection.execute(files.order_by(case_evidence.c.at_ms))
        ],
    )


def decisions_of(connection: Connection, case_id: str) -> list[HistoryEntry]:
    """The moves of a case, the oldest first."""
    of_case = ENTRIES.where(
        history.c.order_id == order_id_of(case_id),
        history.c.part_no == part_no(case_id),
        moves.c.machine == CASE.name,
    )
    rows = connection.execute(of_case.order_by(history.c.version, history.c.entry_no))
    return [entry_from(row) for row in rows]
