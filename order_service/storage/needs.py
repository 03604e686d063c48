"""The things that wait for a person: one table, which `orders status`, the gauges and alarms read.

A row counts things by shop, each with the time since which the oldest has waited. Whoever adds a
state that a person has to see to adds a row.
"""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal_column, or_, select

from order_service.order.cases import ENDED, CaseState
from order_service.order.intercepts import InterceptState
from order_service.order.records import OF_MONEY, MoneyCaseKind, Verdict
from order_service.order.return_legs import LegState
from order_service.order.states import OrderState, PaymentState, RefundState, ShipmentState
from order_service.storage.aftersales_schema import arrivals, cases, intercepts, return_legs
from order_service.storage.columns import NO_WORDS
from order_service.storage.schema import (
    incidents,
    money_cases,
    orders,
    payments,
    refunds,
    reviews,
    shipments,
    tasks,
)
from order_service.storage.settlement_schema import (
    accounts,
    balances,
    journals,
    postings,
    statements,
)

SLOW_REFUND_MS: Final = 24 * 3_600_000
"""A refund that its provider has not ended for so long is somebody's to look at."""


INSPECTED_WITHIN_MS: Final = 24 * 3_600_000
"""Goods that came back are looked at within so long."""

CASES_LATE_MS: Final = 3_600_000
"""A deadline that has done nothing for so long is somebody's to look at."""


class Look(NamedTuple):
    """The time and the bounds of one look."""

    tenants: Collection[str]
    """All shops; what is found by a shop's state is counted for these."""
    now_ms: int
    pick_within_ms: int
    """A parcel that is not picked after so long is overdue."""
    review_within_ms: int
    """An order that waits for a person so long is overdue."""


class Need(NamedTuple):
    """A row of the table."""

    name: str
    about: str
    """For a person: what waits, and what to do."""
    command: str
    """The command that lists what is meant."""
    counted: "Callable[[Look], Select[Any]]"
    """Rows of tenant, count and the oldest time."""
    alarms: bool = True
    """Whether a person is to come now; what only takes its time is counted for the gauges."""


class Waiting(Struct, frozen=True):
    """Things of one kind that wait in one shop."""

    need: Need
    tenant: str
    count: int
    since_at_ms: int


def _is(column: "ColumnElement[str]", state: str) -> "ColumnElement[bool]":
    """As it stands in the condition of an index, which no parameter matches."""
    return column == literal_column(f"'{state}'")


def _of_part(table: Any, since: "ColumnElement[int]", *where: "ColumnElement[bool]") -> Any:
    """Counts parts of orders by shop."""
    return (
        select(orders.c.tenant, func.count(), func.min(since))
        .select_from(table.join(orders, orders.c.order_id == table.c.order_id))
        .where(*where)
        .group_by(orders.c.tenant)
    )


def _of_orders(look: Look, state: OrderState) -> Any:
    """Counts orders by shop; shops are named, since the index begins with them."""
    return (
        select(orders.c.tenant, func.count(), func.min(orders.c.created_at_ms))
        .where(orders.c.tenant.in_(look.tenants), orders.c.state == state)
        .group_by(orders.c.tenant)
    )


def _of_reviews(*where: "ColumnElement[bool]") -> Any:
    """Counts orders that the review left to a person, or that are on the hold that began then."""
    return _of_part(
        reviews,
        reviews.c.at_ms,
        _is(reviews.c.verdict, Verdict.WAITS),
        or_(orders.c.state == OrderState.CONFIRMED, orders.c.held_at_ms == reviews.c.at_ms),
        *where,
    )


def _of_statements(state: str, *where: "ColumnElement[bool]") -> Any:
    """Counts statements in a state by shop."""
    return (
        select(statements.c.tenant, func.count(), func.min(statements.c.entered_at_ms))
        .where(statements.c.state == state, *where)
        .group_by(statements.c.tenant)
    )


