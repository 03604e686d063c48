"""OperationsService over gRPC: what operators see of tasks, and do with them."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import operations_pb2 as pb
from holdfast.order.v1 import operations_pb2_grpc
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.operations import OperationsServicer
from order_service.order.tasks import TASKS, TaskKind
from order_service.relay.needs_watch import NeedsWatch
from order_service.storage import tasks
from order_service.storage.orders import Orders
from order_service.storage.tasks import Failure
from serving.deadlines import Deadlines
from serving.grpc_server import DecodingServer
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.order_service.clock import Clock
from tests.order_service.relay.world import Watching, place, sends, tasks_of
from tests.order_service.samples import A

PICK_WITHIN_MS = 60_000


@pytest.fixture
async def operations(orders: Orders) -> AsyncIterator[Any]:
    """A client of the service, on an order A with a dead CONFIRM and a live EVENT."""
    await place(orders, A, sends(TaskKind.CONFIRM))
    claimed = await orders.write(
        partial(tasks.claim, owner="one", now_ms=orders.clock_ms(), limit=1)
    )
    failed = Failure(claimed[0].task.task_id, 3, orders.clock_ms(), True, "the engine says no")
    await orders.write(partial(tasks.write_failures, owner="one", failures=[failed]))
    await orders.change(A, sends(TaskKind.EVENT), "test")
    server = grpc.aio.server()
    watch = NeedsWatch(orders, lambda: ["default"], PICK_WITHIN_MS, PICK_WITHIN_MS)
    servicer = OperationsServicer(orders, None, None, watch, Watching(), Deadlines(5_000))
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
    decoding: Any = DecodingServer(server)
    operations_pb2_grpc.add_OperationsServiceServicer_to_server(guarded, decoding)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield operations_pb2_grpc.OperationsServiceStub(channel)
    await server.stop(None)


async def refusal(call: Any) -> HoldfastError:
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call
    return HoldfastError.from_rpc(raised.value)


async def test_the_dead_letter_list_says_what_failed_and_why(operations: Any) -> None:
    listed = await operations.ListTasks(pb.ListTasksRequest(dead=True))
    (task,) = listed.tasks
    assert (task.order_id, task.kind, task.attempts) == (A, "CONFIRM", 3)
    assert (task.dead, task.last_error) == (True, "the engine says no")
    assert listed.next_page_token == ""


async def test_tasks_come_by_page(operations: Any) -> None:
    first = await operations.ListTasks(pb.ListTasksRequest(page_size=1))
    assert [task.kind for task in first.tasks] == ["CONFIRM"]
    rest = pb.ListTasksRequest(page_size=1, page_token=first.next_page_token)
    second = await operations.ListTasks(rest)
    assert [task.kind for task in second.tasks] == ["EVENT"]
    assert second.next_page_token == ""


async def test_a_replayed_task_is_due_at_once(
    operations: Any, orders: Orders, clock: Clock
) -> None:
    clock.advance(60_000)
    request = pb.ReplayTasksRequest(kind="CONFIRM", order_id=A)
    assert (await operations.ReplayTasks(request)).replayed == 1
    assert (await operations.ReplayTasks(request)).replayed == 0
    (task, _) = await tasks_of(orders)
    assert (task.dead, task.attempts, task.due_at_ms) == (False, 0, clock.now_ms)


async def test_what_is_not_dead_is_named_and_left_as_it_is(operations: Any, orders: Orders) -> None:
    dead, live = await tasks_of(orders)
    unknown = "4330000000000000099"
    asked = [dead.task_id, live.task_id, unknown]
    answer = await operations.ReplayTasks(pb.ReplayTasksRequest(task_ids=asked))
    assert answer.replayed == 1
    assert list(answer.not_dead) == sorted([live.task_id, unknown])
    assert live in await tasks_of(orders)


async def test_a_dropped_task_is_gone_and_the_history_says_who_dropped_it(
    operations: Any, orders: Orders
) -> None:
    (dead, _) = await tasks_of(orders)
    request = pb.DropTaskRequest(task_id=dead.task_id, actor="staff:7", why="done by hand")
    version = (await orders.get(A)).version
    await operations.DropTask(request)
    assert [task.kind for task in await tasks_of(orders)] == ["EVENT"]
    assert (await orders.get(A)).version == version + 1
    assert (await refusal(operations.DropTask(request))).reason == Reason.TASK_NOT_FOUND


async def test_a_task_that_is_still_to_be_done_is_not_dropped(
    operations: Any, orders: Orders
) -> None:
    (_, live) = before = await tasks_of(orders)
    request = pb.DropTaskRequest(task_id=live.task_id, why="no")
    assert (await refusal(operations.DropTask(request))).reason == Reason.TASK_NOT_DEAD
    assert await tasks_of(orders) == before


async def test_another_tenants_tasks_are_not_there(operations: Any, orders: Orders) -> None:
    (dead, _) = before = await tasks_of(orders)
    assert not (await operations.ListTasks(pb.ListTasksRequest(tenant="other"))).tasks
    replay = pb.ReplayTasksRequest(tenant="other", task_ids=[dead.task_id])
    assert (await operations.ReplayTasks(replay)).replayed == 0
    drop = pb.DropTaskRequest(tenant="other", task_id=dead.task_id, why="no")
    assert (await refusal(operations.DropTask(drop))).reason == Reason.TASK_NOT_FOUND
    assert await tasks_of(orders) == before


async def test_the_status_names_the_database_and_every_kind(operations: Any) -> None:
    status = await operations.GetStatus(pb.GetStatusRequest())
    assert status.database.split()[0] in ("sqlite", "postgresql")
    assert status.database.split()[1][0].isdigit()
    assert [queue.kind for queue in status.queues] == list(TASKS)
    counted = {queue.kind: (queue.due, queue.later, queue.dead) for queue in status.queues}
    assert counted["CONFIRM"] == (0, 0, 1)
    assert counted["EVENT"] == (1, 0, 0)


BAD: list[tuple[str, Any, str]] = [
    ("ListTasks", pb.ListTasksRequest(tenant="no tenant"), "tenant"),
    ("ListTasks", pb.ListTasksRequest(kind="CONFIRMED"), "kind"),
    ("ListTasks", pb.ListTasksRequest(order_id="é"), "order_id"),
    ("ListTasks", pb.ListTasksRequest(page_size=1_001), "page_size"),
    ("ListTasks", pb.ListTasksRequest(page_token="' OR 1=1"), "page_token"),
    ("ReplayTasks", pb.ReplayTasksRequest(tenant="x" * 65), "tenant"),
    ("ReplayTasks", pb.ReplayTasksRequest(kind="confirm"), "kind"),
    ("ReplayTasks", pb.ReplayTasksRequest(order_id="x" * 65), "order_id"),
    ("ReplayTasks", pb.ReplayTasksRequest(task_ids=[A, ""]), "task_ids[1]"),
    ("ReplayTasks", pb.ReplayTasksRequest(task_ids=[A] * 1_001), "task_ids"),
    ("DropTask", pb.DropTaskRequest(tenant="/", task_id=A, why="x"), "tenant"),
    ("DropTask", pb.DropTaskRequest(why="x"), "task_id"),
    ("DropTask", pb.DropTaskRequest(task_id=A), "why"),
    ("DropTask", pb.DropTaskRequest(task_id=A, why="x" * 201), "why"),
    ("DropTask", pb.DropTaskRequest(task_id=A, why="a\x00b"), "why"),
    ("DropTask", pb.DropTaskRequest(task_id=A, why="x", actor="no actor"), "actor"),
]


@pytest.mark.parametrize(("method", "request_", "field"), BAD)
async def test_a_field_that_breaks_its_bounds_is_named(
    operations: Any, method: str, request_: Any, field: str
) -> None:
    error = await refusal(getattr(operations, method)(request_))
    assert error.reason == Reason.INVALID_FIELD
    assert error.metadata["field"] == field


async def test_status_begins_with_what_waits_for_a_person(operations: Any) -> None:
    status = await operations.GetStatus(pb.GetStatusRequest())
    (need,) = status.needs
    assert (need.name, need.tenant, need.count, need.alarms) == ("dead_tasks", "default", 1, True)
    assert need.command == "holdfast orders tasks --dead"
