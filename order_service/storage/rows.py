"""From the model to rows and back: one entry a table.

A row has the values of all columns in their order: on its way in as the driver takes them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Table

from order_service.fulfilment.records import (
    Review,
    TemperatureReading,
    TrackingEvent,
    TrackingKind,
    Verdict,
)
from order_service.model import (
    Amounts,
    Delivery,
    HistoryEntry,
    Incident,
    IncidentKind,
    Line,
    Order,
    Payment,
    Refund,
    Remark,
    Shipment,
    ShipmentLine,
    ShortagePolicy,
    Source,
    SubOrder,
    Task,
)
from order_service.receipts import Receipt
from order_service.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)
from order_service.storage import schema, schema_fulfilment, schema_receipts
from order_service.storage.bulk import Row
from order_service.storage.history import entry_from, entry_row

_encode = msgspec.json.encode
_receipt = msgspec.json.Decoder(Receipt).decode
_delivery = msgspec.json.Decoder(Delivery).decode
_sub_orders = msgspec.json.Decoder(tuple[SubOrder, ...]).decode
_shipment_lines = msgspec.json.Decoder(tuple[ShipmentLine, ...]).decode
_findings = msgspec.json.Decoder(tuple[str, ...]).decode


def order_row(order: Order) -> Row:
    """The row of an order, parts aside."""
    amounts = order.amounts
    return (
        order.order_id,
        order.tenant,
        order.source,
        order.order_key,
        order.state,
        order.version,
        order.seal,
        order.buyer_id,
        order.currency,
        amounts.goods_minor,
        amounts.discount_minor,
        amounts.coupon_minor,
        amounts.freight_minor,
        amounts.tax_minor,
        amounts.total_minor,
        order.payment_method,
        order.shortage_policy,
        _encode(order.delivery).decode(),
        _encode(order.sub_orders).decode(),
        order.fingerprint,
        order.payment_due_at_ms,
        order.created_at_ms,
        order.updated_at_ms,
        order.closed_reason,
    )


def order_from(row: Sequence[Any]) -> Order:
    """The order of a row, without its parts."""
    return Order(
        order_id=row[0],
        tenant=row[1],
        source=Source(row[2]),
        order_key=row[3],
        state=OrderState(row[4]),
        version=row[5],
        seal=row[6],
        buyer_id=row[7],
        currency=row[8],
        amounts=Amounts(*row[9:15]),
        payment_method=row[15],
        shortage_policy=ShortagePolicy(row[16]),
        delivery=_delivery(row[17]),
        sub_orders=_sub_orders(row[18]),
        fingerprint=row[19],
        payment_due_at_ms=row[20],
        created_at_ms=row[21],
        updated_at_ms=row[22],
        closed_reason=row[23],
    )


class RowKind(NamedTuple):
    """How things of one kind are kept."""

    table: Table
    to_row: Callable[[Any, str], Row]
    """From the thing and the id of its order."""
    from_row: Callable[[Sequence[Any]], Any]


def _plain_row(thing: Struct, _order_id: str) -> Row:
    return structs.astuple(thing)


def _line_row(line: Line, order_id: str) -> Row:
    return (order_id, *structs.astuple(line))


def _shipment_row(shipment: Shipment, _order_id: str) -> Row:
    return _with_json(structs.astuple(shipment), 5)


def _task_row(task: Task, _order_id: str) -> Row:
    *values, dead, last_error = structs.astuple(task)
    return (*values, int(dead), last_error)


def _with_json(row: Row, position: int) -> Row:
    return (*row[:position], _encode(row[position]).decode(), *row[position + 1 :])


def _payment_from(row: Sequence[Any]) -> Payment:
    return Payment(row[0], row[1], row[2], PaymentState(row[3]), *row[4:])


def _refund_from(row: Sequence[Any]) -> Refund:
    return Refund(row[0], row[1], row[2], row[3], RefundState(row[4]), *row[5:])


def _shipment_from(row: Sequence[Any]) -> Shipment:
    values = list(row)
    values[3] = ShipmentState(row[3])
    values[5] = _shipment_lines(row[5])
    return Shipment(*values)


def _task_from(row: Sequence[Any]) -> Task:
    task = Task(*row)
    return structs.replace(task, dead=bool(task.dead))


def _incident_from(row: Sequence[Any]) -> Incident:
    values = list(row)
    values[3] = IncidentKind(row[3])
    values[4] = IncidentState(row[4])
    return Incident(*values)


def _review_row(review: Review, _order_id: str) -> Row:
    return _with_json(structs.astuple(review), 3)


def _review_from(row: Sequence[Any]) -> Review:
    return Review(row[0], row[1], Verdict(row[2]), _findings(row[3]), *row[4:])


def _event_from(row: Sequence[Any]) -> TrackingEvent:
    values = list(row)
    values[4] = TrackingKind(row[4])
    return TrackingEvent(*values)


def _reading_row(reading: TemperatureReading, _order_id: str) -> Row:
    *values, out_of_limits = structs.astuple(reading)
    return (*values, int(out_of_limits))


def _reading_from(row: Sequence[Any]) -> TemperatureReading:
    reading = TemperatureReading(*row)
    return structs.replace(reading, out_of_limits=bool(reading.out_of_limits))


def _receipt_row(receipt: Receipt, order_id: str) -> Row:
    return (order_id, receipt.issued_at_ms, _encode(receipt).decode())


def _receipt_from(row: Sequence[Any]) -> Receipt:
    return _receipt(row[2])


# What decisions can add to an order; storage/write.py finds here where it goes.
ROW_KINDS: Final[dict[type, RowKind]] = {
    Line: RowKind(schema.order_lines, _line_row, lambda row: Line(*row[1:])),
    Payment: RowKind(schema.payments, _plain_row, _payment_from),
    Refund: RowKind(schema.refunds, _plain_row, _refund_from),
    Shipment: RowKind(schema.shipments, _shipment_row, _shipment_from),
    HistoryEntry: RowKind(schema.history, entry_row, entry_from),
    Remark: RowKind(schema.remarks, _plain_row, lambda row: Remark(*row)),
    Task: RowKind(schema.tasks, _task_row, _task_from),
    Receipt: RowKind(schema_receipts.receipts, _receipt_row, _receipt_from),
    Incident: RowKind(schema_fulfilment.incidents, _plain_row, _incident_from),
    Review: RowKind(schema_fulfilment.reviews, _review_row, _review_from),
    TrackingEvent: RowKind(schema_fulfilment.tracking_events, _plain_row, _event_from),
    TemperatureReading: RowKind(
        schema_fulfilment.temperature_readings, _reading_row, _reading_from
    ),
}
