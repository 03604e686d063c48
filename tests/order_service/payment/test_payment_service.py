"""PaymentService over gRPC, with the real sandbox provider behind it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2, payment_pb2_grpc
from holdfast.order.v1 import payment_pb2 as pb
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.payments import PaymentServicer
from order_service.order.draft import Draft
from order_service.order.model import CASH_ON_DELIVERY
from order_service.order.states import OrderState, PaymentState
from order_service.payment.facts import collected
from order_service.payment.refunds import send_back
from serving.deadlines import Deadlines
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.order_service.payment.world import World

OUTCOMES = order_pb2.OrderOutcome


@pytest.fixture
async def service(world: World) -> AsyncIterator[Any]:
    """A stub of a server of its own."""
    server = grpc.aio.server()
    providers = {"sandbox": world.provider}
    servicer = PaymentServicer(world.orders, providers, world.desk, Deadlines(30_000))
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
    payment_pb2_grpc.add_PaymentServiceServicer_to_server(guarded, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield payment_pb2_grpc.PaymentServiceStub(channel)
    await server.stop(None)


async def refused(call: Any) -> HoldfastError:
    """The error that a call ends with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return HoldfastError.from_rpc(caught.value)


async def test_an_order_is_paid_and_refunded(world: World, service: Any) -> None:
    await world.place()
    started = await service.StartPayment(
        pb.StartPaymentRequest(order_id="4330000000000000000", payment_key="try-1")
    )
    assert started.outcome == OUTCOMES.ORDER_OUTCOME_APPLIED
    assert started.payment.state == order_pb2.Payment.PENDING
    await world.http.post(started.action_url, data={"action": "pay"})
    await world.until_called_back()
    back = await service.RefundOrder(
        pb.RefundOrderRequest(
            order_id="4330000000000000000", refund_key="key", amount_minor=300, reason="late"
        )
    )
    assert [refund.amount_minor for refund in back.refunds] == [300]
    await world.do("REFUND")
    listed = await service.ListPayments(pb.ListPaymentsRequest(order_id="4330000000000000000"))
    (payment,), (refund,) = listed.payments, listed.refunds
    assert (payment.state, payment.captured_minor, payment.refunded_minor) == (
        order_pb2.Payment.CAPTURED,
        1_100,
        300,
    )
    assert (payment.payment_key, payment.captured_currency) == ("try-1", "CNY")
    assert (refund.state, refund.reason) == (order_pb2.Refund.DONE, "late")
    kept = await service.GetPaymentBooks(pb.GetPaymentBooksRequest())
    (book,) = kept.books
    assert (book.captured_minor, book.refunded_minor, book.refunding_minor) == (1_100, 300, 0)


async def test_the_same_request_has_the_same_answer(world: World, service: Any) -> None:
    await world.place()
    request = pb.StartPaymentRequest(order_id="4330000000000000000", payment_key="try-1")
    first = await service.StartPayment(request)
    again = await service.StartPayment(request)
    assert (first.replayed, again.replayed) == (False, True)
    assert again.action_url == first.action_url
    assert again.payment == first.payment
    await world.http.post(first.action_url, data={"action": "pay"})
    await world.until_called_back()
    refund = pb.RefundOrderRequest(order_id="4330000000000000000", refund_key="key", reason="late")
    replies = [await service.RefundOrder(refund) for _ in range(2)]
    assert [reply.replayed for reply in replies] == [False, True]
    assert replies[0].refunds == replies[1].refunds


async def test_refusals_are_outcomes(world: World, service: Any) -> None:
    await world.place()
    start = pb.StartPaymentRequest(order_id="NOBODY", payment_key="try-1")
    assert (await service.StartPayment(start)).outcome == OUTCOMES.ORDER_OUTCOME_NOT_FOUND
    start = pb.StartPaymentRequest(
        order_id="4330000000000000000", payment_key="try-1", tenant="other"
    )
    assert (await service.StartPayment(start)).outcome == OUTCOMES.ORDER_OUTCOME_NOT_FOUND
    back = pb.RefundOrderRequest(
        order_id="4330000000000000000", refund_key="key", amount_minor=1, reason="x"
    )
    reply = await service.RefundOrder(back)
    assert reply.outcome == OUTCOMES.ORDER_OUTCOME_AMOUNT_EXCEEDED
    assert "more than the 0" in reply.detail
    settle = pb.SettleRefundRequest(refund_id="4330000000000000000-r1", reason="x")
    assert (await service.SettleRefund(settle)).outcome == OUTCOMES.ORDER_OUTCOME_NOT_FOUND
    resolve = pb.ResolveQuarantinedRequest(
        payment_id="4330000000000000000-p1", resolution=pb.QUARANTINE_RESOLUTION_APPROVE, reason="x"
    )
    reply = await service.ResolveQuarantined(resolve)
    assert reply.outcome == OUTCOMES.ORDER_OUTCOME_NOT_FOUND


