"""The audit on the wire: `OperationsService.AuditOrders`."""

import time
from collections.abc import AsyncIterator

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import operations_pb2 as pb
from order_service.audit.invariants import INVARIANTS
from order_service.audit.protocol import Finding, Progress, Step, Summary, Unsettled
from order_service.audit.run import audit
from order_service.audit.sources import Sources, StatementUnreachable
from order_service.edge import wire
from order_service.edge.requests import tenant_of
from order_service.payment.providers.port import Providers
from order_service.storage.orders import Orders


class OrderAudits:
    """Audits tenants against the engine and the payment providers; None: that is not proven."""

    def __init__(self, orders: Orders, engine: Client | None, providers: Providers | None) -> None:
        self._orders = orders
        self._engine = engine
        self._providers = providers

    async def run(self, request: pb.AuditOrdersRequest) -> AsyncIterator[pb.AuditOrdersResponse]:
        """The messages of an audit. Raises InvalidField, StorageUnavailable, HoldfastError."""
        sources = Sources(self._orders, self._engine, self._providers, tenant_of(request))
        started = time.monotonic()
        try:
            async for step in audit(sources):
                yield _message(step, int((time.monotonic() - started) * 1000))
        except StatementUnreachable as error:
            raise HoldfastError.of(
                Reason.STATEMENT_UNREACHABLE, provider=error.provider, day=error.day
            ) from error


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
