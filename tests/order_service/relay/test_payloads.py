import random

import msgspec
import pytest

from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Order, Task
from order_service.order.tasks import (
    TASKS,
    ConfirmStock,
    StartPayment,
    TaskKind,
    Todo,
    any_payload_of,
    todos,
)
from order_service.relay.handler import handlers_of, handles
from tests.order_service import samples
from tests.order_service.payloads import OF_KIND, STORED, Stored


def task_of(stored: Stored) -> Task:
    return Task("T", "4", stored.lane, stored.kind, stored.payload, 0, 0)


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: f"{stored.kind} {stored.payload}")
def test_a_task_that_is_on_disk_is_read_and_written_to_the_letter(stored: Stored) -> None:
    read = any_payload_of(task_of(stored))
    assert (type(read), read) == (type(stored.read), stored.read)
    draft = Draft(samples.order(), "test", 1, Ids(random.Random(1)))
    draft.send(read)
    (task,) = draft.tasks_made
    assert (task.kind, task.lane, task.payload) == (stored.kind, stored.lane, stored.payload)


def test_every_kind_has_a_payload_that_is_on_disk_and_a_row() -> None:
    assert set(OF_KIND) == set(TaskKind)
    assert list(TASKS) == list(TaskKind)
    assert {kind: row.payload.kind for kind, row in TASKS.items()} == {k: k for k in TaskKind}


def test_a_payload_without_its_fields_is_refused_by_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="payment_id"):
        StartPayment.of(Task("T", "4", "payment", "START_PAYMENT", '{"payment":"4-p1"}', 0, 0))


def test_todos_are_the_tasks_of_one_kind_with_their_payloads() -> None:
    order = samples.order()
    order.tasks = [task_of(stored) for stored in STORED]
    (todo,) = todos(order, StartPayment)
    assert (todo.task.kind, todo.payload) == ("START_PAYMENT", StartPayment("4-p1"))


class Payments:
    """Handles one kind."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, StartPayment]] = []

    @handles(StartPayment)
    async def start(self, _order: Order, todo: Todo[StartPayment]) -> None:
        """Notes what it was given."""
        self.seen.append((todo.task.task_id, todo.payload))


class Twice:
    """Handles the same kind."""

    @handles(StartPayment)
    async def begin(self, _order: Order, _todo: Todo[StartPayment]) -> None:
        """Does nothing."""


async def test_a_handler_is_given_its_task_with_the_payload_read() -> None:
    payments = Payments()
    handlers = handlers_of(payments)
    assert list(handlers) == [TaskKind.START_PAYMENT]
    task = Task("T", "4", "payment:4-p1", "START_PAYMENT", '{"payment_id":"4-p1"}', 0, 0)
    assert await handlers[TaskKind.START_PAYMENT](samples.order(), task) is None
    assert payments.seen == [("T", StartPayment("4-p1"))]


def test_no_two_handlers_do_the_same_kind() -> None:
    with pytest.raises(AssertionError, match="two do START_PAYMENT"):
        handlers_of(Payments(), Twice())


def test_a_reminder_takes_the_place_of_the_one_before() -> None:
    draft = Draft(samples.order(), "test", 1, Ids(random.Random(1)))
    draft.remind(ConfirmStock(), 5)
    draft.remind(ConfirmStock(), 7)
    assert [(task.kind, task.due_at_ms) for task in draft.order.tasks] == [("CONFIRM", 7)]