async def test_a_wrong_amount_is_listed_and_resolved(world: World, service: Any) -> None:
    for name in ("4330000000000000000", "4340000000000000000", "4350000000000000000"):
        await world.place(name)
        await world.pay(await world.begin(name), amount_minor=1_000)
    await world.until_called_back()
    page = await service.ListQuarantined(pb.ListQuarantinedRequest(page_size=2))
    rest = await service.ListQuarantined(
        pb.ListQuarantinedRequest(page_size=2, page_token=page.next_page_token)
    )
    listed = [payment.payment_id for payment in (*page.payments, *rest.payments)]
    assert listed == ["4330000000000000000-p1", "4340000000000000000-p1", "4350000000000000000-p1"]
    assert rest.next_page_token == ""
    resolutions = (pb.QUARANTINE_RESOLUTION_APPROVE, pb.QUARANTINE_RESOLUTION_RETURN)
    for payment_id, resolution in zip(listed, resolutions, strict=False):
        request = pb.ResolveQuarantinedRequest(
            payment_id=payment_id, resolution=resolution, reason="asked the buyer"
        )
        reply = await service.ResolveQuarantined(request)
        assert (reply.outcome, reply.replayed) == (OUTCOMES.ORDER_OUTCOME_APPLIED, False)
        assert (await service.ResolveQuarantined(request)).replayed
    assert (await world.order("4330000000000000000")).state is OrderState.CONFIRMING
    assert (await world.order("4340000000000000000")).state is OrderState.AWAITING_PAYMENT
    left = await service.ListQuarantined(pb.ListQuarantinedRequest())
    assert [payment.payment_id for payment in left.payments] == ["4350000000000000000-p1"]


async def test_money_that_comes_after_a_return_waits_for_nobody(world: World, service: Any) -> None:
    await world.place()
    payment = await world.begin()
    await world.pay(payment, amount_minor=600)
    await world.until_called_back()
    request = pb.ResolveQuarantinedRequest(
        payment_id=payment.payment_id,
        resolution=pb.QUARANTINE_RESOLUTION_RETURN,
        reason="too little",
    )
    await service.ResolveQuarantined(request)
    await world.pay(payment, amount_minor=500)
    await world.until_called_back()
    assert not (await service.ListQuarantined(pb.ListQuarantinedRequest())).payments
    await world.do("REFUND")
    assert (await world.order()).payments[0].state is PaymentState.RETURNED
    assert world.outside.books.sums()["refunded_minor"] == {"CNY": 1_100}


async def test_refused_refunds_are_listed_and_tried_again(world: World, service: Any) -> None:
    world.misbehave(pay_twice=1.0, refuse_refund=1.0)
    names = [f"43{number}0000000000000000" for number in (3, 4, 5)]
    for name in names:
        await world.place(name)
        await world.pay(await world.begin(name))
        await world.until_called_back()
        # Money that came twice goes back by itself: nobody has a key for that refund.
        await world.do("REFUND", order_id=name)
    await world.until_called_back()
    page = await service.ListFailedRefunds(pb.ListFailedRefundsRequest(page_size=2))
    rest = await service.ListFailedRefunds(
        pb.ListFailedRefundsRequest(page_size=2, page_token=page.next_page_token)
    )
    listed = [*page.refunds, *rest.refunds]
    assert [
        (failed.order_id, failed.provider, failed.currency, failed.refund.amount_minor)
        for failed in listed
    ] == [(name, "sandbox", "CNY", 1_100) for name in names]
    assert rest.next_page_token == ""
    other = pb.ListFailedRefundsRequest(tenant="other")
    assert not (await service.ListFailedRefunds(other)).refunds
    world.misbehave()
    request = pb.RetryRefundRequest(refund_id=listed[0].refund.refund_id)
    replies = [await service.RetryRefund(request) for _ in range(2)]
    assert [(reply.outcome, reply.replayed) for reply in replies] == [
        (OUTCOMES.ORDER_OUTCOME_APPLIED, False),
        (OUTCOMES.ORDER_OUTCOME_APPLIED, True),
    ]
    assert replies[0].refund.state == order_pb2.Refund.REQUESTED
    await world.do("REFUND", order_id=names[0])
    left = await service.ListFailedRefunds(pb.ListFailedRefundsRequest())
    assert [failed.order_id for failed in left.refunds] == names[1:]
    assert world.outside.books.sums()["refunded_minor"] == {"CNY": 1_100}
    assert (await service.RetryRefund(request)).refund.state == order_pb2.Refund.DONE
    foreign = pb.RetryRefundRequest(refund_id=listed[1].refund.refund_id, tenant="other")
    assert (await service.RetryRefund(foreign)).outcome == OUTCOMES.ORDER_OUTCOME_NOT_FOUND


