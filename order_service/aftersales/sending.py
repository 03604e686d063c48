"""The buyer announces goods that come back. Pure."""

from order_service.aftersales.acting import look_at_case
from order_service.aftersales.inspecting import LegAnswer
from order_service.aftersales.legs import leg_in
from order_service.aftersales.moving import case_in, lapsed_before, too_late
from order_service.aftersales.policy.finding import time_text
from order_service.aftersales.terms import Terms
from order_service.order.cases import CaseEvent
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.return_legs import LEG, NEVER_DELIVERED, LegEvent, LegState, ReturnLeg


def announce(draft: Draft, leg_id: str, carrier: str, waybill: str, terms: Terms) -> LegAnswer:
    """The buyer has sent the goods of a leg: EXPECTED becomes ON_ITS_WAY.

    Until it is here another waybill corrects the first. Raises Refused: NOT_FOUND, WRONG_STATE,
    WRONG_CONTENT; what is TOO_LATE is answered.
    """
    leg = leg_in(draft.order, leg_id)
    look_at_case(draft, terms)
    if leg.kind in NEVER_DELIVERED:
        detail = f"{leg_id} comes back as {leg.shipment_id}, under that parcel's own waybill"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    if leg.sent_at_ms and (leg.carrier, leg.waybill) == (carrier, waybill):
        return LegAnswer(leg, replayed=True)
    if leg.state is LegState.ON_ITS_WAY:
        draft.note(f"its waybill is another: it goes with {carrier}", leg)
    elif LEG.allows(leg.state, LegEvent.SEND):
        draft.move(leg, LegEvent.SEND, f"with {carrier}")
        draft.update(leg, sent_at_ms=draft.now_ms)
    else:
        late = _too_late(draft.order, leg, terms)
        if late is not None:
            return LegAnswer(leg, replayed=False, refused=late)
        raise wrong_state("return", leg_id, leg.state, LegEvent.SEND)
    draft.update(leg, carrier=carrier, waybill=waybill)
    return LegAnswer(leg, replayed=False)


def _too_late(order: Order, leg: ReturnLeg, terms: Terms) -> Refused | None:
    """The refusal of goods whose case was closed because they were not sent in time."""
    if not leg.case_id or leg.state is not LegState.NEVER_SENT:
        return None
    case = case_in(order, leg.case_id)
    if not lapsed_before(case, CaseEvent.SENT):
        return None
    zone = terms.policy_of(order, case).word("window.zone")
    return too_late(case, CaseEvent.SENT, time_text(case.entered_at_ms, zone))
