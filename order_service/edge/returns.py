"""ReturnService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from holdfast.order.v1 import order_pb2
from holdfast.order.v1 import returns_pb2 as pb
from order_service.aftersales import queries
from order_service.aftersales.acting import look_at_case
from order_service.aftersales.arrivals import (
    MATCHED_WITHIN_MS,
    Arrival,
    list_arrivals,
    match_arrival,
    record_arrival,
)
from order_service.aftersales.inspecting import LegAnswer, inspect
from order_service.aftersales.intercepting import InterceptAnswer, answer, intercept
from order_service.aftersales.receiving import receive
from order_service.aftersales.repairing import RepairStep, record_repair
from order_service.aftersales.sending import announce
from order_service.aftersales.terms import Terms
from order_service.edge import wire
from order_service.edge.methods import change, command, method, read_page
from order_service.edge.requests import (
    OLDEST,
    actor_of,
    check_filters,
    id_in,
    id_of,
    moment_in,
    reason_of,
    tenant_of,
)
from order_service.edge.returns_requests import check_serials, groups_of
from order_service.order.draft import Draft
from order_service.order.fields import check_id, check_name
from order_service.order.intercepts import InterceptState
from order_service.order.parts import order_id_of
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.order.return_legs import LegKind, LegState
from order_service.storage.database import Conflict
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED


class ReturnServicer:
    """Takes goods back."""

    def __init__(self, orders: Orders, deadlines: Deadlines, terms: Terms) -> None:
        self._orders = orders
        self._terms = terms
        self.deadlines = deadlines

    @command(pb.ReturnResult)
    async def AnnounceReturn(self, request: pb.AnnounceReturnRequest) -> pb.ReturnResult:
        leg_id = id_of(request, "leg_id")
        carrier, waybill = id_of(request, "carrier"), request.waybill
        check_name("waybill", waybill)
        said = partial(announce, leg_id=leg_id, carrier=carrier, waybill=waybill)
        decide = partial(said, terms=self._terms)
        try:
            return await self._done(request, leg_id, decide)
        except Conflict:
            brings = partial(queries.open_leg_of, carrier=carrier, waybill=waybill)
            if await self._orders.read(brings) in ("", leg_id):
                raise
            detail = f"{carrier} brings another return under {waybill}: look at the number again"
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail) from None

    @command(pb.ReturnResult)
    async def ReceiveReturn(self, request: pb.ReceiveReturnRequest) -> pb.ReturnResult:
        leg_id = id_of(request, "leg_id")
        check_filters(request, check_name, "location")
        decide = partial(receive, leg_id=leg_id, location=request.location)
        return await self._done(request, leg_id, decide)

    @command(pb.ReturnResult)
    async def InspectReturn(self, request: pb.InspectReturnRequest) -> pb.ReturnResult:
        leg_id, groups = id_of(request, "leg_id"), groups_of(request)
        return await self._done(request, leg_id, partial(inspect, leg_id=leg_id, groups=groups))

    @method
    async def ListReturns(self, request: pb.ListReturnsRequest) -> pb.ListReturnsResponse:
        check_filters(request, check_id, "order_id")
        check_filters(request, check_name, "location", "waybill")
        states, kinds = pb.ReturnLeg.State, pb.ReturnLeg.Kind
        wanted = queries.LegFilter(
            order_id=request.order_id,
            state=wire.filter_of(LegState, states, request.state, "state", "a state of a return"),
            kind=wire.filter_of(LegKind, kinds, request.kind, "kind", "a kind of return"),
            location=request.location,
            waybill=request.waybill,
        )
        read = partial(
            queries.list_legs,
            tenant=tenant_of(request),
            wanted=wanted,
            after=id_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda leg: leg.leg_id)
        return wire.listed(pb.ListReturnsResponse, *page)

    @command(pb.InterceptResult)
    async def InterceptShipment(self, request: pb.InterceptShipmentRequest) -> pb.InterceptResult:
        shipment_id, why = id_of(request, "shipment_id"), reason_of(request, length_min=1)
        return await self._stopped(
            request, shipment_id, partial(intercept, shipment_id=shipment_id, why=why)
        )

    @command(pb.InterceptResult)
    async def AnswerIntercept(self, request: pb.AnswerInterceptRequest) -> pb.InterceptResult:
        intercept_id, why = id_of(request, "intercept_id"), reason_of(request)
        said = partial(answer, intercept_id=intercept_id, accepts=request.accepts, why=why)
        return await self._stopped(request, intercept_id, said)

    @method
    async def ListIntercepts(self, request: pb.ListInterceptsRequest) -> pb.ListInterceptsResponse:
        check_filters(request, check_id, "order_id")
        states, thing = pb.Intercept.State, "a state of an intercept"
        read = partial(
            queries.list_intercepts,
            tenant=tenant_of(request),
            order_id=request.order_id,
            state=wire.filter_of(InterceptState, states, request.state, "state", thing),
            after=id_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda one: one.intercept_id)
        return wire.listed(pb.ListInterceptsResponse, *page)

    @command(pb.RepairResult)
    async def RecordRepair(self, request: pb.RecordRepairRequest) -> pb.RepairResult:
        case_id, why, actor = id_of(request, "case_id"), reason_of(request), actor_of(request)
        thing = "MENDED, BEYOND_REPAIR or DELIVERED"
        step = wire.filter_of(RepairStep, pb.RepairStep, request.step, "step", thing)
        if step is None:
            raise InvalidField("step", f"must be {thing}", request.step)
        check_serials("serials", request.serials)
        said = partial(record_repair, case_id=case_id, step=step, serials=request.serials, why=why)

        def decide(draft: Draft) -> tuple[object, bool]:
            look_at_case(draft, self._terms)
            return said(draft)

        _, replayed = await change(self._orders, request, order_id_of(case_id), decide, actor)
        return pb.RepairResult(outcome=_APPLIED, replayed=replayed)

    @command(pb.ArrivalResult)
    async def RecordArrival(self, request: pb.RecordArrivalRequest) -> pb.ArrivalResult:
        now_ms, actor = self._orders.clock_ms(), actor_of(request)
        check_name("location", request.location)
        check_name("waybill", request.waybill)
        check_filters(request, check_name, "old_waybill")
        scanned = Arrival(
            tenant=tenant_of(request),
            arrival_id=id_of(request, "arrival_id"),
            location=request.location,
            carrier=id_of(request, "carrier"),
            waybill=request.waybill,
            old_waybill=request.old_waybill,
            arrived_at_ms=now_ms,
            due_at_ms=now_ms + MATCHED_WITHIN_MS,
        )
        return _arrived(*await record_arrival(self._orders, scanned, actor))

    @command(pb.ArrivalResult)
    async def MatchArrival(self, request: pb.MatchArrivalRequest) -> pb.ArrivalResult:
        arrival_id, shipment_id = id_of(request, "arrival_id"), id_of(request, "shipment_id")
        tenant, actor = tenant_of(request), actor_of(request)
        done = await match_arrival(self._orders, tenant, arrival_id, shipment_id, actor)
        return _arrived(*done)

    @method
    async def ListArrivals(self, request: pb.ListArrivalsRequest) -> pb.ListArrivalsResponse:
        read = partial(
            list_arrivals,
            tenant=tenant_of(request),
            matched_too=request.matched_too,
            after=moment_in(request.page_token, OLDEST),
        )
        page = await read_page(
            self._orders, request, read, lambda one: f"{one.arrived_at_ms}.{one.arrival_id}"
        )
        return wire.listed(pb.ListArrivalsResponse, *page)

    async def _stopped(
        self, request: Any, part_id: str, decide: Callable[[Draft], InterceptAnswer]
    ) -> pb.InterceptResult:
        """Makes a decision on a parcel that is to be stopped, and answers with it."""
        order_id, actor = order_id_of(part_id), actor_of(request)
        done = await change(self._orders, request, order_id, decide, actor)
        result = pb.InterceptResult(outcome=_APPLIED, replayed=done.replayed)
        wire.fill(done.shipment, result.shipment)
        if done.intercept is not None:
            wire.fill(done.intercept, result.intercept)
        return result

    async def _done(
        self, request: Any, leg_id: str, decide: Callable[[Draft], LegAnswer]
    ) -> pb.ReturnResult:
        """Makes a decision on a leg after what has lapsed, and answers with it."""
        order_id, actor = order_id_of(leg_id), actor_of(request)

        def decide_now(draft: Draft) -> LegAnswer:
            look_at_case(draft, self._terms)
            return decide(draft)

        done = await change(self._orders, request, order_id, decide_now, actor)
        if done.refused is not None:
            raise done.refused
        result = pb.ReturnResult(outcome=_APPLIED, replayed=done.replayed)
        wire.fill(done.leg, result.leg)
        return result


def _arrived(arrival: Arrival, replayed: bool) -> pb.ArrivalResult:
    """The answer to a command on an arrival that was applied."""
    result = pb.ArrivalResult(outcome=_APPLIED, replayed=replayed)
    wire.fill(arrival, result.arrival)
    return result
