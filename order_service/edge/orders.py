"""OrderService: from the wire, one call, to the wire."""

from collections.abc import Callable, Sequence
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from holdfast.order.v1 import order_pb2 as pb
from order_service.edge import wire
from order_service.edge.failures import refusal
from order_service.edge.methods import change, command, method, order_of, page_of, read_page
from order_service.edge.placing import place_each, tell
from order_service.edge.requests import (
    DEFAULT_ACTOR,
    OLDEST,
    actor_of,
    id_in,
    id_of,
    invalid_page_token,
    is_number,
    merchant_of,
    moment_in,
    reason_of,
    tenant_of,
)
from order_service.fulfilment.cancelling import Cancelling
from order_service.fulfilment.follow import complete
from order_service.fulfilment.holding import correct, remark_on
from order_service.fulfilment.remarks import REMARK_WORDS
from order_service.notifications.texts import language_of
from order_service.order.address_rules import rules_of
from order_service.order.bounds import too_many
from order_service.order.contact import checked_remark, is_correction
from order_service.order.draft import Draft
from order_service.order.fields import check_id, check_whole, checked_text, shown
from order_service.order.model import Order, Remark
from order_service.order.placed import Source
from order_service.order.receipts import issue_receipt
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.order.states import OrderState
from order_service.placing.delivery import checked_delivery
from order_service.placing.phones import EXTENSION, phone_of
from order_service.placing.place import Placing
from order_service.storage import lookups, reads
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.database import Conflict
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines
from serving.guard import Context

T = TypeVar("T")

TIME_MS_MAX: Final = 10**15
NUMBER_LENGTH_MAX: Final = 200
NO_COUNTRY: Final = "ZZ"
"""No country's code: a phone number then has to begin with + and its own."""
_APPLIED: Final = pb.ORDER_OUTCOME_APPLIED


