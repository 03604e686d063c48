"""FulfilmentService: from the wire, one call, to the wire."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from order_service.edge import wire
from order_service.edge.fulfilment_messages import (
    RESOLUTIONS,
    check_filters,
    event_message,
    event_of,
    incident_kind_of,
    incident_message,
    number_in,
    pick_message,
    reading_message,
    reading_of,
    reason_of,
    review_message,
    shipment_id_of,
    shipment_result,
    shipment_state_of,
    units_of,
    wave_message,
)
from order_service.edge.outcomes import BUSINESS_ANSWERS, refusal
from order_service.edge.requests import (
    DEFAULT_ACTOR,
    actor_of,
    for_tenant,
    id_in,
    of_tenant,
    order_id_of,
    page_size_of,
    tenant_of,
)
from order_service.fulfilment import incidents, queries
from order_service.fulfilment.cancel_parcel import cancel_shipment
from order_service.fulfilment.cold_chain import read_temperature, reading_key
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.review import ReadReviewInput, ReviewInput, approve, refuse
from order_service.fulfilment.tracking import once_key, track
from order_service.fulfilment.warehouse import Done, confirm_packing, confirm_pick, hand_over
from order_service.fulfilment.waves import create_wave
from order_service.order.draft import Draft
from order_service.order.draft import order_id_of as order_of_part
from order_service.order.fields import check_id, check_name, check_whole, checked_text
from order_service.order.model import IncidentKind, Shipment
from order_service.order.refusals import InvalidField
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.orders import Orders
from serving.context import Context
from serving.deadlines import Deadlines

T = TypeVar("T")

WAVE_SHIPMENTS_DEFAULT: Final = 100
WEIGHT_G_MAX: Final = 1_000_000
ZONE_LENGTH_MAX: Final = 64
_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED
_REPORTED: Final = frozenset({IncidentKind.DELAY, IncidentKind.LOSS, IncidentKind.DAMAGE})


class FulfilmentServicer:
    """Gets effective orders to their buyers."""

    def __init__(
        self,
        orders: Orders,
        read_review_input: ReadReviewInput,
        pick_within_ms: int,
        deadlines: Deadlines,
    ) -> None:
        self._orders = orders
        self._read_review_input = read_review_input
        self._pick_within_ms = pick_within_ms
        self._deadlines = deadlines

    async def ReviewOrder(
        self, request: pb.ReviewOrderRequest, context: Context
    ) -> pb.ReviewOrderResponse:
        tenant, order_id, reason = tenant_of(request), order_id_of(request), reason_of(request)
        actor = actor_of(request)
        approved = request.verdict == pb.REVIEW_VERDICT_APPROVE
        if not approved and request.verdict != pb.REVIEW_VERDICT_REFUSE:
            raise InvalidField("verdict", "must be APPROVE or REFUSE", request.verdict)
        try:
            async with self._deadlines.limit(context):
                order = of_tenant(tenant, await self._orders.get(order_id))
                known = await self._read_review_input(order)
                if approved:
                    decide: Callable[[Draft], Any] = partial(approve, known=known, reason=reason)
                else:
                    decide = partial(_refuse, known=known, reason=reason)
                shipments, replayed = await self._orders.change(order_id, decide, actor)
        except BUSINESS_ANSWERS as error:
            return pb.ReviewOrderResponse(**refusal(error)._asdict())
        return pb.ReviewOrderResponse(
            outcome=_APPLIED,
            replayed=replayed,
            shipments=[wire.shipment(shipment) for shipment in shipments],
        )

    async def ListReviews(
        self, request: pb.ListReviewsRequest, context: Context
    ) -> pb.ListReviewsResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        read = partial(
            queries.waiting_reviews, tenant=tenant, size=size, after=id_in(request.page_token)
        )
        async with self._deadlines.limit(context):
            page = await self._orders.read(read)
        return pb.ListReviewsResponse(
            reviews=[review_message(review) for review in page],
            next_page_token=page[-1].review_id if len(page) == size else "",
        )

    async def CreateWave(
        self, request: pb.CreateWaveRequest, context: Context
    ) -> pb.CreateWaveResponse:
        tenant, size = tenant_of(request), request.shipments_max or WAVE_SHIPMENTS_DEFAULT
        check_id("wave_id", request.wave_id)
        check_name("location", request.location)
        zone = checked_text("zone", request.zone, ZONE_LENGTH_MAX)
        check_whole("shipments_max", size, 1, queries.PICKED_AT_ONCE_MAX)
        try:
            async with self._deadlines.limit(context):
                wave, replayed = await create_wave(
                    self._orders,
                    tenant,
                    request.wave_id,
                    request.location,
                    zone,
                    size,
                    DEFAULT_ACTOR,
                )
        except BUSINESS_ANSWERS as error:
            return pb.CreateWaveResponse(**refusal(error)._asdict())
        return pb.CreateWaveResponse(outcome=_APPLIED, replayed=replayed, wave=wave_message(wave))

    async def ListPicks(
        self, request: pb.ListPicksRequest, context: Context
    ) -> pb.ListPicksResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        check_filters(request, check_id, "wave_id")
        check_filters(request, check_name, "location")
        zone = checked_text("zone", request.zone, ZONE_LENGTH_MAX)
        after = number_in(request.page_token)
        within_ms = self._pick_within_ms
        wanted = queries.PickFilter(
            wave_id=request.wave_id,
            location=request.location,
            zone=zone,
            created_before_ms=self._orders.clock_ms() - within_ms if request.overdue else 0,
        )
        async with self._deadlines.limit(context):
            picks = await self._orders.read(
                partial(queries.list_picks, tenant=tenant, wanted=wanted)
            )
        upto = after + size
        return pb.ListPicksResponse(
            picks=[pick_message(pick, within_ms) for pick in picks[after:upto]],
            next_page_token=str(upto) if upto < len(picks) else "",
        )

    async def ConfirmPick(
        self, request: pb.ConfirmPickRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id, taken = shipment_id_of(request), units_of(request)
        decide = partial(confirm_pick, shipment_id=shipment_id, taken=taken)
        try:
            picked = await self._change(request, context, decide)
        except BUSINESS_ANSWERS as error:
            return _refused(error)
        rest = [picked.rest] if picked.rest else []
        return shipment_result(picked.shipment, picked.replayed, rest)

    async def ConfirmPacking(
        self, request: pb.ConfirmPackingRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id, scanned = shipment_id_of(request), units_of(request)
        check_whole("weight_g", request.weight_g, 1, WEIGHT_G_MAX)
        return await self._done(
            request,
            context,
            partial(
                confirm_packing,
                shipment_id=shipment_id,
                scanned=scanned,
                weight_g=request.weight_g,
            ),
        )

    async def ShipShipment(
        self, request: pb.ShipShipmentRequest, context: Context
    ) -> pb.ShipmentResult:
        decide = partial(hand_over, shipment_id=shipment_id_of(request))
        return await self._done(request, context, decide)

    async def CancelShipment(
        self, request: pb.CancelShipmentRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id, reason = shipment_id_of(request), reason_of(request, length_min=1)
        decide = partial(cancel_shipment, shipment_id=shipment_id, why=reason)
        return await self._done(request, context, decide)

    async def GetShipment(
        self, request: pb.GetShipmentRequest, context: Context
    ) -> pb.GetShipmentResponse:
        tenant, shipment_id = tenant_of(request), shipment_id_of(request)
        order_id = order_of_part(shipment_id)
        async with self._deadlines.limit(context):
            order = of_tenant(tenant, await self._orders.get(order_id))
            told = await self._orders.read(partial(queries.told_of, shipment_id=shipment_id))
        try:
            shipment = order.shipment(shipment_id)
        except KeyError:
            raise OrderNotFound(shipment_id) from None
        return pb.GetShipmentResponse(
            shipment=wire.shipment(shipment),
            events=[event_message(event) for event in told.events],
            readings=[reading_message(reading) for reading in told.readings],
            incidents=[
                incident_message(incident)
                for incident in order.incidents
                if incident.shipment_id == shipment_id
            ],
        )

    async def ListShipments(
        self, request: pb.ListShipmentsRequest, context: Context
    ) -> pb.ListShipmentsResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        check_filters(request, check_id, "order_id")
        check_filters(request, check_name, "location", "waybill")
        wanted = queries.ShipmentFilter(
            order_id=request.order_id,
            state=shipment_state_of(request.state),
            location=request.location,
            waybill=request.waybill,
        )
        read = partial(
            queries.list_shipments,
            tenant=tenant,
            wanted=wanted,
            size=size,
            after=id_in(request.page_token),
        )
        async with self._deadlines.limit(context):
            page = await self._orders.read(read)
        return pb.ListShipmentsResponse(
            shipments=[wire.shipment(shipment) for shipment in page],
            next_page_token=page[-1].shipment_id if len(page) == size else "",
        )

    async def RecordTracking(
        self, request: pb.RecordTrackingRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id_of(request)
        event = event_of(request, self._orders.clock_ms())
        decide = partial(track, event=event)
        return await self._once(request, context, decide, once_key(event))

    async def RecordTemperature(
        self, request: pb.RecordTemperatureRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id = shipment_id_of(request)
        sensor, read_at_ms, millicelsius = reading_of(request)
        decide = partial(
            read_temperature,
            shipment_id=shipment_id,
            sensor=sensor,
            read_at_ms=read_at_ms,
            millicelsius=millicelsius,
        )
        once = reading_key(shipment_id, sensor, read_at_ms)
        return await self._once(request, context, decide, once)

    async def ReportIncident(
        self, request: pb.ReportIncidentRequest, context: Context
    ) -> pb.ShipmentResult:
        shipment_id, reason = shipment_id_of(request), reason_of(request)
        kind = incident_kind_of(request.kind)
        if kind not in _REPORTED:
            raise InvalidField("kind", "must be DELAY, LOSS or DAMAGE", request.kind)
        decide = partial(incidents.report, shipment_id=shipment_id, kind=kind, why=reason)
        return await self._done(request, context, decide)

    async def ListIncidents(
        self, request: pb.ListIncidentsRequest, context: Context
    ) -> pb.ListIncidentsResponse:
        tenant, size = tenant_of(request), page_size_of(request)
        check_filters(request, check_id, "owner")
        due, _, incident_id = request.page_token.partition("/")
        wanted = queries.IncidentFilter(
            owner=request.owner,
            kind=incident_kind_of(request.kind),
            settled_too=request.settled_too,
            due_before_ms=self._orders.clock_ms() if request.overdue else 0,
        )
        read = partial(
            queries.list_incidents,
            tenant=tenant,
            wanted=wanted,
            size=size,
            after=(number_in(due), id_in(incident_id)),
        )
        async with self._deadlines.limit(context):
            page = await self._orders.read(read)
        last = page[-1] if len(page) == size else None
        return pb.ListIncidentsResponse(
            incidents=[incident_message(incident) for incident in page],
            next_page_token=f"{last.due_at_ms}/{last.incident_id}" if last else "",
        )

    async def ResolveIncident(
        self, request: pb.ResolveIncidentRequest, context: Context
    ) -> pb.ShipmentResult:
        check_id("incident_id", request.incident_id)
        reason = reason_of(request)
        said = RESOLUTIONS.get(request.resolution)
        if said is None:
            problem = "must be WAIT, RESHIP or REFUND"
            raise InvalidField("resolution", problem, request.resolution)
        decide = partial(resolve, incident_id=request.incident_id, said=said, why=reason)
        return await self._done(request, context, decide, request.incident_id)

    async def _done(
        self,
        request: Any,
        context: Context,
        decide: Callable[[Draft], Done],
        part_id: str = "",
    ) -> pb.ShipmentResult:
        """A command on a shipment, and its answer."""
        try:
            done = await self._change(request, context, decide, part_id)
        except BUSINESS_ANSWERS as error:
            return _refused(error)
        return shipment_result(done.shipment, done.replayed)

    async def _once(
        self, request: Any, context: Context, decide: Callable[[Draft], Shipment], once: str
    ) -> pb.ShipmentResult:
        """Something that is written down once, and its answer."""
        tenant, shipment_id = tenant_of(request), request.shipment_id
        order_id = order_of_part(shipment_id)
        replayed = False
        try:
            async with self._deadlines.limit(context):
                try:
                    shipment = await self._orders.change(
                        order_id, for_tenant(tenant, decide), DEFAULT_ACTOR, once
                    )
                except AlreadySeen:
                    order = of_tenant(tenant, await self._orders.get(order_id))
                    shipment, replayed = order.shipment(shipment_id), True
        except BUSINESS_ANSWERS as error:
            return _refused(error)
        return shipment_result(shipment, replayed)

    async def _change(
        self, request: Any, context: Context, decide: Callable[[Draft], T], part_id: str = ""
    ) -> T:
        """Has a decision made on the order of the shipment that a request names."""
        order_id = order_of_part(part_id or request.shipment_id)
        tenant, actor = tenant_of(request), actor_of(request)
        async with self._deadlines.limit(context):
            return await self._orders.change(order_id, for_tenant(tenant, decide), actor)


def _refuse(draft: Draft, known: ReviewInput, reason: str) -> tuple[list[Shipment], bool]:
    """`refuse`, which plans no shipments."""
    return [], refuse(draft, known, reason)


def _refused(error: Exception) -> pb.ShipmentResult:
    return pb.ShipmentResult(**refusal(error)._asdict())
