"""The inspection of goods that came back: what is accepted, and what becomes of it (质检). Pure.

Stock follows the inspection by a task; money follows what was accepted. Neither waits for the
other, and each comes once.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from order_service.aftersales.legs import KEPT_MS, count_returned, keep_timer, leg_in
from order_service.fulfilment.incidents import not_closed
from order_service.fulfilment.resolving import resolve
from order_service.order.cases import Case, CaseKind
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Order
from order_service.order.refund_amounts import upto_minor
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.return_legs import (
    LEG,
    NEVER_DELIVERED,
    NOT_HERE,
    Judged,
    LegEvent,
    ReturnLeg,
    units_by_line,
)
from order_service.order.states import IncidentEvent, IncidentState
from order_service.order.tasks import TakeIn
from order_service.payment.undisputed import open_chargebacks


class LegAnswer(NamedTuple):
    """The answer to a command on a leg."""

    leg: ReturnLeg
    replayed: bool
    """Whether it was carried out before, and its answer was lost."""
    refused: Refused | None = None
    """Why it was not carried out, where something that has lapsed is to be written."""


def inspect(draft: Draft, leg_id: str, groups: Sequence[Judged]) -> LegAnswer:
    """ARRIVED becomes INSPECTED: each expected unit is in one group.

    Raises Refused: NOT_FOUND, WRONG_STATE, and WRONG_CONTENT for groups that do not make up the
    leg, or that cannot be accepted or refused.
    """
    leg = leg_in(draft.order, leg_id)
    judged = tuple(_named(leg, group) for group in groups)
    if leg.inspected_at_ms and leg.judged == judged:
        return LegAnswer(leg, replayed=True)
    if not LEG.allows(leg.state, LegEvent.INSPECT):
        raise wrong_state("return", leg_id, leg.state, LegEvent.INSPECT)
    _check_complete(leg, judged)
    for group in judged:
        _check_sensible(draft.order, leg, group)
    draft.update(leg, judged=judged, inspected_at_ms=draft.now_ms)
    draft.move(leg, LegEvent.INSPECT, _summary(judged))
    count_returned(draft, leg)
    if leg.ours:
        draft.send(TakeIn(leg_id))
    if leg.kept:
        keep_timer(draft, leg, draft.now_ms + KEPT_MS)
    if leg.kind in NEVER_DELIVERED:
        _give_money_back(draft, leg)
    return LegAnswer(leg, replayed=False)


def _named(leg: ReturnLeg, group: Judged) -> Judged:
    """A group with the article and the parcel of its units, where only one can be meant."""
    meant = [
        line
        for line in leg.lines
        if line.line_no == group.line_no and group.shipment_id in ("", line.shipment_id)
    ]
    if len(meant) != 1 or group.sku not in ("", meant[0].sku):
        return group
    return structs.replace(group, sku=meant[0].sku, shipment_id=meant[0].shipment_id)


def _check_complete(leg: ReturnLeg, judged: Sequence[Judged]) -> None:
    expected, got = units_by_line(leg.lines), units_by_line(judged)
    for group in judged:
        if not any((line.line_no, line.sku) == (group.line_no, group.sku) for line in leg.lines):
            detail = f"line {group.line_no} of {leg.leg_id} is not of {group.sku or 'this return'}"
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    wrong = [
        f"line {line_no}: {expected[line_no, parcel]} units of it were sent back"
        f"{f' of {parcel}' if parcel else ''}, {got[line_no, parcel]} are judged"
        for line_no, parcel in sorted(expected.keys() | got.keys())
        if expected[line_no, parcel] != got[line_no, parcel]
    ]
    if wrong:
        detail = "; ".join(wrong) + ". Judge each unit once; one that did not come is MISSING"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _check_sensible(order: Order, leg: ReturnLeg, group: Judged) -> None:
    about = f"line {group.line_no}, {group.quantity} units {group.condition}"
    ours, repairs = leg.kind in NEVER_DELIVERED, _is_for_repair(order, leg)
    line = next(line for line in order.lines if line.line_no == group.line_no)
    most_minor = 0 if ours else upto_minor(line, group.quantity)
    problem = ""
    if group.accepted and group.condition in NOT_HERE:
        problem = "what did not come cannot be accepted"
    elif repairs and (group.fate is not None or group.deduction_minor):
        problem = "what is repaired stays its buyer's: no disposition, and no deduction"
    elif group.accepted and group.fate is None and not repairs:
        problem = "say what becomes of it: RESELLABLE, REFURBISH, SUPPLIER or SCRAP"
    elif not group.accepted and (group.fate is not None or group.deduction_minor):
        problem = "what is not accepted has no disposition and no deduction"
    elif not group.accepted and ours and group.condition not in NOT_HERE:
        problem = "its buyer never had it, so it is accepted in whatever condition it is"
    elif not 0 <= group.deduction_minor <= most_minor:
        problem = f"deduction_minor is from 0 to {most_minor}, not {group.deduction_minor}"
    if len(group.serials) not in (0, group.quantity):
        problem = f"{group.quantity} units have {group.quantity} serial numbers, or none"
    if problem:
        raise Refused(RefusalReason.WRONG_CONTENT, detail=f"{about}: {problem}")


def _is_for_repair(order: Order, leg: ReturnLeg) -> bool:
    cases = order.parts_of(Case)
    return any(each.case_id == leg.case_id and each.kind is CaseKind.REPAIR for each in cases)


def _give_money_back(draft: Draft, leg: ReturnLeg) -> None:
    """Sends back the money of a parcel that its buyer never had, unless that was decided before.

    While a bank decides nothing can go back: the parcel's incident waits as long.
    """
    if open_chargebacks(draft.order):
        return
    for incident in not_closed(draft, draft.order.shipment(leg.shipment_id)):
        if incident.kind is IncidentKind.RETURN and incident.state is IncidentState.OPEN:
            why = f"{leg.leg_id} was inspected"
            resolve(draft, incident.incident_id, IncidentEvent.REFUND, why)
            return


def _summary(judged: Sequence[Judged]) -> str:
    units: Counter[str] = Counter()
    for group in judged:
        units[f"{group.condition} {group.fate if group.accepted else 'not accepted'}"] += (
            group.quantity
        )
    return ", ".join(f"{count} {what}" for what, count in sorted(units.items()))
