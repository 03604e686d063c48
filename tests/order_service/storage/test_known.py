"""Changes of orders that the caller has just written, on SQLite and PostgreSQL."""

import asyncio

import pytest
from sqlalchemy import Connection, delete

from order_service.order.draft import Draft
from order_service.order.machines import IllegalMove
from order_service.order.model import Order
from order_service.order.states import OrderEvent, OrderState
from order_service.storage.batch import OrderNotFound
from order_service.storage.orders import Orders
from order_service.storage.schema import history, order_lines
from order_service.storage.schema import orders as orders_table
from tests.order_service.failing import statement_fails
from tests.order_service.samples import id_of, order
from tests.order_service.unguarded import unguarded


def nothing(_draft: Draft) -> None:
    """Decides nothing."""


def reserved(draft: Draft) -> OrderState:
    """Moves the order on: its stock is reserved."""
    draft.move(draft.order, OrderEvent.STOCK_RESERVED)
    return draft.order.state


def cancelled(draft: Draft) -> OrderState:
    """The buyer does not want it any more."""
    draft.move(draft.order, OrderEvent.CANCEL)
    return draft.order.state


def seen_state(draft: Draft) -> OrderState:
    """Changes nothing."""
    return draft.order.state


async def placed(orders: Orders, order_id: str = "4330000000000000000") -> Order:
    """An order as it was just written."""
    return (await orders.place(order(order_id), nothing, "buyer")).order


async def test_an_order_that_is_known_is_changed_without_being_read(orders: Orders) -> None:
    known = await placed(orders)
    with statement_fails(0) as statements:
        await orders.change("4330000000000000000", reserved, "system", known=known)
    with_known = statements.count
    await placed(orders, "4340000000000000000")
    with statement_fails(0) as statements:
        await orders.change("4340000000000000000", reserved, "system")
    assert with_known < statements.count
    assert (await orders.get("4330000000000000000")).state is OrderState.AWAITING_PAYMENT


async def test_what_was_known_is_not_changed_by_the_decision(orders: Orders) -> None:
    known = await placed(orders)
    await orders.change("4330000000000000000", reserved, "system", known=known)
    assert (known.state, known.version) == (OrderState.RESERVING, 1)


async def test_a_change_of_what_others_have_changed_is_made_on_what_they_left(
    orders: Orders,
) -> None:
    known = await placed(orders)
    await orders.change("4330000000000000000", reserved, "another process")
    assert (
        await orders.change("4330000000000000000", cancelled, "buyer", known=known)
        is OrderState.CANCELLED
    )
    assert (await orders.get("4330000000000000000")).version == 3


async def test_a_move_that_others_have_made_is_not_made_again(orders: Orders) -> None:
    known = await placed(orders)
    await orders.change("4330000000000000000", reserved, "another process")
    with pytest.raises(IllegalMove):
        await orders.change("4330000000000000000", reserved, "system", known=known)
    assert (await orders.get("4330000000000000000")).version == 2


async def test_a_decision_that_writes_nothing_sees_the_order_as_it_is(orders: Orders) -> None:
    known = await placed(orders)
    await orders.change("4330000000000000000", reserved, "another process")
    state = await orders.change("4330000000000000000", seen_state, "buyer", known=known)
    assert state is OrderState.AWAITING_PAYMENT


async def test_one_that_is_no_longer_as_it_was_known_takes_no_neighbour_with_it(
    orders: Orders,
) -> None:
    known = [await placed(orders, id_of(f"O{number}")) for number in range(10)]
    await orders.change(id_of("O3"), cancelled, "another process")
    answers = await asyncio.gather(
        *(orders.change(one.order_id, reserved, "system", known=one) for one in known),
        return_exceptions=True,
    )
    assert isinstance(answers.pop(3), IllegalMove)
    assert answers == [OrderState.AWAITING_PAYMENT] * 9


async def test_an_order_that_is_gone_is_not_written_again(orders: Orders) -> None:
    known = await placed(orders)

    def forget(connection: Connection) -> None:
        for table in (history, order_lines, orders_table):
            connection.execute(delete(table))

    await orders.write(lambda connection: forget(unguarded(connection)))
    with pytest.raises(OrderNotFound):
        await orders.change("4330000000000000000", reserved, "system", known=known)
