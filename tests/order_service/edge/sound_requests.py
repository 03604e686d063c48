"""A request of every kind that breaks no bound, about an order that has every kind of part."""

import time
from typing import Any, NamedTuple

from holdfast.order.v1 import aftersales_pb2 as aftersales
from holdfast.order.v1 import catalogue_pb2 as catalogue
from holdfast.order.v1 import fulfilment_pb2 as fulfilment
from holdfast.order.v1 import operations_pb2 as operations
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order.v1 import payment_pb2 as payment
from holdfast.order.v1 import policies_pb2 as policies
from holdfast.order.v1 import returns_pb2 as returns
from holdfast.order.v1 import settlement_pb2 as settlement
from tests.order_service.edge.conftest import order_of


class Parts(NamedTuple):
    """An order, and the ids of what belongs to it."""

    order_id: str

    def of(self, kind: str) -> str:
        """The id of its first payment (`p`), refund (`r`), shipment (`s`) or incident (`i`)."""
        return f"{self.order_id}-{kind}1"


def sound_requests(parts: Parts) -> dict[str, Any]:
    """One request for each method of the contract, by the name of its message."""
    made = [
        *_catalogue(),
        *_orders(parts),
        *_payments(parts),
        *_fulfilment(parts),
        *_returns(parts),
        *_cases(parts),
        *_policies(parts.order_id),
        *_settlement(),
        *_tasks(parts),
    ]
    return {request.DESCRIPTOR.name: request for request in made}


def _catalogue() -> list[Any]:
    article = catalogue.Article(
        sku="SPARE",
        merchant_id="m1",
        title="A spare",
        price_minor=100,
        currency="GBP",
        zone="A",
        weight_g=1,
        temperature_min_millicelsius=2_000,
        temperature_max_millicelsius=8_000,
    )
    warehouse = catalogue.Warehouse(
        location="spare", country="GB", latitude=51.5, longitude=0.0, closed=True
    )
    place = catalogue.Place(country="GB", latitude=51.5, longitude=0.0)
    return [
        catalogue.PutArticlesRequest(articles=[article]),
        catalogue.ListArticlesRequest(),
        catalogue.PutWarehousesRequest(warehouses=[warehouse]),
        catalogue.ListWarehousesRequest(),
        catalogue.PutPlacesRequest(places=[place]),
        catalogue.ListPlacesRequest(),
    ]


def _orders(parts: Parts) -> list[Any]:
    order_id = parts.order_id
    wanted = order_of("spare")
    wanted.lines[0].quantity = 1
    delivery = wanted.delivery
    return [
        wanted,
        pb.PlaceOrdersRequest(orders=[wanted]),
        pb.GetOrderRequest(order_id=order_id),
        pb.ListOrdersRequest(),
        pb.FindOrdersRequest(number="cart-91"),
        pb.CancelOrderRequest(order_id=order_id, reason="changed their mind"),
        pb.CompleteOrderRequest(order_id=order_id),
        pb.AddRemarkRequest(
            order_id=order_id, remark_id="r-1", author="buyer", channel="chat", text="Hello"
        ),
        pb.ListRemarksRequest(order_id=order_id),
        pb.CorrectDeliveryRequest(
            order_id=order_id, correction_id="c-1", delivery=delivery, confirmed_by_buyer_via="chat"
        ),
        pb.GetTimelineRequest(order_id=order_id),
        pb.GetReceiptRequest(order_id=order_id),
    ]


