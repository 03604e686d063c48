"""F of the specification as its buyer has it, and requests about it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from order_service.aftersales.acting import Said, answer, look_at_case
from order_service.aftersales.requests import CaseAnswer, Request, request
from order_service.aftersales.terms import Terms
from order_service.aftersales.words import Words
from order_service.catalogue.model import Article
from order_service.fulfilment.planning import plan_shipments
from order_service.fulfilment.tracking import track
from order_service.order.cases import Case, CaseEvent, CaseKind, CaseReason, CaseRole
from order_service.order.model import Order, Refund
from order_service.order.records import TrackingEvent, TrackingKind
from order_service.order.states import RefundEvent
from order_service.payment.refund_requests import AskedUnits
from tests.order_service.aftersales.example import at_ms, f_order, f_shipped
from tests.order_service.fulfilment.parcels import decided

SIGNED_MS = at_ms("03-01", "10:00")
PICTURE = Words(evidence=("ab" * 32,))
TERMS = Terms()


def f_planned(**values: Any) -> Order:
    """F, reviewed and not picked."""
    found = f_order(**values)
    decided(found, lambda draft: plan_shipments(draft, {}, ""))
    return found


def signed(found: Order, sku: str = "A", now_ms: int = SIGNED_MS) -> Order:
    """An order one of whose parcels is signed for: the one that has an article."""
    shipment = next(each for each in found.shipments if sku in {line.sku for line in each.lines})
    event = TrackingEvent(
        carrier="sandbox",
        event_id=f"{shipment.shipment_id}.signed",
        order_id=found.order_id,
        shipment_id=shipment.shipment_id,
        kind=TrackingKind.SIGNED,
        happened_at_ms=now_ms,
        received_at_ms=now_ms,
    )
    decided(found, partial(track, event=event), now_ms)
    return found


def f_received(**values: Any) -> Order:
    """F in one parcel, signed for on 2026-03-01 at 10:00."""
    return signed(f_shipped(**values))


def asked(
    found: Order,
    units: Mapping[int, int],
    kind: CaseKind = CaseKind.REFUND_ONLY,
    reason: CaseReason = CaseReason.CHANGED_MIND,
    *,
    now_ms: int = SIGNED_MS,
    articles: Mapping[str, Article] | None = None,
    shipment_id: str = "",
    terms: Terms = TERMS,
    **more: Any,
) -> CaseAnswer:
    """Asks for units by line; 0 units are all."""
    wanted = Request(
        case_key=more.pop("case_key", f"c-{len(found.parts_of(Case)) + 1}"),
        role=more.pop("role", CaseRole.BUYER),
        kind=kind,
        reason=reason,
        lines=tuple(AskedUnits(line_no, count, shipment_id) for line_no, count in units.items()),
        **more,
    )
    decide = partial(request, asked=wanted, terms=terms, articles=articles or {})
    return decided(found, decide, now_ms)


def said(
    found: Order,
    case: Case,
    event: CaseEvent | None,
    now_ms: int,
    role: CaseRole = CaseRole.MERCHANT,
    text: str = "because",
) -> CaseAnswer:
    """Somebody decides about a case."""
    words = Words(text)
    decide = partial(answer, case_id=case.case_id, said=Said(role, event, 0, words), terms=TERMS)
    return decided(found, decide, now_ms)


def timer(found: Order, now_ms: int) -> None:
    """The timer of a case goes off."""
    decided(found, partial(look_at_case, terms=TERMS), now_ms)


def newest(found: Order) -> Refund:
    """The newest refund."""
    return found.refunds[-1]


def back(found: Order) -> list[int]:
    """The amounts of all refunds."""
    return [refund.amount_minor for refund in found.refunds]


def paid_out(found: Order, now_ms: int, event: RefundEvent = RefundEvent.SENT_BACK) -> None:
    """The newest refund's provider reports of it."""
    refund = newest(found)
    decided(found, lambda draft: draft.move(found.refund(refund.refund_id), event), now_ms)
