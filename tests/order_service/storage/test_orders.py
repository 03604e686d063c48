"""Orders kept and changed, on SQLite and PostgreSQL."""

import asyncio

import pytest
from sqlalchemy import Connection, text

from order_service.order.draft import Draft
from order_service.order.machines import IllegalMove
from order_service.order.model import Payment, Remark
from order_service.order.states import OrderEvent, OrderState, PaymentEvent, PaymentState
from order_service.order.tasks import ConfirmStock, NotifyBuyer, PaymentDue, ReserveStock, TaskKind
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.database import RuleHeld
from order_service.storage.orders import Orders
from order_service.storage.reads import timeline_of
from order_service.storage.tasks import Taken
from tests.order_service.clock import Clock
from tests.order_service.samples import A, B, id_of, order, payment

MOVERS = 200
PROCESSES = 4


def nothing(_draft: Draft) -> None:
    """Decides nothing."""


def reserved(draft: Draft) -> None:
    """Moves the order on: its stock is reserved."""
    draft.move(draft.order, OrderEvent.STOCK_RESERVED, "two units")


async def test_an_order_comes_back_as_it_was_placed(orders: Orders) -> None:
    def decide(draft: Draft) -> None:
        draft.send(ReserveStock())
        draft.record(Remark(draft.order.order_id, draft.new_id(), "buyer", "web", "quick", 1))

    placed = await orders.place(order(), decide, "buyer")
    assert not placed.replayed
    found = await orders.get(A)
    assert found == placed.order
    assert [task.kind for task in found.tasks] == [TaskKind.RESERVE]
    assert found.version == 1


async def test_the_same_key_is_the_same_order(orders: Orders) -> None:
    await orders.place(order(A), nothing, "buyer")
    again = order(B, order_key=f"key-{A}")
    replayed = await orders.place(again, nothing, "buyer")
    assert replayed.replayed
    assert replayed.order.order_id == A
    with pytest.raises(OrderNotFound):
        await orders.get(B)


async def test_the_same_key_at_the_same_time_is_one_order(orders: Orders) -> None:
    placed = await asyncio.gather(
        *(
            orders.place(order(id_of(f"O{number}"), order_key="k"), nothing, "buyer")
            for number in range(50)
        )
    )
    assert len({one.order.order_id for one in placed}) == 1
    assert [one.replayed for one in placed].count(False) == 1


async def test_a_move_is_kept_with_who_when_and_why(orders: Orders, clock: Clock) -> None:
    await orders.place(order(), nothing, "buyer")
    clock.advance(5)
    await orders.change(A, reserved, "system")
    found = await orders.get(A)
    assert (found.state, found.version) == (OrderState.AWAITING_PAYMENT, 2)
    entries = await orders.read(lambda connection: timeline_of(connection, A, 10, (0, -1)))
    last = entries[-1]
    assert (last.from_state, last.to_state) == ("RESERVING", "AWAITING_PAYMENT")
    assert (last.actor, last.why, last.at_ms) == ("system", "two units", clock.now_ms)


async def test_an_illegal_move_changes_nothing(orders: Orders) -> None:
    await orders.place(order(), nothing, "buyer")
    before = await orders.get(A)

    def decide(draft: Draft) -> None:
        draft.move(draft.order, OrderEvent.STOCK_RESERVED)
        draft.send(ConfirmStock())
        draft.move(draft.order, OrderEvent.REVIEWED)

    with pytest.raises(IllegalMove):
        await orders.change(A, decide, "staff")
    assert await orders.get(A) == before


async def test_of_many_who_move_an_order_one_wins_and_the_others_learn_the_new_state(
    orders: Orders,
) -> None:
    await orders.place(order(), nothing, "buyer")
    processes = [Orders(orders.database, orders.clock_ms, orders.ids) for _ in range(PROCESSES)]
    answers = await asyncio.gather(
        *(
            processes[number % PROCESSES].change(A, reserved, f"staff-{number}")
            for number in range(MOVERS)
        ),
        return_exceptions=True,
    )
    lost = [answer for answer in answers if isinstance(answer, IllegalMove)]
    assert answers.count(None) == 1
    assert len(lost) == MOVERS - 1
    assert {error.state for error in lost} == {OrderState.AWAITING_PAYMENT}


async def test_a_decision_that_fails_takes_no_neighbour_with_it(orders: Orders) -> None:
    await asyncio.gather(
        *(orders.place(order(id_of(f"O{n}")), nothing, "buyer") for n in range(10))
    )

    def fails(draft: Draft) -> None:
        draft.move(draft.order, OrderEvent.STOCK_RESERVED)
        raise ZeroDivisionError

    answers = await asyncio.gather(
        *(
            orders.change(id_of(f"O{n}"), fails if n == 3 else reserved, "system")
            for n in range(10)
        ),
        return_exceptions=True,
    )
    assert isinstance(answers[3], ZeroDivisionError)
    states = [(await orders.get(id_of(f"O{n}"))).state for n in range(10)]
    assert states.count(OrderState.AWAITING_PAYMENT) == 9
    assert states[3] is OrderState.RESERVING


async def test_what_must_happen_once_happens_once(orders: Orders) -> None:
    await orders.place(order(), nothing, "buyer")

    def decide(draft: Draft) -> None:
        draft.note("a callback")

    answers = await asyncio.gather(
        *(orders.change(A, decide, "provider", once="sandbox evt_1") for _ in range(100)),
        return_exceptions=True,
    )
    assert answers.count(None) == 1
    assert sum(isinstance(answer, AlreadySeen) for answer in answers) == 99
    assert (await orders.get(A)).version == 2


