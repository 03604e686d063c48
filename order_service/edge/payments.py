"""PaymentService: from the wire, one call, to the wire."""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, Final, TypeVar

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2
from holdfast.order.v1 import payment_pb2 as pb
from order_service.edge.outcomes import BUSINESS_ANSWERS, refusal
from order_service.edge.payment_messages import (
    book_message,
    failed_refund_message,
    payment_message,
    refund_message,
    report_message,
)
from order_service.edge.requests import (
    DEFAULT_ACTOR,
    for_tenant,
    id_in,
    of_tenant,
    order_id_of,
    page_size_of,
    tenant_of,
)
from order_service.order.draft import Draft
from order_service.order.draft import order_id_of as order_of_part
from order_service.order.fields import check_id, check_money, checked_text, shown
from order_service.order.model import Refund
from order_service.order.refusals import InvalidField
from order_service.payment.books import books, failed_refunds, quarantined
from order_service.payment.providers.port import Providers, ProviderUnreachable
from order_service.payment.quarantine import resolve_quarantined
from order_service.payment.reconcile import reconcile
from order_service.payment.refunds import request_refund, retry_refund, settle_by_hand
from order_service.payment.starting import PaymentDesk
from order_service.storage.orders import Orders
from serving.context import Context
from serving.deadlines import Deadlines

Response = TypeVar("Response")

REASON_LENGTH_MAX: Final = 200
REFUND_KEY_LENGTH_MAX: Final = 48
_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED


