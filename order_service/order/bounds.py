"""The most of a thing that an order takes from its callers: one table.

All of an order's parts are loaded with each of its changes, so none of their lists may grow at
will. The service's own parts, such as refunds of what was paid twice, have no such bound: money
goes back however many there are.
"""

from typing import Final, NamedTuple

from msgspec import Struct

from order_service.order.cases import Case
from order_service.order.chargebacks import Chargeback
from order_service.order.intercepts import Intercept
from order_service.order.model import Incident, Order, Payment, Refund, Remark, Shipment
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import ReturnLeg


class Bound(NamedTuple):
    """The bound of one kind of thing."""

    name: str
    things: str
    """As people call them."""
    most: int


BOUNDS: Final[dict[type[Struct], Bound]] = {
    Payment: Bound("payment_attempts_max", "attempts to pay", 20),
    Refund: Bound("refunds_max", "refunds", 100),
    Remark: Bound("remarks_max", "remarks and corrections", 500),
    Shipment: Bound("shipments_max", "parcels", 500),
    Incident: Bound("incidents_max", "incidents", 200),
    Case: Bound("cases_max", "after-sales cases", 100),
    ReturnLeg: Bound("return_legs_max", "returns", 200),
    Intercept: Bound("intercepts_max", "intercepts", 200),
    Chargeback: Bound("chargebacks_max", "chargebacks", 100),
}


def check_room(order: Order, struct: type[Struct]) -> None:
    """Refuses one more part than an order may have. Raises Refused: TOO_MANY."""
    if len(order.parts_of(struct)) >= BOUNDS[struct].most:
        raise too_many(order.order_id, struct)


def too_many(order_id: str, struct: type[Struct]) -> Refused:
    """The refusal of one more thing of a kind."""
    return Refused(RefusalReason.TOO_MANY, order_id=order_id, **BOUNDS[struct]._asdict())
