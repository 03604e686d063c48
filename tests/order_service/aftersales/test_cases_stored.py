"""Cases on both databases: kept, found again, one of two wins, and bounded by the database."""

import asyncio
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from order_service.aftersales.acting import Said, amend, answer
from order_service.aftersales.case_queries import CaseFilter, decisions_of, list_cases, words_of
from order_service.aftersales.requests import CaseAnswer, Request, request
from order_service.aftersales.terms import Terms
from order_service.aftersales.words import Words
from order_service.order.cases import Case, CaseEvent, CaseKind, CaseReason, CaseRole, CaseState
from order_service.order.draft import Draft
from order_service.order.model import Order, Shipment, ShipmentLine
from order_service.order.states import (
    OrderEvent,
    PaymentEvent,
    PaymentState,
    ShipmentEvent,
    ShipmentState,
)
from order_service.payment.refund_requests import AskedUnits
from order_service.storage.database import RuleHeld
from order_service.storage.orders import Orders
from tests.order_service.clock import START_MS, Clock
from tests.order_service.samples import A, order, payment

TERMS = Terms()
DAY_MS = 86_400_000
WANTED = Request(
    case_key="c-1",
    role=CaseRole.BUYER,
    kind=CaseKind.REFUND_ONLY,
    reason=CaseReason.QUALITY,
    lines=(AskedUnits(1, 1),),
    words=Words("It does not work", ("ab" * 32,)),
)


def received(draft: Draft) -> None:
    """Takes an order through payment and delivery."""
    found, total = draft.order, draft.order.amounts.total_minor
    draft.move(found, OrderEvent.STOCK_RESERVED)
    paid = payment(state=PaymentState.CREATED, amount_minor=total)
    draft.add(paid)
    draft.update(paid, captured_minor=total, captured_currency=found.currency)
    draft.move(paid, PaymentEvent.CAPTURE)
    for event in (OrderEvent.PAID, OrderEvent.STOCK_CONFIRMED, OrderEvent.REVIEWED):
        draft.move(found, event)
    lines = tuple(ShipmentLine(line.line_no, line.sku, line.quantity) for line in found.lines)
    shipment = Shipment(
        shipment_id=draft.next_part_id(Shipment),
        order_id=found.order_id,
        sub_order_no=0,
        state=ShipmentState.PLANNED,
        location="",
        lines=lines,
        zone="",
        wave_id="",
        carrier="sandbox",
        service="",
        waybill="SB1",
        weight_g=1,
        freight_minor=0,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(shipment)
    for each in (ShipmentEvent.PICK, ShipmentEvent.PACK, ShipmentEvent.LABEL, ShipmentEvent.SHIP):
        draft.move(shipment, each)
    draft.move(shipment, ShipmentEvent.SIGN)
    draft.update(shipment, shipped_at_ms=draft.now_ms, delivered_at_ms=draft.now_ms)
    for line in found.lines:
        draft.update(line, shipped=line.quantity)


async def open_case(orders: Orders, wanted: Request = WANTED) -> CaseAnswer:
    """Opens a case of a received order."""
    decide = partial(request, asked=wanted, terms=TERMS, articles={})
    return await orders.change(A, decide, "buyer")


@pytest.fixture
async def bought(orders: Orders) -> Orders:
    """The orders of a shop with one that was received."""
    await orders.place(order(), received, "test")
    return orders


async def case_of(orders: Orders) -> tuple[Order, Case]:
    found = await orders.get(A)
    return found, found.parts_of(Case)[0]


async def decide(orders: Orders, event: CaseEvent | None, role: CaseRole) -> CaseAnswer:
    """Somebody decides about the case."""
    said = Said(role, event, 0, Words("because"))
    return await orders.change(A, partial(answer, case_id=f"{A}-c1", said=said, terms=TERMS), "x")


async def test_a_case_is_kept_with_its_words_which_no_order_has(bought: Orders) -> None:
    await open_case(bought)
    _, case = await case_of(bought)
    assert (case.state, case.rule, case.evidence) == (CaseState.WITH_MERCHANT, "T8", 1)
    assert case.deadline_at_ms == START_MS + 2 * DAY_MS
    said, shown = await bought.read(partial(words_of, case_id=case.case_id))
    assert [each.text for each in said] == ["It does not work"]
    assert [each.sha256 for each in shown] == ["ab" * 32]
    kept = await bought.read(partial(decisions_of, case_id=case.case_id))
    assert [each.event for each in kept] == [None, "ASK_MERCHANT"]
    assert not any("does not work" in each.why for each in kept)


async def test_the_same_request_at_the_same_time_is_one_case(bought: Orders) -> None:
    answers = await asyncio.gather(*(open_case(bought) for _ in range(5)))
    found, _ = await case_of(bought)
    assert len(found.parts_of(Case)) == 1
    assert sorted(each.replayed for each in answers) == [False, True, True, True, True]


async def test_of_two_who_decide_at_once_one_wins_and_the_other_learns_the_state(
    bought: Orders,
) -> None:
    await open_case(bought)
    granted, rejected = await asyncio.gather(
        decide(bought, None, CaseRole.MERCHANT), decide(bought, CaseEvent.REJECT, CaseRole.MERCHANT)
    )
    assert [each.refused is None for each in (granted, rejected)].count(True) == 1
    found, case = await case_of(bought)
    assert (case.state is CaseState.REFUNDING) == bool(found.refunds)


async def test_the_same_words_are_kept_once(bought: Orders) -> None:
    await open_case(bought)
    said = Said(CaseRole.BUYER, words=Words("Hello?"))
    for _ in range(2):
        await bought.change(A, partial(amend, case_id=f"{A}-c1", said=said, terms=TERMS), "buyer")
    words, _ = await bought.read(partial(words_of, case_id=f"{A}-c1"))
    assert [each.text for each in words] == ["It does not work", "Hello?"]


async def test_open_cases_are_listed_and_the_overdue_ones_alone(
    bought: Orders, clock: Clock
) -> None:
    await open_case(bought)

    async def listed(**wanted: Any) -> list[str]:
        cases = await bought.read(
            partial(list_cases, tenant="default", wanted=CaseFilter(**wanted), size=10, after="")
        )
        return [case.case_id for case in cases]

    assert await listed() == [f"{A}-c1"]
    assert await listed(overdue_at_ms=START_MS + 2 * DAY_MS - 1) == []
    assert await listed(overdue_at_ms=START_MS + 2 * DAY_MS) == [f"{A}-c1"]
    await decide(bought, CaseEvent.WITHDRAW, CaseRole.BUYER)
    assert await listed() == []
    assert await listed(ended_too=True) == [f"{A}-c1"]


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE order_lines SET open_units = quantity + 1",
        "UPDATE order_lines SET open_units = -1",
        "UPDATE order_lines SET returned = shipped + 1",
        "UPDATE cases SET state = 'NOWHERE'",
        "UPDATE cases SET wanted_minor = -1",
    ],
)
async def test_the_database_bounds_units_and_states(bought: Orders, wrong: str) -> None:
    await open_case(bought)

    def write(connection: Connection) -> None:
        connection.execute(text(wrong))

    with pytest.raises(RuleHeld):
        await bought.write(write)