async def test_what_failed_may_happen_once_again(orders: Orders) -> None:
    await orders.place(order(), nothing, "buyer")

    def fails(_draft: Draft) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await orders.change(A, fails, "provider", once="e")
    await orders.change(A, reserved, "provider", once="e")


async def test_parts_lines_and_tasks_are_added_changed_and_ended(
    orders: Orders, clock: Clock
) -> None:
    await orders.place(order(), lambda draft: draft.send(ReserveStock()), "buyer")

    def pays(draft: Draft) -> None:
        one = draft.order.lines[0]
        first = type(one)(1, 0, "SKU-1", "A thing", 1, 500, 500, location="east")
        second = type(one)(2, 0, "SKU-1", "A thing", 1, 500, 500, location="west")
        draft.replace_lines([first, second])
        payment_id = draft.next_part_id(Payment)
        draft.add(payment(payment_id, created_at_ms=clock.now_ms))
        draft.forget(TaskKind.RESERVE)
        draft.remind(PaymentDue(), clock.now_ms + 1_000)

    def captured(draft: Draft) -> None:
        paid = draft.order.payment("4330000000000000000-p1")
        draft.update(paid, captured_minor=1_100)
        draft.move(paid, PaymentEvent.CAPTURE)
        draft.replace_lines(draft.order.lines[:1])

    await orders.change(A, pays, "buyer")
    await orders.change(A, captured, "provider")
    found = await orders.get(A)
    assert [line.location for line in found.lines] == ["east"]
    assert found.payments[0].state is PaymentState.CAPTURED
    assert found.captured_minor == 1_100
    assert [task.kind for task in found.tasks] == [TaskKind.PAYMENT_DUE]


async def test_the_tenth_part_comes_after_the_ninth(orders: Orders, clock: Clock) -> None:
    await orders.place(order(), nothing, "buyer")

    def pays(draft: Draft) -> None:
        for _ in range(11):
            payment_id = draft.next_part_id(Payment)
            draft.add(payment(payment_id, created_at_ms=clock.now_ms))

    await orders.change(A, pays, "buyer")
    found = await orders.get(A)
    assert [payment.payment_id for payment in found.payments] == [
        f"4330000000000000000-p{number}" for number in range(1, 12)
    ]


async def test_what_follows_from_a_decision_is_in_its_version_and_is_announced(
    orders: Orders, clock: Clock
) -> None:
    announced: list[list[str]] = []
    followed = Orders(
        orders.database,
        clock,
        orders.ids,
        follow=lambda draft: draft.note("followed"),
        announce=lambda draft: announced.append([entry.why for entry in draft.history]),
    )
    await orders.place(order(), lambda draft: None, "buyer")
    before = await orders.get(A)
    await followed.change(A, lambda draft: draft.note("decided"), "buyer")
    assert announced == [["decided", "followed"]]
    assert (await orders.get(A)).version == before.version + 1


async def test_tasks_that_are_due_are_taken_by_the_process_that_wrote_them(
    orders: Orders, clock: Clock
) -> None:
    received: list[Taken] = []
    owned = Orders(orders.database, clock, orders.ids, owner="me", on_tasks=received.extend)

    def decide(draft: Draft) -> None:
        draft.send(ReserveStock())
        draft.send(ConfirmStock())  # of the same lane: not before the first is done
        draft.send(NotifyBuyer("mail", "order_confirmed", ""))
        draft.remind(PaymentDue(), clock.now_ms + 1)

    await owned.place(order(), decide, "buyer")
    assert [taken.task.kind for taken in received] == [TaskKind.RESERVE, TaskKind.NOTIFY_BUYER]
    found = await orders.get(A)
    assert {task.kind: task.owner for task in found.tasks} == {
        TaskKind.RESERVE: "me",
        TaskKind.CONFIRM: "",
        TaskKind.NOTIFY_BUYER: "me",
        TaskKind.PAYMENT_DUE: "",
    }


async def test_two_processes_that_place_under_one_key_have_one_order(orders: Orders) -> None:
    other = Orders(orders.database, orders.clock_ms, orders.ids)
    placed = await asyncio.gather(
        *(
            one.place(order(id_of(f"{name}{number}"), order_key=f"k{number}"), nothing, "buyer")
            for number in range(50)
            for name, one in (("A", orders), ("B", other))
        )
    )
    by_key = {one.order.order_key: one.order.order_id for one in placed}
    assert all(by_key[one.order.order_key] == one.order.order_id for one in placed)
    assert len(by_key) == 50


async def test_changes_of_two_processes_to_one_order_are_all_made(orders: Orders) -> None:
    other = Orders(orders.database, orders.clock_ms, orders.ids)
    await orders.place(order(), nothing, "buyer")

    def notes(draft: Draft) -> None:
        draft.note("seen")

    await asyncio.gather(
        *(one.change(A, notes, "staff") for _ in range(50) for one in (orders, other))
    )
    assert (await orders.get(A)).version == 101


@pytest.mark.parametrize(
    "statement",
    ["UPDATE history SET why = 'other'", "DELETE FROM history", "UPDATE orders SET state = 'OPEN'"],
)
async def test_the_database_refuses_to_change_history_and_states_that_are_none(
    orders: Orders, statement: str
) -> None:
    await orders.place(order(), nothing, "buyer")
    with pytest.raises(RuleHeld):
        await orders.write(lambda connection: connection.execute(text(statement)))
    assert (await orders.get(A)).state is OrderState.RESERVING


async def test_the_database_knows_every_state(orders: Orders) -> None:
    await orders.place(order(), lambda draft: draft.add(payment()), "buyer")

    def in_turn(connection: Connection) -> None:
        for table, states in (("orders", OrderState), ("payments", PaymentState)):
            for state in states:
                connection.execute(text(f"UPDATE {table} SET state = '{state}'"))

    await orders.write(in_turn)