@pytest.mark.unsound("no parcel brought the cash")
async def test_cash_that_goes_back_is_listed_for_a_person(world: World, service: Any) -> None:
    await world.place()
    payment = await world.begin(method=CASH_ON_DELIVERY)

    def taken(draft: Draft) -> None:
        collected(draft, 1_100, "CNY", "WB-1", draft.now_ms)
        send_back(draft, draft.order.payment(payment.payment_id), 100, "a scratch")

    await world.orders.change(payment.order_id, taken, "test")
    await world.do("REFUND")
    listed = await service.ListFailedRefunds(pb.ListFailedRefundsRequest())
    (failed,) = listed.refunds
    assert (failed.provider, failed.refund.amount_minor) == ("cash", 100)
    request = pb.RetryRefundRequest(refund_id=failed.refund.refund_id)
    reply = await service.RetryRefund(request)
    assert reply.outcome == OUTCOMES.ORDER_OUTCOME_WRONG_CONTENT
    assert "settle the refund" in reply.detail
    settle = pb.SettleRefundRequest(refund_id=failed.refund.refund_id, reason="at the counter")
    await service.SettleRefund(settle)
    assert not (await service.ListFailedRefunds(pb.ListFailedRefundsRequest())).refunds


async def test_a_refused_refund_is_paid_back_by_hand(world: World, service: Any) -> None:
    await world.place()
    await world.pay(await world.begin())
    await world.until_called_back()
    world.misbehave(refuse_refund=1.0)
    await service.RefundOrder(
        pb.RefundOrderRequest(order_id="4330000000000000000", refund_key="key", reason="late")
    )
    request = pb.SettleRefundRequest(refund_id="4330000000000000000-r1", reason="bank transfer")
    reply = await service.SettleRefund(request)
    assert reply.outcome == OUTCOMES.ORDER_OUTCOME_WRONG_STATE
    await world.do("REFUND")
    await world.until_called_back()
    reply = await service.SettleRefund(request)
    assert reply.refund.state == order_pb2.Refund.DONE
    assert (await service.SettleRefund(request)).replayed


async def test_a_day_is_reconciled(world: World, service: Any) -> None:
    world.misbehave(lose=1.0)
    await world.place()
    await world.pay(await world.begin())
    day = datetime.fromtimestamp(world.clock() / 1000, UTC).date().isoformat()
    request = pb.ReconcileRequest(provider="sandbox", day=day)
    report = await service.Reconcile(request)
    (difference,) = report.differences
    assert difference.kind == pb.DIFFERENCE_KIND_CAPTURE_MISSING_HERE
    assert difference.repaired
    world.misbehave(down="refuse")
    assert (await refused(service.Reconcile(request))).reason is Reason.STATEMENT_UNREACHABLE


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("StartPayment", pb.StartPaymentRequest(order_id="O", payment_key=""), "payment_key"),
        ("StartPayment", pb.StartPaymentRequest(order_id="O", payment_key="x" * 65), "payment_key"),
        ("StartPayment", pb.StartPaymentRequest(order_id="", payment_key="k"), "order_id"),
        (
            "StartPayment",
            pb.StartPaymentRequest(order_id="O", payment_key="k", tenant="/"),
            "tenant",
        ),
        (
            "StartPayment",
            pb.StartPaymentRequest(order_id="O", payment_key="k", method="shells"),
            "method",
        ),
        ("ListPayments", pb.ListPaymentsRequest(order_id="a b"), "order_id"),
        ("RefundOrder", pb.RefundOrderRequest(order_id="O", refund_key="/"), "refund_key"),
        ("RefundOrder", pb.RefundOrderRequest(order_id="O", refund_key="x" * 49), "refund_key"),
        (
            "RefundOrder",
            pb.RefundOrderRequest(order_id="O", refund_key="k", amount_minor=-1, reason="x"),
            "amount_minor",
        ),
        (
            "RefundOrder",
            pb.RefundOrderRequest(order_id="O", refund_key="k", amount_minor=1),
            "reason",
        ),
        (
            "RefundOrder",
            pb.RefundOrderRequest(order_id="O", refund_key="k", reason="x" * 201),
            "reason",
        ),
        ("RetryRefund", pb.RetryRefundRequest(refund_id=""), "refund_id"),
        ("ListFailedRefunds", pb.ListFailedRefundsRequest(page_size=1_001), "page_size"),
        ("ListFailedRefunds", pb.ListFailedRefundsRequest(page_token="?"), "page_token"),
        ("SettleRefund", pb.SettleRefundRequest(refund_id="", reason="x"), "refund_id"),
        ("ListQuarantined", pb.ListQuarantinedRequest(page_size=1_001), "page_size"),
        ("ListQuarantined", pb.ListQuarantinedRequest(page_token="?"), "page_token"),
        (
            "ResolveQuarantined",
            pb.ResolveQuarantinedRequest(payment_id="O-p1", reason="x"),
            "resolution",
        ),
        ("Reconcile", pb.ReconcileRequest(provider="bank", day="2026-11-22"), "provider"),
        ("Reconcile", pb.ReconcileRequest(provider="sandbox", day="yesterday"), "day"),
    ],
)
async def test_a_field_beyond_its_bounds_is_named(
    service: Any, method: str, request_: Any, field: str
) -> None:
    error = await refused(getattr(service, method)(request_))
    assert error.reason is Reason.INVALID_FIELD
    assert error.metadata["field"] == field


async def test_the_payments_of_no_order_are_not_found(service: Any) -> None:
    error = await refused(service.ListPayments(pb.ListPaymentsRequest(order_id="NOBODY")))
    assert error.reason is Reason.ORDER_NOT_FOUND
