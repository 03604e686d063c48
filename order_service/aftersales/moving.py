"""Moves cases, and keeps their deadlines: one timer a case. Pure.

An act is in time before a deadline. Every decision first applies what has lapsed, dated at its
deadline, so that a late timer changes nothing.
"""

from collections.abc import Callable
from typing import Final

from msgspec import structs

from order_service.aftersales.paying import worth_minor
from order_service.aftersales.policy.deadlines import Lapsing, own_event
from order_service.aftersales.policy.deadlines import deadline_does as lapsing_does
from order_service.aftersales.stages import costs_more, stage_of
from order_service.aftersales.terms import Terms
from order_service.order.cases import CASE, Case, CaseEvent, CaseState, ProposalAnswer
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import LegState, ReturnLeg
from order_service.order.tasks import CaseDue, todos

_E = CaseEvent
LAPSES_MAX: Final = 1_000
"""More deadlines than the cases of an order can pass in one go."""
_HERE: Final = frozenset({LegState.ARRIVED, LegState.INSPECTED})


def case_in(order: Order, case_id: str) -> Case:
    """A case of an order. Raises Refused: NOT_FOUND."""
    for case in order.parts_of(Case):
        if case.case_id == case_id:
            return case
    raise Refused(RefusalReason.NOT_FOUND, thing="case", name=case_id)


def move_case(draft: Draft, case: Case, event: CaseEvent, why: str = "") -> None:
    """Moves a case by an event; what follows is derived by `follow`. Raises IllegalMove."""
    draft.move(case, event, why)
    draft.update(
        case, entered_at_ms=draft.now_ms, deadline_at_ms=0, lapsed_from="", with_lead=False
    )


def goods_are_here(order: Order, case: Case) -> bool:
    """Whether goods of a case have arrived, and were not sent back."""
    return any(
        leg.case_id == case.case_id and leg.state in _HERE for leg in order.parts_of(ReturnLeg)
    )


def deadline_does(order: Order, case: Case) -> CaseEvent | None:
    """The event that comes with the deadline of a case's state; None where only a person acts."""
    return lapsing_does(
        Lapsing(
            state=case.state,
            kind=case.kind,
            stage=stage_of(order, case.lines),
            goods_are_here=goods_are_here(order, case),
            ships_first=case.ships_first,
            with_lead=case.with_lead,
            costs_more=costs_more(case, worth_minor(order, case.lines)),
        )
    )


def own_event_of(order: Order, case: Case) -> CaseEvent:
    """The event that grants a case as its kind says."""
    dearer = costs_more(case, worth_minor(order, case.lines))
    return own_event(case.kind, stage_of(order, case.lines), costs_more=dearer)


def keep_deadline(draft: Draft, case: Case, terms: Terms) -> None:
    """Has a case looked at at its deadline, and not before."""
    due_at_ms = terms.deadline_at_ms(draft.order, case) if case.is_open else 0
    timers = [
        todo.task for todo in todos(draft.order, CaseDue) if todo.payload.case_id == case.case_id
    ]
    if case.deadline_at_ms != due_at_ms:
        draft.update(case, deadline_at_ms=due_at_ms)
    if [task.due_at_ms for task in timers] == ([due_at_ms] if due_at_ms else []):
        return
    for task in timers:
        draft.done(task)
    if due_at_ms:
        draft.send(CaseDue(case.case_id), due_at_ms)


def lapse(draft: Draft, case: Case) -> None:
    """Does what the deadline of a case does, dated at it."""
    event, before = deadline_does(draft.order, case), case.state
    if event is None:
        draft.note("its time is over: it waits for a person", case)
        draft.update(case, entered_at_ms=draft.now_ms, deadline_at_ms=0)
        return
    if event is _E.REFUND:
        _take_as_proposed(draft, case)
    move_case(draft, case, event, f"nobody acted in time while it was {before}")
    draft.update(case, lapsed_from=before)
    if event is _E.ASK_SERVICE:
        draft.update(case, with_lead=True)


def _take_as_proposed(draft: Draft, case: Case) -> None:
    """Goods that are here are paid for as it was proposed to a buyer who says nothing."""
    proposal = case.open_proposal
    if proposal is not None and proposal.event is _E.REFUND:
        agreed = structs.replace(proposal, answer=ProposalAnswer.AGREED)
        draft.update(
            case,
            proposals=(*case.proposals[:-1], agreed),
            granted_minor=proposal.amount_minor,
        )


def apply_lapsed(draft: Draft, follow: Callable[[Draft], None]) -> None:
    """Applies all deadlines of an order's cases that have passed, the earliest first.

    `follow` derives what follows from each, which may be another deadline that has passed. It comes
    first as well: a pause may have been put since a deadline was written down.
    """
    follow(draft)
    for _ in range(LAPSES_MAX):
        due = [
            case
            for case in draft.order.parts_of(Case)
            if case.deadline_at_ms and case.deadline_at_ms <= draft.now_ms
        ]
        if not due:
            return
        first = min(due, key=lambda case: case.deadline_at_ms)
        with draft.dated(first.deadline_at_ms):
            lapse(draft, first)
            follow(draft)


def too_late(case: Case, event: CaseEvent, deadline: str) -> Refused:
    """The refusal of an event that the state before would have taken, until its deadline."""
    return Refused(
        RefusalReason.TOO_LATE,
        thing="case",
        name=case.case_id,
        event=event,
        deadline=deadline,
        state=case.state,
    )


def lapsed_before(case: Case, event: CaseEvent) -> bool:
    """Whether a deadline has taken a case out of a state that knew an event."""
    return bool(case.lapsed_from) and CASE.allows(CaseState(case.lapsed_from), event)
