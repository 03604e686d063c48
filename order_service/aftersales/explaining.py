"""The judgement of an order by a policy, and of past cases by a draft. Pure.

Both judge as a request does, and change nothing. A draft is judged as if it had been in force when
each order was placed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import structs

from order_service.aftersales.policy.clauses import Flag
from order_service.aftersales.policy.deadlines import deadline
from order_service.aftersales.policy.document import Policy
from order_service.aftersales.policy.triage import Facts, Triage, triage
from order_service.aftersales.policy.versions import judging
from order_service.aftersales.policy.windows import (
    REASON_KINDS,
    Asked,
    Stage,
    Verdict,
    eligible,
    fits,
)
from order_service.aftersales.requests import flags_of
from order_service.aftersales.stages import stage_in, stage_of
from order_service.catalogue.model import Article
from order_service.order.cases import Case, CaseKind, CaseLine, CaseReason
from order_service.order.lines import Line
from order_service.order.model import Order

Articles = Mapping[str, Article]


class Explained(NamedTuple):
    """Units of a line in one place, and whether they could be asked for."""

    line: CaseLine
    kind: CaseKind
    verdict: Verdict


class Difference(NamedTuple):
    """Something that a draft says otherwise of a case."""

    case: Case
    what: str
    """`eligible`, `triage` or `deadline`."""
    was: str
    would_be: str


def explain(
    order: Order,
    articles: Articles,
    versions: Sequence[Policy],
    reason: CaseReason,
    kind: CaseKind | None,
    asked_at_ms: int,
) -> list[Explained]:
    """Judges all units of an order as if they were asked for at a time, by line and parcel.

    Without a kind, it is the first that fits the reason and where the units are.
    """
    found = []
    for line, shipment_id, units in _groups(order):
        place = CaseLine(line.line_no, line.sku, units, shipment_id)
        policy = judging(
            versions,
            order.created_at_ms,
            asked_at_ms,
            order.sub_orders[line.sub_order_no].merchant_id,
        )
        stage = stage_of(order, [place])
        wanted = kind or _first_fitting(reason, stage)
        asked = _asked(order, place, stage, articles, wanted, reason, asked_at_ms)
        found.append(Explained(place, wanted, eligible(policy, asked)))
    return found


def differences(
    order: Order, case: Case, articles: Articles, versions: Sequence[Policy], draft: Policy
) -> Iterator[Difference]:
    """The differences that a draft makes to a case, judged by what is known of it today.

    The buyer's credit, and what was said of them, is not kept: both are judged without.
    """
    line = next(each for each in order.lines if each.line_no == case.lines[0].line_no)
    merchant_id = order.sub_orders[line.sub_order_no].merchant_id
    if draft.merchant_id not in ("", merchant_id):
        return
    in_force_then = {"effective_from_ms": order.created_at_ms, "version": _LAST, "law": False}
    drafted = [*versions, structs.replace(draft, **in_force_then)]
    was, would_be = (
        judging(each, order.created_at_ms, case.created_at_ms, merchant_id)
        for each in (versions, drafted)
    )
    for what, judge in _JUDGED.items():
        before, after = (judge(order, case, articles, each) for each in (was, would_be))
        if before != after:
            yield Difference(case, what, before, after)


_LAST: Final = 1 << 31


def _eligible(order: Order, case: Case, articles: Articles, policy: Policy) -> str:
    for line in case.lines:
        stage = _stage_then(order, line, case.created_at_ms)
        asked = _asked(order, line, stage, articles, case.kind, case.reason, case.created_at_ms)
        found = eligible(policy, asked)
        if not found.allowed:
            return f"refused: {found.finding.clause}: {found.finding.comparison}"
    return "taken"


def _triage(order: Order, case: Case, articles: Articles, policy: Policy) -> str:
    found: Triage = triage(
        policy,
        Facts(
            kind=case.kind,
            reason=case.reason,
            stage=max(
                (_stage_then(order, line, case.created_at_ms) for line in case.lines),
                key=tuple(Stage).index,
            ),
            amount_minor=case.wanted_minor or _worth_minor(order, case),
            evidence=case.evidence,
            is_perishable=all(
                Flag.PERISHABLE in flags_of(articles.get(line.sku)) for line in case.lines
            ),
        ),
    )
    return f"{found.rule}: {found.event}"


def _deadline(_order: Order, case: Case, _articles: Articles, policy: Policy) -> str:
    at_ms = deadline(policy, case.state, case.entered_at_ms)
    return f"{case.state} until {at_ms}" if at_ms and case.is_open else ""


_JUDGED: Final[Mapping[str, Callable[[Order, Case, Articles, Policy], str]]] = {
    "eligible": _eligible,
    "triage": _triage,
    "deadline": _deadline,
}


def _groups(order: Order) -> Iterator[tuple[Line, str, int]]:
    """The units of each line, by the parcel that they are in; "" for those in none."""
    for line in order.lines:
        left = line.quantity - line.cancelled
        for shipment in order.shipments:
            stage = stage_in(shipment)
            if stage is None or stage is Stage.NOT_PICKED:
                continue
            units = sum(each.quantity for each in shipment.lines if each.line_no == line.line_no)
            if units:
                left -= units
                yield line, shipment.shipment_id, units
        if left > 0 and line.shipped + line.cancelled < line.quantity:
            yield line, "", left


def _first_fitting(reason: CaseReason, stage: Stage) -> CaseKind:
    kinds = [kind for kind in CaseKind if kind in REASON_KINDS[reason]]
    return next((kind for kind in kinds if fits(kind, reason, stage)), kinds[0])


def _asked(
    order: Order,
    line: CaseLine,
    stage: Stage,
    articles: Articles,
    kind: CaseKind,
    reason: CaseReason,
    asked_at_ms: int,
) -> Asked:
    shipment = order.shipment(line.shipment_id) if line.shipment_id else None
    return Asked(
        kind=kind,
        reason=reason,
        stage=stage,
        asked_at_ms=asked_at_ms,
        received_at_ms=shipment.delivered_at_ms if shipment else 0,
        promised_at_ms=shipment.promised_at_ms if shipment else 0,
        flags=flags_of(articles.get(line.sku)),
    )


def _stage_then(order: Order, line: CaseLine, at_ms: int) -> Stage:
    """Where units were at a time of the past."""
    if not line.shipment_id:
        return Stage.NOT_PICKED
    shipment = order.shipment(line.shipment_id)
    if 0 < shipment.delivered_at_ms <= at_ms:
        return Stage.RECEIVED
    has_left = 0 < shipment.shipped_at_ms <= at_ms
    return Stage.UNDER_WAY if has_left else Stage.IN_WAREHOUSE


def _worth_minor(order: Order, case: Case) -> int:
    """The price of the units of a case, before anything of them went back."""
    lines = {line.line_no: line for line in order.lines}
    return sum(
        lines[each.line_no].amount_minor * each.quantity // lines[each.line_no].quantity
        for each in case.lines
    )
