"""The audit of whole shops: sound ones are proven, and what is lost on any side is found."""

import asyncio
from collections.abc import Sequence

import pytest

from holdfast.client import Client
from holdfast.types import Reservation
from order_service.audit.copies import Copies
from order_service.audit.protocol import Finding, Progress, Summary
from order_service.audit.run import SAME_MAX, audit
from order_service.audit.sources import Slice, Sources
from order_service.fulfilment.incidents import report
from order_service.fulfilment.reshipping import reship
from order_service.fulfilment.resolving import resolve
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY, IncidentKind
from order_service.order.states import IncidentEvent, RefundEvent
from order_service.order.tasks import Reship, TaskKind
from order_service.payment.providers.port import Charge, Provider
from order_service.payment.refunds import paid_back_by_hand
from tests.order_service.audit import lives
from tests.order_service.audit.shop import AT_ONCE, LINES, Shop, audited
from tests.order_service.payment.world import API_KEY
from tests.order_service.samples import id_of

OLD = id_of("OLD")
PAID = id_of("PAID")
DOOR = id_of("DOOR")
BRIEF = id_of("BRIEF")
BUSY = id_of("BUSY")
GIVEN_UP = id_of("GIVEN-UP")
LOST = id_of("LOST")
MOVES = id_of("MOVES")
NOBODY = id_of("NOBODY")
OVER = id_of("OVER")
RECORDED = id_of("RECORDED")
SENT = id_of("SENT")
SHIPPED = id_of("SHIPPED")
SOLD = id_of("SOLD")
THEIRS = id_of("THEIRS")
WAITS = id_of("WAITS")
WRONG = id_of("WRONG")
GONE = id_of("GONE")


async def test_a_sound_shop_is_proven_with_its_sums(shop: Shop) -> None:
    await shop.place(RECORDED)
    await shop.reserve(WAITS)
    await shop.reserve(PAID)
    await shop.pay(PAID)
    await shop.sell(SOLD)
    await shop.sell(SHIPPED)
    await shop.ship(SHIPPED)
    await shop.sell(GIVEN_UP)
    await shop.cancel(GIVEN_UP)
    await shop.world.do("REFUND", order_id=GIVEN_UP)
    done = await audited(shop.sources())
    assert (done.findings, done.unsettled) == ([], [])
    summary = done.summary
    assert summary.ok
    assert summary.books_balance
    assert (summary.orders, summary.lines) == (6, 6)
    assert (summary.units_sold, summary.units_reserved) == (4, 4)
    (book,) = summary.books
    assert (book.currency, book.captured_minor, book.refunded_minor) == ("CNY", 4_400, 1_100)
    assert (book.provider_captured_minor, book.provider_refunded_minor) == (4_400, 1_100)


async def test_a_shop_without_orders_is_sound(shop: Shop) -> None:
    done = await audited(shop.sources())
    assert done.summary.ok
    assert done.summary.orders == 0


async def test_every_order_of_many_slices_is_checked_and_progress_is_told(shop: Shop) -> None:
    await asyncio.gather(*(shop.place(id_of(f"O{number:04}")) for number in range(250)))
    steps = [step async for step in audit(shop.sources(), AT_ONCE)]
    progress = [step for step in steps if isinstance(step, Progress)]
    assert [(each.checked, each.total) for each in progress] == [
        (0, 250),
        (100, 250),
        (200, 250),
        (250, 250),
    ]


async def test_a_unit_reserved_for_no_order_is_found(shop: Shop) -> None:
    await shop.sell(SOLD)
    await shop.engine.reserve(NOBODY, LINES, tenant=shop.tenant)
    await shop.engine.reserve(f"{GONE}-x1", LINES, tenant=shop.tenant)
    await shop.engine.reserve(OVER, LINES, tenant=shop.tenant)
    await shop.engine.release(OVER, tenant=shop.tenant)
    done = await audited(shop.sources())
    assert sorted(done.found) == [
        ("reservation_is_of_an_order", f"reservation {GONE}-x1"),
        ("reservation_is_of_an_order", f"reservation {NOBODY}"),
    ]
    assert not done.summary.ok


async def test_what_is_released_while_the_audit_runs_is_no_finding(shop: Shop) -> None:
    await shop.engine.reserve(BRIEF, LINES, tenant=shop.tenant)
    assert (await audited(_ReleasesAfterTheCopy(shop))).summary.ok


