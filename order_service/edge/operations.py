"""OperationsService: the tasks that are still to be done, the audit, what all of it stands on."""

from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from typing import Final

from sqlalchemy import Connection

from holdfast.order.v1 import operations_pb2 as pb
from order_service.edge.audit import OrderAudits
from order_service.edge.requests import (
    actor_of,
    for_tenant,
    id_in,
    page_size_of,
    tenant_of,
)
from order_service.order.fields import check_id, check_whole, checked_text, shown
from order_service.order.model import Task
from order_service.order.refusals import InvalidField
from order_service.order.tasks import TASKS, TaskKind
from order_service.relay.dropping import TaskNotFound, drop
from order_service.storage import tasks
from order_service.storage.orders import Orders
from order_service.storage.tasks import Queue, TaskFilter
from serving.context import Context
from serving.deadlines import Deadlines

TASK_IDS_MAX: Final = 1_000
WHY_LENGTH_MAX: Final = 200


class OperationsServicer:
    """Looks after what the order service still has to do."""

    def __init__(self, orders: Orders, audits: OrderAudits, deadlines: Deadlines) -> None:
        self._orders = orders
        self._audits = audits
        self._deadlines = deadlines

    async def ListTasks(
        self, request: pb.ListTasksRequest, context: Context
    ) -> pb.ListTasksResponse:
        wanted = _filter(request)._replace(dead=request.dead)
        size, after = page_size_of(request), id_in(request.page_token)
        page = partial(tasks.list_tasks, wanted=wanted, limit=size + 1, after=after)
        async with self._deadlines.limit(context):
            found = await self._orders.read(page)
        more = found[size - 1].task_id if len(found) > size else ""
        return pb.ListTasksResponse(
            tasks=[_message(task) for task in found[:size]], next_page_token=more
        )

    async def ReplayTasks(
        self, request: pb.ReplayTasksRequest, context: Context
    ) -> pb.ReplayTasksResponse:
        wanted = _filter(request)
        check_whole("task_ids", len(request.task_ids), 0, TASK_IDS_MAX)
        for position, task_id in enumerate(request.task_ids):
            check_id(f"task_ids[{position}]", task_id)
        replay = partial(
            tasks.replay,
            wanted=wanted,
            now_ms=self._orders.clock_ms(),
            task_ids=list(request.task_ids),
        )
        async with self._deadlines.limit(context):
            replayed = await self._orders.write(replay)
        left = sorted(set(request.task_ids) - set(replayed))
        return pb.ReplayTasksResponse(replayed=len(replayed), not_dead=left)

    async def DropTask(self, request: pb.DropTaskRequest, context: Context) -> pb.DropTaskResponse:
        tenant, actor, task_id = tenant_of(request), actor_of(request), request.task_id
        check_id("task_id", task_id)
        why = checked_text("why", request.why, WHY_LENGTH_MAX, length_min=1)
        async with self._deadlines.limit(context):
            found = await self._orders.read(
                partial(tasks.find_task, tenant=tenant, task_id=task_id)
            )
            if found is None:
                raise TaskNotFound(task_id)
            dropped = for_tenant(tenant, partial(drop, task_id=task_id, why=why))
            await self._orders.change(found.order_id, dropped, actor)
        return pb.DropTaskResponse()

    async def AuditOrders(
        self, request: pb.AuditOrdersRequest, _: Context
    ) -> AsyncIterator[pb.AuditOrdersResponse]:
        async for message in self._audits.run(request):
            yield message

    async def GetStatus(self, _: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        counted = partial(tasks.queues, now_ms=self._orders.clock_ms())
        async with self._deadlines.limit(context):
            database = await self._orders.read(_database)
            queues = await self._orders.read(counted)
        return pb.GetStatusResponse(
            version=version("holdfast"),
            database=database,
            queues=[_queue(kind, queue) for kind, queue in queues.items()],
        )


def _filter(request: pb.ListTasksRequest | pb.ReplayTasksRequest) -> TaskFilter:
    tenant = tenant_of(request)
    if request.kind and request.kind not in TASKS:
        problem = f"must be one of {', '.join(TASKS)}, or empty"
        raise InvalidField("kind", problem, shown(request.kind))
    if request.order_id:
        check_id("order_id", request.order_id)
    return TaskFilter(tenant, kind=request.kind, order_id=request.order_id)


def _message(task: Task) -> pb.Task:
    return pb.Task(
        task_id=task.task_id,
        order_id=task.order_id,
        kind=task.kind,
        lane=task.lane,
        payload=task.payload,
        due_at_ms=task.due_at_ms,
        created_at_ms=task.created_at_ms,
        attempts=task.attempts,
        dead=task.dead,
        last_error=task.last_error,
        owner=task.owner,
        lease_ends_at_ms=task.lease_until_ms,
    )


def _queue(kind: TaskKind, queue: Queue) -> pb.TaskQueue:
    return pb.TaskQueue(
        kind=kind,
        about=TASKS[kind].about,
        due=queue.due,
        later=queue.later,
        dead=queue.dead,
        oldest_due_at_ms=queue.oldest_due_at_ms,
    )


def _database(connection: Connection) -> str:
    numbers = connection.dialect.server_version_info or ()
    return f"{connection.dialect.name} {'.'.join(map(str, numbers))}"
