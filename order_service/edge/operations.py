"""OperationsService: the tasks that are still to be done, the audit, the service's status."""

import time
from collections.abc import AsyncIterator
from functools import partial
from importlib.metadata import version
from typing import Final

from sqlalchemy import Connection

from holdfast.client import Client
from holdfast.order.v1 import operations_pb2 as pb
from order_service.audit.invariants import INVARIANTS
from order_service.audit.protocol import Finding, Progress, Step, Summary, Unsettled
from order_service.audit.run import audit
from order_service.audit.sources import Sources
from order_service.edge import wire
from order_service.edge.methods import change, method, read_page
from order_service.edge.requests import actor_of, id_in, id_of, tenant_of
from order_service.order.fields import check_id, check_whole, checked_text, shown
from order_service.order.refusals import InvalidField
from order_service.order.tasks import TASKS, TaskKind
from order_service.payment.providers.port import Providers
from order_service.relay.attempt import TaskNotFound, drop
from order_service.relay.needs_watch import NeedsWatch
from order_service.relay.retention_watch import RetentionWatch
from order_service.relay.self_watch import SelfWatch
from order_service.storage import tasks
from order_service.storage.needs import Waiting
from order_service.storage.orders import Orders
from order_service.storage.tasks import Queue, TaskFilter
from serving.deadlines import Deadlines
from serving.guard import Context

TASK_IDS_MAX: Final = 1_000
WHY_LENGTH_MAX: Final = 200


class OperationsServicer:
    """Looks after the tasks of orders, and audits orders.

    An audit without `engine` or `providers` proves nothing about stock or money.
    """

    def __init__(
        self,
        orders: Orders,
        engine: Client | None,
        providers: Providers | None,
        needs: NeedsWatch,
        watch: SelfWatch,
        deadlines: Deadlines,
        retention: RetentionWatch | None = None,
    ) -> None:
        self._orders = orders
        self._retention = retention
        self._needs = needs
        self._watch = watch
        self._engine = engine
        self._providers = providers
        self.deadlines = deadlines

    @method
    async def ListTasks(self, request: pb.ListTasksRequest) -> pb.ListTasksResponse:
        wanted = _filter(request)._replace(dead=request.dead)
        read = partial(tasks.list_tasks, wanted=wanted, after=id_in(request.page_token))
        page = await read_page(self._orders, request, read, lambda task: task.task_id)
        return wire.listed(pb.ListTasksResponse, *page)

    @method
    async def ReplayTasks(self, request: pb.ReplayTasksRequest) -> pb.ReplayTasksResponse:
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
        replayed = await self._orders.write(replay)
        left = sorted(set(request.task_ids) - set(replayed))
        return pb.ReplayTasksResponse(replayed=len(replayed), not_dead=left)

    @method
    async def DropTask(self, request: pb.DropTaskRequest) -> pb.DropTaskResponse:
        tenant, actor, task_id = tenant_of(request), actor_of(request), id_of(request, "task_id")
        why = checked_text("why", request.why, WHY_LENGTH_MAX, length_min=1)
        found = await self._orders.read(partial(tasks.find_task, tenant=tenant, task_id=task_id))
        if found is None:
            raise TaskNotFound(task_id)
        decide = partial(drop, task_id=task_id, why=why)
        await change(self._orders, request, found.order_id, decide, actor)
        return pb.DropTaskResponse()

    async def AuditOrders(
        self, request: pb.AuditOrdersRequest, _: Context
    ) -> AsyncIterator[pb.AuditOrdersResponse]:
        sources = Sources(self._orders, self._engine, self._providers, tenant_of(request))
        started_s = time.monotonic()
        async for step in audit(sources):
            yield _message(step, int((time.monotonic() - started_s) * 1_000))

    @method
    async def GetStatus(self, _: pb.GetStatusRequest) -> pb.GetStatusResponse:
        counted = partial(tasks.queues, now_ms=self._orders.clock_ms())
        database = await self._orders.read(_database)
        queues = await self._orders.read(counted)
        waiting = await self._needs.look()
        return pb.GetStatusResponse(
            version=version("holdfast"),
            database=database,
            queues=[_queue(kind, queue) for kind, queue in queues.items()],
            needs=[_need(one) for one in waiting],
            trouble=self._watch.trouble or "",
            warning=self._retention.warning if self._retention else "",
            clocks=[wire.to_message(skew, pb.ClockSkew) for skew in self._watch.skews()],
        )


def _filter(request: pb.ListTasksRequest | pb.ReplayTasksRequest) -> TaskFilter:
    tenant = tenant_of(request)
    if request.kind and request.kind not in TASKS:
        problem = f"must be one of {', '.join(TASKS)}, or empty"
        raise InvalidField("kind", problem, shown(request.kind))
    if request.order_id:
        check_id("order_id", request.order_id)
    return TaskFilter(tenant, kind=request.kind, order_id=request.order_id)


def _queue(kind: TaskKind, queue: Queue) -> pb.TaskQueue:
    message = wire.to_message(queue, pb.TaskQueue)
    message.kind, message.about = kind, TASKS[kind].about
    return message


def _need(waiting: Waiting) -> pb.Need:
    row = waiting.need
    return pb.Need(
        name=row.name,
        about=row.about,
        command=row.command,
        alarms=row.alarms,
        tenant=waiting.tenant,
        count=waiting.count,
        since_at_ms=waiting.since_at_ms,
    )


def _database(connection: Connection) -> str:
    numbers = connection.dialect.server_version_info or ()
    return f"{connection.dialect.name} {'.'.join(map(str, numbers))}"


def _message(step: Step, elapsed_ms: int) -> pb.AuditOrdersResponse:
    match step:
        case Progress():
            progress = wire.to_message(step, pb.AuditOrdersProgress)
            return pb.AuditOrdersResponse(progress=progress)
        case Finding():
            finding = wire.to_message(step, pb.AuditOrdersFinding)
            finding.mend = INVARIANTS[step.invariant].mend
            return pb.AuditOrdersResponse(finding=finding)
        case Unsettled():
            unsettled = wire.to_message(step, pb.AuditOrdersUnsettled)
            return pb.AuditOrdersResponse(unsettled=unsettled)
        case Summary():
            summary = wire.to_message(step, pb.AuditOrdersSummary)
            summary.elapsed_ms = elapsed_ms
            return pb.AuditOrdersResponse(summary=summary)