class _ReleasesAfterTheCopy(Sources):
    """Sources that release a reservation without an order just after it was copied."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.orders, shop.engine, shop.providers, shop.tenant)
        self._shop = shop

    async def copy_reservations(self, copies: Copies) -> None:
        """Copies, then releases."""
        await super().copy_reservations(copies)
        await self._shop.engine.release(BRIEF, tenant=self._shop.tenant)


async def test_goods_that_go_again_for_a_lost_parcel_are_accounted_for(shop: Shop) -> None:
    await shop.sell(LOST)
    await shop.ship(LOST)
    await shop.change(LOST, _lost, _sent_again)
    done = await audited(shop.sources())
    assert (done.findings, done.unsettled) == ([], [])
    order = await shop.orders.get(LOST)
    (task,) = [task for task in order.tasks if task.kind == TaskKind.RESHIP]
    decide = await reship(order, Reship.of(task).incident_id, shop.engine)
    assert decide is not None
    half_way = await audited(shop.sources())
    assert (half_way.findings, len(half_way.unsettled)) == ([], 1)
    await shop.change(LOST, decide, lambda draft: draft.done(task))
    assert (await audited(shop.sources())).summary.ok
    await shop.spoil("UPDATE shipments SET replaces = 0 WHERE shipment_no = 2")
    found = (await audited(shop.sources())).found
    assert ("replacement_goes_in_a_parcel", f"order {LOST}") in found
    assert ("parcels_carry_the_lines", f"order {LOST}") in found


def _lost(draft: Draft) -> None:
    report(draft, draft.order.shipments[0].shipment_id, IncidentKind.LOSS, "not found")


def _sent_again(draft: Draft) -> None:
    incident = draft.order.incidents[0]
    resolve(draft, incident.incident_id, IncidentEvent.RESHIP, "again")


async def test_money_in_quarantine_is_counted_apart(shop: Shop) -> None:
    await shop.reserve(WRONG)
    await shop.pay(WRONG, amount_minor=1_000)
    done = await audited(shop.sources())
    assert done.summary.ok
    (book,) = done.summary.books
    assert (book.captured_minor, book.quarantined_minor) == (0, 1_000)
    assert book.provider_captured_minor == 1_000


async def test_money_for_no_order_is_found_and_the_books_do_not_balance(shop: Shop) -> None:
    await shop.sell(SOLD)
    await shop.providers["sandbox"].start(Charge(f"{GONE}-p1", "", 700, "CNY", "sandbox_card"))
    body = {"payment_id": f"{GONE}-p1"}
    (await shop.world.control.post("/control/pay", json=body)).raise_for_status()
    await shop.world.until_called_back()
    done = await audited(shop.sources())
    assert [name for name, _ in done.found] == ["money_is_of_an_order", "books_balance"]
    assert f"700 CNY for payment {GONE}-p1" in done.findings[0].detail
    assert not done.summary.books_balance


async def test_the_money_of_another_tenant_is_left_to_its_own_audit(shop: Shop) -> None:
    await shop.sell(SOLD)
    other = Shop(shop.world, f"{shop.tenant}-2")
    await other.engine.set_stock("SKU-1", 10, tenant=other.tenant)
    await other.sell(THEIRS)
    for one in (shop, other):
        done = await audited(one.sources())
        assert done.findings == []
        (book,) = done.summary.books
        assert (book.captured_minor, book.provider_captured_minor) == (1_100, 1_100)


async def test_a_reservation_that_the_engine_lost_is_found(shop: Shop) -> None:
    await shop.sell(SOLD)
    await shop.engine.cancel(SOLD, "by-hand", tenant=shop.tenant)
    done = await audited(shop.sources())
    assert done.found == [
        ("reservation_agrees_with_order", f"order {SOLD}"),
        ("moved_units_agree", f"order {SOLD}"),
    ]


LOSSES = {
    "DELETE FROM tasks WHERE kind = 'REVIEW'": "order_is_moved_on",
    "DELETE FROM history WHERE version = 2": "history_has_no_gap",
    "UPDATE history SET actor = 'nobody' WHERE version = 2": "history_is_as_it_was_written",
    "UPDATE history SET at_ms = at_ms + 1 WHERE version = 3": "history_is_as_it_was_written",
    "UPDATE orders SET version = 99": "history_has_no_gap",
    "UPDATE orders SET state = 'IN_FULFILMENT'": "history_ends_at_the_state",
    "UPDATE payments SET captured_minor = 1000": "capture_is_known_here",
    "UPDATE payments SET captured_minor = 2200": "capture_is_known_there",
    "UPDATE order_lines SET quantity = 1": "reservation_has_the_lines",
    "UPDATE order_lines SET shipped = 1": "moved_units_agree",
}


@pytest.mark.parametrize("statement", LOSSES)
async def test_what_somebody_writes_to_the_database_is_found(shop: Shop, statement: str) -> None:
    await shop.sell(SOLD)
    await shop.spoil(statement)
    done = await audited(shop.sources())
    assert (LOSSES[statement], f"order {SOLD}") in done.found
    assert "Li Na" not in str(done.findings)


async def test_a_lost_callback_is_unsettled_until_the_provider_was_asked(shop: Shop) -> None:
    await shop.reserve(LOST)
    shop.world.misbehave(lose=1)
    await shop.pay(LOST)
    done = await audited(shop.sources())
    assert done.findings == []
    assert [each.row for each in done.unsettled] == [f"order {LOST}"]
    assert "1100 CNY" in done.unsettled[0].detail
    assert not done.summary.ok
    shop.world.clock.advance(15_000)
    await shop.world.do(TaskKind.QUERY_PAYMENT, order_id=LOST)
    assert (await audited(shop.sources())).summary.ok


async def test_a_lost_payment_that_nobody_will_ask_for_is_found(shop: Shop) -> None:
    await shop.reserve(LOST)
    shop.world.misbehave(lose=1)
    await shop.pay(LOST)
    await shop.spoil("UPDATE tasks SET dead = 1")
    done = await audited(shop.sources())
    assert ("capture_is_known_here", f"order {LOST}") in done.found
    assert ("order_is_moved_on", f"order {LOST}") in done.found


async def test_what_the_engine_is_about_to_be_told_is_unsettled(shop: Shop) -> None:
    await shop.sell(SENT)
    await shop.change(SENT, lives.passed, lives.labelled, lives.handed_over)
    done = await audited(shop.sources())
    assert (done.findings, [each.row for each in done.unsettled]) == ([], [f"order {SENT}"])
    await shop.engine.ship(SENT, f"{SENT}-s1", tenant=shop.tenant)
    assert (await audited(shop.sources())).summary.ok


async def test_a_refund_under_way_is_no_finding_and_one_paid_back_by_hand_is_apart(
    shop: Shop,
) -> None:
    await shop.sell(SOLD)
    await shop.cancel(SOLD)
    assert (await audited(shop.sources())).summary.ok
    await shop.change(SOLD, _refused, _paid_back_by_person)
    done = await audited(shop.sources())
    assert done.findings == []
    (book,) = done.summary.books
    assert (book.refunded_minor, book.refunded_by_hand_minor) == (0, 1_100)


def _refused(draft: Draft) -> None:
    draft.move(draft.order.refunds[0], RefundEvent.REFUSED)
    draft.forget(TaskKind.REFUND)


def _paid_back_by_person(draft: Draft) -> None:
    paid_back_by_hand(draft, draft.order.refunds[0].refund_id, "by transfer")


async def test_cash_is_counted_apart_and_no_provider_is_asked_for_it(shop: Shop) -> None:
    await shop.reserve(DOOR, payment_method=CASH_ON_DELIVERY)
    await shop.confirm(DOOR)
    await shop.ship(DOOR)
    await shop.change(DOOR, lives.signed, lives.collected)
    done = await audited(shop.sources())
    assert done.findings == []
    (book,) = done.summary.books
    assert (book.cash_minor, book.captured_minor, book.provider_captured_minor) == (1_100, 0, 0)


async def test_a_payment_that_no_statement_has_any_more_is_asked_for(shop: Shop) -> None:
    await shop.sell(OLD)
    assert (await audited(_Forgetful(shop))).summary.ok


class _Forgetful(Sources):
    """Sources without statements, as of a provider that keeps them for a while only."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.orders, shop.engine, shop.providers, shop.tenant)

    async def copy_statements(self, from_ms: int, copies: Copies) -> None:
        """Copies nothing."""


