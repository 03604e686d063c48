"""Everything that waits for a person is counted by shop, and nothing else is."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, Integer, Table, insert, update

from order_service.order.cases import CASE, CaseState
from order_service.order.journals import Journal, JournalKind, Move, postings_of
from order_service.order.states import OrderState, PaymentState, RefundState, ShipmentState
from order_service.settlement.accounts import BANK, merchant
from order_service.storage import aftersales_schema, schema, settlement_schema
from order_service.storage.columns import METADATA
from order_service.storage.ledger import write_journals
from order_service.storage.needs import NEEDS, SLOW_REFUND_MS, Look, needs
from order_service.storage.orders import Orders
from tests.order_service import samples
from tests.order_service.samples import A, B

NOW_MS = 2_000_000_000_000
LOOK = Look(["default", "other"], NOW_MS, SLOW_REFUND_MS, SLOW_REFUND_MS)
SINCE_MS = NOW_MS - SLOW_REFUND_MS
"""When all that waits here began to: just long enough for what is overdue."""


def add(connection: Connection, table: Table, **values: Any) -> None:
    """Inserts a row; a column without a value is empty."""
    nothing = {
        column.name: 0 if isinstance(column.type, Integer) else ""
        for column in table.columns
        if not column.nullable
    }
    connection.execute(insert(table).values(nothing | values))


def move(connection: Connection, table: Table, *states: str) -> None:
    for state in states:
        connection.execute(update(table).where(table.c.order_id == A).values(state=state))


def quarantine(connection: Connection) -> None:
    add(
        connection,
        schema.payments,
        order_id=A,
        payment_no=1,
        payment_key="pay",
        state=PaymentState.CREATED,
        captured_minor=5,
        updated_at_ms=SINCE_MS,
    )
    move(connection, schema.payments, PaymentState.QUARANTINED)


def fail_a_refund(connection: Connection) -> None:
    quarantine(connection)
    move(connection, schema.payments, PaymentState.RETURNED)
    # What a refund is for is written before it.
    add(
        connection,
        schema.refund_rows,
        order_id=A,
        refund_no=1,
        row_no=1,
        what="EXCESS",
        amount_minor=1,
    )
    add(
        connection,
        schema.refunds,
        order_id=A,
        refund_no=1,
        payment_no=1,
        state=RefundState.REQUESTED,
        amount_minor=1,
        updated_at_ms=SINCE_MS,
    )
    move(connection, schema.refunds, RefundState.FAILED)


def wait_for_a_refund(connection: Connection) -> None:
    fail_a_refund(connection)
    connection.execute(
        update(schema.refunds).values(state=RefundState.REQUESTED, updated_at_ms=SINCE_MS)
    )


def leave_to_a_person(connection: Connection) -> None:
    move(connection, schema.orders, OrderState.CONFIRMING, OrderState.CONFIRMED)
    add(
        connection,
        schema.reviews,
        order_id=A,
        review_id=A,
        verdict="WAITS",
        findings="[]",
        at_ms=SINCE_MS,
    )


def hold(connection: Connection) -> None:
    """Holds an order that the warehouse has already."""
    leave_to_a_person(connection)
    move(connection, schema.orders, OrderState.IN_FULFILMENT)
    connection.execute(update(schema.orders).values(held_at_ms=SINCE_MS))


def plan(connection: Connection) -> None:
    add(
        connection,
        schema.shipments,
        order_id=A,
        shipment_no=1,
        state=ShipmentState.PLANNED,
        lines="[]",
        created_at_ms=SINCE_MS,
    )


def let_an_incident_pass(connection: Connection) -> None:
    plan(connection)
    connection.execute(update(schema.shipments).values(created_at_ms=NOW_MS))
    add(
        connection,
        schema.incidents,
        order_id=A,
        incident_no=1,
        shipment_no=1,
        kind="LOSS",
        state="OPEN",
        opened_at_ms=SINCE_MS,
        due_at_ms=SINCE_MS,
    )


def give_up_a_task(connection: Connection) -> None:
    add(connection, schema.tasks, task_id=A, order_id=A, dead=1, due_at_ms=SINCE_MS)


def leave_a_case(connection: Connection, state: CaseState) -> None:
    cases = METADATA.tables["cases"]
    about = {"state": CASE.first, "entered_at_ms": SINCE_MS, "deadline_at_ms": SINCE_MS}
    add(connection, cases, order_id=A, case_no=1, case_key="c-1", **about)
    move(connection, cases, state)


def bring_back(connection: Connection) -> None:
    about = {"state": "ARRIVED", "kind": "BUYER", "arrived_at_ms": SINCE_MS}
    add(connection, aftersales_schema.return_legs, order_id=A, leg_no=1, **about)


def stop(connection: Connection) -> None:
    plan(connection)
    connection.execute(update(schema.shipments).values(created_at_ms=NOW_MS))
    about = {"state": "ASKED", "created_at_ms": SINCE_MS}
    add(
        connection,
        aftersales_schema.intercepts,
        order_id=A,
        intercept_no=1,
        shipment_no=1,
        **about,
    )


def scan(connection: Connection) -> None:
    about = {"tenant": "other", "arrived_at_ms": SINCE_MS}
    add(connection, aftersales_schema.arrivals, arrival_id="waits", **about)
    add(connection, aftersales_schema.arrivals, arrival_id="known", leg_id="4-b1", **about)


def wait_for_stock(connection: Connection) -> None:
    move(connection, schema.orders, OrderState.BACKORDERED)
    connection.execute(update(schema.orders).values(created_at_ms=SINCE_MS))


def dispute(connection: Connection) -> None:
    about = {"tenant": "other", "kind": "DISPUTED", "opened_at_ms": SINCE_MS}
    add(connection, schema.money_cases, case_id="waits", **about)
    add(connection, schema.money_cases, case_id="closed", closed_at_ms=NOW_MS, **about)
    # Not paid, of no order: nobody's money.
    about |= {"kind": "UNKNOWN_PAYMENT", "said": "DECLINED"}
    add(connection, schema.money_cases, case_id="none", **about)


def state_it(state: str, due_at_ms: int = 0) -> Callable[[Connection], None]:
    """A statement that has been in a state since then."""

    def write(connection: Connection) -> None:
        about = {"tenant": "other", "merchant_id": "m", "currency": "CNY", "state": state}
        times = {"entered_at_ms": SINCE_MS, "due_at_ms": due_at_ms}
        add(connection, settlement_schema.statements, statement_no=1, **about, **times)

    return write


def owe(connection: Connection) -> None:
    moves = [Move(merchant("m"), BANK, 1)]
    journal = Journal(
        A, "other", "", "key", JournalKind.CORRECTION, "CNY", "test", SINCE_MS, postings_of(moves)
    )
    write_journals(connection, [journal])


WAYS: dict[str, tuple[Callable[[Connection], None], set[str]]] = {
    "quarantined_payments": (quarantine, {"quarantined_payments"}),
    "failed_refunds": (fail_a_refund, {"failed_refunds"}),
    "slow_refunds": (wait_for_a_refund, {"slow_refunds"}),
    "money_cases": (dispute, {"money_cases"}),
    "waiting_reviews": (leave_to_a_person, {"waiting_reviews", "overdue_reviews"}),
    "overdue_reviews": (hold, {"waiting_reviews", "overdue_reviews"}),
    "overdue_incidents": (let_an_incident_pass, {"overdue_incidents", "open_incidents"}),
    "objected_statements": (state_it("OBJECTED", NOW_MS), {"objected_statements"}),
    "returned_payouts": (state_it("RETURNED"), {"returned_payouts"}),
    "unanswered_payouts": (state_it("PAYING", NOW_MS), {"unanswered_payouts"}),
    "unapproved_payouts": (state_it("CONFIRMED"), {"unapproved_payouts"}),
    "owing_merchants": (owe, {"owing_merchants"}),
    "cases_with_service": (
        partial(leave_a_case, state=CaseState.WITH_SERVICE),
        {"cases_with_service", "overdue_cases"},
    ),
    "cases_with_merchant": (
        partial(leave_a_case, state=CaseState.WITH_MERCHANT),
        {"cases_with_merchant", "overdue_cases"},
    ),
    "overdue_cases": (
        partial(leave_a_case, state=CaseState.WITH_BUYER),
        {"overdue_cases"},
    ),
    "arrived_returns": (bring_back, {"arrived_returns"}),
    "asked_intercepts": (stop, {"asked_intercepts"}),
    "unknown_arrivals": (scan, {"unknown_arrivals"}),
    "overdue_picks": (plan, {"overdue_picks"}),
    "dead_tasks": (give_up_a_task, {"dead_tasks"}),
    "open_incidents": (let_an_incident_pass, {"overdue_incidents", "open_incidents"}),
    "waiting_orders": (wait_for_stock, {"waiting_orders"}),
}


def test_every_need_is_tried() -> None:
    assert set(WAYS) == {need.name for need in NEEDS}


@pytest.mark.parametrize("need", WAYS)
async def test_what_waits_is_counted_where_it_waits(orders: Orders, need: str) -> None:
    make, counted = WAYS[need]
    await orders.place(samples.order(A, tenant="other"), lambda _: None, "test")
    await orders.place(samples.order(B), lambda _: None, "test")
    assert await orders.read(partial(needs, look=LOOK)) == []
    await orders.write(make)
    found = await orders.read(partial(needs, look=LOOK))
    assert {one.need.name for one in found} == counted
    assert {(one.tenant, one.count, one.since_at_ms) for one in found} == {("other", 1, SINCE_MS)}


@pytest.mark.parametrize(
    ("make", "need"),
    [
        (plan, "overdue_picks"),
        (bring_back, "arrived_returns"),
        (let_an_incident_pass, "overdue_incidents"),
        (hold, "overdue_reviews"),
        (wait_for_a_refund, "slow_refunds"),
        (state_it("PAYING", NOW_MS), "unanswered_payouts"),
        (state_it("CONFIRMED", NOW_MS), "unapproved_payouts"),
    ],
)
async def test_what_is_in_time_does_not_wait_for_a_person(
    orders: Orders, make: Callable[[Connection], None], need: str
) -> None:
    await orders.place(samples.order(A), lambda _: None, "test")
    await orders.write(make)
    a_moment_before = LOOK._replace(
        now_ms=SINCE_MS - 1 if need == "overdue_incidents" else NOW_MS - 1
    )
    found = await orders.read(partial(needs, look=a_moment_before))
    assert need not in {one.need.name for one in found}


async def test_an_order_on_hold_waits_wherever_it_is(orders: Orders) -> None:
    await orders.place(samples.order(A), lambda _: None, "test")
    await orders.write(hold)
    found, _ = await orders.read(partial(needs, look=LOOK))
    assert (found.need.name, found.since_at_ms) == ("waiting_reviews", SINCE_MS)
