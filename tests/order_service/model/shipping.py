"""Steps of staff and the carrier with effective orders and their parcels."""

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from holdfast.order.v1 import fulfilment_pb2, order_pb2
from order_service.order.model import Incident, Shipment
from order_service.order.states import IncidentState, OrderState, ShipmentState
from order_service.sandbox.carrier_journey import HOUR_MS, Mishaps
from tests.order_service.model import requests
from tests.order_service.model.story import PROCESSES, Story
from tests.order_service.model.world import PRICES_MINOR, WAREHOUSES

_O, _S = OrderState, ShipmentState
_BEFORE_THE_VAN = (_S.PLANNED, _S.PICKED, _S.LABELLED)
KINDS = (
    fulfilment_pb2.Incident.DELAY,
    fulfilment_pb2.Incident.LOSS,
    fulfilment_pb2.Incident.DAMAGE,
)
RESOLUTIONS = (
    fulfilment_pb2.RESOLUTION_WAIT,
    fulfilment_pb2.RESOLUTION_RESHIP,
    fulfilment_pb2.RESOLUTION_REFUND,
)
FOUND = st.sampled_from(
    (fulfilment_pb2.UNITS_FOUND_UNSPECIFIED, fulfilment_pb2.UNITS_FOUND_MISSING)
)
MISHAPS = st.sampled_from(
    (
        Mishaps(),
        Mishaps(),
        Mishaps(late=1.0),
        Mishaps(lose=1.0),
        Mishaps(damage=1.0),
        Mishaps(late=1.0, late_ms=240 * HOUR_MS, fail_attempt=1.0),
    )
)


class Shipping(Story):
    """The rules of staff and carrier."""

    def parcels_in(self, *states: ShipmentState) -> list[Shipment]:
        """The parcels in some states."""
        return [
            parcel for order in self.orders for parcel in order.shipments if parcel.state in states
        ]

    @precondition(lambda self: self.orders_in(_O.CONFIRMED))
    @rule(data=st.data(), number=PROCESSES, approve=st.booleans())
    def an_order_is_reviewed(self, data: st.DataObject, number: int, approve: bool) -> None:
        order = self.one_of(data, self.orders_in(_O.CONFIRMED))
        self.ask(number, requests.review(order, approve=approve))

    @precondition(lambda self: self.parcels_in(*_BEFORE_THE_VAN))
    @rule(data=st.data(), number=PROCESSES, short=st.booleans())
    def the_warehouse_goes_on_with_a_parcel(
        self, data: st.DataObject, number: int, short: bool
    ) -> None:
        self._go_on_with(number, self.one_of(data, self.parcels_in(*_BEFORE_THE_VAN)), short=short)

    @precondition(lambda self: self.parcels_in(*_BEFORE_THE_VAN))
    @rule(data=st.data(), number=PROCESSES, mishaps=MISHAPS)
    def a_parcel_leaves(self, data: st.DataObject, number: int, mishaps: Mishaps) -> None:
        parcel = self.one_of(data, self.parcels_in(*_BEFORE_THE_VAN))
        for _ in range(len(_BEFORE_THE_VAN)):
            self._go_on_with(number, parcel)
            self.run(self.process(number).work())
            self.orders = self.run(self.world.orders())
            (parcel,) = [
                each for each in self.parcels_in(*_S) if each.shipment_id == parcel.shipment_id
            ]
        self.run(self.world.collect(parcel.shipment_id, mishaps))

    def _go_on_with(self, number: int, parcel: Shipment, *, short: bool = False) -> None:
        units = [(line.sku, line.quantity) for line in parcel.lines]
        if parcel.state is _S.PLANNED:
            first = units[0]
            self.ask(number, requests.pick(parcel, [(first[0], 1)] if short else ()))
        elif parcel.state is _S.PICKED:
            self.ask(number, requests.pack(parcel))
        elif parcel.state is _S.LABELLED:
            self.ask(number, requests.ship(parcel))

    @precondition(lambda self: self.parcels_in(*_BEFORE_THE_VAN))
    @rule(data=st.data(), number=PROCESSES, found=FOUND)
    def a_parcel_cannot_be_found(
        self,
        data: st.DataObject,
        number: int,
        found: "fulfilment_pb2.UnitsFound.ValueType",
    ) -> None:
        parcel = self.one_of(data, self.parcels_in(*_BEFORE_THE_VAN))
        self.ask(number, requests.cancel_shipment(parcel, found))

    @precondition(lambda self: self.waiting_for_the_van())
    @rule(data=st.data(), mishaps=MISHAPS)
    def the_van_comes(self, data: st.DataObject, mishaps: Mishaps) -> None:
        self.run(self.world.collect(self.one_of(data, self.waiting_for_the_van()), mishaps))

    def waiting_for_the_van(self) -> list[str]:
        """The parcels that have a waybill and were not collected."""
        return sorted(self.world.carrier_app.books.waiting())

    @precondition(lambda self: self.parcels_in(*_S))
    @rule(data=st.data(), number=PROCESSES, kind=st.sampled_from(KINDS))
    def somebody_says_what_is_wrong_with_a_parcel(
        self,
        data: st.DataObject,
        number: int,
        kind: "fulfilment_pb2.Incident.Kind.ValueType",
    ) -> None:
        gone = self.parcels_in(
            _S.SHIPPED, _S.IN_TRANSIT, _S.OUT_FOR_DELIVERY, _S.DELIVERED, _S.LOST
        )
        parcel = self.one_of(data, gone or self.parcels_in(*_S))
        self.ask(number, requests.report(parcel, kind))

    @precondition(lambda self: self.open_incidents())
    @rule(data=st.data(), number=PROCESSES, resolution=st.sampled_from(RESOLUTIONS))
    def it_is_said_what_is_done_about_it(
        self,
        data: st.DataObject,
        number: int,
        resolution: "fulfilment_pb2.Resolution.ValueType",
    ) -> None:
        incident = self.one_of(data, self.open_incidents())
        self.ask(number, requests.resolve(incident.incident_id, resolution))

    def open_incidents(self) -> list[Incident]:
        """Incidents that their owner may decide."""
        return [
            incident
            for order in self.orders
            for incident in order.incidents
            if incident.state in (IncidentState.OPEN, IncidentState.WAITING)
        ]

    @precondition(lambda self: self.orders_in(_O.SHIPPED, _O.DELIVERED))
    @rule(data=st.data(), number=PROCESSES)
    def a_buyer_has_received_an_order(self, data: st.DataObject, number: int) -> None:
        order = self.one_of(data, self.orders_in(_O.SHIPPED, _O.DELIVERED))
        self.ask(number, order_pb2.CompleteOrderRequest(order_id=order.order_id))

    @rule(
        sku=st.sampled_from(sorted(PRICES_MINOR)),
        location=st.sampled_from(WAREHOUSES),
        units=st.integers(1, 3),
    )
    def goods_come_in(self, sku: str, location: str, units: int) -> None:
        self.run(self.world.restock(sku, location, units))