class PaymentServicer:
    """Takes money for orders, gives it back, and reconciles."""

    def __init__(
        self, orders: Orders, providers: Providers, desk: PaymentDesk, deadlines: Deadlines
    ) -> None:
        self._orders = orders
        self._providers = providers
        self._desk = desk
        self._deadlines = deadlines

    async def StartPayment(
        self, request: pb.StartPaymentRequest, context: Context
    ) -> pb.StartPaymentResponse:
        tenant, order_id = tenant_of(request), order_id_of(request)
        check_id("payment_key", request.payment_key)
        if request.method and request.method not in self._desk.methods:
            problem = f"must be one of {', '.join(sorted(self._desk.methods))}"
            raise InvalidField("method", problem, shown(request.method))
        try:
            async with self._deadlines.limit(context):
                attempt = await self._desk.start(
                    tenant, order_id, request.payment_key, request.method
                )
        except BUSINESS_ANSWERS as error:
            return pb.StartPaymentResponse(**refusal(error)._asdict())
        return pb.StartPaymentResponse(
            outcome=_APPLIED,
            replayed=attempt.replayed,
            payment=payment_message(attempt.payment),
            action_url=attempt.started.action_url,
            client_token=attempt.started.client_token,
        )

    async def ListPayments(
        self, request: pb.ListPaymentsRequest, context: Context
    ) -> pb.ListPaymentsResponse:
        tenant, order_id = tenant_of(request), order_id_of(request)
        async with self._deadlines.limit(context):
            order = of_tenant(tenant, await self._orders.get(order_id))
        return pb.ListPaymentsResponse(
            payments=[payment_message(payment) for payment in order.payments],
            refunds=[refund_message(refund) for refund in order.refunds],
        )

    async def RefundOrder(
        self, request: pb.RefundOrderRequest, context: Context
    ) -> pb.RefundOrderResponse:
        tenant, order_id = tenant_of(request), order_id_of(request)
        check_id("refund_key", request.refund_key)
        if len(request.refund_key) > REFUND_KEY_LENGTH_MAX:
            problem = f"must be at most {REFUND_KEY_LENGTH_MAX} characters"
            raise InvalidField("refund_key", problem, shown(request.refund_key))
        check_money("amount_minor", request.amount_minor)
        decide = partial(
            request_refund,
            refund_key=request.refund_key,
            amount_minor=request.amount_minor,
            reason=_reason(request.reason),
        )
        try:
            async with self._deadlines.limit(context):
                refunds, replayed = await self._orders.change(
                    order_id, for_tenant(tenant, decide), actor=DEFAULT_ACTOR
                )
        except BUSINESS_ANSWERS as error:
            return pb.RefundOrderResponse(**refusal(error)._asdict())
        return pb.RefundOrderResponse(
            outcome=_APPLIED,
            replayed=replayed,
            refunds=[refund_message(refund) for refund in refunds],
        )

    async def RetryRefund(
        self, request: pb.RetryRefundRequest, context: Context
    ) -> pb.RetryRefundResponse:
        return await self._of_refund(request, context, retry_refund, pb.RetryRefundResponse)

    async def ListFailedRefunds(
        self, request: pb.ListFailedRefundsRequest, context: Context
    ) -> pb.ListFailedRefundsResponse:
        tenant, size, after = tenant_of(request), page_size_of(request), id_in(request.page_token)
        async with self._deadlines.limit(context):
            found = await self._orders.read(
                partial(failed_refunds, tenant=tenant, after=after, count=size + 1)
            )
        page = found[:size]
        return pb.ListFailedRefundsResponse(
            refunds=[failed_refund_message(failed) for failed in page],
            next_page_token=page[-1].refund.refund_id if len(found) > size else "",
        )

    async def SettleRefund(
        self, request: pb.SettleRefundRequest, context: Context
    ) -> pb.SettleRefundResponse:
        decide = partial(settle_by_hand, reason=_reason(request.reason))
        return await self._of_refund(request, context, decide, pb.SettleRefundResponse)

    async def _of_refund(
        self,
        request: Any,
        context: Context,
        decide: Callable[[Draft, str], tuple[Refund, bool]],
        answer: Callable[..., Response],
    ) -> Response:
        """Has something decided of a refund, and answers with what it is then."""
        tenant, refund_id = tenant_of(request), request.refund_id
        check_id("refund_id", refund_id)
        try:
            async with self._deadlines.limit(context):
                refund, replayed = await self._orders.change(
                    order_of_part(refund_id),
                    for_tenant(tenant, lambda draft: decide(draft, refund_id)),
                    actor=DEFAULT_ACTOR,
                )
        except BUSINESS_ANSWERS as error:
            return answer(**refusal(error)._asdict())
        return answer(outcome=_APPLIED, replayed=replayed, refund=refund_message(refund))

    async def ListQuarantined(
        self, request: pb.ListQuarantinedRequest, context: Context
    ) -> pb.ListQuarantinedResponse:
        tenant, size, after = tenant_of(request), page_size_of(request), id_in(request.page_token)
        async with self._deadlines.limit(context):
            found = await self._orders.read(
                partial(quarantined, tenant=tenant, after=after, count=size + 1)
            )
        page = found[:size]
        return pb.ListQuarantinedResponse(
            payments=[payment_message(payment) for payment in page],
            next_page_token=page[-1].payment_id if len(found) > size else "",
        )

    async def ResolveQuarantined(
        self, request: pb.ResolveQuarantinedRequest, context: Context
    ) -> pb.ResolveQuarantinedResponse:
        tenant = tenant_of(request)
        check_id("payment_id", request.payment_id)
        resolutions = (pb.QUARANTINE_RESOLUTION_APPROVE, pb.QUARANTINE_RESOLUTION_RETURN)
        if request.resolution not in resolutions:
            problem = f"must be one of {', '.join(map(pb.QuarantineResolution.Name, resolutions))}"
            raise InvalidField("resolution", problem, request.resolution)
        decide = partial(
            resolve_quarantined,
            payment_id=request.payment_id,
            approve=request.resolution == pb.QUARANTINE_RESOLUTION_APPROVE,
            reason=_reason(request.reason),
        )
        order_id = order_of_part(request.payment_id)
        try:
            async with self._deadlines.limit(context):
                payment, replayed = await self._orders.change(
                    order_id, for_tenant(tenant, decide), actor=DEFAULT_ACTOR
                )
        except BUSINESS_ANSWERS as error:
            return pb.ResolveQuarantinedResponse(**refusal(error)._asdict())
        return pb.ResolveQuarantinedResponse(
            outcome=_APPLIED, replayed=replayed, payment=payment_message(payment)
        )

    async def Reconcile(
        self, request: pb.ReconcileRequest, context: Context
    ) -> pb.ReconcileResponse:
        if request.provider not in self._providers:
            problem = f"must be one of {', '.join(sorted(self._providers))}"
            raise InvalidField("provider", problem, shown(request.provider))
        day = _day_of(request)
        try:
            async with self._deadlines.limit(context):
                report = await reconcile(
                    self._orders,
                    self._providers,
                    request.provider,
                    day,
                    report_only=request.report_only,
                )
        except ProviderUnreachable as error:
            raise HoldfastError.of(
                Reason.STATEMENT_UNREACHABLE, provider=request.provider, day=request.day
            ) from error
        return report_message(report)

    async def GetPaymentBooks(
        self, request: pb.GetPaymentBooksRequest, context: Context
    ) -> pb.GetPaymentBooksResponse:
        tenant = tenant_of(request)
        async with self._deadlines.limit(context):
            kept = await self._orders.read(partial(books, tenant=tenant))
        return pb.GetPaymentBooksResponse(books=[book_message(book) for book in kept])


def _day_of(request: pb.ReconcileRequest) -> date:
    try:
        day = date.fromisoformat(request.day)
    except ValueError:
        day = None
    # Python reads other forms, too, such as 20261122.
    if day is None or day.isoformat() != request.day:
        raise InvalidField("day", "must be a day, such as 2026-11-22", shown(request.day))
    return day


def _reason(text: str) -> str:
    return checked_text("reason", text, REASON_LENGTH_MAX, length_min=1)
