"""Derives what follows for an order from its cases, once per draft. Pure.

Decisions only say what happened to a case. `follow_cases` then looks at all cases: money goes back,
what is over is over, deadlines and the units in open cases keep step. Nothing more follows from
cases that were followed.
"""

from collections.abc import Callable, Mapping
from typing import Final

from order_service.aftersales.moving import keep_deadline, move_case
from order_service.aftersales.paying import pay_back, refunds_of_case
from order_service.aftersales.policy.windows import NOT_LEFT
from order_service.aftersales.returning import follow_returns
from order_service.aftersales.stages import FOR_MONEY, stage_of
from order_service.aftersales.terms import Terms
from order_service.aftersales.units import claimed
from order_service.order.cases import CASE, Case, CaseEvent, CaseState
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refund_amounts import kept_units
from order_service.order.states import RefundState

_S, _E = CaseState, CaseEvent
STEPS_MAX: Final = 8
"""More moves than one event has as its consequences."""


def follow_cases(draft: Draft, terms: Terms) -> None:
    """Brings an order's cases to where its money and goods are."""
    follow_returns(draft)
    for case in list(draft.order.parts_of(Case)):
        for _ in range(STEPS_MAX):
            before = case.state
            _FOLLOWING.get(case.state, _nothing)(draft, case)
            if case.state is before:
                break
        keep_deadline(draft, case, terms)


def count_claims(draft: Draft) -> None:
    """Counts the units in open cases. Money that went back otherwise is theirs no more."""
    order = draft.order
    for line in order.lines:
        units = min(claimed(order, line.line_no).total(), kept_units(line))
        if units != line.open_units:
            draft.update(line, open_units=units)


def close_moot(draft: Draft) -> None:
    """Closes cases that wait for somebody though no money of their units is left to go back."""
    order = draft.order
    for case in order.parts_of(Case):
        event = _E.LAPSE if case.state is _S.REJECTED else _E.WITHDRAW
        if case.kind in FOR_MONEY and CASE.allows(case.state, event) and _is_moot(order, case):
            move_case(draft, case, event, "the money of its units went back otherwise")


def _is_moot(order: Order, case: Case) -> bool:
    numbers = {line.line_no for line in case.lines}
    return not any(kept_units(line) for line in order.lines if line.line_no in numbers)


def _nothing(_draft: Draft, _case: Case) -> None:
    """Nothing follows from a state in which somebody has to act."""


def _refunding(draft: Draft, case: Case) -> None:
    """Sends the money back, once; DONE when it is back."""
    if not refunds_of_case(draft.order, case):
        pay_back(draft, case)
    refunds = refunds_of_case(draft.order, case)
    if all(refund.state is RefundState.DONE for refund in refunds):
        why = "its money is back" if refunds else "no money of its units was left to go back"
        move_case(draft, case, _E.SETTLE, why)


def _done(draft: Draft, case: Case) -> None:
    """A refund may come back from the buyer's bank days later."""
    if any(each.state is not RefundState.DONE for each in refunds_of_case(draft.order, case)):
        move_case(draft, case, _E.REOPEN, "its money came back from the buyer's bank")


def _stopping(draft: Draft, case: Case) -> None:
    """A parcel that has left meanwhile was not stopped in the warehouse."""
    began_there = case.rule != "T3"
    if began_there and stage_of(draft.order, case.lines) not in NOT_LEFT:
        move_case(draft, case, _E.NOT_STOPPED, "it has left")


_FOLLOWING: Final[Mapping[CaseState, Callable[[Draft, Case], None]]] = {
    _S.STOPPING: _stopping,
    _S.REFUNDING: _refunding,
    _S.DONE: _done,
}
"""The consequences of a state, whenever an order is looked at."""
