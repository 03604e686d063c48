"""OrderService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from holdfast.order.v1 import order_pb2 as pb
from order_service.edge import decoding, wire
from order_service.edge.outcomes import BUSINESS_ANSWERS, outcome_of, refusal
from order_service.edge.requests import (
    DEFAULT_ACTOR,
    actor_of,
    for_tenant,
    id_in,
    invalid_page_token,
    of_tenant,
    order_id_of,
    page_size_of,
    tenant_of,
)
from order_service.fulfilment.cancel_order import Cancelling
from order_service.fulfilment.follow import complete
from order_service.order.contact import add_remark, checked_remark, correct_delivery, is_correction
from order_service.order.draft import Draft
from order_service.order.fields import check_id, check_whole, checked_text
from order_service.order.model import Order, Remark
from order_service.order.receipts import Receipt, issue_receipt
from order_service.order.refusals import REFUSALS, RefusalReason, Refused
from order_service.placing.delivery import checked_delivery
from order_service.placing.place import Placing
from order_service.storage import reads
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.database import Conflict
from order_service.storage.orders import Orders
from serving.context import Context
from serving.deadlines import Deadlines

T = TypeVar("T")

REASON_LENGTH_MAX: Final = 200
TIME_MS_MAX: Final = 10**15
_APPLIED: Final = pb.ORDER_OUTCOME_APPLIED


class OrderServicer:
    """Takes orders and tells what became of them."""

    def __init__(
        self, orders: Orders, placing: Placing, cancelling: Cancelling, deadlines: Deadlines
    ) -> None:
        self._orders = orders
        self._placing = placing
        self._cancelling = cancelling
        self._deadlines = deadlines

    async def PlaceOrder(self, request: pb.PlaceOrderRequest, context: Context) -> pb.OrderResult:
        wanted = decoding.place_order(request)
        try:
            async with self._deadlines.limit(context):
                placed = await self._placing.place(wanted, DEFAULT_ACTOR)
        except BUSINESS_ANSWERS as error:
            return _refused(error)
        return pb.OrderResult(
            outcome=outcome_of(placed.refusal) if placed.refusal else _APPLIED,
            replayed=placed.replayed,
            order=wire.order(placed.order),
            detail=placed.detail,
            shortages=map(wire.shortage, placed.shortages),
        )

    async def GetOrder(self, request: pb.GetOrderRequest, context: Context) -> pb.Order:
        async with self._deadlines.limit(context):
            return wire.order(await self._order_of(request))

    async def ListOrders(
        self, request: pb.ListOrdersRequest, context: Context
    ) -> pb.ListOrdersResponse:
        wanted, size, token = _wanted(request), page_size_of(request), id_in(request.page_token)
        async with self._deadlines.limit(context):
            page, following = await self._orders.read(
                lambda connection: reads.list_orders(connection, wanted, size, token)
            )
        return pb.ListOrdersResponse(
            orders=[wire.summary(order) for order in page], next_page_token=following
        )

    async def CancelOrder(self, request: pb.CancelOrderRequest, context: Context) -> pb.OrderResult:
        reason = checked_text("reason", request.reason, REASON_LENGTH_MAX, length_min=1)
        actor = actor_of(request)
        try:
            async with self._deadlines.limit(context):
                order = await self._order_of(request)
                ended = await self._cancelling.cancel(order, reason, actor)
        except OrderNotFound as error:
            return _refused(error)
        if ended.refused is not None:
            return _refused(ended.refused, ended.order)
        return _applied(ended.order, ended.replayed)

    async def CompleteOrder(
        self, request: pb.CompleteOrderRequest, context: Context
    ) -> pb.OrderResult:
        def decide(draft: Draft) -> tuple[Order, bool]:
            replayed = complete(draft, "it was received")
            return draft.order, replayed

        try:
            return _applied(*await self._change(request, context, decide, actor_of(request)))
        except BUSINESS_ANSWERS as error:
            return _refused(error)

    async def AddRemark(
        self, request: pb.AddRemarkRequest, context: Context
    ) -> pb.AddRemarkResponse:
        said = Remark(
            request.order_id, request.remark_id, request.author, request.channel, request.text, 0
        )
        remark = checked_remark(said)
        once = _once_in_log(request.order_id, remark.remark_id)
        replayed = False
        decide = partial(add_remark, remark=remark)
        try:
            try:
                kept = await self._change(request, context, decide, remark.author, once)
            except (AlreadySeen, Conflict) as error:
                kept = await self._remark_of(request, context, remark.remark_id, error)
                replayed = True
        except BUSINESS_ANSWERS as error:
            return pb.AddRemarkResponse(**refusal(error)._asdict())
        said_now = (remark.author, remark.channel, remark.text)
        if (kept.author, kept.channel, kept.text) != said_now:
            return pb.AddRemarkResponse(**_reused("remark_id", remark.remark_id))
        return pb.AddRemarkResponse(outcome=_APPLIED, replayed=replayed, remark=wire.remark(kept))

    async def ListRemarks(
        self, request: pb.ListRemarksRequest, context: Context
    ) -> pb.ListRemarksResponse:
        page, token = await self._page(request, context, reads.remarks_of)
        return pb.ListRemarksResponse(
            remarks=[wire.remark(remark) for remark in page], next_page_token=token
        )

    async def CorrectDelivery(
        self, request: pb.CorrectDeliveryRequest, context: Context
    ) -> pb.OrderResult:
        correction_id, via = request.correction_id, request.confirmed_by_buyer_via
        check_id("correction_id", correction_id)
        check_id("confirmed_by_buyer_via", via)
        delivery = checked_delivery(decoding.delivery(request.delivery))
        decide = partial(
            correct_delivery, delivery=delivery, correction_id=correction_id, confirmed_via=via
        )
        once = _once_in_log(request.order_id, correction_id)
        try:
            try:
                order = await self._change(request, context, decide, actor_of(request), once)
            except (AlreadySeen, Conflict) as error:
                entry = await self._remark_of(request, context, correction_id, error)
                if not is_correction(entry, delivery, via):
                    return pb.OrderResult(**_reused("correction_id", correction_id))
                async with self._deadlines.limit(context):
                    return _applied(await self._order_of(request), replayed=True)
        except BUSINESS_ANSWERS as error:
            return _refused(error)
        return _applied(order, replayed=False)

    async def GetTimeline(
        self, request: pb.GetTimelineRequest, context: Context
    ) -> pb.GetTimelineResponse:
        page, token = await self._page(request, context, reads.timeline_of)
        return pb.GetTimelineResponse(
            entries=[wire.timeline_entry(entry) for entry in page], next_page_token=token
        )

    async def GetReceipt(
        self, request: pb.GetReceiptRequest, context: Context
    ) -> pb.GetReceiptResponse:
        order_id = order_id_of(request)
        once = f"receipt:{order_id}"
        replayed = False
        try:
            receipt = await self._change(request, context, issue_receipt, DEFAULT_ACTOR, once)
        except AlreadySeen:
            replayed = True
            receipt = await self._receipt_of(request, context)
        except Refused as error:
            return pb.GetReceiptResponse(**refusal(error)._asdict())
        return pb.GetReceiptResponse(
            outcome=_APPLIED, replayed=replayed, receipt=wire.receipt(receipt)
        )

    async def _order_of(self, request: Any) -> Order:
        """The order that a request names. Raises OrderNotFound."""
        tenant, order_id = tenant_of(request), order_id_of(request)
        return of_tenant(tenant, await self._orders.get(order_id))

    async def _change(
        self,
        request: Any,
        context: Context,
        decide: Callable[[Draft], T],
        actor: str,
        once: str = "",
    ) -> T:
        """Has a decision made on the order that a request names; see `Orders.change`."""
        tenant, order_id = tenant_of(request), order_id_of(request)
        async with self._deadlines.limit(context):
            return await self._orders.change(order_id, for_tenant(tenant, decide), actor, once)

    async def _read(
        self, request: Any, context: Context, function: Callable[[Connection, str], T]
    ) -> T:
        """Reads of the order that a request names. Raises OrderNotFound."""
        tenant, order_id = tenant_of(request), order_id_of(request)

        def read(connection: Connection) -> T:
            if not reads.order_exists(connection, tenant, order_id):
                raise OrderNotFound(order_id)
            return function(connection, order_id)

        async with self._deadlines.limit(context):
            return await self._orders.read(read)

    async def _page(
        self,
        request: Any,
        context: Context,
        read: Callable[[Connection, str, int, str], tuple[list[T], str]],
    ) -> tuple[list[T], str]:
        """A page of what belongs to an order. Raises OrderNotFound, InvalidField."""
        size = page_size_of(request)
        try:
            return await self._read(
                request,
                context,
                lambda connection, order_id: read(connection, order_id, size, request.page_token),
            )
        except reads.PageTokenInvalid:
            raise invalid_page_token(request.page_token) from None

    async def _remark_of(
        self, request: Any, context: Context, remark_id: str, problem: Exception
    ) -> Remark:
        """The remark that has an id already; raises the problem that made us look, if none has.

        The one that came with the order is not among what was seen: a second one collides with it.
        """
        found = await self._read(request, context, partial(_remark_of, remark_id=remark_id))
        if found is None:
            raise problem
        return found

    async def _receipt_of(self, request: Any, context: Context) -> Receipt:
        """The receipt that was made before."""
        found = await self._read(request, context, reads.receipt_of)
        assert found is not None
        return found


def _remark_of(connection: Connection, order_id: str, remark_id: str) -> Remark | None:
    return reads.remark_of(connection, order_id, remark_id)


def _once_in_log(order_id: str, remark_id: str) -> str:
    """Remarks and corrections of an order share their ids: both are entries of its log."""
    return f"log:{order_id}:{remark_id}"


def _wanted(request: pb.ListOrdersRequest) -> reads.Wanted:
    """Which orders a request asks for. Raises InvalidField."""
    if request.buyer_id:
        check_id("buyer_id", request.buyer_id, personal=True)
    for field in ("placed_from_at_ms", "placed_before_at_ms"):
        check_whole(field, getattr(request, field), 0, TIME_MS_MAX)
    return reads.Wanted(
        tenant=tenant_of(request),
        buyer_id=request.buyer_id,
        state=decoding.order_state(request.state),
        source=decoding.source(request.source) if request.source else "",
        placed_from_at_ms=request.placed_from_at_ms,
        placed_before_at_ms=request.placed_before_at_ms,
    )


def _applied(order: Order, replayed: bool) -> pb.OrderResult:
    return pb.OrderResult(outcome=_APPLIED, replayed=replayed, order=wire.order(order))


def _refused(error: Exception, order: Order | None = None) -> pb.OrderResult:
    answer = refusal(error)
    return pb.OrderResult(
        outcome=answer.outcome,
        detail=answer.detail,
        order=wire.order(order) if order is not None else None,
    )


def _reused(field: str, key: str) -> dict[str, Any]:
    """The answer to an id that was used before with other content."""
    detail = REFUSALS[RefusalReason.KEY_REUSED].format(field=field, key=key)
    return {"outcome": pb.ORDER_OUTCOME_KEY_REUSED, "detail": detail}