def _payments(parts: Parts) -> list[Any]:
    order_id = parts.order_id
    return [
        payment.StartPaymentRequest(order_id=order_id, payment_key="again"),
        payment.ListPaymentsRequest(order_id=order_id),
        payment.RefundOrderRequest(
            order_id=order_id,
            refund_key="k",
            amount_minor=1,
            reason="x",
            lines=[payment.RefundLine(line_no=1, units=1, shipment_id=parts.of("s"))],
        ),
        payment.RetryRefundRequest(refund_id=parts.of("r")),
        payment.ListFailedRefundsRequest(),
        payment.SettleRefundRequest(refund_id=parts.of("r"), reason="x"),
        payment.ListQuarantinedRequest(),
        payment.ListPendingPaymentsRequest(),
        payment.ListMoneyCasesRequest(),
        payment.CloseMoneyCaseRequest(case_id="none", reason="x"),
        payment.ResolveQuarantinedRequest(
            payment_id=parts.of("p"), resolution=payment.QUARANTINE_RESOLUTION_RETURN, reason="x"
        ),
        payment.ReconcileRequest(provider="sandbox", day="2026-11-22", report_only=True),
        payment.GetPaymentBooksRequest(),
    ]


def _fulfilment(parts: Parts) -> list[Any]:
    shipment_id = parts.of("s")
    now_ms = time.time_ns() // 1_000_000
    lines = [fulfilment.ParcelLine(sku="MUG", quantity=1)]
    collected = fulfilment.TrackingEvent(
        carrier="sandbox",
        event_id="e-1",
        kind=fulfilment.TrackingEvent.CASH_COLLECTED,
        happened_at_ms=now_ms,
        amount_minor=1,
        currency="GBP",
    )
    reading = fulfilment.TemperatureReading(
        sensor="t-1", read_at_ms=now_ms, temperature_millicelsius=4_000
    )
    return [
        fulfilment.HoldOrderRequest(order_id=parts.order_id, reason="x"),
        fulfilment.ReleaseHoldRequest(order_id=parts.order_id),
        fulfilment.ReviewOrderRequest(
            order_id=parts.order_id, verdict=fulfilment.REVIEW_VERDICT_APPROVE
        ),
        fulfilment.ListReviewsRequest(),
        fulfilment.CreateWaveRequest(wave_id="w-1", location="default"),
        fulfilment.ListWavesRequest(),
        fulfilment.ListPicksRequest(),
        fulfilment.ConfirmPickRequest(shipment_id=shipment_id, lines=lines),
        fulfilment.ConfirmPackingRequest(shipment_id=shipment_id, lines=lines, weight_g=1),
        fulfilment.ShipShipmentRequest(shipment_id=shipment_id),
        fulfilment.ShipAllTheSameRequest(shipment_id=shipment_id, reason="a present"),
        fulfilment.CancelShipmentRequest(shipment_id=shipment_id, reason="not found"),
        fulfilment.GetShipmentRequest(shipment_id=shipment_id),
        fulfilment.ListShipmentsRequest(),
        fulfilment.RecordTrackingRequest(shipment_id=shipment_id, event=collected),
        fulfilment.RecordTemperatureRequest(shipment_id=shipment_id, reading=reading),
        fulfilment.ReportIncidentRequest(
            shipment_id=shipment_id, kind=fulfilment.Incident.DAMAGE, lines=lines
        ),
        fulfilment.ListIncidentsRequest(),
        fulfilment.ResolveIncidentRequest(
            incident_id=parts.of("i"), resolution=fulfilment.RESOLUTION_WAIT
        ),
    ]


def _returns(parts: Parts) -> list[Any]:
    leg_id = parts.of("b")
    used = returns.JudgedUnits(line_no=1, quantity=1, condition=returns.JudgedUnits.USED)
    return [
        returns.AnnounceReturnRequest(leg_id=leg_id, carrier="sandbox", waybill="SB1"),
        returns.ReceiveReturnRequest(leg_id=leg_id),
        returns.InspectReturnRequest(leg_id=leg_id, groups=[used]),
        returns.ListReturnsRequest(),
        returns.InterceptShipmentRequest(shipment_id=parts.of("s"), reason="x"),
        returns.AnswerInterceptRequest(intercept_id=parts.of("t"), accepts=True),
        returns.ListInterceptsRequest(),
        returns.RecordArrivalRequest(
            arrival_id="a-1", location="default", carrier="sandbox", waybill="R9"
        ),
        returns.MatchArrivalRequest(arrival_id="a-1", shipment_id=parts.of("s")),
        returns.ListArrivalsRequest(),
        returns.RecordRepairRequest(case_id=parts.of("c"), step=returns.REPAIR_STEP_MENDED),
    ]


