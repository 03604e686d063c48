"""An order walks through its life while everything goes wrong that can.

Then what is personal is in two columns of the database and in the messages that were delivered, and
in no log, metric, error, task, history, event, nor anywhere in the engine or at the provider.
"""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc.aio
import msgspec
import pytest
from standardwebhooks import Webhook

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import fulfilment_pb2, operations_pb2, order_pb2, payment_pb2
from holdfast.orders import OrderClient
from order_service.notifications.cloud_events import MESSAGE_TYPE
from order_service.storage.database import Database, open_database
from tests.http import Http
from tests.order_service.conftest import KINDS, emptied
from tests.order_service.edge.canaries import (
    DELIVERY,
    REMARK,
    columns_with_anything_personal,
    files_with_anything_personal,
    found_in,
    personal_delivery,
    personal_order,
    spoiled,
    stopped,
)
from tests.order_service.faults.shop import HEADERS, SKU, Walk, open_shop
from tests.order_service.notifications.outlets import (
    MailServer,
    WebServer,
    serving_mail,
    serving_web,
)
from tests.order_service.processes import SECRET, World, free_address, world
from tests.serving import answer_or_error
from tests.waiting import eventually

MERCHANT: Final = {"merchant_id": "m1", "email": "m1@shop.example", "language": "en"}
PLACE: Final = "/holdfast.order.v1.OrderService/PlaceOrder"


class Life(NamedTuple):
    """All that an order meets, and the answers to callers, which are meant for anybody."""

    served: World
    database: Database
    engine: Client
    client: OrderClient
    mail: MailServer
    web: WebServer
    metrics_address: str
    directory: Path
    said: list[str]

    async def asks(self, call: Awaitable[Any]) -> Any:
        """An answer, or an error; keeps what either says for a person or a program."""
        answer = await answer_or_error(call)
        if isinstance(answer, HoldfastError):
            self.said.append(f"{answer} {answer.metadata}")
        else:
            self.said.append(getattr(answer, "detail", ""))
        return answer

    async def posts(self, path: str, body: bytes, headers: dict[str, str] | None = None) -> int:
        """A callback; keeps its answer."""
        async with Http(base_url=self.served.orders.callbacks_url) as http:
            answer = await http.post(path, content=body, headers=headers)
        self.said.append(answer.text)
        return answer.status_code

    async def misbehaves(self, **shares: Any) -> None:
        """Has the provider misbehave."""
        async with Http(base_url=self.served.sandbox.url, headers=HEADERS) as http:
            answer = await http.post("/provider/control/misbehave", json=shares)
            answer.raise_for_status()

    def correction(self, order_id: str, **values: str) -> order_pb2.CorrectDeliveryRequest:
        """A correction of an order's delivery."""
        return order_pb2.CorrectDeliveryRequest(
            order_id=order_id,
            correction_id=f"c-{len(self.said)}",
            delivery=personal_delivery(**values),
            confirmed_by_buyer_via="phone",
        )


@pytest.fixture(params=KINDS)
async def life(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Life]:
    """An order service that tells everybody everything, and all around it."""
    url = f"sqlite:///{tmp_path / 'orders' / 'orders.db'}"
    if request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        await emptied(url)
    merchants, metrics_address = tmp_path / "merchants.json", free_address()
    merchants.write_bytes(msgspec.json.encode([MERCHANT]))
    async with AsyncExitStack() as stack:
        mail, web = (
            stack.enter_context(serving_mail()),
            await stack.enter_async_context(serving_web()),
        )
        settings = {
            "HOLDFAST_DATABASE_URL": url,
            "HOLDFAST_LOG_LEVEL": "debug",
            "HOLDFAST_ORDERS_METRICS_LISTEN": metrics_address,
            "HOLDFAST_NOTIFY_FILE": str(tmp_path / "notifications.jsonl"),
            "HOLDFAST_NOTIFY_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
            "HOLDFAST_NOTIFY_FROM": "shop@shop.example",
            "HOLDFAST_NOTIFY_WEBHOOKS": f"{web.url} {SECRET}",
            "HOLDFAST_MERCHANTS": str(merchants),
        }
        served = stack.enter_context(world(tmp_path, **settings))
        engine = await stack.enter_async_context(Client(served.engine.target))
        client = await stack.enter_async_context(OrderClient(served.orders.target, attempts_max=1))
        await engine.set_stock(SKU, 100)
        await open_shop(client)
        database = open_database(url)
        stack.push_async_callback(database.close)
        yield Life(served, database, engine, client, mail, web, metrics_address, tmp_path, [])


