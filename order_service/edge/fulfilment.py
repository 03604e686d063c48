"""FulfilmentService: from the wire, one call, to the wire."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from order_service.edge import wire
from order_service.edge.fulfilment_requests import event_of, reading_of, units_of
from order_service.edge.methods import change, command, method, order_of, page_of, read_page
from order_service.edge.requests import (
    DEFAULT_ACTOR,
    NEWEST,
    actor_of,
    check_filters,
    id_in,
    id_of,
    merchant_of,
    moment_in,
    number_in,
    reason_of,
    tenant_of,
)
from order_service.fulfilment import incidents, queries
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.giving_away import give_away
from order_service.fulfilment.holding import hold, let_go
from order_service.fulfilment.merging import merge
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.review import ReadReviewInput, ReviewInput, approve, refuse
from order_service.fulfilment.tracking import (
    is_repeated,
    once_key,
    read_temperature,
    reading_key,
    track,
)
from order_service.fulfilment.warehouse import (
    ShipmentAnswer,
    confirm_packing,
    confirm_pick,
    hand_over,
    shipment_in,
)
from order_service.fulfilment.waves import create_wave, list_waves
from order_service.order.draft import Draft
from order_service.order.fields import check_id, check_name, check_whole, checked_text
from order_service.order.model import IncidentKind, Order, Shipment
from order_service.order.parts import order_id_of as order_of_part
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.order.states import ShipmentState
from order_service.storage.batch import AlreadySeen, OrderNotFound
from order_service.storage.orders import Orders
from serving.deadlines import Deadlines

T = TypeVar("T")

WAVE_SHIPMENTS_DEFAULT: Final = 100
WEIGHT_G_MAX: Final = 1_000_000
MERGED_MAX: Final = 100
ZONE_LENGTH_MAX: Final = 64
_APPLIED: Final = order_pb2.ORDER_OUTCOME_APPLIED
_REPORTED: Final = frozenset({IncidentKind.DELAY, IncidentKind.LOSS, IncidentKind.DAMAGE})
_OF_UNITS: Final = frozenset({IncidentKind.WRONG_ITEM, IncidentKind.MISSING_ITEM})


_MISSING: Final = {
    pb.UNITS_FOUND_UNSPECIFIED: None,
    pb.UNITS_FOUND_THERE: False,
    pb.UNITS_FOUND_MISSING: True,
}


class FulfilmentServicer:
    """Gets effective orders to their buyers."""

    def __init__(
        self,
        orders: Orders,
        read_review_input: ReadReviewInput,
        only_location: Callable[[str], str],
        pick_within_ms: int,
        review_within_ms: int,
        deadlines: Deadlines,
    ) -> None:
        self._orders = orders
        self._read_review_input = read_review_input
        self._only_location = only_location
        self._pick_within_ms = pick_within_ms
        self._review_within_ms = review_within_ms
        self.deadlines = deadlines

    @command(pb.ReviewOrderResponse)
    async def ReviewOrder(self, request: pb.ReviewOrderRequest) -> pb.ReviewOrderResponse:
        order_id, reason, actor = id_of(request, "order_id"), reason_of(request), actor_of(request)
        approved = request.verdict == pb.REVIEW_VERDICT_APPROVE
        if not approved and request.verdict != pb.REVIEW_VERDICT_REFUSE:
            raise InvalidField("verdict", "must be APPROVE or REFUSE", request.verdict)
        known = await self._read_review_input(await order_of(self._orders, request, order_id))
        merchant_id = merchant_of(request)
        said = partial(approve if approved else _refuse, known=known, reason=reason)
        decide = partial(said, merchant_id=merchant_id)
        shipments, replayed = await change(self._orders, request, order_id, decide, actor)
        return pb.ReviewOrderResponse(
            outcome=_APPLIED,
            replayed=replayed,
            shipments=wire.to_messages(shipments, order_pb2.Shipment),
        )

    @command(order_pb2.OrderResult)
    async def HoldOrder(self, request: pb.HoldOrderRequest) -> order_pb2.OrderResult:
        reason = reason_of(request, length_min=1)
        return await self._held(
            request, partial(hold, reason=reason, merchant_id=merchant_of(request))
        )

    @command(order_pb2.OrderResult)
    async def ReleaseHold(self, request: pb.ReleaseHoldRequest) -> order_pb2.OrderResult:
        merchant_id = merchant_of(request)
        decide = partial(let_go, reason=reason_of(request), merchant_id=merchant_id)
        return await self._held(request, decide)

    async def _held(
        self, request: Any, decide: Callable[[Draft], tuple[Order, bool]]
    ) -> order_pb2.OrderResult:
        order_id, actor = id_of(request, "order_id"), actor_of(request)
        order, replayed = await change(self._orders, request, order_id, decide, actor)
        result = order_pb2.OrderResult(outcome=_APPLIED, replayed=replayed)
        wire.fill(order, result.order)
        return result

    @method
    async def ListReviews(self, request: pb.ListReviewsRequest) -> pb.ListReviewsResponse:
        within_ms = self._review_within_ms
        read = partial(
            queries.waiting_reviews,
            tenant=tenant_of(request),
            merchant_id=merchant_of(request),
            after=id_in(request.page_token),
            since_before_ms=self._orders.clock_ms() - within_ms if request.overdue else 0,
        )
        found, token = await read_page(self._orders, request, read, lambda review: review.review_id)
        response = pb.ListReviewsResponse(next_page_token=token)
        for review in found:
            message = response.reviews.add()
            wire.fill(review, message)
            message.due_at_ms = review.since_at_ms + within_ms
        return response

    @command(pb.CreateWaveResponse)
    async def CreateWave(self, request: pb.CreateWaveRequest) -> pb.CreateWaveResponse:
        tenant, size = tenant_of(request), request.shipments_max or WAVE_SHIPMENTS_DEFAULT
        wave_id = id_of(request, "wave_id")
        check_name("location", request.location)
        zone = checked_text("zone", request.zone, ZONE_LENGTH_MAX)
        check_whole("shipments_max", size, 1, queries.PICKED_AT_ONCE_MAX)
        wave, replayed = await create_wave(
            self._orders, tenant, wave_id, request.location, zone, size, DEFAULT_ACTOR
        )
        return pb.CreateWaveResponse(
            outcome=_APPLIED, replayed=replayed, wave=wire.to_message(wave, pb.Wave)
        )

    @method
    async def ListWaves(self, request: pb.ListWavesRequest) -> pb.ListWavesResponse:
        check_filters(request, check_name, "location")
        read = partial(
            list_waves,
            tenant=tenant_of(request),
            location=request.location,
            unfinished=request.to_pick,
            after=moment_in(request.page_token, NEWEST),
        )
        found, token = await read_page(
            self._orders,
            request,
            read,
            lambda one: f"{one.wave.created_at_ms}.{one.wave.wave_id}",
        )
        shown = [wire.to_message(one.wave, pb.Wave) for one in found]
        for message, one in zip(shown, found, strict=True):
            message.to_pick = one.to_pick
        return pb.ListWavesResponse(waves=shown, next_page_token=token)

    @method
    async def ListPicks(self, request: pb.ListPicksRequest) -> pb.ListPicksResponse:
        tenant, after = tenant_of(request), number_in(request.page_token)
        check_filters(request, check_id, "wave_id")
        check_filters(request, check_name, "location")
        within_ms = self._pick_within_ms
        wanted = queries.PickFilter(
            wave_id=request.wave_id,
            location=request.location,
            zone=checked_text("zone", request.zone, ZONE_LENGTH_MAX),
            created_before_ms=self._orders.clock_ms() - within_ms if request.overdue else 0,
        )

        async def read(size: int) -> Sequence[tuple[int, queries.Pick]]:
            found = await self._orders.read(
                partial(queries.list_picks, tenant=tenant, wanted=wanted)
            )
            return list(enumerate(found, 1))[after : after + size]

        # Picks are sorted as a person walks, which no key is: their pages are found by counting.
        page, token = await page_of(request, read, lambda numbered: str(numbered[0]))
        response = pb.ListPicksResponse(next_page_token=token)
        for _, pick in page:
            message = response.picks.add()
            wire.fill(pick, message)
            message.due_at_ms = pick.created_at_ms + within_ms
        return response

    @command(pb.ShipmentResult)
    async def ConfirmPick(self, request: pb.ConfirmPickRequest) -> pb.ShipmentResult:
        shipment_id, taken = id_of(request, "shipment_id"), units_of(request)
        decide = partial(confirm_pick, shipment_id=shipment_id, taken=taken)
        return await self._done(request, shipment_id, decide)

    @command(pb.ShipmentResult)
    async def ConfirmPacking(self, request: pb.ConfirmPackingRequest) -> pb.ShipmentResult:
        shipment_id, scanned = id_of(request, "shipment_id"), units_of(request)
        check_whole("weight_g", request.weight_g, 1, WEIGHT_G_MAX)
        others = request.with_shipment_ids
        check_whole("with_shipment_ids", len(others), 0, MERGED_MAX)
        for position, other in enumerate(others):
            check_id(f"with_shipment_ids[{position}]", other)

        def decide(draft: Draft) -> ShipmentAnswer:
            merge(draft, shipment_id, others)
            return confirm_packing(draft, shipment_id, scanned, request.weight_g)

        return await self._done(request, shipment_id, decide)

    @command(pb.ShipmentResult)
    async def ShipShipment(self, request: pb.ShipShipmentRequest) -> pb.ShipmentResult:
        shipment_id = id_of(request, "shipment_id")
        return await self._done(request, shipment_id, partial(hand_over, shipment_id=shipment_id))

    @command(pb.ShipmentResult)
    async def ShipAllTheSame(self, request: pb.ShipAllTheSameRequest) -> pb.ShipmentResult:
        shipment_id, reason = id_of(request, "shipment_id"), reason_of(request, length_min=1)
        decide = partial(give_away, shipment_id=shipment_id, why=reason)
        return await self._done(request, shipment_id, decide)

    @command(pb.ShipmentResult)
    async def CancelShipment(self, request: pb.CancelShipmentRequest) -> pb.ShipmentResult:
        shipment_id, reason = id_of(request, "shipment_id"), reason_of(request, length_min=1)
        if request.units_found not in _MISSING:
            problem = f"must be one of {', '.join(map(pb.UnitsFound.Name, _MISSING))}"
            raise InvalidField("units_found", problem, request.units_found)
        missing = _MISSING[request.units_found]

        def decide(draft: Draft) -> ShipmentAnswer:
            elsewhere = not request.refund_only and not self._only_location(draft.order.tenant)
            return cancel_shipment(draft, shipment_id, reason, missing, elsewhere=elsewhere)

        return await self._done(request, shipment_id, decide)

    @method
    async def GetShipment(self, request: pb.GetShipmentRequest) -> pb.GetShipmentResponse:
        shipment_id = id_of(request, "shipment_id")
        order = await order_of(self._orders, request, order_of_part(shipment_id))
        reports = partial(queries.reports_of, shipment_id=shipment_id)
        events, readings = await self._orders.read(reports)
        try:
            shipment = order.shipment(shipment_id)
        except KeyError:
            raise OrderNotFound(shipment_id) from None
        return pb.GetShipmentResponse(
            shipment=wire.to_message(shipment, order_pb2.Shipment),
            events=wire.to_messages(events, pb.TrackingEvent),
            readings=wire.to_messages(readings, pb.TemperatureReading),
            incidents=wire.to_messages(order.incidents_of(shipment_id), pb.Incident),
        )

    @method
    async def ListShipments(self, request: pb.ListShipmentsRequest) -> pb.ListShipmentsResponse:
        check_filters(request, check_id, "order_id")
        check_filters(request, check_name, "location", "waybill")
        states = order_pb2.Shipment.State
        wanted = queries.ShipmentFilter(
            order_id=request.order_id,
            state=wire.filter_of(
                ShipmentState, states, request.state, "state", "a state of a shipment"
            ),
            location=request.location,
            waybill=request.waybill,
        )
        read = partial(
            queries.list_shipments,
            tenant=tenant_of(request),
            wanted=wanted,
            after=id_in(request.page_token),
        )
        page = await read_page(self._orders, request, read, lambda shipment: shipment.shipment_id)
        return wire.listed(pb.ListShipmentsResponse, *page)

    @command(pb.ShipmentResult)
    async def RecordTracking(self, request: pb.RecordTrackingRequest) -> pb.ShipmentResult:
        id_of(request, "shipment_id")
        event = event_of(request, self._orders.clock_ms())
        decide = partial(track, event=event)
        done, replayed = await self._once(request, decide, once_key(event))
        if replayed:
            known = await self._orders.read(partial(queries.known_event, event=event))
            if known is not None and not is_repeated(known, event):
                raise _reused("event.event_id", event.event_id)
        return _result(done, replayed)

    @command(pb.ShipmentResult)
    async def RecordTemperature(self, request: pb.RecordTemperatureRequest) -> pb.ShipmentResult:
        shipment_id = id_of(request, "shipment_id")
        sensor, read_at_ms, millicelsius = reading_of(request)
        decide = partial(
            read_temperature,
            shipment_id=shipment_id,
            sensor=sensor,
            read_at_ms=read_at_ms,
            millicelsius=millicelsius,
        )
        once = reading_key(shipment_id, sensor, read_at_ms)
        done, replayed = await self._once(request, decide, once)
        if replayed:
            known = await self._orders.read(
                partial(
                    queries.known_reading,
                    shipment_id=shipment_id,
                    sensor=sensor,
                    read_at_ms=read_at_ms,
                )
            )
            if known is not None and known.millicelsius != millicelsius:
                raise _reused("reading.sensor and read_at_ms", f"{sensor} at {read_at_ms}")
        return _result(done, replayed)

    @command(pb.ShipmentResult)
    async def ReportIncident(self, request: pb.ReportIncidentRequest) -> pb.ShipmentResult:
        shipment_id, reason = id_of(request, "shipment_id"), reason_of(request)
        kind = _incident_kind_of(request)
        units = units_of(request)
        if kind not in _REPORTED | _OF_UNITS:
            names = "DELAY, LOSS, DAMAGE, WRONG_ITEM or MISSING_ITEM"
            raise InvalidField("kind", f"must be {names}", request.kind)
        if units and kind not in _OF_UNITS | {IncidentKind.DAMAGE}:
            raise InvalidField(
                "lines", f"must be empty for {kind}, which is of a whole parcel", "some"
            )
        decide: Callable[[Draft], ShipmentAnswer]
        if units or kind in _OF_UNITS:
            of_units = partial(incidents.report_units, kind=kind, units=units, why=reason)
            decide = partial(of_units, shipment_id=shipment_id)
        else:
            decide = partial(incidents.report, shipment_id=shipment_id, kind=kind, why=reason)
        return await self._done(request, shipment_id, decide)

    @method
    async def ListIncidents(self, request: pb.ListIncidentsRequest) -> pb.ListIncidentsResponse:
        check_filters(request, check_id, "owner")
        due, _, incident_id = request.page_token.partition("/")
        wanted = queries.IncidentFilter(
            owner=request.owner,
            kind=_incident_kind_of(request),
            closed_too=request.settled_too,
            due_before_ms=self._orders.clock_ms() if request.overdue else 0,
        )
        read = partial(
            queries.list_incidents,
            tenant=tenant_of(request),
            wanted=wanted,
            after=(number_in(due), id_in(incident_id)),
        )
        page = await read_page(
            self._orders,
            request,
            read,
            lambda incident: f"{incident.due_at_ms}/{incident.incident_id}",
        )
        return wire.listed(pb.ListIncidentsResponse, *page)

    @command(pb.ShipmentResult)
    async def ResolveIncident(self, request: pb.ResolveIncidentRequest) -> pb.ShipmentResult:
        incident_id, reason = id_of(request, "incident_id"), reason_of(request)
        said = wire.RESOLUTIONS.get(request.resolution)
        if said is None:
            problem = "must be WAIT, RESHIP or REFUND"
            raise InvalidField("resolution", problem, request.resolution)
        decide = partial(resolve, incident_id=incident_id, said=said, why=reason)
        return await self._done(request, incident_id, decide)

    async def _done(
        self, request: Any, part_id: str, decide: Callable[[Draft], ShipmentAnswer]
    ) -> pb.ShipmentResult:
        """Makes a decision on a shipment or an incident of one, and answers with the shipment."""
        order_id, actor = order_of_part(part_id), actor_of(request)
        done = await change(self._orders, request, order_id, decide, actor)
        return _result(done.shipment, done.replayed, done.rest)

    async def _once(
        self, request: Any, decide: Callable[[Draft], Shipment], once: str
    ) -> tuple[Shipment, bool]:
        """Writes something down once: the shipment it is about, and whether that was done before.

        Raises Refused: NOT_FOUND.
        """
        order_id = order_of_part(request.shipment_id)
        try:
            return await change(self._orders, request, order_id, decide, once=once), False
        except AlreadySeen:
            order = await order_of(self._orders, request, order_id)
            return shipment_in(order, request.shipment_id), True


def _refuse(
    draft: Draft, known: ReviewInput, reason: str, merchant_id: str
) -> tuple[list[Shipment], bool]:
    """`refuse`, which plans no shipments."""
    return [], refuse(draft, known, reason, merchant_id)


def _reused(field: str, key: str) -> Refused:
    """The refusal of an id that was used before with other content."""
    return Refused(RefusalReason.KEY_REUSED, field=field, key=key)


def _incident_kind_of(request: Any) -> IncidentKind | None:
    """The kind of incident that a request names; None if it names none. Raises InvalidField."""
    kinds = pb.Incident.Kind
    return wire.filter_of(IncidentKind, kinds, request.kind, "kind", "a kind of incident")


def _result(shipment: Shipment, replayed: bool, rest: Shipment | None = None) -> pb.ShipmentResult:
    """The answer to a command that was applied; `rest` is a shipment of units left to pick."""
    result = pb.ShipmentResult(outcome=_APPLIED, replayed=replayed)
    wire.fill(shipment, result.shipment)
    if rest is not None:
        wire.fill(rest, result.new_shipments.add())
    return result
