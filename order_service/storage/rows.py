"""From the model to rows and back: one entry a table.

A row has the values of all columns in their order: on its way in as the driver takes them.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct, structs
from sqlalchemy import Table

from order_service.order.model import (
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
from order_service.order.receipts import Receipt
from order_service.order.records import (
    Review,
    TemperatureReading,
    TrackingEvent,
    TrackingKind,
    Verdict,
)
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)
from order_service.storage import schema, schema_fulfilment, schema_receipts
from order_service.storage.bulk import Row
from order_service.storage.history import entry_from, entry_row
from order_service.storage.parts import part_id, part_no

_encode = msgspec.json.encode
_receipt = msgspec.json.Decoder(Receipt).decode
_delivery = msgspec.json.Decoder(Delivery).decode
_sub_orders = msgspec.json.Decoder(list[tuple[str, Amounts | None]]).decode
_shipment_lines = msgspec.json.Decoder(tuple[ShipmentLine, ...]).decode
_findings = msgspec.json.Decoder(tuple[str, ...]).decode

_SHIPMENT_FIELDS: Final = Shipment.__struct_fields__
_SHIPMENT_STATE: Final = _SHIPMENT_FIELDS.index("state")
_SHIPMENT_LINES: Final = _SHIPMENT_FIELDS.index("lines")
_SHIPMENT_REPLACES: Final = _SHIPMENT_FIELDS.index("replaces")
_SHIPMENT_NOT_YET: Final = [
    _SHIPMENT_FIELDS.index(name)
    for name in (
        "weight_g",
        "freight_minor",
        "shipped_at_ms",
        "delivered_at_ms",
        "promised_at_ms",
        "collected_minor",
    )
]
"""0 in the model, null in the table, until they are known."""


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
        _sub_orders_text(order),
        order.fingerprint,
        order.payment_due_at_ms,
        order.created_at_ms,
        order.updated_at_ms,
        order.closed_reason,
    )


def order_from(row: Sequence[Any]) -> Order:
    """The order of a row, without its parts."""
    amounts = Amounts(*row[9:15])
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
        amounts=amounts,
        payment_method=row[15],
        shortage_policy=ShortagePolicy(row[16]),
        delivery=_delivery(row[17]),
        sub_orders=_sub_orders_from(row[18], row[0], amounts),
        fingerprint=row[19],
        payment_due_at_ms=row[20],
        created_at_ms=row[21],
        updated_at_ms=row[22],
        closed_reason=row[23],
    )


def _sub_orders_text(order: Order) -> str:
    """Merchants and their amounts; a lone one's are the order's, and are not written twice."""
    alone = len(order.sub_orders) == 1 and order.sub_orders[0].amounts == order.amounts
    parts = [(part.merchant_id, None if alone else part.amounts) for part in order.sub_orders]
    return _encode(parts).decode()


def _sub_orders_from(text: str, order_id: str, amounts: Amounts) -> tuple[SubOrder, ...]:
    return tuple(
        SubOrder(f"{order_id}.{number}", merchant_id, own or amounts)
        for number, (merchant_id, own) in enumerate(_sub_orders(text), 1)
    )


class RowKind(NamedTuple):
    """How things of one kind are kept."""

    table: Table
    to_row: Callable[[Any, str], Row]
    """From the thing and the id of its order."""
    from_row: Callable[[Sequence[Any]], Any]


def _plain_row(thing: Struct, _order_id: str) -> Row:
    return structs.astuple(thing)


def _payment_row(payment: Payment, order_id: str) -> Row:
    payment_id, payment_key, _, *values = structs.astuple(payment)
    return (order_id, part_no(payment_id), payment_key, *values)


def _refund_row(refund: Refund, order_id: str) -> Row:
    refund_id, refund_key, _, payment_id, *values = structs.astuple(refund)
    return (order_id, part_no(refund_id), refund_key, part_no(payment_id), *values)


def _incident_row(incident: Incident, order_id: str) -> Row:
    incident_id, _, shipment_id, *values = structs.astuple(incident)
    return (order_id, part_no(incident_id), part_no(shipment_id), *values)


def _event_row(event: TrackingEvent, order_id: str) -> Row:
    carrier, event_id, _, shipment_id, *values = structs.astuple(event)
    return (carrier, event_id, order_id, part_no(shipment_id), *values)


def _line_row(line: Line, order_id: str) -> Row:
    return (order_id, *structs.astuple(line))


def _shipment_row(shipment: Shipment, order_id: str) -> Row:
    values = list(structs.astuple(shipment))
    values[:2] = [order_id, part_no(shipment.shipment_id)]
    values[_SHIPMENT_LINES] = _encode(shipment.lines).decode()
    values[_SHIPMENT_REPLACES] = part_no(shipment.replaces)
    for number in _SHIPMENT_NOT_YET:
        values[number] = values[number] or None
    return tuple(values)


def _task_row(task: Task, _order_id: str) -> Row:
    *values, dead, last_error = structs.astuple(task)
    return (*values, int(dead), last_error)


def _with_json(row: Row, position: int) -> Row:
    return (*row[:position], _encode(row[position]).decode(), *row[position + 1 :])


def _payment_from(row: Sequence[Any]) -> Payment:
    order_id, number, payment_key, state, *values = row
    payment_id = part_id(order_id, "p", number)
    return Payment(payment_id, payment_key, order_id, PaymentState(state), *values)


def _refund_from(row: Sequence[Any]) -> Refund:
    order_id, number, refund_key, payment_no, state, *values = row
    return Refund(
        part_id(order_id, "r", number),
        refund_key,
        order_id,
        part_id(order_id, "p", payment_no),
        RefundState(state),
        *values,
    )


def _shipment_from(row: Sequence[Any]) -> Shipment:
    values = list(row)
    order_id, number = row[:2]
    values[:2] = [part_id(order_id, "s", number), order_id]
    values[_SHIPMENT_STATE] = ShipmentState(row[_SHIPMENT_STATE])
    values[_SHIPMENT_LINES] = _shipment_lines(row[_SHIPMENT_LINES])
    values[_SHIPMENT_REPLACES] = part_id(order_id, "s", row[_SHIPMENT_REPLACES])
    for number in _SHIPMENT_NOT_YET:
        values[number] = values[number] or 0
    return Shipment(*values)


def _task_from(row: Sequence[Any]) -> Task:
    task = Task(*row)
    return structs.replace(task, dead=bool(task.dead))


def _incident_from(row: Sequence[Any]) -> Incident:
    order_id, number, shipment_no, kind, state, *values = row
    return Incident(
        part_id(order_id, "i", number),
        order_id,
        part_id(order_id, "s", shipment_no),
        IncidentKind(kind),
        IncidentState(state),
        *values,
    )


def _review_row(review: Review, _order_id: str) -> Row:
    return _with_json(structs.astuple(review), 3)


def _review_from(row: Sequence[Any]) -> Review:
    return Review(row[0], row[1], Verdict(row[2]), _findings(row[3]), *row[4:])


def _event_from(row: Sequence[Any]) -> TrackingEvent:
    carrier, event_id, order_id, shipment_no, kind, *values = row
    shipment_id = part_id(order_id, "s", shipment_no)
    return TrackingEvent(carrier, event_id, order_id, shipment_id, TrackingKind(kind), *values)


def _reading_row(reading: TemperatureReading, order_id: str) -> Row:
    return (
        order_id,
        part_no(reading.shipment_id),
        reading.sensor,
        reading.read_at_ms,
        reading.millicelsius,
        int(reading.out_of_limits),
    )


def _reading_from(row: Sequence[Any]) -> TemperatureReading:
    order_id, shipment_no, sensor, read_at_ms, millicelsius, out_of_limits = row
    shipment_id = part_id(order_id, "s", shipment_no)
    return TemperatureReading(
        shipment_id, sensor, read_at_ms, order_id, millicelsius, bool(out_of_limits)
    )


def _receipt_row(receipt: Receipt, order_id: str) -> Row:
    return (order_id, receipt.issued_at_ms, _encode(receipt).decode())


def _receipt_from(row: Sequence[Any]) -> Receipt:
    return _receipt(row[2])


# What decisions can add to an order; storage/write.py finds here where it goes.
ROW_KINDS: Final[dict[type, RowKind]] = {
    Line: RowKind(schema.order_lines, _line_row, lambda row: Line(*row[1:])),
    Payment: RowKind(schema.payments, _payment_row, _payment_from),
    Refund: RowKind(schema.refunds, _refund_row, _refund_from),
    Shipment: RowKind(schema.shipments, _shipment_row, _shipment_from),
    HistoryEntry: RowKind(schema.history, entry_row, entry_from),
    Remark: RowKind(schema.remarks, _plain_row, lambda row: Remark(*row)),
    Task: RowKind(schema.tasks, _task_row, _task_from),
    Receipt: RowKind(schema_receipts.receipts, _receipt_row, _receipt_from),
    Incident: RowKind(schema_fulfilment.incidents, _incident_row, _incident_from),
    Review: RowKind(schema_fulfilment.reviews, _review_row, _review_from),
    TrackingEvent: RowKind(schema_fulfilment.tracking_events, _event_row, _event_from),
    TemperatureReading: RowKind(
        schema_fulfilment.temperature_readings, _reading_row, _reading_from
    ),
}
