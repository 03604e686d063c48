"""An order is judged by a policy, and past cases by a draft."""

from typing import Any

from msgspec import structs

from order_service.aftersales.explaining import differences, explain
from order_service.aftersales.policy.document import DEFAULT, Policy, read_document
from order_service.aftersales.policy.versions import following
from order_service.catalogue.model import Article
from order_service.order.cases import (
    Case,
    CaseKind,
    CaseLine,
    CaseReason,
    CaseRole,
    CaseState,
)
from order_service.order.model import Order
from order_service.order.states import ShipmentState
from tests.order_service.aftersales.example import at_ms, f_order, f_shipped, shipment_with

SIGNED = at_ms("03-01", "10:00")
FRAGILE_B = {"B": Article("B", "merchant-1", "B", 1, "CNY", fragile=True)}


def f_signed() -> Order:
    """F in two parcels: A is signed for on 1 March, B on 5 March."""
    order = f_shipped(apart=True)
    order.created_at_ms = SIGNED - 1
    for sku, day in (("A", "03-01"), ("B", "03-05")):
        shipment = shipment_with(order, sku)
        shipment.state, shipment.shipped_at_ms = ShipmentState.DELIVERED, SIGNED - 1
        shipment.delivered_at_ms = at_ms(day, "10:00")
    return order


def put(clauses: str, now: int, versions: tuple[Policy, ...] = (), more: str = "") -> Policy:
    """A version with some clauses."""
    content = f'{{"policy_id": "P2", {more} "clauses": {{{clauses}}}}}'
    made = following(versions, read_document(content.encode()), now)
    assert made is not None
    return made


def case_of(order: Order, **changes: Any) -> Case:
    """A request for the units of A on 7 March, which the merchant has to decide."""
    usual: dict[str, Any] = {
        "case_id": f"{order.order_id}-c1",
        "case_key": "c",
        "order_id": order.order_id,
        "state": CaseState.WITH_MERCHANT,
        "kind": CaseKind.RETURN_REFUND,
        "reason": CaseReason.QUALITY,
        "lines": tuple(
            CaseLine(1, "A", 1, each.shipment_id)
            for each in order.shipments
            if each.lines[0].sku == "A"
        ),
        "opened_by": CaseRole.BUYER,
        "fingerprint": 0,
        "rule": "T8",
        "proposals": (),
        "wanted_sku": "",
        "created_at_ms": at_ms("03-07"),
        "updated_at_ms": at_ms("03-07"),
        "entered_at_ms": at_ms("03-07"),
        "evidence": 1,
    }
    return Case(**{**usual, **changes})


def test_each_line_is_judged_by_the_parcel_that_it_was_in() -> None:
    found = explain(f_signed(), {}, [], CaseReason.NO_REASON, None, at_ms("03-12", "23:59"))
    assert [(each.line.sku, each.line.quantity, each.verdict.allowed) for each in found] == [
        ("A", 3, False),
        ("B", 1, True),
    ]
    assert found[0].kind is CaseKind.RETURN_REFUND
    assert found[0].verdict.ends_at_ms == at_ms("03-09")
    assert found[1].verdict.ends_at_ms == at_ms("03-13")


def test_what_is_fragile_is_named() -> None:
    found = explain(f_signed(), FRAGILE_B, [], CaseReason.NO_REASON, None, SIGNED)
    assert found[1].verdict.finding.comparison == "the goods are fragile"


def test_what_has_not_left_is_judged_as_such() -> None:
    (first, second) = explain(f_order(), {}, [], CaseReason.CHANGED_MIND, None, SIGNED)
    assert (first.line.quantity, first.line.shipment_id, first.verdict.allowed) == (3, "", True)
    assert (second.kind, second.verdict.ends_at_ms) == (CaseKind.REFUND_ONLY, 0)


def test_a_version_put_later_does_not_judge_the_order() -> None:
    later = put('"window.NO_REASON.days": 5', SIGNED)
    found = explain(f_signed(), {}, [later], CaseReason.NO_REASON, None, at_ms("03-07"))
    assert found[0].verdict.allowed
    assert found[0].verdict.finding.version == "default (built in)"


def test_a_draft_is_held_against_cases_that_were_judged_by_another() -> None:
    order = f_signed()
    draft = read_document(
        b"""{"policy_id": "draft", "clauses": {"window.QUALITY.days": 5,
        "triage.T4.over_minor": 3000, "deadline.WITH_MERCHANT.hours": 24}}"""
    )
    found = {each.what: each for each in differences(order, case_of(order), {}, [], draft)}
    assert found["eligible"].was == "taken"
    assert found["eligible"].would_be.startswith("refused: window.QUALITY.days")
    assert (found["triage"].was, found["triage"].would_be) == (
        "T8: ASK_MERCHANT",
        "T4: ASK_SERVICE",
    )
    assert found["deadline"].would_be == f"WITH_MERCHANT until {at_ms('03-08')}"


def test_a_draft_that_says_the_same_makes_no_difference() -> None:
    order = f_signed()
    same = structs.replace(DEFAULT, policy_id="draft")
    assert list(differences(order, case_of(order), {}, [], same)) == []


def test_a_merchants_draft_is_tried_on_its_own_cases_alone() -> None:
    order = f_signed()
    merchant_id = order.sub_orders[0].merchant_id
    for whose, count in ((merchant_id, 1), ("another", 0)):
        draft = read_document(
            f"""{{"policy_id": "own", "merchant_id": "{whose}",
            "clauses": {{"deadline.WITH_MERCHANT.hours": 24}}}}""".encode()
        )
        assert len(list(differences(order, case_of(order), {}, [], draft))) == count


def test_a_case_that_has_ended_has_no_deadline_to_differ() -> None:
    order = f_signed()
    draft = read_document(b'{"policy_id": "d", "clauses": {"deadline.REJECTED.hours": 1}}')
    ended = case_of(order, state=CaseState.CLOSED)
    assert list(differences(order, ended, {}, [], draft)) == []
