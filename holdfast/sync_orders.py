"""The synchronous client of the order service: for scripts, threads and gevent.

Generated from orders.py by tools/make_sync_client.py; do not edit. Under gevent call
`grpc.experimental.gevent.init_gevent()` before the first client is made.

A business answer is a message with an `outcome` (`OrderOutcome`) and a `detail` for a person;
`HoldfastError` means that the request was not judged, or, with UNAVAILABLE and DEADLINE_EXCEEDED,
that its answer was lost: send the same request again with the same keys. Messages are those of
`holdfast.order.v1`: money is minor units (`..._minor`), `..._at_ms` milliseconds since the Unix
epoch.
"""

import random
import time
from collections.abc import Iterator, Sequence
from typing import Any, Self

import grpc

from holdfast.errors import HoldfastError
from holdfast.order.v1 import operations_pb2, order_pb2, payment_pb2
from holdfast.order_batches import PLACE_ORDERS, OrderBatch, batches_of
from holdfast.order_channel import (
    OrderConnection,
    orders_over,
    orders_target_or_default,
    rpc_of,
)
from holdfast.retry import wait_ms_before_next
from holdfast.sync_calls import SyncCalls

TIMEOUT_MS_DEFAULT = 10_000
CHANNELS_DEFAULT = 1
AUDIT_TIMEOUT_MS_DEFAULT = 3_600_000
PAGE_SIZE = 1_000