async def bad_input(life: Life) -> None:
    """Sends personal fields with a wrong value, each of which is refused."""
    for field, value in DELIVERY.items():
        wrong = personal_order("wrong", **{field: f"{value}\0"})
        answer = await life.asks(life.client.place(wrong))
        assert answer.reason is Reason.INVALID_FIELD
        assert answer.metadata["field"] == f"delivery.{field}"
        await life.asks(life.client.ask(life.correction("nobody", **{field: f"{value}\0"})))
    for field, value in {"phone": f"call {DELIVERY['phone']}", "email": "zqmail@nowhere"}.items():
        await life.asks(life.client.place(personal_order("wrong", **{field: value})))
    long = personal_order("wrong")
    long.remark = REMARK * 1_000
    await life.asks(life.client.place(long))
    dear = personal_order("wrong")
    dear.lines[0].unit_price_minor = 1
    await life.asks(life.client.place(dear))
    async with grpc.aio.insecure_channel(life.served.orders.target) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary(PLACE)(personal_order("cut").SerializeToString()[:-3])
    life.said.append(repr(caught.value))


async def callbacks_that_are_none(life: Life) -> None:
    """Callbacks that are forged, or signed and senseless, or of payments that nobody knows."""
    senseless = json.dumps({"kind": "PAID", "payer": DELIVERY}).encode()
    unknown = {"kind": "CAPTURED", "payment_id": "X-p1", "amount_minor": 1, "currency": "GBP"}
    stray = json.dumps({**unknown, "payer": DELIVERY}).encode()
    for path in ("/callbacks/sandbox", "/callbacks/carrier/sandbox", f"/callbacks/{REMARK}"):
        for number, body in enumerate((senseless, stray, json.dumps(DELIVERY).encode())):
            now, event_id = datetime.now(UTC), f"evt-{path}-{number}"
            signed = {
                "webhook-id": event_id,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(SECRET).sign(event_id, now, body.decode()),
            }
            await life.posts(path, body)
            await life.posts(path, body, signed)


async def placed_in_trouble(life: Life) -> str:
    """An order that is placed while first the database and then the engine are of no help."""
    async with spoiled(life.database):
        answer = await life.asks(life.client.place(personal_order("first")))
        assert answer.reason is Reason.DATABASE_UNREACHABLE
    with stopped(life.served.engine):
        placed = await life.asks(life.client.place(personal_order("first")))
        assert placed.order.state == order_pb2.Order.RESERVING
    order_id: str = placed.order.order_id
    reused = await life.asks(life.client.place(personal_order("first", street="9 Zqstreet")))
    assert reused.outcome == order_pb2.ORDER_OUTCOME_ORDER_KEY_REUSED
    remark = order_pb2.AddRemarkRequest(
        order_id=order_id, remark_id="r-1", author="buyer", channel="phone", text=REMARK
    )
    async with spoiled(life.database):
        for request in (remark, life.correction(order_id, street="9 Zqstreet")):
            answer = await life.asks(life.client.ask(request))
            assert answer.reason is Reason.DATABASE_UNREACHABLE
    for request in (remark, life.correction(order_id, street="9 Zqstreet")):
        answer = await life.asks(life.client.ask(request))
        assert answer.outcome == order_pb2.ORDER_OUTCOME_APPLIED

    async def reserved() -> bool:
        return (await life.client.get(order_id)).state == order_pb2.Order.AWAITING_PAYMENT

    await eventually(reserved)
    return order_id


async def paid_in_trouble(life: Life, walk: Walk) -> None:
    """The provider is down at first; then mail and subscribers refuse their messages."""
    await life.misbehaves(down="refuse")
    started = await life.asks(life.client.pay(walk.order_id, "try-1"))
    assert started.outcome == order_pb2.ORDER_OUTCOME_APPLIED
    other = await life.asks(life.client.place(personal_order("other")))
    await life.asks(life.client.pay(other.order.order_id, "try-1"))
    silent = await life.asks(life.client.cancel(other.order.order_id, "changed their mind"))
    assert silent.outcome == order_pb2.ORDER_OUTCOME_UNDER_WAY
    await life.misbehaves()
    life.mail.to_recipient = f"550 {DELIVERY['email']} ({DELIVERY['name']}) is not known here"
    life.web.status = 500
    await walk.do(walk.pay, lambda: asyncio.sleep(0))
    dead = operations_pb2.ListTasksRequest(dead=True)

    async def given_up() -> bool:
        return len((await life.client.ask(dead)).tasks) >= 2  # to the buyer and to the merchant

    await eventually(given_up)
    life.said.append(str(await life.client.ask(dead)))
    life.mail.to_recipient, life.web.status = "250 OK", 204


