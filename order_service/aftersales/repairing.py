"""Repairs: the same piece comes in, is mended, and goes to its buyer again (维修). Pure.

No stock moves: the piece stays its buyer's, unless it cannot be mended and its money goes back.
"""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from msgspec import structs

from order_service.aftersales.legs import count_returned, legs_of_case
from order_service.aftersales.moving import case_in, move_case
from order_service.order.cases import CASE, Case, CaseEvent, CaseKind, CaseState
from order_service.order.draft import Draft
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.return_legs import LEG, Fate, LegEvent, LegState, ReturnLeg
from order_service.order.tasks import TakeIn


class RepairStep(StrEnum):
    """The steps of a repair."""

    MENDED = "MENDED"
    """Works again, and goes to its buyer."""
    BEYOND_REPAIR = "BEYOND_REPAIR"
    """Cannot be mended: the buyer chooses."""
    DELIVERED = "DELIVERED"
    """With its buyer again."""


_S, _E, _R = CaseState, CaseEvent, RepairStep
_EVENTS: Final = {
    _R.MENDED: _E.REPLACE,
    _R.BEYOND_REPAIR: _E.STOCK_GONE,
    _R.DELIVERED: _E.DELIVER,
}
_DONE_IN: Final = {
    _R.MENDED: (_S.REPLACING, _S.DONE),
    _R.BEYOND_REPAIR: (_S.WITH_BUYER,),
    _R.DELIVERED: (_S.DONE,),
}


def record_repair(
    draft: Draft, case_id: str, step: RepairStep, serials: Sequence[str], why: str
) -> tuple[Case, bool]:
    """The workshop says how far a repair is; returns whether it had said so before.

    With MENDED `serials` are those of the pieces that go out. Raises Refused: NOT_FOUND,
    WRONG_STATE, WRONG_CONTENT for other pieces than came in.
    """
    case = case_in(draft.order, case_id)
    if case.kind is not CaseKind.REPAIR:
        detail = f"{case_id} is a case of {case.kind}: nothing of it is repaired"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    legs = legs_of_case(draft.order, case_id)
    if step is _R.MENDED:
        _check_serials(case, legs, serials)
    event = _EVENTS[step]
    is_turn = case.state is (_S.REPLACING if step is _R.DELIVERED else _S.REPAIRING)
    if not is_turn or not CASE.allows(case.state, event):
        if case.state in _DONE_IN[step]:
            return case, True
        raise wrong_state("case", case_id, case.state, step)
    move_case(draft, case, event, why or step)
    for leg in legs if step is _R.MENDED else ():
        if LEG.allows(leg.state, LegEvent.SEND_BACK):
            draft.move(leg, LegEvent.SEND_BACK, "mended")
    return case, False


def take_beyond_repair(draft: Draft, case: Case) -> None:
    """Scraps pieces that could not be mended once their money goes back."""
    for leg in legs_of_case(draft.order, case.case_id):
        mended = [group for group in leg.judged if group.accepted and group.fate is None]
        if leg.state is not LegState.INSPECTED or not mended:
            continue
        draft.update(
            leg,
            judged=tuple(
                structs.replace(group, fate=Fate.SCRAP) if group in mended else group
                for group in leg.judged
            ),
        )
        draft.note("beyond repair: its money goes back, and it is scrapped", leg)
        count_returned(draft, leg)
        draft.send(TakeIn(leg.leg_id))


def _check_serials(case: Case, legs: Sequence[ReturnLeg], serials: Sequence[str]) -> None:
    """Refuses other pieces than came in. Raises Refused: WRONG_CONTENT."""
    came = Counter(
        serial for leg in legs for group in leg.judged if group.accepted for serial in group.serials
    )
    goes = Counter(serials)
    wrong = [f"{serial} did not come in" for serial in sorted(goes - came)]
    wrong += [f"{serial} came in, and does not go out" for serial in sorted(came - goes)]
    if wrong:
        raise Refused(RefusalReason.WRONG_CONTENT, detail=f"{case.case_id}: {'; '.join(wrong)}")