class SyncOrderClient:
    """A connection to an order service. Threads may share it.

    `target` is `host:port` or any gRPC name; None means the environment's HOLDFAST_ORDERS_TARGET,
    else 127.0.0.1:7610. `tenant` is the shop of requests that name none. `timeout_ms` is the
    deadline of a call, all its attempts included: a retryable error (`HoldfastError.retryable`) is
    sent again, with the same keys and after a growing, random wait, until the deadline (or
    `attempts_max`, if given) is reached; a server that answers many calls with errors is soon sent
    few of them again.

    What a shop needs has a method; everything else is asked with its message: `ask`, `pages`.
    Every method takes `timeout_ms` for a deadline of its own, and raises `HoldfastError`.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        tenant: str = "default",
        timeout_ms: int = TIMEOUT_MS_DEFAULT,
        attempts_max: int | None = None,
        channels: int = CHANNELS_DEFAULT,
    ) -> None:
        self.target = orders_target_or_default(target)
        self.tenant = tenant
        self._calls = SyncCalls(self.target, channels, timeout_ms, attempts_max, orders_over)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections; calls under way end."""
        self._calls.close()

    def ask(self, request: Any, *, timeout_ms: int | None = None) -> Any:
        """The answer to any request of `holdfast.order.v1`, such as a `ConfirmPickRequest`."""
        rpc = rpc_of(request)
        return self._calls.call(rpc, self._of_tenant(request), timeout_ms)

    def pages(self, request: Any, *, timeout_ms: int | None = None) -> Iterator[Any]:
        """The pages that answer a request for a list; `timeout_ms` is for a page."""
        rpc = rpc_of(request)
        request = self._of_tenant(request)
        request.page_size = request.page_size or PAGE_SIZE
        yield from self._calls.pages(rpc, request, timeout_ms)

    def place(
        self, request: order_pb2.PlaceOrderRequest, *, timeout_ms: int | None = None
    ) -> order_pb2.OrderResult:
        """Takes an order and reserves its stock; the same order sent twice is one order.

        Outcomes: APPLIED, ORDER_KEY_REUSED, UNKNOWN_ARTICLE, PRICE_MISMATCH, AMOUNT_MISMATCH,
        OUT_OF_STOCK, LIMIT_EXCEEDED.
        """
        result: order_pb2.OrderResult = self.ask(request, timeout_ms=timeout_ms)
        return result

    def place_many(
        self, requests: Sequence[order_pb2.PlaceOrderRequest], *, timeout_ms: int | None = None
    ) -> list[order_pb2.PlacedOrder]:
        """Takes any number of orders, each alone and as `place` does, at a fraction of the cost.

        `[i]` is what came of `requests[i]`: a `result`, or the `reason` of the error that `place`
        would have raised. They are sent 200 at a time, each call with its own `timeout_ms`, in
        which orders that were not judged are sent again. Raises HoldfastError where nothing is
        known of the orders of a call; it is safe to send all of them again.
        """
        placed: list[order_pb2.PlacedOrder] = []
        for batch in batches_of(requests, self.tenant):
            placed += self._place_batch(batch, timeout_ms)
        return placed

    def get(self, order_id: str, *, timeout_ms: int | None = None) -> order_pb2.Order:
        """Reads one order with everything that belongs to it. Raises ORDER_NOT_FOUND."""
        request = order_pb2.GetOrderRequest(order_id=order_id)
        order: order_pb2.Order = self.ask(request, timeout_ms=timeout_ms)
        return order

    def list(
        self, wanted: order_pb2.ListOrdersRequest | None = None, *, timeout_ms: int | None = None
    ) -> Iterator[order_pb2.OrderSummary]:
        """Reads the orders that are `wanted` (None: all), the newest first, page by page."""
        request = wanted or order_pb2.ListOrdersRequest()
        for page in self.pages(request, timeout_ms=timeout_ms):
            yield from page.orders

    def cancel(
        self,
        order_id: str,
        reason: str,
        *,
        merchant_id: str = "",
        actor: str = "",
        force: bool = False,
        timeout_ms: int | None = None,
    ) -> order_pb2.OrderResult:
        """Closes an order that has not left the warehouse, or leaves a merchant's part out of it;
        what was paid for it goes back. `force`: also while a provider does not say whether it was
        paid, which becomes a case for a person.

        Outcomes: APPLIED, NOT_FOUND, WRONG_STATE, UNDER_WAY (it is cancelled as soon as its payment
        provider says whether it was paid).
        """
        request = order_pb2.CancelOrderRequest(
            order_id=order_id,
            reason=reason,
            actor=actor,
            merchant_id=merchant_id,
            force=force,
        )
        result: order_pb2.OrderResult = self.ask(request, timeout_ms=timeout_ms)
        return result

    def complete(
        self, order_id: str, *, actor: str = "", timeout_ms: int | None = None
    ) -> order_pb2.OrderResult:
        """Says that the buyer has received a delivered order.

        Outcomes: APPLIED, NOT_FOUND, WRONG_STATE.
        """
        request = order_pb2.CompleteOrderRequest(order_id=order_id, actor=actor)
        result: order_pb2.OrderResult = self.ask(request, timeout_ms=timeout_ms)
        return result

    def pay(
        self,
        order_id: str,
        payment_key: str,
        method: str = "",
        *,
        timeout_ms: int | None = None,
    ) -> payment_pb2.StartPaymentResponse:
        """Begins an attempt to pay, once per key; `method` "" means the one it was placed with.

        Outcomes: APPLIED (the buyer goes on at `action_url`), NOT_FOUND, KEY_REUSED, NOT_PAYABLE,
        PROVIDER_DECLINED.
        """
        request = payment_pb2.StartPaymentRequest(
            order_id=order_id, payment_key=payment_key, method=method
        )
        answer: payment_pb2.StartPaymentResponse = self.ask(request, timeout_ms=timeout_ms)
        return answer

    def refund(
        self, request: payment_pb2.RefundOrderRequest, *, timeout_ms: int | None = None
    ) -> payment_pb2.RefundOrderResponse:
        """Sends captured money back, in full or in part, once per `refund_key`.

        Outcomes: APPLIED, NOT_FOUND, KEY_REUSED, AMOUNT_EXCEEDED.
        """
        answer: payment_pb2.RefundOrderResponse = self.ask(request, timeout_ms=timeout_ms)
        return answer

    def receipt(
        self, order_id: str, *, timeout_ms: int | None = None
    ) -> order_pb2.GetReceiptResponse:
        """The receipt of a paid order, the same each time. Outcomes: APPLIED, WRONG_STATE."""
        request = order_pb2.GetReceiptRequest(order_id=order_id)
        answer: order_pb2.GetReceiptResponse = self.ask(request, timeout_ms=timeout_ms)
        return answer

    def timeline(
        self, order_id: str, *, timeout_ms: int | None = None
    ) -> Iterator[order_pb2.TimelineEntry]:
        """Reads what happened to an order and its parts, the oldest first, page by page."""
        request = order_pb2.GetTimelineRequest(order_id=order_id)
        for page in self.pages(request, timeout_ms=timeout_ms):
            yield from page.entries

    def audit(
        self, *, timeout_ms: int = AUDIT_TIMEOUT_MS_DEFAULT
    ) -> Iterator[operations_pb2.AuditOrdersResponse]:
        """Proves the tenant's orders: progress and what is found as it comes, a summary last.

        Reads only. Not sent again when it breaks off: start it anew.
        """
        request = self._of_tenant(operations_pb2.AuditOrdersRequest())
        connection: OrderConnection = self._calls.next_connection()
        call = connection.OperationsService.AuditOrders(request, timeout=timeout_ms / 1_000)
        try:
            yield from call
        except grpc.RpcError as error:
            raise HoldfastError.from_rpc(error) from error
        finally:
            call.cancel()

    def _place_batch(
        self, batch: OrderBatch, timeout_ms: int | None
    ) -> Sequence[order_pb2.PlacedOrder]:
        """Places the orders of a call, those that were not judged once more. Raises HoldfastError
        where nothing is known of them.
        """
        timeout_s = (self._calls.timeout_ms if timeout_ms is None else timeout_ms) / 1_000
        deadline_s = time.monotonic() + timeout_s
        attempt = 0
        while True:
            attempt += 1
            left_ms = (deadline_s - time.monotonic()) * 1_000
            try:
                response = self._calls.call(PLACE_ORDERS, batch.request(), left_ms)
            except HoldfastError:
                if batch.is_known:
                    return batch.results
                raise
            error = batch.take(response)
            if error is None:
                return batch.results
            left_ms = (deadline_s - time.monotonic()) * 1_000
            attempts_max = self._calls.attempts_max
            wait_ms = wait_ms_before_next(error, attempt, attempts_max, left_ms, random.random())
            if wait_ms is None or not self._calls.budget.allows(error):
                return batch.results
            time.sleep(wait_ms / 1_000)

    def _of_tenant(self, request: Any) -> Any:
        """A copy of a request that names a tenant, where such requests do."""
        named = type(request)()
        named.CopyFrom(request)
        if "tenant" in named.DESCRIPTOR.fields_by_name and not named.tenant:
            named.tenant = self.tenant
        return named
