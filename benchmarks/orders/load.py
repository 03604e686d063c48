"""The load on an order service, in three steps, each a process of its own.

`python -m benchmarks.orders.load STEP JSON` takes the fields of `OrdersLoad`. `place` places the
orders, `begin` begins their payments and has the buyers pay at the provider, which tells nobody;
`pay` sends the provider's callbacks and waits until every order is effective. `place` and `pay`
print one `Sample`: what is not accepted is no order, and what is not effective is not paid.
"""

import asyncio
import gc
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import uvloop
from standardwebhooks import Webhook

from benchmarks.orders.loads import (
    CURRENCY,
    ORDER_SERVICE,
    PAYMENT_SERVICE,
    OrdersLoad,
    order_request,
    payment_request,
)
from benchmarks.orders.posting import post_all, request_of
from benchmarks.sample import APPLIED, Measured, Sample, Stopwatch, sample_of
from benchmarks.unary_load import run_unary
from holdfast.order.v1 import order_pb2 as pb
from holdfast.order.v1 import payment_pb2
from holdfast.orders import OrderClient
from order_service.payment.providers.port import Fact, FactKind
from order_service.sandbox.__main__ import API_KEY, SECRET

POLL_S = 0.02
EFFECTIVE_S_MAX = 30.0
PAYING_AT_ONCE = 32
# In the order in which an order passes through them, and what comes then by itself.
NOT_EFFECTIVE = (pb.Order.AWAITING_PAYMENT, pb.Order.CONFIRMING)
EFFECTIVE = (pb.Order.CONFIRMED, pb.Order.IN_FULFILMENT)


class Payment(msgspec.Struct):
    """A payment that was begun."""

    payment_id: str
    provider_ref: str
    amount_minor: int


async def place(load: OrdersLoad) -> Sample:
    """Places the orders, and keeps their ids."""
    packed = [order_request(load, n).SerializeToString() for n in range(load.orders)]
    gc.freeze()
    measured = await run_unary(load.calls(ORDER_SERVICE, "PlaceOrder"), packed)
    results = [pb.OrderResult.FromString(answer) for answer in measured.answers]
    placed = [
        result.order.order_id
        for result in results
        if result.outcome == pb.ORDER_OUTCOME_APPLIED
        and result.order.state == pb.Order.AWAITING_PAYMENT
    ]
    load.save(placed)
    return _sample(load, measured, len(placed))


async def begin(load: OrdersLoad) -> None:
    """Begins the payments, has them paid at the provider, and keeps the callbacks about them."""
    packed = [payment_request(load, one).SerializeToString() for one in load.saved()]
    begun = await run_unary(load.calls(PAYMENT_SERVICE, "StartPayment"), packed)
    answers = [payment_pb2.StartPaymentResponse.FromString(one) for one in begun.answers]
    payments = [
        Payment(one.payment.payment_id, one.payment.provider_ref, one.payment.amount_minor)
        for one in answers
    ]
    url = f"{load.sandbox}/provider/control/pay"
    key = {"authorization": f"Bearer {API_KEY}"}
    paying = [
        request_of(url, key, msgspec.json.encode({"payment_id": payment.payment_id}))
        for payment in payments
    ]
    await post_all(url, paying, PAYING_AT_ONCE)
    load.save([msgspec.json.encode(payment).decode() for payment in payments])


async def pay(load: OrdersLoad) -> Sample:
    """Sends a callback for each payment; the clock stops when the last order is effective."""
    url = f"{load.callbacks}/callbacks/sandbox"
    payments = [msgspec.json.decode(line, type=Payment) for line in load.saved()]
    requests = signed_callbacks(url, payments, now_s=int(time.time()))
    gc.freeze()
    async with OrderClient(load.target, tenant=load.tenant) as client:
        stopwatch = Stopwatch()
        posted = await post_all(url, requests, load.open_calls)
        await _all_effective(client)
        whole = stopwatch.measured(posted.latencies_s)
        effective = await _count_effective(client, load.prefix)
    return _sample(load, whole, effective)


def signed_callbacks(url: str, payments: Sequence[Payment], now_s: int) -> list[bytes]:
    """The callbacks that the sandbox provider would send if it had been given an address."""
    key, moment = Webhook(SECRET), datetime.fromtimestamp(now_s, UTC)
    requests = []
    for payment in payments:
        fact = Fact(
            FactKind.CAPTURED,
            payment.payment_id,
            payment.provider_ref,
            payment.amount_minor,
            CURRENCY,
            now_s * 1_000,
        )
        body, event_id = msgspec.json.encode(fact), f"evt_{payment.payment_id}"
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(now_s),
            "webhook-signature": key.sign(event_id, moment, body.decode()),
        }
        requests.append(request_of(url, headers, body))
    return requests


async def _all_effective(client: OrderClient) -> None:
    give_up_at_s = time.monotonic() + EFFECTIVE_S_MAX
    for state in NOT_EFFECTIVE:
        wanted = pb.ListOrdersRequest(state=state, page_size=1)
        while (await client.ask(wanted)).orders:
            if time.monotonic() > give_up_at_s:
                return  # what is not effective by now is counted as not accepted
            await asyncio.sleep(POLL_S)


async def _count_effective(client: OrderClient, prefix: str) -> int:
    """Counts the orders of this load that are CONFIRMED or further."""
    count = 0
    async for order in client.list():
        if order.order_key.startswith(f"{prefix}-"):
            count += order.state in EFFECTIVE
    return count


def _sample(load: OrdersLoad, measured: Measured, accepted: int) -> Sample:
    return sample_of(measured, {APPLIED: accepted}, errors=load.orders - accepted)


STEPS: dict[str, Callable[[OrdersLoad], Coroutine[Any, Any, Sample | None]]] = {
    "place": place,
    "begin": begin,
    "pay": pay,
}


def main() -> None:
    """Takes the step that the arguments describe."""
    load = msgspec.json.decode(sys.argv[2], type=OrdersLoad)
    sample = uvloop.run(STEPS[sys.argv[1]](load))
    print(msgspec.json.encode(sample).decode())


if __name__ == "__main__":
    main()
