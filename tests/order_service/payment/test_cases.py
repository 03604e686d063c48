"""Money that moves without our asking is booked, or is a case with an owner and a due time."""

from collections.abc import Sequence
from functools import partial

import pytest
from msgspec import structs

from order_service.order.chargebacks import Chargeback
from order_service.order.draft import Draft
from order_service.order.model import Payment
from order_service.order.records import MoneyCase, MoneyCaseKind
from order_service.order.refund_rows import RefundWhat
from order_service.order.refusals import Refused
from order_service.order.states import OrderEvent, PaymentState, RefundState
from order_service.order.tasks import LearnRefunds, SendRefund, todos
from order_service.payment.case_list import After, WaitingMoney, close_case, waiting_money
from order_service.payment.cases import CLOSE_WITHIN_MS, DESK, LEAD, owned
from order_service.payment.facts import learn
from order_service.payment.paying_back import refundable_minor
from order_service.payment.providers.port import Fact, FactKind
from order_service.payment.refund_requests import request_refund
from tests.order_service.clock import START_MS
from tests.order_service.payment.callbacks import callback_body, send
from tests.order_service.payment.orders import attempted, captured, drafted, unpaid
from tests.order_service.payment.world import World

_K = MoneyCaseKind


def paid() -> tuple[Draft, Payment]:
    """An order that 1,100 were paid for."""
    draft = drafted(unpaid())
    payment = attempted(draft)
    learn(draft, "sandbox", captured(payment))
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    return draft, payment


def gone(payment: Payment, amount_minor: int, ref: str = "re_1", **values: object) -> Fact:
    """The provider has sent money back that we did not ask for."""
    fact = Fact(FactKind.REFUNDED, payment.payment_id, ref, amount_minor, "CNY", payment_ref="pi_1")
    return structs.replace(fact, **values)


def cases_of(draft: Draft) -> list[MoneyCase]:
    """The cases that a draft opens."""
    return [row for row in draft.added if isinstance(row, MoneyCase)]


@pytest.mark.parametrize("amount_minor", [1, 400, 1_100])
def test_what_was_sent_back_at_the_provider_is_booked_and_not_promised_again(
    amount_minor: int,
) -> None:
    draft, payment = paid()
    for _ in range(2):
        learn(draft, "sandbox", gone(payment, amount_minor))
    (refund,) = draft.order.refunds
    assert (refund.state, refund.amount_minor) == (RefundState.DONE, amount_minor)
    assert refundable_minor(draft.order) == 1_100 - payment.refunded_minor
    assert payment.refunded_minor == amount_minor
    assert todos(draft.order, SendRefund) == []
    assert (payment.state is PaymentState.RETURNED) == (amount_minor == 1_100)
    # Who sends all of it back does not want the goods to leave.
    units = {row.what for row in draft.order.refund_rows} >= {RefundWhat.UNITS}
    assert units == (amount_minor == 1_100)
    draft.finish()
    learn(draft, "sandbox", gone(payment, amount_minor, kind=FactKind.REFUND_FAILED))
    assert draft.order.refunds[0].state is RefundState.FAILED


def test_what_the_books_have_no_room_for_is_a_case() -> None:
    draft, payment = paid()
    request_refund(draft, "key", 900, "")
    learn(draft, "sandbox", gone(payment, 201))
    learn(draft, "sandbox", gone(payment, 5, currency="JPY"))
    assert len(draft.order.refunds) == 1
    found = [(case.kind, case.amount_minor, case.currency) for case in cases_of(draft)]
    assert found == [(_K.SENT_BACK_THERE, 201, "CNY"), (_K.SENT_BACK_THERE, 5, "JPY")]
    learn(draft, "sandbox", gone(payment, 200, "re_2"))
    assert refundable_minor(draft.order) == 0


@pytest.mark.parametrize("amount_minor", [1, 1_100, 5_000])
def test_more_money_in_another_currency_is_a_case_however_much(amount_minor: int) -> None:
    draft, payment = paid()
    for _ in range(2):
        learn(draft, "sandbox", captured(payment, amount_minor, "JPY"))
    assert (payment.captured_minor, payment.captured_currency) == (1_100, "CNY")
    first, again = cases_of(draft)
    assert (first.kind, first.currency) == (_K.OTHER_CURRENCY, "JPY")
    assert first.case_id == again.case_id


def test_a_dispute_is_one_case_through_all_its_stages() -> None:
    draft, payment = paid()
    for amount_minor in (1_100, 900):
        learn(draft, "sandbox", gone(payment, amount_minor, "dp_1", kind=FactKind.DISPUTED))
    learn(draft, "sandbox", gone(payment, 100, "dp_2", kind=FactKind.DISPUTED))
    ids = [case.case_id for case in cases_of(draft)]
    assert (len(ids), len(set(ids))) == (2, 2)
    assert draft.order.refunds == []