class OrderServicer:
    """Takes orders, changes them, and reads what happened to them."""

    def __init__(
        self,
        orders: Orders,
        placing: Placing,
        cancelling: Cancelling,
        deadlines: Deadlines,
        remark_words: Sequence[str] = REMARK_WORDS,
        zone: tzinfo = UTC,
    ) -> None:
        self._zone = zone
        self._orders = orders
        self._placing = placing
        self._cancelling = cancelling
        self._remark_words = remark_words
        self.deadlines = deadlines

    @command(pb.OrderResult)
    async def PlaceOrder(self, request: pb.PlaceOrderRequest) -> pb.OrderResult:
        result = pb.OrderResult()
        tell(await self._placing.place(wire.place_order(request), DEFAULT_ACTOR), result)
        return result

    async def PlaceOrders(
        self, request: pb.PlaceOrdersRequest, context: Context
    ) -> pb.PlaceOrdersResponse:
        # It ends by itself before its deadline: what is done by then is told.
        return await place_each(self._placing, request, self.deadlines.of(context))

    @method
    async def GetOrder(self, request: pb.GetOrderRequest) -> pb.Order:
        return wire.to_message(await self._order_of(request), pb.Order)

    @method
    async def ListOrders(self, request: pb.ListOrdersRequest) -> pb.ListOrdersResponse:
        wanted, after = _wanted(request), id_in(request.page_token)
        read = partial(reads.list_orders, wanted=wanted, after=after)
        page = await read_page(self._orders, request, read, lambda order: order.order_id)
        return wire.listed(pb.ListOrdersResponse, *page)

    @method
    async def FindOrders(self, request: pb.FindOrdersRequest) -> pb.FindOrdersResponse:
        number = checked_text("number", request.number, NUMBER_LENGTH_MAX, length_min=1)
        country = request.country.upper()
        if country and rules_of(country) is None:
            problem = "must be a country such as GB, or nothing"
            raise InvalidField("country", problem, shown(request.country))
        phone = phone_of(number, country or NO_COUNTRY) or ""
        read = partial(
            lookups.find_orders,
            tenant=tenant_of(request),
            number=lookups.Number(number, phone.partition(EXTENSION)[0]),
            after=id_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda one: one.order.order_id)
        return wire.listed(pb.FindOrdersResponse, *page)

    @command(pb.OrderResult)
    async def CancelOrder(self, request: pb.CancelOrderRequest) -> pb.OrderResult:
        reason = reason_of(request, length_min=1)
        actor = actor_of(request)
        order, merchant_id = await self._order_of(request), merchant_of(request)
        ended = await self._cancelling.cancel(
            order, reason, actor, merchant_id, force=request.force
        )
        result = _applied(ended.order, ended.replayed)
        if ended.refused is not None:
            result.outcome, result.detail = refusal(ended.refused)
        return result

    @command(pb.OrderResult)
    async def CompleteOrder(self, request: pb.CompleteOrderRequest) -> pb.OrderResult:
        def decide(draft: Draft) -> tuple[Order, bool]:
            replayed = complete(draft, "it was received")
            return draft.order, replayed

        order_id, actor = id_of(request, "order_id"), actor_of(request)
        return _applied(*await change(self._orders, request, order_id, decide, actor))

    @command(pb.AddRemarkResponse)
    async def AddRemark(self, request: pb.AddRemarkRequest) -> pb.AddRemarkResponse:
        remark = checked_remark(wire.from_message(request, Remark, at_ms=0))
        decide = partial(remark_on, remark=remark, words=self._remark_words)
        kept, earlier = await self._enter(request, decide, remark.author, remark.remark_id)
        if earlier is not None:
            kept = earlier
            if (kept.author, kept.channel, kept.text) != (
                remark.author,
                remark.channel,
                remark.text,
            ):
                raise _reused("remark_id", remark.remark_id)
        return pb.AddRemarkResponse(
            outcome=_APPLIED,
            replayed=earlier is not None,
            remark=wire.to_message(kept, pb.Remark),
        )

    @method
    async def ListRemarks(self, request: pb.ListRemarksRequest) -> pb.ListRemarksResponse:
        after = moment_in(request.page_token, OLDEST)
        page = await page_of(
            request,
            lambda size: self._read(request, partial(reads.remarks_of, size=size, after=after)),
            lambda remark: f"{remark.at_ms}.{remark.remark_id}",
        )
        return wire.listed(pb.ListRemarksResponse, *page)

    @command(pb.OrderResult)
    async def CorrectDelivery(self, request: pb.CorrectDeliveryRequest) -> pb.OrderResult:
        correction_id = id_of(request, "correction_id")
        via = id_of(request, "confirmed_by_buyer_via")
        delivery = checked_delivery(wire.delivery(request.delivery), masked_too=True)
        decide = partial(correct, delivery=delivery, correction_id=correction_id, confirmed_via=via)
        order, earlier = await self._enter(request, decide, actor_of(request), correction_id)
        if earlier is not None:
            if not is_correction(earlier, delivery, via):
                raise _reused("correction_id", correction_id)
            order = await self._order_of(request)
        return _applied(order, replayed=earlier is not None)

    @method
    async def GetTimeline(self, request: pb.GetTimelineRequest) -> pb.GetTimelineResponse:
        after = _entry_in(request.page_token)
        page = await page_of(
            request,
            lambda size: self._read(request, partial(reads.timeline_of, size=size, after=after)),
            lambda entry: f"{entry.version}.{entry.entry_no}",
        )
        return wire.listed(pb.GetTimelineResponse, *page)

    # There is no outcome for an order that does not exist: the contract has an error for it.
    @command(pb.GetReceiptResponse, answers=(Refused,))
    async def GetReceipt(self, request: pb.GetReceiptRequest) -> pb.GetReceiptResponse:
        order_id = id_of(request, "order_id")
        replayed = False
        order = await self._order_of(request)
        language = language_of(order.delivery.country)
        issue = partial(issue_receipt, language=language, zone=self._zone)
        try:
            receipt = await change(
                self._orders, request, order_id, issue, once=f"receipt:{order_id}"
            )
        except AlreadySeen:
            replayed = True
            earlier = await self._read(request, reads.receipt_of)
            assert earlier is not None
            receipt = earlier
        return pb.GetReceiptResponse(
            outcome=_APPLIED, replayed=replayed, receipt=wire.to_message(receipt, pb.Receipt)
        )

    async def _order_of(self, request: Any) -> Order:
        """The order that a request names. Raises OrderNotFound."""
        return await order_of(self._orders, request, id_of(request, "order_id"))

    async def _read(self, request: Any, function: Callable[[Connection, str], T]) -> T:
        """Reads what belongs to the order that a request names. Raises OrderNotFound."""
        tenant, order_id = tenant_of(request), id_of(request, "order_id")

        def read(connection: Connection) -> T:
            if not reads.order_exists(connection, tenant, order_id):
                raise OrderNotFound(order_id)
            return function(connection, order_id)

        return await self._orders.read(read)

    async def _enter(
        self, request: Any, decide: Callable[[Draft], T], actor: str, entry_id: str
    ) -> tuple[T, None] | tuple[Any, Remark]:
        """Makes a decision that enters something in the order's log, once per id of an entry.

        Returns what the decision returned, or the entry that has the id already. Remarks and
        corrections share their ids, and a bound. Raises Refused: TOO_MANY.
        """
        order_id = id_of(request, "order_id")
        once = f"log:{order_id}:{entry_id}"
        if not await self._read(request, partial(reads.log_has_room, remark_id=entry_id)):
            raise too_many(order_id, Remark)
        try:
            return await change(self._orders, request, order_id, decide, actor, once), None
        except (AlreadySeen, Conflict):
            # The remark that came with the order is not known by `once`: a second one conflicts.
            earlier = await self._read(request, partial(_remark_of, remark_id=entry_id))
            if earlier is None:
                raise
            return None, earlier


