"""Brings cases and the legs of their goods together, once per draft (退货退款). Pure.

Decisions say what happened to a case or to a leg; here the other one follows. What came is what is
paid for: units that end differently move to a case of their own.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import structs

from order_service.aftersales.legs import legs_of_case
from order_service.aftersales.moving import move_case
from order_service.aftersales.opening import never_sent, open_leg
from order_service.aftersales.paying import worth_minor
from order_service.aftersales.repairing import take_beyond_repair
from order_service.aftersales.stopping import follow_stops, were_stopped
from order_service.order.cases import (
    CASE,
    Case,
    CaseEvent,
    CaseKind,
    CaseLine,
    CaseRole,
    CaseState,
    Proposal,
)
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.return_legs import (
    LEG,
    Condition,
    Judged,
    LegEvent,
    LegKind,
    LegLine,
    LegState,
    ReturnLeg,
    units_by_line,
)
from order_service.payment.paying_back import OWN

_S, _E = CaseState, CaseEvent
_ACCEPTED: Final = {CaseKind.REPAIR: _E.REPAIR, CaseKind.EXCHANGE: _E.REPLACE}
"""The event of a case whose goods were accepted, where it is not REFUND."""
_IS_HERE: Final = frozenset({LegState.ARRIVED, LegState.INSPECTED})


def follow_returns(draft: Draft) -> None:
    """Opens, moves and ends legs and cases after one another. To be called on each draft."""
    for case in list(draft.order.parts_of(Case)):
        if case.kind is CaseKind.REFUND_ONLY:
            follow_stops(draft, case)
        leg = leg_of_case(draft.order, case)
        if case.state is _S.AWAITING_RETURN and (leg is None or leg.state is LegState.NEVER_SENT):
            leg = _unannounced(draft, case) or open_leg(
                draft, case.case_id, _expected(case), f"for {case.case_id}"
            )
        if leg is not None:
            _follow_case(draft, case, leg)
            _follow_leg(draft, case, leg)


def leg_of_case(order: Order, case: Case) -> ReturnLeg | None:
    """The newest leg that brings the goods of a case."""
    legs = legs_of_case(order, case.case_id)
    return legs[-1] if legs else None


def _unannounced(draft: Draft, case: Case) -> ReturnLeg | None:
    """The goods of a case that came before anybody asked: their leg is the case's from now on."""
    wanted = units_by_line(_expected(case))
    for leg in draft.order.parts_of(ReturnLeg):
        is_free = leg.kind is LegKind.UNANNOUNCED and not leg.case_id
        if is_free and units_by_line(leg.lines) == wanted:
            draft.update(leg, case_id=case.case_id)
            return leg
    return None


def _expected(case: Case) -> list[LegLine]:
    return [LegLine(line.line_no, line.sku, line.quantity, line.shipment_id) for line in case.lines]


def _follow_case(draft: Draft, case: Case, leg: ReturnLeg) -> None:
    """Moves a leg after its case."""
    if case.state is _S.CLOSED:
        never_sent(draft, leg, f"{case.case_id} is closed")
    if case.kind is CaseKind.REPAIR and case.state in (_S.REFUNDING, _S.DONE):
        take_beyond_repair(draft, case)
    was_late = case.lapsed_from == _S.RETURNING and case.state is _S.WITH_SERVICE
    if was_late and LEG.allows(leg.state, LegEvent.LOSE):
        draft.move(leg, LegEvent.LOSE, "it did not come in time")


