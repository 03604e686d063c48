"""The audits at the end: the engine's of its stock, and the one that crosses all books."""

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.client import Client
from holdfast.demo.waiting import Stages
from holdfast.order.v1 import operations_pb2
from holdfast.orders import OrderClient
from holdfast.types import AuditFinding, AuditProgress, AuditSummary


class EngineAudit(NamedTuple):
    """The engine's findings in its own stock, reservations and journal."""

    findings: Sequence[AuditFinding]
    summary: AuditSummary


class CrossingAudit(NamedTuple):
    """The order service's findings between its orders, the engine and the provider."""

    findings: Sequence[operations_pb2.AuditOrdersFinding]
    unsettled: Sequence[operations_pb2.AuditOrdersUnsettled]
    summary: operations_pb2.AuditOrdersSummary


async def audit_engine(engine: Client, progress: Stages) -> EngineAudit:
    """Runs the engine's audit. Raises HoldfastError."""
    progress.enter("Auditing the stock")
    findings = []
    async for event in engine.audit():
        match event:
            case AuditProgress(checked, total):
                progress.reach(checked, total)
            case AuditFinding():
                findings.append(event)
            case AuditSummary():
                return EngineAudit(findings, event)
    raise RuntimeError("the audit ended without a summary")


async def audit_orders(orders: OrderClient, progress: Stages) -> CrossingAudit:
    """Runs the order service's audit. Raises HoldfastError."""
    progress.enter("Auditing orders, stock and money")
    findings, unsettled = [], []
    async for event in orders.audit():
        match event.WhichOneof("kind"):
            case "progress":
                progress.reach(event.progress.orders_checked, event.progress.orders_total)
            case "finding":
                findings.append(event.finding)
            case "unsettled":
                unsettled.append(event.unsettled)
            case "summary":
                return CrossingAudit(findings, unsettled, event.summary)
    raise RuntimeError("the audit of the orders ended without a summary")
