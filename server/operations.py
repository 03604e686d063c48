"""OperationsService: the audit, and the status of the store."""

import time
from collections.abc import AsyncIterator
from importlib.metadata import version

import redis.asyncio

from engine.audit.protocol import Finding, Progress, Summary
from engine.audit.run import audit
from engine.engine import Engine
from holdfast.inventory.v1 import operations_pb2 as pb
from server import wire
from server.store_watch import StoreWatch
from serving.guard import Context


class OperationsServicer:
    """Looks after the engine and its store."""

    def __init__(self, engine: Engine, client: "redis.asyncio.Redis", watch: StoreWatch) -> None:
        self._engine = engine
        self._client = client
        self._watch = watch

    async def Audit(self, request: pb.AuditRequest, _: Context) -> AsyncIterator[pb.AuditResponse]:
        keys = self._engine.partition(wire.tenant_of(request)).keys
        started = time.monotonic()
        async for step in audit(self._client, keys):
            yield _message(step, int((time.monotonic() - started) * 1000))

    async def GetStatus(self, _: pb.GetStatusRequest, __: Context) -> pb.GetStatusResponse:
        return pb.GetStatusResponse(
            version=version("holdfast"),
            store=self._watch.store,
            durability=self._watch.durability,
            trouble=self._watch.trouble,
        )


def _message(step: Progress | Finding | Summary, elapsed_ms: int) -> pb.AuditResponse:
    if isinstance(step, Progress):
        return pb.AuditResponse(progress=wire.to_message(step, pb.AuditProgress))
    if isinstance(step, Finding):
        return pb.AuditResponse(finding=wire.to_message(step, pb.AuditFinding))
    summary = wire.to_message(step, pb.AuditSummary)
    summary.elapsed_ms = elapsed_ms
    return pb.AuditResponse(summary=summary)