async def test_an_order_that_moves_on_after_the_copy_is_looked_at_again(shop: Shop) -> None:
    await shop.reserve(MOVES)
    done = await audited(_MovesAfterTheCopy(shop))
    assert (done.findings, done.unsettled) == ([], [])
    assert done.summary.units_sold == 2


class _MovesAfterTheCopy(_Forgetful):
    """An order is paid and confirmed just after everything was copied."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop)
        self._shop = shop
        self._moved = False

    async def copy_statements(self, from_ms: int, copies: Copies) -> None:
        """Copies, then has the order move on."""
        await Sources.copy_statements(self, from_ms, copies)
        if not self._moved:
            self._moved = True
            await self._shop.pay(MOVES)
            await self._shop.confirm(MOVES)


async def test_an_order_that_changes_in_every_look_is_unsettled(shop: Shop) -> None:
    await shop.sell(BUSY)
    await shop.engine.cancel(BUSY, "by-hand", tenant=shop.tenant)
    done = await audited(_ChangesAlways(shop))
    assert done.findings == []
    assert [each.detail for each in done.unsettled] == ["it changed in every look"]


class _ChangesAlways(Sources):
    """An order is changed just after each time it was read."""

    def __init__(self, shop: Shop) -> None:
        super().__init__(shop.orders, shop.engine, shop.providers, shop.tenant)
        self._shop = shop

    async def orders(self, ids: Sequence[str]) -> Slice:
        """Reads, then has them change."""
        read = await super().orders(ids)
        for case in read.cases:
            await self._shop.change(case.order.order_id, lambda draft: draft.note("busy"))
        return read


async def test_a_shop_is_audited_alone_where_nobody_else_is_asked(shop: Shop) -> None:
    await shop.sell(SOLD)
    done = await audited(Sources(shop.orders, None, None, shop.tenant))
    assert done.summary.ok
    (book,) = done.summary.books
    assert (book.captured_minor, book.provider_captured_minor) == (1_100, 0)


async def test_without_the_engine_the_rest_is_judged_and_that_is_named(shop: Shop) -> None:
    await shop.sell(SOLD)
    await shop.spoil("UPDATE payments SET captured_minor = 1")
    async with Client("127.0.0.1:9", timeout_ms=200, attempts_max=1) as nobody:
        done = await audited(Sources(shop.orders, nobody, shop.providers, shop.tenant))
    assert "capture_is_known_here" in {invariant for invariant, _ in done.found}
    (why,) = done.summary.not_proven
    assert "the engine does not answer" in why
    assert not done.summary.ok


@pytest.mark.parametrize("is_set_up", [True, False])
async def test_without_a_provider_the_rest_is_judged_and_that_is_named(
    shop: Shop, is_set_up: bool
) -> None:
    await shop.sell(SOLD)
    await shop.engine.reserve(NOBODY, LINES, tenant=shop.tenant)
    silent: Provider = type(shop.world.provider)("http://127.0.0.1:9/provider", API_KEY, [])
    providers = {"sandbox": silent} if is_set_up else {}
    done = await audited(Sources(shop.orders, shop.engine, providers, shop.tenant))
    await silent.aclose()
    assert done.found == [("reservation_is_of_an_order", f"reservation {NOBODY}")]
    (why,) = done.summary.not_proven
    assert "provider sandbox" in why
    assert not done.summary.ok


async def test_reservations_of_other_callers_are_counted_and_are_no_findings(shop: Shop) -> None:
    await shop.sell(SOLD)
    for name in ("order-1", "A-x1", SOLD[:-1]):
        await shop.engine.reserve(name, LINES, tenant=shop.tenant)
    await shop.engine.confirm("order-1", tenant=shop.tenant)
    await shop.engine.ship("order-1", "s-1", tenant=shop.tenant)
    done = await audited(shop.sources())
    assert (done.found, done.summary.ok) == ([], True)
    assert (done.summary.reservations_of_others, done.summary.units_of_others) == (3, 6)


async def test_what_is_said_of_many_rows_is_said_of_some_and_counted(shop: Shop) -> None:
    await asyncio.gather(
        *(
            shop.engine.reserve(f"{GONE}-x{number}", LINES, tenant=shop.tenant)
            for number in range(1, SAME_MAX + 6)
        )
    )
    steps = [step async for step in audit(shop.sources(), AT_ONCE)]
    findings = [step for step in steps if isinstance(step, Finding)]
    assert len(findings) == SAME_MAX + 1
    assert findings[-1].row == "5 more rows"
    summary = steps[-1]
    assert isinstance(summary, Summary)
    assert summary.findings == SAME_MAX + 5


async def test_the_engine_is_asked_for_many_reservations_at_once(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.reserve(WAITS)
    await shop.reserve(LOST)
    await shop.spoil("UPDATE tasks SET dead = 1")  # so both orders are looked at closely
    await asyncio.gather(
        *(shop.engine.reserve(f"{GONE}-x{n}", LINES, tenant=shop.tenant) for n in range(1, 16))
    )
    asked: list[int] = []
    get_reservations = shop.engine.get_reservations

    async def counting(*ids: str, tenant: str) -> list[Reservation]:
        asked.append(len(ids))
        return await get_reservations(*ids, tenant=tenant)

    monkeypatch.setattr(shop.engine, "get_reservations", counting)
    done = await audited(shop.sources())
    assert done.summary.findings == 2 + 15
    assert asked == [2, 15]


async def test_a_return_that_no_order_knows_is_found(shop: Shop) -> None:
    await shop.sell(SHIPPED)
    await shop.ship(SHIPPED)
    returned = await shop.engine.return_units(SHIPPED, "r-1", LINES[:1], tenant=shop.tenant)
    assert returned.applied
    done = await audited(shop.sources())
    assert done.found == [("moved_units_agree", f"order {SHIPPED}")]
    assert "0 expected, 2 found" in done.findings[0].detail
