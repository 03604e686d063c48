"""The state machines: total, and every illegal move refused, by the tables and by the databases."""

from collections.abc import Iterator
from enum import StrEnum
from functools import partial

import pytest
from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from order_service.order.cases import CASE, CaseEvent, CaseState
from order_service.order.chargebacks import CHARGEBACK, ChargebackEvent, ChargebackState
from order_service.order.intercepts import INTERCEPT, InterceptEvent, InterceptState
from order_service.order.joint_rules import JOINT_RULES, Together, broken_rule
from order_service.order.machines import (
    INCIDENT,
    ORDER,
    PAYMENT,
    REFUND,
    SHIPMENT,
    IllegalMove,
    Machine,
)
from order_service.order.parts import machines
from order_service.order.return_legs import LEG, LegEvent, LegState
from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderEvent,
    OrderState,
    PaymentEvent,
    PaymentState,
    RefundEvent,
    RefundState,
    ShipmentEvent,
    ShipmentState,
)
from order_service.storage.database import KeyTaken
from order_service.storage.history import Move, all_moves
from order_service.storage.orders import Orders
from order_service.storage.schema import history
from tests.order_service.samples import order

NAMES: tuple[tuple[Machine, type[StrEnum], type[StrEnum]], ...] = (
    (ORDER, OrderState, OrderEvent),
    (PAYMENT, PaymentState, PaymentEvent),
    (REFUND, RefundState, RefundEvent),
    (SHIPMENT, ShipmentState, ShipmentEvent),
    (INCIDENT, IncidentState, IncidentEvent),
    (CASE, CaseState, CaseEvent),
    (LEG, LegState, LegEvent),
    (INTERCEPT, InterceptState, InterceptEvent),
    (CHARGEBACK, ChargebackState, ChargebackEvent),
)


def every_move() -> Iterator[tuple[Machine, StrEnum, StrEnum, StrEnum]]:
    """Every state, event and state of every machine, legal or not."""
    for machine, states, events in NAMES:
        for state in states:
            for event in events:
                for after in states:
                    yield machine, state, event, after


@pytest.mark.parametrize(("machine", "states", "events"), NAMES, ids=lambda it: str(it)[:30])
def test_every_state_has_a_row_and_every_event_a_use(
    machine: Machine, states: type[StrEnum], events: type[StrEnum]
) -> None:
    assert set(machine.moves) == set(states)
    assert {event for row in machine.moves.values() for event in row} == set(events)
    reached = {after for row in machine.moves.values() for after in row.values()}
    assert reached | {machine.first} == set(states)


def test_no_machine_is_forgotten() -> None:
    assert {machine.name for machine, _, _ in NAMES} == {machine.name for machine in machines()}


def test_an_event_that_a_state_does_not_know_is_refused_and_says_so() -> None:
    refused = 0
    for machine, states, events in NAMES:
        for state in states:
            for event in events:
                if machine.allows(state, event):
                    assert machine.after(state, event) == machine.moves[state][event]
                    continue
                with pytest.raises(IllegalMove, match=f"{machine.name}.*{state}.*{event}"):
                    machine.after(state, event)
                refused += 1
    assert refused > 100


def test_no_two_moves_have_one_number() -> None:
    moves = {Move(machine.name, *names) for machine, *names in every_move()} | set(all_moves())
    assert len({move.number for move in moves}) == len(moves)


async def test_the_database_takes_the_moves_of_the_tables_and_no_other(orders: Orders) -> None:
    await orders.place(order(), lambda _: None, "buyer")
    row = {
        "order_id": "4330000000000000000",
        "part_no": 0,
        "actor": "test",
        "why": "",
        "at_ms": 0,
        "seal": 0,
    }

    def one_by_one(connection: Connection) -> list[str]:
        """Tries each move in a savepoint; returns those that were taken."""
        taken = []
        for number, (machine, state, event, after) in enumerate(every_move()):
            move = Move(machine.name, state, event, after).number
            entry = {"move": move, "entry_no": number % 10_000, "version": 2 + number // 10_000}
            try:
                with connection.begin_nested():
                    connection.execute(insert(history), row | entry)
            except IntegrityError:
                continue
            else:
                taken.append(f"{machine.name} {state} {event} {after}")
        return taken

    legal = {
        f"{machine.name} {state} {event} {after}"
        for machine in machines()
        for state, row in machine.moves.items()
        for event, after in row.items()
    }
    assert set(await orders.write(one_by_one)) == legal


async def test_the_database_refuses_a_second_change_of_a_version(orders: Orders) -> None:
    await orders.place(order(), lambda _: None, "buyer")
    row = {
        "order_id": "4330000000000000000",
        "version": 1,
        "entry_no": 0,
        "move": Move("order").number,
        "part_no": 0,
        "actor": "another process",
        "why": "",
        "at_ms": 0,
        "seal": 0,
    }
    with pytest.raises(KeyTaken):
        await orders.write(partial(_execute, row=row))


def _execute(connection: Connection, row: dict[str, object]) -> None:
    connection.execute(insert(history), row)


SOUND = Together(OrderState.CONFIRMED, frozenset(), frozenset(), covered=True, kept_minor=1)
BROKEN = (
    SOUND._replace(covered=False),
    SOUND._replace(order=OrderState.AWAITING_PAYMENT),
    SOUND._replace(shipments=frozenset({ShipmentState.PLANNED})),
    SOUND._replace(order=OrderState.IN_FULFILMENT, shipments=frozenset({ShipmentState.SHIPPED})),
    SOUND._replace(order=OrderState.DELIVERED, shipments=frozenset({ShipmentState.IN_TRANSIT})),
    SOUND._replace(order=OrderState.CANCELLED, shipments=frozenset({ShipmentState.SHIPPED})),
    SOUND._replace(order=OrderState.CANCELLED),
)


def test_what_fits_together_breaks_no_rule() -> None:
    assert broken_rule(SOUND) is None


@pytest.mark.parametrize(
    ("together", "rule"), list(zip(BROKEN, JOINT_RULES, strict=True)), ids=lambda it: str(it)[:40]
)
def test_each_joint_rule_can_be_broken(together: Together, rule: object) -> None:
    assert broken_rule(together) == getattr(rule, "name", None)
