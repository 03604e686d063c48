"""PaymentService: from the wire, one call, to the wire."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final, TypeVar

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2
from holdfast.order.v1 import payment_pb2 as pb
from order_service.edge import wire
from order_service.edge.methods import change, command, method, order_of, read_page
from order_service.edge.requests import (
    OLDEST,
    actor_of,
    check_filters,
    id_in,
    id_of,
    invalid_page_token,
    is_number,
    moment_in,
    reason_of,
    tenant_of,
)
from order_service.order.draft import Draft
from order_service.order.fields import check_id, check_money, check_whole, is_id, shown
from order_service.order.model import Refund
from order_service.order.parts import order_id_of as order_of_part
from order_service.order.refund_rows import RefundRow
from order_service.order.refusals import InvalidField
from order_service.payment.books import books, failed_refunds, pending_payments, quarantined
from order_service.payment.case_list import After, close_case, waiting_money
from order_service.payment.facts import SKEW_MS, resolve_quarantined
from order_service.payment.paying_back import rows_of
from order_service.payment.providers.port import Providers, ProviderUnreachable
from order_service.payment.reconcile import reconcile
from order_service.payment.refund_requests import (
    GOODWILL_PERCENT_MAX,
    Asked,
    AskedUnits,
    request_refund,
)
from order_service.payment.refunds import paid_back_by_hand, retry_refund
from order_service.payment.starting import PaymentDesk
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

Response = TypeVar("Response")

REFUND_KEY_LENGTH_MAX: Final = 48
REFUND_LINES_MAX: Final = 200
REFUND_UNITS_MAX: Final = 1_000_000_000
LINE_NO_MAX: Final = (1 << 15) - 1
TIME_MS_MAX: Final = 10**15
_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED


class PaymentServicer:
    """Takes money for orders, gives it back, and reconciles."""

    def __init__(
        self,
        orders: Orders,
        providers: Providers,
        desk: PaymentDesk,
        deadlines: Deadlines,
        goodwill_percent_max: int = GOODWILL_PERCENT_MAX,
    ) -> None:
        self._goodwill_percent_max = goodwill_percent_max
        self._orders = orders
        self._providers = providers
        self._desk = desk
        self.deadlines = deadlines

    @command(pb.StartPaymentResponse)
    async def StartPayment(self, request: pb.StartPaymentRequest) -> pb.StartPaymentResponse:
        tenant, order_id = tenant_of(request), id_of(request, "order_id")
        payment_key = id_of(request, "payment_key")
        if request.method and request.method not in self._desk.methods:
            problem = f"must be one of {', '.join(sorted(self._desk.methods))}"
            raise InvalidField("method", problem, shown(request.method))
        attempt = await self._desk.start(tenant, order_id, payment_key, request.method)
        return pb.StartPaymentResponse(
            outcome=_APPLIED,
            replayed=attempt.replayed,
            payment=wire.to_message(attempt.payment, order_pb2.Payment),
            action_url=attempt.started.action_url,
            client_token=attempt.started.client_token,
        )

    @method
    async def ListPayments(self, request: pb.ListPaymentsRequest) -> pb.ListPaymentsResponse:
        order = await order_of(self._orders, request, id_of(request, "order_id"))
        return pb.ListPaymentsResponse(
            payments=wire.to_messages(order.payments, order_pb2.Payment),
            refunds=wire.to_messages(order.refunds, order_pb2.Refund),
        )

    @method
    async def ListPendingPayments(
        self, request: pb.ListPendingPaymentsRequest
    ) -> pb.ListPendingPaymentsResponse:
        check_filters(request, check_id, "provider")
        check_whole("created_before_at_ms", request.created_before_at_ms, 0, TIME_MS_MAX)
        read = partial(
            pending_payments,
            tenant=tenant_of(request),
            provider=request.provider,
            created_before_ms=request.created_before_at_ms,
            after=moment_in(request.page_token, OLDEST),
        )
        page = await read_page(
            self._orders, request, read, lambda one: f"{one.created_at_ms}.{one.payment_id}"
        )
        return wire.listed(pb.ListPendingPaymentsResponse, *page)

    @command(pb.RefundOrderResponse)
    async def RefundOrder(self, request: pb.RefundOrderRequest) -> pb.RefundOrderResponse:
        order_id = id_of(request, "order_id")
        refund_key = id_of(request, "refund_key")
        if len(refund_key) > REFUND_KEY_LENGTH_MAX:
            problem = f"must be at most {REFUND_KEY_LENGTH_MAX} characters"
            raise InvalidField("refund_key", problem, shown(refund_key))
        check_money("amount_minor", request.amount_minor)
        decide = partial(
            _refund_and_rows,
            refund_key=refund_key,
            amount_minor=request.amount_minor,
            reason=reason_of(request, length_min=1),
            asked=self._asked(request),
        )
        refunds, rows, replayed = await change(self._orders, request, order_id, decide)
        return pb.RefundOrderResponse(
            outcome=_APPLIED,
            replayed=replayed,
            refunds=wire.to_messages(refunds, order_pb2.Refund),
            rows=wire.to_messages(rows, order_pb2.RefundRow),
        )

    def _asked(self, request: pb.RefundOrderRequest) -> Asked:
        """The purpose for which money is asked back. Raises InvalidField."""
        if len(request.lines) > REFUND_LINES_MAX:
            problem = f"must be at most {REFUND_LINES_MAX}"
            raise InvalidField("lines", problem, len(request.lines))
        for position, line in enumerate(request.lines):
            check_whole(f"lines[{position}].line_no", line.line_no, 1, LINE_NO_MAX)
            check_whole(f"lines[{position}].units", line.units, 0, REFUND_UNITS_MAX)
            if line.shipment_id:
                check_id(f"lines[{position}].shipment_id", line.shipment_id)
        lines = tuple(
            AskedUnits(line.line_no, line.units, line.shipment_id) for line in request.lines
        )
        return Asked(lines, request.freight, request.goodwill, self._goodwill_percent_max)

    @command(pb.RetryRefundResponse)
    async def RetryRefund(self, request: pb.RetryRefundRequest) -> pb.RetryRefundResponse:
        return await self._of_refund(request, retry_refund, pb.RetryRefundResponse)

    @method
    async def ListFailedRefunds(
        self, request: pb.ListFailedRefundsRequest
    ) -> pb.ListFailedRefundsResponse:
        read = partial(failed_refunds, tenant=tenant_of(request), after=id_in(request.page_token))
        page = await read_page(self._orders, request, read, lambda failed: failed.refund.refund_id)
        return wire.listed(pb.ListFailedRefundsResponse, *page)

    @command(pb.SettleRefundResponse)
    async def SettleRefund(self, request: pb.SettleRefundRequest) -> pb.SettleRefundResponse:
        decide = partial(paid_back_by_hand, reason=reason_of(request, length_min=1))
        return await self._of_refund(request, decide, pb.SettleRefundResponse)

    async def _of_refund(
        self,
        request: Any,
        decide: Callable[[Draft, str], tuple[Refund, bool]],
        answer: Callable[..., Response],
    ) -> Response:
        """Makes a decision on a refund, and answers with the refund as it is then."""
        refund_id = id_of(request, "refund_id")
        refund, replayed = await change(
            self._orders,
            request,
            order_of_part(refund_id),
            lambda draft: decide(draft, refund_id),
        )
        message = wire.to_message(refund, order_pb2.Refund)
        return answer(outcome=_APPLIED, replayed=replayed, refund=message)

    @method
    async def ListQuarantined(
        self, request: pb.ListQuarantinedRequest
    ) -> pb.ListQuarantinedResponse:
        read = partial(quarantined, tenant=tenant_of(request), after=id_in(request.page_token))
        page = await read_page(self._orders, request, read, lambda payment: payment.payment_id)
        return wire.listed(pb.ListQuarantinedResponse, *page)

    @command(pb.ResolveQuarantinedResponse)
    async def ResolveQuarantined(
        self, request: pb.ResolveQuarantinedRequest
    ) -> pb.ResolveQuarantinedResponse:
        payment_id = id_of(request, "payment_id")
        resolutions = (pb.QUARANTINE_RESOLUTION_APPROVE, pb.QUARANTINE_RESOLUTION_RETURN)
        if request.resolution not in resolutions:
            problem = f"must be one of {', '.join(map(pb.QuarantineResolution.Name, resolutions))}"
            raise InvalidField("resolution", problem, request.resolution)
        decide = partial(
            resolve_quarantined,
            payment_id=payment_id,
            approve=request.resolution == pb.QUARANTINE_RESOLUTION_APPROVE,
            reason=reason_of(request, length_min=1),
        )
        payment, replayed = await change(self._orders, request, order_of_part(payment_id), decide)
        return pb.ResolveQuarantinedResponse(
            outcome=_APPLIED,
            replayed=replayed,
            payment=wire.to_message(payment, order_pb2.Payment),
        )

    @method
    async def ListMoneyCases(self, request: pb.ListMoneyCasesRequest) -> pb.ListMoneyCasesResponse:
        read = partial(
            waiting_money,
            tenant=tenant_of(request),
            after=_after(request.page_token),
            now_ms=self._orders.clock_ms(),
        )
        page = await read_page(
            self._orders,
            request,
            read,
            lambda case: f"{case.opened_at_ms}.{case.place}.{case.case_id}",
        )
        return wire.listed(pb.ListMoneyCasesResponse, *page)

    @command(pb.CloseMoneyCaseResponse)
    async def CloseMoneyCase(self, request: pb.CloseMoneyCaseRequest) -> pb.CloseMoneyCaseResponse:
        close = partial(
            close_case,
            tenant=tenant_of(request),
            case_id=id_of(request, "case_id"),
            why=reason_of(request, length_min=1),
            actor=actor_of(request),
            now_ms=self._orders.clock_ms(),
        )
        return pb.CloseMoneyCaseResponse(outcome=_APPLIED, replayed=await self._orders.write(close))

    @method
    async def Reconcile(self, request: pb.ReconcileRequest) -> pb.ReconcileResponse:
        if request.provider not in self._providers:
            problem = f"must be one of {', '.join(sorted(self._providers))}"
            raise InvalidField("provider", problem, shown(request.provider))
        day = _day_of(request, self._orders.clock_ms())
        try:
            report = await reconcile(
                self._orders,
                self._providers,
                request.provider,
                day,
                report_only=request.report_only,
                tenant=tenant_of(request),
            )
        except ProviderUnreachable as error:
            raise HoldfastError.of(
                Reason.STATEMENT_UNREACHABLE, provider=request.provider, day=request.day
            ) from error
        return wire.to_message(report, pb.ReconcileResponse)

    @method
    async def GetPaymentBooks(
        self, request: pb.GetPaymentBooksRequest
    ) -> pb.GetPaymentBooksResponse:
        kept = await self._orders.read(partial(books, tenant=tenant_of(request)))
        return wire.listed(pb.GetPaymentBooksResponse, kept)


def _refund_and_rows(
    draft: Draft, refund_key: str, amount_minor: int, reason: str, asked: Asked
) -> tuple[list[Refund], list[RefundRow], bool]:
    """Decides a refund, and gives what it is for as well."""
    refunds, replayed = request_refund(draft, refund_key, amount_minor, reason, asked)
    rows = [row for refund in refunds for row in rows_of(draft.order, refund)]
    return refunds, rows, replayed


def _after(token: str) -> After:
    """The case that a page token names. Raises InvalidField."""
    if not token:
        return After()
    opened_at_ms, _, rest = token.partition(".")
    place, _, case_id = rest.partition(".")
    if not (is_number(opened_at_ms) and is_number(place) and is_id(case_id)):
        raise invalid_page_token(token)
    return After(int(opened_at_ms), int(place), case_id)


def _day_of(request: pb.ReconcileRequest, now_ms: int) -> date:
    """A day that has begun somewhere: providers' clocks may be ahead of ours, by a little."""
    try:
        day = date.fromisoformat(request.day)
    except ValueError:
        day = None
    # Python reads other forms, too, such as 20261122.
    if day is None or day.isoformat() != request.day:
        raise InvalidField("day", "must be a day, such as 2026-11-22", shown(request.day))
    latest = datetime.fromtimestamp((now_ms + SKEW_MS) / 1_000, UTC).date()
    if day > latest:
        problem = f"must not be to come: in UTC it is {latest.isoformat()}"
        raise InvalidField("day", problem, request.day)
    return day
