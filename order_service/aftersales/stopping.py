"""Brings cases and the intercepts of their parcels together, once per draft (拦截). Pure."""

from order_service.aftersales.intercepting import intercept
from order_service.aftersales.moving import move_case
from order_service.fulfilment.coming_back import intercepts_of, leg_of_parcel
from order_service.fulfilment.timers import UNDER_WAY
from order_service.order.cases import Case, CaseEvent, CaseState
from order_service.order.draft import Draft
from order_service.order.intercepts import InterceptState
from order_service.order.model import Order, Shipment
from order_service.order.return_legs import NEVER_DELIVERED, ReturnLeg

_S, _E = CaseState, CaseEvent
_COMES = (InterceptState.ACCEPTED, InterceptState.BACK)
_GOES_ON = (InterceptState.REFUSED, InterceptState.TOO_LATE)


def follow_stops(draft: Draft, case: Case) -> None:
    """Asks for the parcels of a case that is to be stopped, and moves it as their carriers answer.

    Their legs bring the goods of the case from then on.
    """
    order = draft.order
    parcels = _left(order, case)
    if not parcels:
        return
    if case.state is _S.STOPPING:
        for shipment in parcels:
            if shipment.state in UNDER_WAY and not intercepts_of(order, shipment.shipment_id):
                intercept(draft, shipment.shipment_id, f"for {case.case_id}")
        if all(_comes_back(order, each) for each in parcels):
            move_case(draft, case, _E.TURNED, "its carrier brings it back")
        elif any(_goes_on(order, each) for each in parcels):
            move_case(draft, case, _E.NOT_STOPPED, "its carrier does not bring it back")
    if case.state is not _S.RETURNING:
        return
    for shipment in parcels:
        leg = leg_of_parcel(order, shipment.shipment_id)
        if leg is not None and not leg.case_id:
            draft.update(leg, case_id=case.case_id)
    if any(_goes_on(order, each) for each in parcels):
        move_case(draft, case, _E.LOSE, "its carrier did not bring it back after all")


def were_stopped(legs: list[ReturnLeg]) -> bool:
    """Whether legs are those of parcels that their buyer never had."""
    return bool(legs) and all(leg.kind in NEVER_DELIVERED for leg in legs)


def _left(order: Order, case: Case) -> list[Shipment]:
    """The parcels of a case that have left."""
    names = {line.shipment_id: None for line in case.lines if line.shipment_id}
    return [order.shipment(name) for name in names if order.shipment(name).shipped_at_ms]


def _comes_back(order: Order, shipment: Shipment) -> bool:
    asked = intercepts_of(order, shipment.shipment_id)
    turned = leg_of_parcel(order, shipment.shipment_id) is not None
    return turned or bool(asked and asked[-1].state in _COMES)


def _goes_on(order: Order, shipment: Shipment) -> bool:
    asked = intercepts_of(order, shipment.shipment_id)
    turned = leg_of_parcel(order, shipment.shipment_id) is not None
    return not turned and bool(asked and asked[-1].state in _GOES_ON)
