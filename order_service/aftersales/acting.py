"""Decisions of people about a case: to grant it, answer, propose, withdraw. Pure.

Each first applies what has lapsed. A command that comes too late is answered with a refusal, and
not raised, so that what has lapsed is written. One that was done before is `replayed`.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final, NamedTuple

from msgspec import structs

from order_service.aftersales.following import follow_cases
from order_service.aftersales.moving import (
    apply_lapsed,
    case_in,
    lapsed_before,
    move_case,
    own_event_of,
    too_late,
)
from order_service.aftersales.paying import check_amount, worth_minor
from order_service.aftersales.policy.finding import time_text
from order_service.aftersales.requests import CaseAnswer
from order_service.aftersales.stages import FOR_MONEY, GRANTS
from order_service.aftersales.terms import Terms
from order_service.aftersales.words import NO_WORDS, Words, say
from order_service.order.cases import (
    APPROVING,
    CASE,
    LEADS_TO,
    Case,
    CaseEvent,
    CaseKind,
    CaseRole,
    CaseState,
    Proposal,
    ProposalAnswer,
)
from order_service.order.draft import Draft
from order_service.order.refusals import RefusalReason, Refused, wrong_state

_S, _E, _R = CaseState, CaseEvent, CaseRole
_SIDES: Final = frozenset({_R.MERCHANT, _R.SERVICE})
_EVERYWHERE: Final = frozenset(CaseState)
MAY: Final[Mapping[CaseRole, Mapping[CaseEvent, frozenset[CaseState]]]] = {
    _R.BUYER: {
        _E.ANSWER: frozenset({_S.WITH_BUYER}),
        _E.DECLINE: frozenset({_S.WITH_BUYER}),
        _E.WITHDRAW: _EVERYWHERE,
    },
    # What is the service desk's is not the merchant's to decide any more.
    _R.MERCHANT: dict.fromkeys(
        (*APPROVING, _E.ASK_BUYER, _E.ASK_SERVICE, _E.REJECT),
        frozenset({_S.WITH_MERCHANT, _S.WITH_BUYER, _S.INSPECTING, _S.REJECTED}),
    ),
    _R.SERVICE: {
        **dict.fromkeys(
            (*APPROVING, _E.ASK_BUYER, _E.ASK_SERVICE, _E.REJECT), _EVERYWHERE - {_S.DISPUTED}
        ),
        _E.WITHDRAW: _EVERYWHERE,
    },
    _R.WAREHOUSE: {
        _E.STOPPED: frozenset({_S.STOPPING}),
        _E.NOT_STOPPED: frozenset({_S.STOPPING}),
    },
    _R.FINANCE: {},
}
"""The events that a role brings about, and in which states."""


class Said(NamedTuple):
    """A decision of somebody about a case."""

    role: CaseRole
    event: CaseEvent | None = None
    """None: the event that grants it as its kind says."""
    amount_minor: int = 0
    words: Words = NO_WORDS


def answer(draft: Draft, case_id: str, said: Said, terms: Terms) -> CaseAnswer:
    """Decides a case, or answers what was asked, in somebody's role.

    Raises Refused: NOT_FOUND, WRONG_CONTENT, AMOUNT_EXCEEDED, TOO_MANY. What is TOO_LATE or of a
    WRONG_STATE is answered.
    """
    case = _case_now(draft, case_id, terms)
    event = said.event or own_event_of(draft.order, case)
    _check_role(case, said, event)
    refused = _not_possible(draft, case, said.role, event, terms)
    if refused is not None:
        is_done = case.state is LEADS_TO[event] or case.state in _AFTER.get(event, ())
        if is_done and not lapsed_before(case, event):
            return CaseAnswer(case, replayed=True)
        return CaseAnswer(case, refused=refused)
    _check_fit(case, event)
    if said.amount_minor:
        _grant_amount(draft, case, event, said.amount_minor)
    say(draft, case, said.role, said.words)
    _put_aside(draft, case, ProposalAnswer.MOOT)
    move_case(draft, case, _led(draft, case, event), f"{said.role} decided: {event}")
    if event is _E.ASK_BUYER:
        draft.update(case, asked_by_service=said.role is _R.SERVICE)
    return CaseAnswer(case)


_AFTER: Final[Mapping[CaseEvent, tuple[CaseState, ...]]] = {
    _E.REFUND: (_S.DONE,),
    _E.STOP: (_S.REFUNDING, _S.DONE),
    _E.STOPPED: (_S.DONE,),
    _E.TAKE_BACK: (_S.RETURNING, _S.INSPECTING),
}
"""The states behind the one that an event leads to: the same event again is one that was done."""


def propose(draft: Draft, case_id: str, said: Said, terms: Terms) -> CaseAnswer:
    """Proposes an end to the buyer, who has to answer. Raises as `answer` does."""
    case = _case_now(draft, case_id, terms)
    event = said.event or own_event_of(draft.order, case)
    if said.role not in _SIDES or event not in APPROVING:
        detail = "merchant or service propose REFUND, STOP, TAKE_BACK, REPLACE or COLLECT"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    _check_fit(case, event)
    offered = (event, said.amount_minor, said.role)
    last = case.open_proposal
    if last and (last.event, last.amount_minor, last.proposed_by) == offered:
        return CaseAnswer(case, replayed=True)
    refused = _not_possible(draft, case, said.role, _E.ASK_BUYER, terms)
    if refused is not None:
        return CaseAnswer(case, refused=refused)
    if len(case.proposals) >= PROPOSALS_MAX:
        raise Refused(
            RefusalReason.TOO_MANY,
            order_id=case.order_id,
            things=f"proposals in case {case_id}",
            most=PROPOSALS_MAX,
            name="proposals_max",
        )
    if event is _E.REFUND:
        check_amount(draft.order, case, said.amount_minor)
    say(draft, case, said.role, said.words)
    _put_aside(draft, case, ProposalAnswer.MOOT)
    proposal = Proposal(*offered, draft.now_ms)
    draft.update(case, proposals=(*case.proposals, proposal))
    move_case(draft, case, _E.ASK_BUYER, f"{said.role} proposes {event}")
    draft.update(case, asked_by_service=said.role is _R.SERVICE)
    return CaseAnswer(case)


PROPOSALS_MAX: Final = 20


def answer_proposal(
    draft: Draft, case_id: str, said: Said, terms: Terms, *, agree: bool
) -> CaseAnswer:
    """Agrees to what was proposed, which is then done, or declines it.

    Raises Refused: NOT_FOUND, WRONG_CONTENT, TOO_MANY. TOO_LATE and WRONG_STATE are answered.
    """
    case = _case_now(draft, case_id, terms)
    if said.role not in (_R.BUYER, _R.SERVICE):
        raise _not_theirs(case, said.role, "an answer to a proposal")
    proposal = case.open_proposal
    wanted = ProposalAnswer.AGREED if agree else ProposalAnswer.DECLINED
    if proposal is None or case.state is not _S.WITH_BUYER:
        if case.proposals and case.proposals[-1].answer is wanted:
            return CaseAnswer(case, replayed=True)
        refused = _late_or_wrong(draft, case, _E.ANSWER, terms)
        return CaseAnswer(case, refused=refused)
    say(draft, case, said.role, said.words)
    _put_aside(draft, case, wanted)
    if agree:
        if proposal.event is _E.REFUND and proposal.amount_minor:
            draft.update(case, granted_minor=proposal.amount_minor)
        move_case(draft, case, proposal.event, f"{said.role} agreed to it")
    else:
        move_case(draft, case, _led(draft, case, _E.DECLINE), f"{said.role} declined it")
    return CaseAnswer(case)


def withdraw(draft: Draft, case_id: str, role: CaseRole, terms: Terms) -> CaseAnswer:
    """Takes a request back. Raises as `answer` does."""
    return answer(draft, case_id, Said(role, _E.WITHDRAW), terms)


def amend(
    draft: Draft, case_id: str, said: Said, terms: Terms, wanted_minor: int | None = None
) -> CaseAnswer:
    """Adds words and files to an open case, or asks for another amount while nobody has granted it.

    Raises as `answer` does.
    """
    case = _case_now(draft, case_id, terms)
    if not case.is_open:
        return CaseAnswer(case, refused=_late_or_wrong(draft, case, _E.ANSWER, terms))
    if wanted_minor is not None and wanted_minor != case.wanted_minor:
        if said.role is not _R.BUYER or case.kind not in FOR_MONEY:
            raise _not_theirs(case, said.role, "another amount")
        if case.state not in _UNDECIDED:
            return CaseAnswer(case, refused=_late_or_wrong(draft, case, _E.ASK_BUYER, terms))
        if case.kind is CaseKind.PRICE_DIFFERENCE and not wanted_minor:
            detail = "wanted_minor: say how much of the price is to go back"
            raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
        check_amount(draft.order, case, wanted_minor)
        draft.update(case, wanted_minor=wanted_minor)
        draft.note("another amount is asked for", case)
    say(draft, case, said.role, said.words)
    return CaseAnswer(case)


_UNDECIDED: Final = frozenset({_S.WITH_BUYER, _S.WITH_MERCHANT, _S.WITH_SERVICE, _S.REJECTED})


def look_at_case(draft: Draft, terms: Terms) -> None:
    """Applies what has lapsed: the decision of a case's timer."""
    apply_lapsed(draft, partial(follow_cases, terms=terms))


