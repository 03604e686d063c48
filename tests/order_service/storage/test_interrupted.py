"""Every statement of a change fails in turn: all of it is there afterwards, or nothing of it."""

import contextlib
from collections.abc import Awaitable, Callable

import pytest

from order_service.order.draft import Draft
from order_service.order.model import Line, Payment, Remark
from order_service.order.states import OrderEvent, PaymentEvent
from order_service.order.tasks import ConfirmStock, PaymentDue, ReserveStock, TaskKind
from order_service.storage.batch import AlreadySeen
from order_service.storage.database import StorageUnavailable
from order_service.storage.orders import Orders
from tests.order_service.all_rows import all_rows
from tests.order_service.failing import COMMIT, statement_fails
from tests.order_service.samples import order, payment

STATEMENTS_MAX = 60


def placed(draft: Draft) -> None:
    """Decides on a new order: reserve its stock, and note a remark."""
    draft.send(ReserveStock())
    draft.record(Remark(draft.order.order_id, draft.new_id(), "buyer", "web", "quick", 1))


def reserved_and_asked_to_pay(draft: Draft) -> None:
    """Touches every table that belongs to the core."""
    line = draft.order.lines[0]
    draft.replace_lines(
        [
            Line(1, 0, line.sku, line.title, 1, 500, 500, location="east"),
            Line(2, 0, line.sku, line.title, 1, 500, 500, location="west"),
        ]
    )
    draft.move(draft.order, OrderEvent.STOCK_RESERVED)
    draft.forget(TaskKind.RESERVE)
    draft.remind(PaymentDue(), draft.now_ms + 1)
    draft.add(payment(draft.next_part_id(Payment)))


def paid(draft: Draft) -> None:
    """The money came."""
    (one,) = draft.order.payments
    draft.update(one, captured_minor=1_100, captured_currency="CNY")
    draft.move(one, PaymentEvent.CAPTURE)
    draft.move(draft.order, OrderEvent.PAID)
    draft.replace_lines(draft.order.lines[:1])
    draft.send(ConfirmStock())


Command = Callable[[Orders], Awaitable[object]]


async def place(orders: Orders) -> object:
    """Places the order."""
    return await orders.place(order(), placed, "buyer")


async def ask_to_pay(orders: Orders) -> object:
    """Changes it."""
    return await orders.change("4330000000000000000", reserved_and_asked_to_pay, "system")


async def pay(orders: Orders) -> object:
    """Changes it once."""
    try:
        return await orders.change("4330000000000000000", paid, "provider", once="sandbox evt_1")
    except AlreadySeen:
        return None


COMMANDS: tuple[Command, ...] = (place, ask_to_pay, pay)


@pytest.mark.parametrize("position", range(len(COMMANDS)), ids=["place", "ask_to_pay", "pay"])
async def test_whichever_statement_fails_all_is_written_or_nothing(
    orders: Orders, position: int
) -> None:
    for command in COMMANDS[:position]:
        await command(orders)
    before = await orders.read(all_rows)
    failed: list[str] = []
    for number in range(1, STATEMENTS_MAX):
        with statement_fails(number) as statements, contextlib.suppress(StorageUnavailable):
            await COMMANDS[position](orders)
        if not statements.failed:
            break
        failed.append(statements.failed)
        assert await orders.read(all_rows) == before, statements.failed
    else:
        pytest.fail("the command never came through")
    assert COMMIT in failed
    assert any(statement.startswith("INSERT INTO history") for statement in failed)
    assert await orders.read(all_rows) != before
    # A caller that lost the answer asks again: the command is done once.
    after = await orders.read(all_rows)
    if COMMANDS[position] is not ask_to_pay:
        await COMMANDS[position](orders)
    assert await orders.read(all_rows) == after