def _remark_of(connection: Connection, order_id: str, remark_id: str) -> Remark | None:
    return reads.remark_of(connection, order_id, remark_id)


def _wanted(request: pb.ListOrdersRequest) -> reads.Wanted:
    """Which orders a request asks for. Raises InvalidField."""
    if request.buyer_id:
        check_id("buyer_id", request.buyer_id, personal=True)
    for field in ("placed_from_at_ms", "placed_before_at_ms"):
        check_whole(field, getattr(request, field), 0, TIME_MS_MAX)
    state = wire.filter_of(
        OrderState, pb.Order.State, request.state, "state", "a state of an order"
    )
    sources = f"one of {', '.join(pb.OrderSource.keys()[1:])}"
    source = wire.filter_of(Source, pb.OrderSource, request.source, "source", sources)
    return reads.Wanted(
        tenant=tenant_of(request),
        buyer_id=request.buyer_id,
        state=state or "",
        source=source or "",
        merchant_id=merchant_of(request),
        placed_from_at_ms=request.placed_from_at_ms,
        placed_before_at_ms=request.placed_before_at_ms,
    )


def _entry_in(token: str) -> tuple[int, int]:
    """The version and number of the entry that a page token names. Raises InvalidField."""
    if not token:
        return 0, -1
    version, _, entry_no = token.partition(".")
    if not (is_number(version) and is_number(entry_no)):
        raise invalid_page_token(token)
    return int(version), int(entry_no)


def _applied(order: Order, replayed: bool) -> pb.OrderResult:
    result = pb.OrderResult(outcome=_APPLIED, replayed=replayed)
    wire.fill(order, result.order)
    return result


def _reused(field: str, key: str) -> Refused:
    """The refusal of an id that was used before with other content."""
    return Refused(RefusalReason.KEY_REUSED, field=field, key=key)