def _case_now(draft: Draft, case_id: str, terms: Terms) -> Case:
    """A case after what has lapsed. Raises Refused: NOT_FOUND."""
    case = case_in(draft.order, case_id)
    look_at_case(draft, terms)
    return case


def _check_role(case: Case, said: Said, event: CaseEvent) -> None:
    if event not in MAY[said.role]:
        raise _not_theirs(case, said.role, event)
    if event is _E.REJECT and not said.words.text:
        raise Refused(RefusalReason.WRONG_CONTENT, detail="text: say why it is rejected")


def _not_possible(
    draft: Draft, case: Case, role: CaseRole, event: CaseEvent, terms: Terms
) -> Refused | None:
    """Why a role cannot bring an event about now, if it cannot."""
    if CASE.allows(case.state, event) and case.state in MAY[role][event]:
        return None
    return _late_or_wrong(draft, case, event, terms)


def _late_or_wrong(draft: Draft, case: Case, event: CaseEvent, terms: Terms) -> Refused:
    if lapsed_before(case, event):
        zone = terms.policy_of(draft.order, case).word("window.zone")
        return too_late(case, event, time_text(case.entered_at_ms, zone))
    return wrong_state("case", case.case_id, case.state, event)


def _check_fit(case: Case, event: CaseEvent) -> None:
    if event in APPROVING and event not in GRANTS[case.kind]:
        fitting = ", ".join(GRANTS[case.kind])
        detail = f"a case of {case.kind} is granted by {fitting}, not by {event}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _grant_amount(draft: Draft, case: Case, event: CaseEvent, amount_minor: int) -> None:
    """Sets the amount that goes back: a person may only lower it."""
    if event is not _E.REFUND:
        detail = f"amount_minor: {event} has no amount; propose one to the buyer"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    most_minor = case.wanted_minor or worth_minor(draft.order, case.lines)
    if amount_minor > most_minor:
        raise Refused(
            RefusalReason.AMOUNT_EXCEEDED,
            requested=amount_minor,
            left=most_minor,
            of="that the case is about",
        )
    if amount_minor < most_minor:
        detail = (
            "amount_minor: less than what was asked for is proposed to the buyer, who has to agree"
        )
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _led(draft: Draft, case: Case, event: CaseEvent) -> CaseEvent:
    """The event that a buyer's answer is: to whoever had asked, and after two noes to the desk."""
    noes = sum(each.answer is ProposalAnswer.DECLINED for each in case.proposals)
    if event is _E.ANSWER and case.asked_by_service:
        return _E.ASK_SERVICE
    if event is _E.DECLINE and (case.asked_by_service or noes >= NOES_MAX):
        return _E.ASK_SERVICE
    return event


NOES_MAX: Final = 2
"""After so many noes to what was proposed the service desk decides."""


def _put_aside(draft: Draft, case: Case, said: ProposalAnswer) -> None:
    """Writes down what became of the open proposal."""
    if case.open_proposal:
        last = structs.replace(case.proposals[-1], answer=said)
        draft.update(case, proposals=(*case.proposals[:-1], last))


def _not_theirs(case: Case, role: CaseRole, what: str) -> Refused:
    detail = f"{what} of case {case.case_id} is not for {role}"
    return Refused(RefusalReason.WRONG_CONTENT, detail=detail)