async def reviewed(life: Life, order_id: str) -> None:
    """A person reads the remarks, and lets the order through."""
    waiting = fulfilment_pb2.ListReviewsRequest()

    async def waits() -> bool:
        return bool((await life.client.ask(waiting)).reviews)

    await eventually(waits)
    life.said.append(str(await life.client.ask(waiting)))
    approval = fulfilment_pb2.ReviewOrderRequest(
        order_id=order_id, verdict=fulfilment_pb2.REVIEW_VERDICT_APPROVE, reason="as it was asked"
    )
    assert (await life.asks(life.client.ask(approval))).shipments


async def told_everything(life: Life, order_ids: list[str]) -> None:
    """All that is meant for anybody is asked for."""
    for order_id in order_ids:
        for request in (
            order_pb2.GetTimelineRequest(order_id=order_id),
            order_pb2.GetReceiptRequest(order_id=order_id),
            operations_pb2.ListTasksRequest(order_id=order_id),
            payment_pb2.ListPaymentsRequest(order_id=order_id),
        ):
            life.said.append(str(await life.client.ask(request)))
    life.said.append(str([message async for message in life.client.audit()]))
    life.said.append(str(await life.client.ask(order_pb2.ListOrdersRequest())))


async def test_what_is_personal_is_nowhere_else(life: Life) -> None:
    await bad_input(life)
    order_id = await placed_in_trouble(life)
    await callbacks_that_are_none(life)

    async def post(body: bytes, headers: dict[str, str]) -> int:
        return await life.posts("/callbacks/sandbox", body, headers)

    walk = Walk("first", life.served.sandbox.url, lambda: life.client, post)
    walk.order_id = order_id
    await paid_in_trouble(life, walk)
    await reviewed(life, order_id)
    for step in (walk.pick, walk.pack, walk.ship, walk.deliver, walk.complete):
        await walk.do(step, lambda: asyncio.sleep(0))
    second = (await life.asks(life.client.place(personal_order("second")))).order.order_id
    await life.asks(life.client.cancel(second, "changed their mind"))
    await life.client.ask(operations_pb2.ReplayTasksRequest())
    await eventually(lambda: nothing_waits(life, order_id, second))
    await told_everything(life, [order_id, second])

    assert {text for text in life.said if found_in(text)} == set()
    assert found_in(metrics_of(life)) == []
    assert await life.database.read(columns_with_anything_personal) == {
        "orders.delivery": set(found_in(str(DELIVERY) + "+442079460137")) - {"7946 0137"},
        "remarks.text": {"zqremark", "zqstreet"},
    }
    assert_only_messages_are_personal(life)
    files = {path.name for path in files_with_anything_personal(life.directory)}
    assert files - {"orders.db", "orders.db-wal"} == {"notifications.jsonl"}


async def nothing_waits(life: Life, *order_ids: str) -> bool:
    waiting = [
        await life.client.ask(operations_pb2.ListTasksRequest(order_id=order_id))
        for order_id in order_ids
    ]
    # What an order earns is due weeks later.
    return not any(task.kind != "EARN" for page in waiting for task in page.tasks)


def metrics_of(life: Life) -> str:
    with urllib.request.urlopen(f"http://{life.metrics_address}/metrics") as answer:
        text: str = answer.read().decode()
    assert 'holdfast_orders_tasks_buried_total{kind="NOTIFY_BUYER"}' in text
    return text


def assert_only_messages_are_personal(life: Life) -> None:
    """Only letters are personal; they reach the buyer, and the merchant at its address."""
    lines = (life.directory / "notifications.jsonl").read_text().splitlines()
    events = [line for line in lines if json.loads(line)["type"] != MESSAGE_TYPE]
    assert events
    assert found_in("".join(events)) == []
    assert life.web.requests
    assert found_in("".join(body.decode() for _, body in life.web.requests)) == []
    messages = "".join(line for line in lines if line not in events)
    assert {"zqname", "zqmail", "79460137"} <= set(found_in(messages))
    receivers = {address for mail in life.mail.mails for address in mail.rcpt_tos}
    assert receivers == {DELIVERY["email"], MERCHANT["email"]}
