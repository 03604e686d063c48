"""Requests: a case is opened, judged, and sent where triage says, in one change. Pure."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

from msgspec import Struct

from order_service.aftersales.following import follow_cases
from order_service.aftersales.moving import apply_lapsed, move_case
from order_service.aftersales.paying import check_amount, check_paid, worth_minor
from order_service.aftersales.policy.clauses import Flag
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.triage import Facts, triage
from order_service.aftersales.policy.windows import (
    KIND_STAGES,
    LEFT,
    NOT_LEFT,
    REASON_KINDS,
    REASON_STAGES,
    RECEIVED,
    Asked,
    Stage,
    eligible,
)
from order_service.aftersales.stages import FOR_MONEY, GRANTS, costs_more, stage_of
from order_service.aftersales.terms import Terms
from order_service.aftersales.units import find_units
from order_service.aftersales.words import Words, say
from order_service.catalogue.model import Article
from order_service.order.bounds import check_room
from order_service.order.cases import (
    CASE,
    Case,
    CaseKind,
    CaseLine,
    CaseReason,
    CaseRole,
    CaseState,
)
from order_service.order.draft import Draft
from order_service.order.joint_rules import SOLD
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused, wrong_state
from order_service.order.states import OrderState
from order_service.payment.refund_requests import AskedUnits

CASES_OF_LINE_MAX: Final = 5
_MAY_ASK: Final = frozenset({CaseRole.BUYER, CaseRole.MERCHANT, CaseRole.SERVICE})


class Request(Struct, frozen=True, kw_only=True):
    """A request as somebody sends it."""

    case_key: str
    role: CaseRole
    kind: CaseKind
    reason: CaseReason
    lines: tuple[AskedUnits, ...]
    wanted_minor: int = 0
    wanted_sku: str = ""
    words: Words = Words()

    @property
    def fingerprint(self) -> int:
        """Digest of its content, which tells a replay from a reused key."""
        content = (*self.lines, self.kind, self.reason, self.wanted_minor, self.wanted_sku)
        text = repr((*content, self.words.text, self.words.evidence)).encode()
        return int.from_bytes(blake2b(text, digest_size=8).digest(), "big", signed=True)


class Buyer(NamedTuple):
    """The facts about a buyer that triage looks at."""

    credit: int = 0
    is_flagged: bool = False


UNKNOWN: Final = Buyer()


class CaseAnswer(NamedTuple):
    """The answer to a command on a case; `refused` is returned where a lapse is to be written."""

    case: Case
    replayed: bool = False
    refused: Refused | None = None


def request(
    draft: Draft,
    asked: Request,
    terms: Terms,
    articles: Mapping[str, Article],
    buyer: Buyer = UNKNOWN,
) -> CaseAnswer:
    """Opens a case, once per key.

    Raises Refused: KEY_REUSED, WRONG_STATE, WRONG_CONTENT, NOT_FOUND, UNITS_TAKEN, NOT_ELIGIBLE,
    AMOUNT_EXCEEDED, TOO_MANY.
    """
    order = draft.order
    known = next((case for case in order.parts_of(Case) if case.case_key == asked.case_key), None)
    if known:
        if known.fingerprint != asked.fingerprint:
            raise Refused(RefusalReason.KEY_REUSED, field="case_key", key=asked.case_key)
        return CaseAnswer(known, replayed=True)
    if order.state not in SOLD:
        raise wrong_state("order", order.order_id, order.state, "a request")
    if asked.role not in _MAY_ASK:
        detail = f"a case is opened by buyer, merchant or service, not by {asked.role}"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    apply_lapsed(draft, lambda each: follow_cases(each, terms))
    lines = find_units(order, asked.lines, _stages_for(asked))
    _check_cases(order, lines)
    if asked.kind in FOR_MONEY:
        check_paid(order)
    policy = terms.policy(order, _merchant(order, lines), draft.now_ms)
    _check_eligible(draft, asked, lines, policy, articles)
    case = _open(draft, asked, lines, policy)
    say(draft, case, asked.role, asked.words)
    _send_on(draft, case, policy, articles, buyer)
    return CaseAnswer(case)


def _stages_for(asked: Request) -> Sequence[frozenset[Stage]]:
    """The stages of units that a request is for, by where they are; none where nothing fits."""
    if asked.kind not in REASON_KINDS[asked.reason]:
        kinds = ", ".join(sorted(REASON_KINDS[asked.reason]))
        detail = f"{asked.reason} is a reason for {kinds}, not for {asked.kind}"
        raise Refused(RefusalReason.NOT_ELIGIBLE, detail=detail)
    if asked.kind not in GRANTS:
        detail = f"{asked.kind} is not served: ask for RETURN_REFUND, and order the goods anew"
        raise Refused(RefusalReason.NOT_ELIGIBLE, detail=detail)
    stages = KIND_STAGES[asked.kind] & REASON_STAGES[asked.reason]
    return [stages & group for group in (NOT_LEFT, LEFT, RECEIVED) if stages & group]


def _check_cases(order: Order, lines: Sequence[CaseLine]) -> None:
    """Refuses one case too many, of the order or of a line, and one of two merchants' goods."""
    check_room(order, Case)
    for line_no in {line.line_no for line in lines}:
        about = [
            case
            for case in order.parts_of(Case)
            if any(line.line_no == line_no for line in case.lines)
        ]
        if len(about) >= CASES_OF_LINE_MAX:
            things = f"after-sales cases of line {line_no}"
            raise Refused(
                RefusalReason.TOO_MANY,
                order_id=order.order_id,
                things=things,
                most=CASES_OF_LINE_MAX,
                name="cases_of_line_max",
            )
    parts = {
        line.sub_order_no for line in order.lines if line.line_no in {x.line_no for x in lines}
    }
    if len(parts) > 1:
        detail = "its lines are of several merchants: ask for each merchant's with a key of its own"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)