def _of_owing() -> Any:
    """Counts merchants' accounts that are on the wrong side, each since its last posting."""
    last = and_(
        postings.c.account == balances.c.account, postings.c.account_no == balances.c.last_no
    )
    return (
        select(accounts.c.tenant, func.count(), func.min(journals.c.at_ms))
        .select_from(
            accounts.join(balances, balances.c.account == accounts.c.account)
            .join(postings, last)
            .join(journals, journals.c.journal_id == postings.c.journal_id)
        )
        .where(accounts.c.kind == "merchant", balances.c.amount_minor > 0)
        .group_by(accounts.c.tenant)
    )


_SPEAKS_OF_MONEY: Final = or_(
    money_cases.c.kind != MoneyCaseKind.UNKNOWN_PAYMENT, money_cases.c.said.in_(OF_MONEY)
)

NEEDS: Final = (
    Need(
        "quarantined_payments",
        "payments in a wrong amount: keep them or send them back",
        "holdfast orders quarantine list",
        lambda _: _of_part(
            payments,
            payments.c.updated_at_ms,
            _is(payments.c.state, PaymentState.QUARANTINED),
            payments.c.refunded_minor < payments.c.captured_minor,
        ),
    ),
    Need(
        "failed_refunds",
        "refunds that a provider refused, and those of cash: try again or pay by hand",
        "holdfast orders refunds list",
        lambda _: _of_part(
            refunds, refunds.c.updated_at_ms, _is(refunds.c.state, RefundState.FAILED)
        ),
    ),
    Need(
        "slow_refunds",
        "refunds that their provider has neither sent nor refused in a day: ask it",
        "holdfast orders cases list",
        lambda look: _of_part(
            refunds,
            refunds.c.updated_at_ms,
            _is(refunds.c.state, RefundState.REQUESTED),
            refunds.c.updated_at_ms <= look.now_ms - SLOW_REFUND_MS,
        ),
    ),
    Need(
        "money_cases",
        "money of no order, or that moved at its provider: see to it, then close the case",
        "holdfast orders cases list",
        lambda _: (
            select(money_cases.c.tenant, func.count(), func.min(money_cases.c.opened_at_ms))
            .where(money_cases.c.closed_at_ms == literal_column("0"), _SPEAKS_OF_MONEY)
            .group_by(money_cases.c.tenant)
        ),
    ),
    Need(
        "waiting_reviews",
        "orders that the review left to a person, and those on hold: approve or refuse them",
        "holdfast orders review list",
        lambda _: _of_reviews(),
    ),
    Need(
        "overdue_reviews",
        "those of them whose time is over: decide, or nothing will",
        "holdfast orders review list --overdue",
        lambda look: _of_reviews(reviews.c.at_ms <= look.now_ms - look.review_within_ms),
    ),
    Need(
        "overdue_incidents",
        "parcels late, lost or damaged whose time is over: decide",
        "holdfast orders incidents list --overdue",
        lambda look: _of_part(
            incidents,
            incidents.c.due_at_ms,
            incidents.c.settled_at_ms == 0,
            incidents.c.due_at_ms <= look.now_ms,
        ),
    ),
    Need(
        "cases_with_service",
        "after-sales cases that the service desk has to decide",
        "holdfast aftersales list --state with-service",
        lambda _: _of_part(
            cases, cases.c.entered_at_ms, _is(cases.c.state, CaseState.WITH_SERVICE)
        ),
    ),
    Need(
        "cases_with_merchant",
        "after-sales cases that merchants have to decide; their time does it for them",
        "holdfast aftersales list --state with-merchant",
        lambda _: _of_part(
            cases, cases.c.entered_at_ms, _is(cases.c.state, CaseState.WITH_MERCHANT)
        ),
        alarms=False,
    ),
    Need(
        "overdue_cases",
        "after-sales cases whose time is over, and nothing was done: is the relay running?",
        "holdfast aftersales list --overdue",
        lambda look: _of_part(
            cases,
            cases.c.deadline_at_ms,
            cases.c.state.not_in(ENDED),
            cases.c.deadline_at_ms <= look.now_ms - CASES_LATE_MS,
        ),
    ),
    Need(
        "arrived_returns",
        "goods that came back and that nobody has looked at for a day: inspect them",
        "holdfast aftersales returns list --state arrived",
        lambda look: _of_part(
            return_legs,
            return_legs.c.arrived_at_ms,
            _is(return_legs.c.state, LegState.ARRIVED),
            return_legs.c.arrived_at_ms <= look.now_ms - INSPECTED_WITHIN_MS,
        ),
    ),
    Need(
        "unknown_arrivals",
        "parcels that came and that nobody knows: find the order, then match them",
        "holdfast aftersales arrivals list",
        lambda _: (
            select(arrivals.c.tenant, func.count(), func.min(arrivals.c.arrived_at_ms))
            .where(arrivals.c.leg_id == NO_WORDS)
            .group_by(arrivals.c.tenant)
        ),
    ),
    Need(
        "asked_intercepts",
        "parcels that are to be stopped on their way: ask the carrier, and say what it answers",
        "holdfast aftersales intercepts list --state asked",
        lambda _: _of_part(
            intercepts,
            intercepts.c.created_at_ms,
            _is(intercepts.c.state, InterceptState.ASKED),
        ),
    ),
    Need(
        "objected_statements",
        "statements that their merchant does not agree with: answer, and correct what is wrong",
        "holdfast settlement statements --state objected",
        lambda _: _of_statements("OBJECTED"),
    ),
    Need(
        "returned_payouts",
        "payouts that the bank did not pay, or sent back: get new account data, then pay again",
        "holdfast settlement statements --state returned",
        lambda _: _of_statements("RETURNED"),
    ),
    Need(
        "unanswered_payouts",
        "payouts of which the bank has said nothing for a day: ask it, then record the answer",
        "holdfast settlement statements --state paying",
        lambda look: _of_statements("PAYING", statements.c.due_at_ms <= look.now_ms),
    ),
    Need(
        "unapproved_payouts",
        "payouts that take two people: pay them",
        "holdfast settlement statements --state confirmed",
        lambda _: _of_statements("CONFIRMED", statements.c.due_at_ms == 0),
    ),
    Need(
        "owing_merchants",
        "merchants who owe more than they have earned: it nets with what they earn next",
        "holdfast settlement balances merchant",
        lambda _: _of_owing(),
        alarms=False,
    ),
    Need(
        "overdue_picks",
        "parcels that should have been picked: ask the warehouse",
        "holdfast orders picks --overdue",
        lambda look: _of_part(
            shipments,
            shipments.c.created_at_ms,
            shipments.c.state == ShipmentState.PLANNED,
            shipments.c.created_at_ms <= look.now_ms - look.pick_within_ms,
        ),
    ),
    Need(
        "dead_tasks",
        "what was given up after too many attempts: mend the cause, then replay or drop",
        "holdfast orders tasks --dead",
        lambda _: _of_part(tasks, tasks.c.due_at_ms, tasks.c.dead == 1),
    ),
    Need(
        "open_incidents",
        "parcels late, lost or damaged that somebody is seeing to",
        "holdfast orders incidents list",
        lambda _: _of_part(incidents, incidents.c.opened_at_ms, incidents.c.settled_at_ms == 0),
        alarms=False,
    ),
    Need(
        "waiting_orders",
        "orders that wait for stock",
        "holdfast orders list --state backordered",
        lambda look: _of_orders(look, OrderState.BACKORDERED),
        alarms=False,
    ),
)


def needs(connection: Connection, look: Look) -> list[Waiting]:
    """Everything that waits, row by row of the table, the shop that waits longest first."""
    return [
        Waiting(need, *row)
        for need in NEEDS
        for row in sorted(connection.execute(need.counted(look)), key=lambda row: row[2])
    ]
