"""Requests that a shop, its buyers and its staff send to the API."""

from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.order.v1 import fulfilment_pb2, order_pb2, payment_pb2
from order_service.order.model import Order, Payment, Shipment
from tests.order_service.model.world import PRICES_MINOR

CARD, TRANSFER, AT_THE_DOOR = "sandbox_card", "sandbox_transfer", "cash_on_delivery"
FREIGHT_MINOR = 350
WEIGHT_G = 700
ADDRESS = order_pb2.Delivery(
    name="A. Lee",
    phone="02079460000",
    country="GB",
    postcode="SW1A 1AA",
    city="London",
    street="1 High Street",
)


def place(
    key: str,
    units: Mapping[str, int],
    *,
    method: str = CARD,
    policy: "order_pb2.ShortagePolicy.ValueType" = order_pb2.SHORTAGE_POLICY_ALL_OR_NOTHING,
    remark: str = "",
) -> order_pb2.PlaceOrderRequest:
    """An order for units of each SKU."""
    goods_minor = sum(PRICES_MINOR[sku] * quantity for sku, quantity in units.items())
    return order_pb2.PlaceOrderRequest(
        source=order_pb2.ORDER_SOURCE_WEB,
        order_key=key,
        buyer_id="buyer-1",
        currency="GBP",
        lines=[
            order_pb2.PlaceOrderLine(sku=sku, quantity=quantity, unit_price_minor=PRICES_MINOR[sku])
            for sku, quantity in units.items()
        ],
        amounts=order_pb2.Amounts(
            goods_minor=goods_minor,
            freight_minor=FREIGHT_MINOR,
            total_minor=goods_minor + FREIGHT_MINOR,
        ),
        delivery=ADDRESS,
        payment_method=method,
        shortage_policy=policy,
        remark=remark,
    )


def pay(order: Order, key: str, method: str = "") -> payment_pb2.StartPaymentRequest:
    """An attempt to pay."""
    return payment_pb2.StartPaymentRequest(order_id=order.order_id, payment_key=key, method=method)


def cancel(order: Order) -> order_pb2.CancelOrderRequest:
    """The order is not wanted any more."""
    return order_pb2.CancelOrderRequest(order_id=order.order_id, reason="changed my mind")


def refund(order: Order, key: str, amount_minor: int) -> payment_pb2.RefundOrderRequest:
    """Money is to go back."""
    return payment_pb2.RefundOrderRequest(
        order_id=order.order_id, refund_key=key, amount_minor=amount_minor, reason="scratched"
    )


def retry(refund_id: str) -> payment_pb2.RetryRefundRequest:
    """A refused refund is to be tried again."""
    return payment_pb2.RetryRefundRequest(refund_id=refund_id)


def settle(refund_id: str) -> payment_pb2.SettleRefundRequest:
    """A person has sent money back."""
    return payment_pb2.SettleRefundRequest(refund_id=refund_id, reason="by transfer")


def resolve_quarantined(
    payment: Payment, *, approve: bool
) -> payment_pb2.ResolveQuarantinedRequest:
    """A person has looked at a wrong amount."""
    resolution = (
        payment_pb2.QUARANTINE_RESOLUTION_APPROVE
        if approve
        else payment_pb2.QUARANTINE_RESOLUTION_RETURN
    )
    return payment_pb2.ResolveQuarantinedRequest(
        payment_id=payment.payment_id, resolution=resolution, reason="the buyer was asked"
    )


def reconcile(day: str) -> payment_pb2.ReconcileRequest:
    """The provider's statement of a day is held against the orders."""
    return payment_pb2.ReconcileRequest(provider="sandbox", day=day)


def review(order: Order, *, approve: bool) -> fulfilment_pb2.ReviewOrderRequest:
    """A person has looked at an order."""
    verdict = (
        fulfilment_pb2.REVIEW_VERDICT_APPROVE if approve else fulfilment_pb2.REVIEW_VERDICT_REFUSE
    )
    return fulfilment_pb2.ReviewOrderRequest(
        order_id=order.order_id, verdict=verdict, reason="read the remark"
    )


def hold(order: Order) -> fulfilment_pb2.HoldOrderRequest:
    """An order is not to leave."""
    return fulfilment_pb2.HoldOrderRequest(order_id=order.order_id, reason="the buyer called")


def release(order: Order) -> fulfilment_pb2.ReleaseHoldRequest:
    """An order that was held may leave."""
    return fulfilment_pb2.ReleaseHoldRequest(order_id=order.order_id, reason="read the remark")


def pick(shipment: Shipment, units: Sequence[tuple[str, int]] = ()) -> Any:
    """Units were taken from their shelves; () means all that were planned."""
    return fulfilment_pb2.ConfirmPickRequest(
        shipment_id=shipment.shipment_id, lines=_parcel_lines(units)
    )


def pack(shipment: Shipment) -> Any:
    """A request to pack all units that were picked for a parcel."""
    units = [(line.sku, line.quantity) for line in shipment.lines]
    return fulfilment_pb2.ConfirmPackingRequest(
        shipment_id=shipment.shipment_id, lines=_parcel_lines(units), weight_g=WEIGHT_G
    )


def ship(shipment: Shipment) -> Any:
    """A parcel has left."""
    return fulfilment_pb2.ShipShipmentRequest(shipment_id=shipment.shipment_id)


def ship_all_the_same(shipment: Shipment) -> Any:
    """A parcel goes whatever becomes of its money."""
    return fulfilment_pb2.ShipAllTheSameRequest(
        shipment_id=shipment.shipment_id, reason="a present", actor="staff:7"
    )


def cancel_shipment(
    shipment: Shipment,
    found: "fulfilment_pb2.UnitsFound.ValueType" = fulfilment_pb2.UNITS_FOUND_UNSPECIFIED,
) -> Any:
    """A parcel cannot be shipped."""
    return fulfilment_pb2.CancelShipmentRequest(
        shipment_id=shipment.shipment_id, reason="not on its shelf", units_found=found
    )


def report(shipment: Shipment, kind: "fulfilment_pb2.Incident.Kind.ValueType") -> Any:
    """A person says what is wrong with a parcel."""
    return fulfilment_pb2.ReportIncidentRequest(
        shipment_id=shipment.shipment_id, kind=kind, reason="the carrier has called"
    )


def resolve(incident_id: str, resolution: "fulfilment_pb2.Resolution.ValueType") -> Any:
    """A person says what is done about it."""
    return fulfilment_pb2.ResolveIncidentRequest(
        incident_id=incident_id, resolution=resolution, reason="as the buyer wants"
    )


def _parcel_lines(units: Sequence[tuple[str, int]]) -> list[fulfilment_pb2.ParcelLine]:
    return [fulfilment_pb2.ParcelLine(sku=sku, quantity=quantity) for sku, quantity in units]