def test_a_case_is_its_desks_and_then_its_leads() -> None:
    assert set(CLOSE_WITHIN_MS) == set(MoneyCaseKind)
    due_ms = START_MS + CLOSE_WITHIN_MS[_K.DISPUTED]
    assert owned(_K.DISPUTED, START_MS, due_ms - 1) == (DESK, due_ms, False)
    assert owned(_K.DISPUTED, START_MS, due_ms) == (LEAD, due_ms, True)


async def listed(world: World, tenant: str = "default", size: int = 100) -> list[WaitingMoney]:
    """The money that waits, read page by page."""
    found: list[WaitingMoney] = []
    after = After()
    while True:
        page: Sequence[WaitingMoney] = await world.orders.read(
            partial(waiting_money, tenant=tenant, size=size, after=after, now_ms=world.clock() + 1)
        )
        found += page
        if len(page) < size:
            return found
        after = After(page[-1].opened_at_ms, page[-1].place, page[-1].case_id)


async def test_all_money_that_waits_is_on_one_list_page_by_page(world: World) -> None:
    held, other = "4330000000000000000", "4340000000000000000"
    await world.place(held)
    await world.pay(await world.begin(held), amount_minor=900)
    await world.until_called_back()
    await world.place(other)
    await world.pay(await world.begin(other))
    await world.until_called_back()
    for number in range(3):
        body = callback_body(world, payment_id=f"NOBODY-p{number}")
        for event_id in (f"evt_{number}", f"evt_{number}"):
            assert await send(world, body, event_id) == 200
    # No money: nobody's to look at.
    assert await send(world, callback_body(world, "DECLINED", "NOBODY-p9"), "evt_9") == 200
    dispute = callback_body(world, "DISPUTED", f"{other}-p1")
    for event_id in ("evt_d1", "evt_d2"):
        assert await send(world, dispute, event_id) == 200
    kinds = [case.kind for case in await listed(world)]
    assert sorted(kinds) == [_K.DISPUTED, _K.QUARANTINED, *[_K.UNKNOWN_PAYMENT] * 3]
    assert [case.case_id for case in await listed(world, size=1)] == [
        case.case_id for case in await listed(world, size=2)
    ]
    assert [case.kind for case in await listed(world, "other")] == [_K.UNKNOWN_PAYMENT] * 3
    (case,) = [case for case in await listed(world) if case.kind is _K.DISPUTED]
    assert (case.order_id, case.owner, case.is_overdue) == (other, DESK, False)
    settle = partial(close_case, case_id=case.case_id, why="won", actor="lee", now_ms=world.clock())
    with pytest.raises(Refused, match="there is no case"):
        await world.orders.write(partial(settle, tenant="other"))
    assert not await world.orders.write(partial(settle, tenant="default"))
    assert await world.orders.write(partial(settle, tenant="default"))
    assert _K.DISPUTED not in [case.kind for case in await listed(world)]


async def test_refunds_of_which_only_the_sum_is_known_are_asked_for(world: World) -> None:
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    there = world.outside.books.find("4330000000000000000-p1")
    assert there is not None
    world.outside.books.refund(there, "", 300, world.clock(), refuse=False)
    in_all = Fact(FactKind.REFUNDED_IN_ALL, there.payment_id, "ch_1", 300, "CNY")
    decide = partial(learn, provider="sandbox", fact=in_all)
    for _ in range(2):
        await world.orders.change("4330000000000000000", decide, "test")
    assert len(todos(await world.order(), LearnRefunds)) == 1
    await world.pass_time(60_000, "LEARN_REFUNDS")
    order = await world.order()
    assert [(each.amount_minor, each.state) for each in order.refunds] == [(300, "DONE")]
    await world.orders.change("4330000000000000000", decide, "test")
    assert todos(await world.order(), LearnRefunds) == []


@pytest.mark.parametrize("end", ["DISPUTE_WON", "DISPUTE_LOST"])
async def test_a_chargeback_is_kept_with_its_order(world: World, end: str) -> None:
    placed = await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    payment_id = f"{placed.order_id}-p1"
    for number, kind in enumerate(("DISPUTED", "DISPUTE_REVIEWED", end, "DISPUTED")):
        assert await send(world, callback_body(world, kind, payment_id), f"evt_{number}") == 200
    order = await world.order()
    (chargeback,) = order.parts_of(Chargeback)
    lost = end == "DISPUTE_LOST"
    assert chargeback.state == ("LOST" if lost else "WON")
    assert order.refunded_minor == (order.captured_minor if lost else 0)
    assert order.payments[0].disputed_minor == 0