def _merchant(order: Order, lines: Sequence[CaseLine]) -> str:
    line = next(line for line in order.lines if line.line_no == lines[0].line_no)
    return order.sub_orders[line.sub_order_no].merchant_id


def _check_eligible(
    draft: Draft,
    asked: Request,
    lines: Sequence[CaseLine],
    policy: Policy,
    articles: Mapping[str, Article],
) -> None:
    """Refuses what the policy does not grant, and names the clause."""
    order = draft.order
    for line in lines:
        shipment = order.shipment(line.shipment_id) if line.shipment_id else None
        verdict = eligible(
            policy,
            Asked(
                kind=asked.kind,
                reason=asked.reason,
                stage=stage_of(order, [line]),
                asked_at_ms=draft.now_ms,
                received_at_ms=shipment.delivered_at_ms if shipment else 0,
                promised_at_ms=shipment.promised_at_ms if shipment else 0,
                flags=flags_of(articles.get(line.sku)),
            ),
        )
        if not verdict.allowed:
            raise Refused(
                RefusalReason.NOT_ELIGIBLE, detail=f"line {line.line_no}: {verdict.finding}"
            )
        if asked.reason is CaseReason.NOT_RECEIVED and order.state is OrderState.COMPLETED:
            raise wrong_state("order", order.order_id, order.state, asked.reason)


def flags_of(article: Article | None) -> frozenset[str]:
    """The properties of an article that may take it out of NO_REASON."""
    named = {"customised": Flag.CUSTOMISED, "fragile": Flag.FRAGILE, "perishable": Flag.PERISHABLE}
    return frozenset(flag for name, flag in named.items() if getattr(article, name, False))


def _open(draft: Draft, asked: Request, lines: tuple[CaseLine, ...], policy: Policy) -> Case:
    order = draft.order
    if asked.kind is CaseKind.PRICE_DIFFERENCE and not asked.wanted_minor:
        detail = "wanted_minor: say how much of the price is to go back"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    if asked.kind not in FOR_MONEY and asked.wanted_minor:
        detail = f"wanted_minor: {asked.kind} is for goods, not for money"
        raise Refused(RefusalReason.WRONG_CONTENT, detail=detail)
    case = Case(
        case_id=draft.next_part_id(Case),
        case_key=asked.case_key,
        order_id=order.order_id,
        state=CaseState(CASE.first),
        kind=asked.kind,
        reason=asked.reason,
        lines=lines,
        opened_by=asked.role,
        fingerprint=asked.fingerprint,
        rule="",
        proposals=(),
        wanted_sku=asked.wanted_sku,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
        entered_at_ms=draft.now_ms,
        policy_version=policy.version,
        wanted_minor=asked.wanted_minor,
    )
    check_amount(order, case, asked.wanted_minor)
    draft.add(case, f"{asked.kind}, {asked.reason}, asked for by {asked.role}")
    return case


def _send_on(
    draft: Draft, case: Case, policy: Policy, articles: Mapping[str, Article], buyer: Buyer
) -> None:
    """Moves a new case to where triage sends it."""
    order = draft.order
    whole_minor = worth_minor(order, case.lines)
    goods = [articles.get(line.sku) for line in case.lines]
    found = triage(
        policy,
        Facts(
            kind=case.kind,
            reason=case.reason,
            stage=stage_of(order, case.lines),
            amount_minor=case.wanted_minor or whole_minor,
            evidence=case.evidence,
            credit=buyer.credit,
            is_perishable=all(bool(getattr(each, "perishable", False)) for each in goods),
            is_flagged=buyer.is_flagged,
            costs_more=costs_more(case, whole_minor),
        ),
    )
    draft.update(case, rule=found.rule)
    move_case(draft, case, found.event, str(found.why))