def _follow_leg(draft: Draft, case: Case, leg: ReturnLeg) -> None:
    """Moves a case after its leg."""
    about = f"{leg.leg_id} is {leg.state}"
    if leg.sent_at_ms and case.state is _S.AWAITING_RETURN:
        move_case(draft, case, _E.SENT, about)
    if leg.state is LegState.LOST and case.state is _S.RETURNING:
        move_case(draft, case, _E.LOSE, about)
    legs = legs_of_case(draft.order, case.case_id)
    # A case that was sent on after its inspection does not go back to it.
    is_new = leg.state is LegState.ARRIVED or case.state in (_S.AWAITING_RETURN, _S.RETURNING)
    is_here = all(each.state in _IS_HERE for each in legs)
    if is_here and is_new and CASE.allows(case.state, _E.ARRIVE):
        move_case(draft, case, _E.ARRIVE, about)
    if case.state is _S.INSPECTING and were_stopped(legs):
        move_case(draft, case, _E.REFUND, "its buyer never had it")
    elif leg.state is LegState.INSPECTED and case.state is _S.INSPECTING:
        _conclude(draft, case, leg)


def _conclude(draft: Draft, case: Case, leg: ReturnLeg) -> None:
    """Ends a case as its goods were judged: each part of them that ends alike is one case.

    Units that did not come are waited for once more. Those that were not accepted are rejected, and
    a deduction is proposed to the buyer.
    """
    whole = [group for group in leg.judged if group.accepted and not group.deduction_minor]
    reduced = [group for group in leg.judged if group.accepted and group.deduction_minor]
    missing = [group for group in leg.judged if group.condition is Condition.MISSING]
    refused = [
        group
        for group in leg.judged
        if not group.accepted and group.condition is not Condition.MISSING
    ]
    parts = [part for part in (whole, *([each] for each in reduced), refused, missing) if part]
    first, *others = parts
    for part in others:
        _end(draft, _split(draft, case, part), part, is_split=True)
    if others:
        draft.update(case, lines=tuple(_case_lines(first)))
    _end(draft, case, first, is_split=False)


def _end(draft: Draft, case: Case, part: list[Judged], *, is_split: bool) -> None:
    """Moves a case, of which all units were judged alike, to where that leads."""
    found = part[0]
    if found.condition is Condition.MISSING and is_split:
        move_case(draft, case, _E.TAKE_BACK, "it was not in the parcel: it is waited for")
        return
    if is_split:
        move_case(draft, case, _E.ARRIVE, f"it came with the goods of {case.split_from}")
    if not found.accepted:
        move_case(draft, case, _E.REJECT, f"{found.condition}, and not accepted")
    elif found.deduction_minor:
        _propose(draft, case, found.deduction_minor)
    else:
        move_case(draft, case, _ACCEPTED.get(case.kind, _E.REFUND), "accepted")


def _propose(draft: Draft, case: Case, deduction_minor: int) -> None:
    """Proposes the money of units to the buyer, less what their condition takes off."""
    amount_minor = max(1, worth_minor(draft.order, case.lines) - deduction_minor)
    proposal = Proposal(_E.REFUND, amount_minor, CaseRole.WAREHOUSE, draft.now_ms)
    draft.update(case, proposals=(*case.proposals, proposal))
    move_case(draft, case, _E.ASK_BUYER, "their condition takes something off")


def _split(draft: Draft, case: Case, part: Iterable[Judged]) -> Case:
    """Moves units of a case to a new one, which has the rest in common with it."""
    case_id = draft.next_part_id(Case)
    split = structs.replace(
        case,
        case_id=case_id,
        case_key=f"{OWN}{case_id}",
        state=CaseState(CASE.first),
        lines=tuple(_case_lines(part)),
        split_from=case.case_id,
        proposals=(),
        wanted_minor=0,
        granted_minor=0,
        deadline_at_ms=0,
        lapsed_from="",
        evidence=0,
        created_at_ms=draft.now_ms,
        entered_at_ms=draft.now_ms,
    )
    draft.add(split, f"units of {case.case_id} that end differently")
    return split


def _case_lines(part: Iterable[Judged]) -> list[CaseLine]:
    """The units of a part, each order line and parcel once."""
    units: dict[tuple[int, str, str], int] = {}
    for group in part:
        at = (group.line_no, group.sku, group.shipment_id)
        units[at] = units.get(at, 0) + group.quantity
    return [
        CaseLine(line_no, sku, quantity, shipment_id)
        for (line_no, sku, shipment_id), quantity in units.items()
    ]
