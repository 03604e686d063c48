"""The order service's values to protobuf messages. No decision is made here."""

from holdfast.order.v1 import order_pb2 as pb
from order_service.edge.payment_messages import payment_message, refund_message
from order_service.order.model import (
    Amounts,
    Delivery,
    HistoryEntry,
    Line,
    Order,
    Remark,
    Shipment,
    SubOrder,
)
from order_service.order.receipts import Receipt
from order_service.placing.shortage import Shortage
from order_service.storage.reads import Summary

# The values of the contract's enums are named as ours, with the enum's name before them where it
# stands at the top level of the file.


def amounts(found: Amounts) -> pb.Amounts:
    """Amounts, on the wire."""
    return pb.Amounts(
        goods_minor=found.goods_minor,
        discount_minor=found.discount_minor,
        coupon_minor=found.coupon_minor,
        freight_minor=found.freight_minor,
        tax_minor=found.tax_minor,
        total_minor=found.total_minor,
    )


def shortage(found: Shortage) -> pb.Shortage:
    """An article of which there is too little, on the wire."""
    return pb.Shortage(sku=found.sku, requested=found.requested, available=found.available)


def delivery(found: Delivery) -> pb.Delivery:
    """A delivery, on the wire."""
    return pb.Delivery(
        name=found.name,
        phone=found.phone,
        country=found.country,
        postcode=found.postcode,
        region=found.region,
        city=found.city,
        district=found.district,
        street=found.street,
        email=found.email,
        wish=pb.DeliveryWish.Value(f"DELIVERY_WISH_{found.wish}"),
    )


def sub_order(found: SubOrder) -> pb.SubOrder:
    """A sub-order, on the wire."""
    return pb.SubOrder(
        sub_order_id=found.sub_order_id,
        merchant_id=found.merchant_id,
        amounts=amounts(found.amounts),
    )


def order_line(found: Line) -> pb.OrderLine:
    """A line of an order, on the wire."""
    return pb.OrderLine(
        line_no=found.line_no,
        sub_order_no=found.sub_order_no,
        sku=found.sku,
        title=found.title,
        quantity=found.quantity,
        unit_price_minor=found.unit_price_minor,
        amount_minor=found.amount_minor,
        location=found.location,
        shipped=found.shipped,
        cancelled=found.cancelled,
        returned=found.returned,
    )


def shipment(found: Shipment) -> pb.Shipment:
    """A parcel, on the wire."""
    return pb.Shipment(
        shipment_id=found.shipment_id,
        order_id=found.order_id,
        sub_order_no=found.sub_order_no,
        state=pb.Shipment.State.Value(found.state),
        location=found.location,
        lines=[
            pb.ShipmentLine(line_no=line.line_no, sku=line.sku, quantity=line.quantity)
            for line in found.lines
        ],
        zone=found.zone,
        wave_id=found.wave_id,
        carrier=found.carrier,
        service=found.service,
        waybill=found.waybill,
        weight_g=found.weight_g,
        freight_minor=found.freight_minor,
        created_at_ms=found.created_at_ms,
        updated_at_ms=found.updated_at_ms,
        shipped_at_ms=found.shipped_at_ms,
        delivered_at_ms=found.delivered_at_ms,
        promised_at_ms=found.promised_at_ms,
        replaces=found.replaces,
    )


def order(found: Order) -> pb.Order:
    """An order with everything that belongs to it, on the wire."""
    return pb.Order(
        tenant=found.tenant,
        order_id=found.order_id,
        source=pb.OrderSource.Value(f"ORDER_SOURCE_{found.source}"),
        order_key=found.order_key,
        state=pb.Order.State.Value(found.state),
        version=found.version,
        buyer_id=found.buyer_id,
        currency=found.currency,
        amounts=amounts(found.amounts),
        payment_method=found.payment_method,
        shortage_policy=pb.ShortagePolicy.Value(f"SHORTAGE_POLICY_{found.shortage_policy}"),
        delivery=delivery(found.delivery),
        sub_orders=[sub_order(part) for part in found.sub_orders],
        lines=[order_line(line) for line in found.lines],
        payments=[payment_message(part) for part in found.payments],
        refunds=[refund_message(part) for part in found.refunds],
        shipments=[shipment(part) for part in found.shipments],
        payment_due_at_ms=found.payment_due_at_ms,
        created_at_ms=found.created_at_ms,
        updated_at_ms=found.updated_at_ms,
        closed_reason=found.closed_reason,
    )


def summary(found: Summary) -> pb.OrderSummary:
    """What a list shows of an order, on the wire."""
    return pb.OrderSummary(
        order_id=found.order_id,
        source=pb.OrderSource.Value(f"ORDER_SOURCE_{found.source}"),
        order_key=found.order_key,
        state=pb.Order.State.Value(found.state),
        buyer_id=found.buyer_id,
        currency=found.currency,
        total_minor=found.total_minor,
        payment_due_at_ms=found.payment_due_at_ms,
        created_at_ms=found.created_at_ms,
        updated_at_ms=found.updated_at_ms,
    )


def remark(found: Remark) -> pb.Remark:
    """An entry of a contact log, on the wire."""
    return pb.Remark(
        remark_id=found.remark_id,
        author=found.author,
        channel=found.channel,
        text=found.text,
        at_ms=found.at_ms,
    )


def timeline_entry(found: HistoryEntry) -> pb.TimelineEntry:
    """Something that happened to an order, on the wire."""
    return pb.TimelineEntry(
        at_ms=found.at_ms,
        version=found.version,
        subject=found.machine,
        part_id=found.part_id,
        event=found.event or "",
        from_state=found.from_state or "",
        to_state=found.to_state or "",
        actor=found.actor,
        why=found.why,
    )


def receipt(found: Receipt) -> pb.Receipt:
    """A receipt, on the wire."""
    return pb.Receipt(
        tenant=found.tenant,
        order_id=found.order_id,
        issued_at_ms=found.issued_at_ms,
        placed_at_ms=found.placed_at_ms,
        currency=found.currency,
        lines=[
            pb.ReceiptLine(
                sku=line.sku,
                title=line.title,
                quantity=line.quantity,
                unit_price_minor=line.unit_price_minor,
                goods_minor=line.goods_minor,
            )
            for line in found.lines
        ],
        amounts=amounts(found.amounts),
        payments=[
            pb.ReceiptPayment(
                payment_id=part.payment_id, method=part.method, captured_minor=part.captured_minor
            )
            for part in found.payments
        ],
        text=found.text,
    )