def _cases(parts: Parts) -> list[Any]:
    case_id = parts.of("c")
    wanted: dict[str, Any] = {
        "order_id": parts.order_id,
        "case_key": "c-9",
        "kind": aftersales.CASE_KIND_RETURN_REFUND,
        "reason": aftersales.CASE_REASON_QUALITY,
        "lines": [aftersales.CaseLine(line_no=1, quantity=1)],
    }
    return [
        aftersales.RequestCaseRequest(**wanted),
        aftersales.PreviewCaseRequest(**wanted),
        aftersales.AmendCaseRequest(case_id=case_id, text="More", wanted_minor=0),
        aftersales.WithdrawCaseRequest(case_id=case_id),
        aftersales.AnswerCaseRequest(case_id=case_id, role=aftersales.CASE_ROLE_MERCHANT),
        aftersales.ProposeToBuyerRequest(case_id=case_id, role=aftersales.CASE_ROLE_MERCHANT),
        aftersales.AnswerProposalRequest(case_id=case_id, agree=True),
        aftersales.GetCaseRequest(case_id=case_id),
        aftersales.ListCasesRequest(),
        aftersales.ExplainCaseRequest(case_id=case_id),
    ]


def _policies(order_id: str) -> list[Any]:
    begins_at_ms = (int(time.time()) + 86_400) * 1_000
    pause = policies.Pause(
        state=aftersales.Case.WITH_MERCHANT, from_at_ms=begins_at_ms, until_at_ms=begins_at_ms + 1
    )
    return [
        policies.PutPolicyRequest(document='{"policy_id": "spare", "clauses": {}}'),
        policies.TryPolicyRequest(document='{"policy_id": "spare", "clauses": {}}'),
        policies.ExplainPolicyRequest(order_id=order_id, reason=aftersales.CASE_REASON_QUALITY),
        policies.GetPolicyRequest(),
        policies.ListPoliciesRequest(),
        policies.PutPauseRequest(pause=pause),
        policies.ListPausesRequest(),
    ]


def _settlement() -> list[Any]:
    contract = settlement.Contract(
        merchant_id="m1",
        commission_bp=500,
        service_fee_bp=60,
        period=settlement.Contract.DAYS,
        period_days=7,
    )
    statement_id = "m1/GBP/1"
    return [
        settlement.GetBalancesRequest(),
        settlement.ListJournalsRequest(),
        settlement.RecordRemittanceRequest(
            account="provider:stripe", currency="GBP", amount_minor=5, fee_minor=1, key="stmt-1"
        ),
        settlement.PutContractRequest(contract=contract),
        settlement.ListContractsRequest(),
        settlement.ListStatementsRequest(),
        settlement.GetStatementRequest(statement_id=statement_id),
        settlement.ListStatementLinesRequest(statement_id=statement_id),
        settlement.ConfirmStatementRequest(statement_id=statement_id),
        settlement.ObjectStatementRequest(statement_id=statement_id, reason="no"),
        settlement.AnswerStatementRequest(statement_id=statement_id, reason="yes"),
        settlement.PayStatementRequest(statement_id=statement_id),
        settlement.RecordPayoutRequest(
            payout_id=f"{statement_id}/1", result=settlement.RecordPayoutRequest.FAILED, reason="x"
        ),
    ]


def _tasks(parts: Parts) -> list[Any]:
    return [
        operations.ListTasksRequest(),
        operations.ReplayTasksRequest(order_id=parts.order_id),
        operations.DropTaskRequest(task_id="t-1", why="x"),
        operations.AuditOrdersRequest(),
        operations.GetStatusRequest(),
    ]
