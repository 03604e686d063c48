"""The provider's statement against our books, both ways (对账, P2)."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, update

from order_service.order.states import OrderState, PaymentState, RefundState
from order_service.payment.books import Book, books, quarantined
from order_service.payment.providers.port import ProviderUnreachable
from order_service.payment.reconcile import Difference, DifferenceKind, Report, reconcile
from order_service.payment.refund_requests import request_refund
from order_service.sandbox.provider_books import STATEMENT_PAGE, day_of
from order_service.storage.schema import payments, refunds
from tests.order_service.payment.callbacks import callback_body, send
from tests.order_service.payment.world import World
from tests.order_service.unguarded import unguarded


async def reconciled(world: World, *, report_only: bool = False, days: int = 0) -> Report:
    """The report of today, or of some days from now."""
    day = day_of(world.clock()) + timedelta(days=days)
    providers = {"sandbox": world.provider}
    return await reconcile(world.orders, providers, "sandbox", day, report_only=report_only)


async def paid(world: World, order_id: str = "4330000000000000000", **about: Any) -> None:
    """An order that was paid."""
    await world.place(order_id)
    await world.pay(await world.begin(order_id), **about)
    await world.until_called_back()


async def change(world: World, table: Any, **values: Any) -> None:
    """Falsifies our books."""

    def falsify(connection: Connection) -> None:
        unguarded(connection).execute(update(table).values(**values))

    await world.orders.write(falsify)


def only(report: Report) -> Difference:
    """The one difference of a report."""
    (difference,) = report.differences
    return difference


async def test_books_that_agree_have_no_differences(world: World) -> None:
    await paid(world)
    await paid(world, "4340000000000000000")
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    await world.do("REFUND")
    await world.until_called_back()
    report = await reconciled(world)
    assert (report.entries, report.matched, report.differences) == (3, 3, ())
    assert (await reconciled(world, days=1)).entries == 0


async def test_lost_money_is_found_and_pays_its_order(world: World) -> None:
    world.misbehave(lose=1.0)
    await paid(world)
    report = await reconciled(world, report_only=True)
    assert only(report).kind is DifferenceKind.CAPTURE_MISSING_HERE
    assert not only(report).repaired
    assert (await world.order()).state is OrderState.AWAITING_PAYMENT
    found = only(await reconciled(world))
    assert (found.payment_id, found.here_minor, found.there_minor) == (
        "4330000000000000000-p1",
        0,
        1_100,
    )
    assert found.repaired
    assert (await world.order()).state is OrderState.CONFIRMING
    assert (await reconciled(world)).differences == ()


async def test_a_lost_answer_about_a_refund_is_found(world: World) -> None:
    await paid(world)
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    payment = world.outside.books.find("4330000000000000000-p1")
    assert payment is not None
    world.outside.books.refund(payment, "4330000000000000000-r1", 300, world.clock(), refuse=False)
    found = only(await reconciled(world))
    assert (found.kind, found.refund_id, found.repaired) == (
        DifferenceKind.REFUND_MISSING_HERE,
        "4330000000000000000-r1",
        True,
    )
    assert (await world.order()).refunds[0].state is RefundState.DONE


@pytest.mark.unsound("the books are false")
async def test_money_that_only_our_books_have_is_reported_and_left(world: World) -> None:
    await world.place()
    await world.begin()
    assert await send(world, callback_body(world)) == 200  # signed, but the provider never took it
    found = only(await reconciled(world))
    assert (found.kind, found.here_minor, found.there_minor, found.repaired) == (
        DifferenceKind.CAPTURE_MISSING_THERE,
        1_100,
        0,
        False,
    )
    assert (await world.order()).payments[0].state is PaymentState.CAPTURED


@pytest.mark.unsound("the books are false")
async def test_another_amount_is_reported_and_left(world: World) -> None:
    await paid(world)
    await change(world, payments, captured_minor=1_200)
    found = only(await reconciled(world))
    assert (found.kind, found.here_minor, found.there_minor, found.repaired) == (
        DifferenceKind.CAPTURE_DIFFERS,
        1_200,
        1_100,
        False,
    )


@pytest.mark.unsound("the books are false")
async def test_a_refund_that_only_our_books_have_is_reported(world: World) -> None:
    await paid(world)
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    await change(world, refunds, state="DONE")
    found = only(await reconciled(world))
    assert (found.kind, found.here_minor) == (DifferenceKind.REFUND_MISSING_THERE, 300)


@pytest.mark.unsound("the books are false")
async def test_a_refund_of_another_amount_is_reported(world: World) -> None:
    await paid(world)
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    await world.do("REFUND")
    await change(world, refunds, amount_minor=299)
    found = only(await reconciled(world))
    assert (found.kind, found.here_minor, found.there_minor) == (
        DifferenceKind.REFUND_DIFFERS,
        299,
        300,
    )


@pytest.mark.unsound("the money is of no order")
async def test_a_payment_that_is_none_of_ours_is_reported(world: World) -> None:
    payment = world.outside.books.start("NOBODY-p1", 500, "CNY", "card")
    world.outside.books.capture(payment, 500, "CNY", world.clock())
    found = only(await reconciled(world))
    assert (found.kind, found.payment_id, found.there_minor) == (
        DifferenceKind.PAYMENT_UNKNOWN,
        "NOBODY-p1",
        500,
    )


async def test_a_stray_callback_is_reported_until_its_payment_is_known(world: World) -> None:
    assert await send(world, callback_body(world, payment_id="NOBODY-p1")) == 200
    assert only(await reconciled(world)).kind is DifferenceKind.PAYMENT_UNKNOWN


@pytest.mark.unsound("the money is of no order")
async def test_a_statement_of_many_pages_is_read_to_its_end(world: World) -> None:
    for number in range(STATEMENT_PAGE + 10):
        payment = world.outside.books.start(f"N{number}-p1", 500, "CNY", "card")
        world.outside.books.capture(payment, 500, "CNY", world.clock())
    report = await reconciled(world)
    assert report.entries == len(report.differences) == STATEMENT_PAGE + 10


async def test_a_silent_provider_leaves_everything_as_it_was(world: World) -> None:
    await paid(world)
    world.misbehave(down="refuse")
    with pytest.raises(ProviderUnreachable):
        await reconciled(world)


async def test_the_books_sum_up_what_was_captured_and_what_went_back(world: World) -> None:
    await paid(world)
    await paid(world, "4340000000000000000")
    await paid(world, "4350000000000000000", amount_minor=900)
    decide = partial(request_refund, refund_key="key", amount_minor=300, reason="")
    await world.orders.change("4330000000000000000", decide, "test")
    await world.do("REFUND")
    await world.orders.change("4340000000000000000", decide, "test")
    kept = await world.orders.read(partial(books, tenant="default"))
    assert kept == [Book("sandbox", "CNY", 3, 3_100, 300, 300, 900)]
    assert await world.orders.read(partial(books, tenant="other")) == []
    (waiting,) = await world.orders.read(partial(quarantined, tenant="default", after="", size=10))
    assert waiting.payment_id == "4350000000000000000-p1"
