"""Where the units of a case are, and what granting a case of a kind can mean. Pure."""

from collections.abc import Iterable, Mapping
from typing import Final

from order_service.aftersales.policy.windows import Stage
from order_service.order.cases import Case, CaseEvent, CaseKind, CaseLine
from order_service.order.model import Order, Shipment
from order_service.order.states import ShipmentState

_K, _E = CaseKind, CaseEvent
_S = ShipmentState

GRANTS: Final[Mapping[CaseKind, tuple[CaseEvent, ...]]] = {
    _K.REFUND_ONLY: (_E.REFUND, _E.STOP),
    _K.RETURN_REFUND: (_E.TAKE_BACK, _E.REFUND),
    _K.REPAIR: (_E.TAKE_BACK, _E.REFUND),
    _K.PRICE_DIFFERENCE: (_E.REFUND,),
}
"""The kinds that are served, and the approving events that fit each.

Of the others, EXCHANGE and RESEND, nobody sends the goods: they are not taken.
"""
FOR_MONEY: Final = frozenset({_K.REFUND_ONLY, _K.RETURN_REFUND, _K.PRICE_DIFFERENCE})
"""The kinds whose buyers want money."""
_STAGE_OF: Final[Mapping[ShipmentState, Stage]] = {
    _S.PLANNED: Stage.NOT_PICKED,
    _S.PICKED: Stage.IN_WAREHOUSE,
    _S.PACKED: Stage.IN_WAREHOUSE,
    _S.LABELLED: Stage.IN_WAREHOUSE,
    _S.SHIPPED: Stage.UNDER_WAY,
    _S.IN_TRANSIT: Stage.UNDER_WAY,
    _S.OUT_FOR_DELIVERY: Stage.OUT_FOR_DELIVERY,
    _S.DELIVERED: Stage.RECEIVED,
    _S.DAMAGED: Stage.RECEIVED,
}
_NEAREST_LAST: Final = tuple(Stage)


def stage_in(shipment: Shipment) -> Stage | None:
    """Where the units of a parcel are; None where nobody has them, or they come back."""
    stage = _STAGE_OF.get(shipment.state)
    if stage is Stage.RECEIVED and not shipment.delivered_at_ms:
        return None  # damaged on its way
    return stage


def stage_of(order: Order, lines: Iterable[CaseLine]) -> Stage:
    """Where the units of a case are; the furthest from the warehouse where they differ."""
    found = [
        stage_in(order.shipment(line.shipment_id)) if line.shipment_id else Stage.NOT_PICKED
        for line in lines
    ]
    known = [stage for stage in found if stage is not None]
    return max(known, key=_NEAREST_LAST.index, default=Stage.RECEIVED)


def costs_more(case: Case, worth_minor: int) -> bool:
    """Whether the buyer has to pay before the goods of a case go."""
    return case.kind is CaseKind.EXCHANGE and case.price_minor > worth_minor
