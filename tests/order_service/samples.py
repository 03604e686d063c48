"""Orders to begin a test with."""

from typing import Any

from order_service.order.model import Incident, IncidentKind, Line, Order, Payment
from order_service.order.parts import PART_KINDS, order_id_of
from order_service.order.placed import Amounts, Delivery, ShortagePolicy, Source, SubOrder
from order_service.order.states import IncidentState, OrderState, PaymentState

DELIVERY = Delivery(
    name="Li Na",
    phone="+8613812345678",
    country="CN",
    postcode="200000",
    region="Shanghai",
    city="Shanghai",
    district="Huangpu",
    street="1 Nanjing Road",
    email="li.na@example.com",
)


def id_of(name: str) -> str:
    """An order id for a name of up to nine capitals: ids are in the order of their names."""
    return "4" + "".join(f"{ord(letter) - 32:02}" for letter in name).ljust(18, "0")


A, B, C = map(id_of, "ABC")


def order(order_id: str = A, **values: Any) -> Order:
    """A new order of two units at 500 each, to be sent for 100."""
    amounts = Amounts(1_000, 0, 0, 100, 0, 1_100)
    made = Order(
        order_id=order_id,
        tenant="default",
        source=Source.WEB,
        order_key=f"key-{order_id}",
        state=OrderState.RESERVING,
        version=0,
        buyer_id="buyer-1",
        currency="CNY",
        amounts=amounts,
        payment_method="SANDBOX",
        shortage_policy=ShortagePolicy.ALL_OR_NOTHING,
        delivery=DELIVERY,
        sub_orders=(SubOrder(f"{order_id}.1", "merchant-1", amounts),),
        fingerprint=b"f",
        payment_due_at_ms=0,
        created_at_ms=2_000_000_000_000,
        updated_at_ms=2_000_000_000_000,
        lines=[Line(1, 0, "SKU-1", "A thing", 2, 500, 1_000)],
    )
    return with_values(made, **values)


def with_values(found: Order, **values: Any) -> Order:
    """The order with other values of its fields; `payments` and so on are its parts."""
    for name, value in values.items():
        struct = next((kind.struct for kind in PART_KINDS.values() if kind.table == name), None)
        if struct is None:
            setattr(found, name, value)
            continue
        found.parts.pop(struct, None)
        for part in value:
            found.add(part)
    return found


def payment(payment_id: str = f"{A}-p1", **values: Any) -> Payment:
    """A new attempt to pay 1,100."""
    made = Payment(
        payment_id=payment_id,
        payment_key=payment_id,
        order_id=order_id_of(payment_id),
        state=PaymentState.CREATED,
        method="SANDBOX",
        provider="sandbox",
        provider_ref="",
        amount_minor=1_100,
        captured_minor=0,
        captured_currency="",
        captured_at_ms=0,
        refunded_minor=0,
        created_at_ms=2_000_000_000_000,
        updated_at_ms=2_000_000_000_000,
    )
    for name, value in values.items():
        setattr(made, name, value)
    return made


def incident(kind: IncidentKind = IncidentKind.LOSS) -> Incident:
    """Something that has gone wrong with the first parcel."""
    return Incident(
        incident_id=f"{A}-i1",
        order_id=A,
        shipment_id=f"{A}-s1",
        kind=kind,
        state=IncidentState.OPEN,
        owner="carrier-desk",
        opened_at_ms=2_000_000_000_000,
        due_at_ms=2_000_086_400_000,
        settled_at_ms=0,
        updated_at_ms=2_000_000_000_000,
    )
