"""OperationsService: the audit, the status of the store, and its acceptance."""

import time
from collections.abc import AsyncIterator
from importlib.metadata import version
from typing import Any

import redis.asyncio
import structlog

from engine.audit.protocol import Finding, Progress, Summary
from engine.audit.run import audit
from engine.engine import Engine
from engine.model import REASON_BYTES_MAX
from engine.seen import Acceptance
from engine.validation import Complaint
from holdfast.inventory.v1 import operations_pb2 as pb
from server import wire
from server.store_watch import StoreWatch
from serving.deadlines import Deadlines
from serving.guard import Context

log = structlog.get_logger()


class OperationsServicer:
    """Looks after the engine and its store."""

    def __init__(
        self,
        engine: Engine,
        client: "redis.asyncio.Redis",
        watch: StoreWatch,
        deadlines: Deadlines,
    ) -> None:
        self._engine = engine
        self._deadlines = deadlines
        self._client = client
        self._watch = watch

    async def Audit(self, request: pb.AuditRequest, _: Context) -> AsyncIterator[pb.AuditResponse]:
        tenant = wire.tenant_of(request)
        keys = self._engine.partition(tenant).keys
        started = time.monotonic()
        await self._engine.reader(tenant).check_store()  # an emptied one would pass every check
        async for step in audit(self._client, keys, self._engine.turns):
            yield _message(step, int((time.monotonic() - started) * 1000))

    async def GetStatus(self, _: pb.GetStatusRequest, __: Context) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(
            version=version("holdfast"),
            store=self._watch.store,
            durability=self._watch.durability,
            trouble=self._watch.trouble,
            warning=clock_warning(self._engine.clock_off_ms),
            retention_fulfilled_ms=self._engine.settings.retention.fulfilled_ms,
        )

    async def AcceptStore(
        self, request: pb.AcceptStoreRequest, context: Context
    ) -> pb.AcceptStoreResponse:
        tenant, reason = wire.tenant_of(request), _reason_of(request)
        if request.all_tenants and request.tenant:
            raise wire.invalid(Complaint("tenant", "must be empty for all tenants", tenant))
        async with self._deadlines.limit(context):
            accepted = await self._engine.accept_store(
                None if request.all_tenants else [tenant], reason
            )
        for acceptance in accepted:
            log.warning("store accepted", **acceptance._asdict())
        self._watch.suspect()
        return pb.AcceptStoreResponse(accepted=[_accepted(each) for each in accepted])

    async def AcceptClock(
        self, request: pb.AcceptClockRequest, context: Context
    ) -> pb.AcceptClockResponse:
        reason = _reason_of(request)
        async with self._deadlines.limit(context):
            step_ms = await self._engine.accept_clock(reason)
        log.warning("store's clock accepted", step_ms=step_ms, reason=reason)
        return pb.AcceptClockResponse(step_ms=step_ms)


def clock_warning(off_ms: int) -> str:
    """A sentence about a store's clock that is off; "" for one that is right."""
    if not off_ms:
        return ""
    return (
        f"the store's clock is {off_ms / 1_000:+,.0f} s off and is not followed: put it right, or "
        "accept it with `holdfast server accept-clock`"
    )


def _reason_of(request: Any) -> str:
    """The reason of a decision. Raises INVALID_FIELD."""
    reason: str = request.reason.strip()
    if not 1 <= len(reason.encode()) <= REASON_BYTES_MAX:
        problem = f"must be 1 to {REASON_BYTES_MAX} bytes that say why"
        raise wire.invalid(Complaint("reason", problem, request.reason))
    return reason


def _accepted(acceptance: Acceptance) -> pb.AcceptedStore:
    before, after = acceptance.before, acceptance.after
    return pb.AcceptedStore(
        tenant=acceptance.tenant,
        changes_seen=before.sequence,
        changes_now=after.sequence,
        replaced=before.epoch != after.epoch,
    )


def _message(step: Progress | Finding | Summary, elapsed_ms: int) -> pb.AuditResponse:
    if isinstance(step, Progress):
        return pb.AuditResponse(progress=wire.to_message(step, pb.AuditProgress))
    if isinstance(step, Finding):
        return pb.AuditResponse(finding=wire.to_message(step, pb.AuditFinding))
    summary = wire.to_message(step, pb.AuditSummary)
    summary.elapsed_ms = elapsed_ms
    return pb.AuditResponse(summary=summary)
