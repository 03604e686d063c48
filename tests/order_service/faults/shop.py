"""An order's way, by a shop that asks again with the same keys until it is answered."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

import pytest
from standardwebhooks import Webhook

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import catalogue_pb2, fulfilment_pb2, order_pb2
from holdfast.orders import OrderClient
from order_service.payment.providers.port import FactKind
from serving.http_client import Unanswered
from tests.http import Http
from tests.order_service.processes import API_KEY, SECRET
from tests.waiting import PATIENCE_S

POLL_S = 0.02
HEADERS = {"authorization": f"Bearer {API_KEY}"}
SKU, PRICE_MINOR, QUANTITY = "MUG", 1_250, 2


class NotYet(Exception):
    """The order is not where the next step can be made."""


class Walk:
    """One order, from its place to its end. `post` hands a callback to the order service."""

    method = "sandbox_card"
    policy = order_pb2.SHORTAGE_POLICY_ALL_OR_NOTHING

    def __init__(
        self,
        name: str,
        sandbox_url: str,
        client: Callable[[], OrderClient],
        post: Callable[[bytes, dict[str, str]], Awaitable[int]],
    ) -> None:
        self.name = name
        self.order_id = ""
        self.late_ms = 0
        """How far the clocks of the order services are ahead."""
        self.troubles: list[Exception] = []
        """The errors that were its answers so far."""
        self._sandbox_url = sandbox_url
        self._client = client
        self._post = post

    def steps(self) -> list[Callable[[], Awaitable[None]]]:
        """The steps of the way, in order. Each can be done again."""
        return [
            self.place,
            self.pay,
            self.tell_of_payment,
            self.pick,
            self.pack,
            self.ship,
            self.deliver,
            self.complete,
        ]

    async def do(self, step: Callable[[], Awaitable[None]], revive: Callable[[], Any]) -> None:
        """Does a step until it is done, through whichever process lives."""
        give_up_at_s = time.monotonic() + PATIENCE_S
        while True:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    return await step()
            except (HoldfastError, NotYet, TimeoutError, Unanswered) as problem:
                wrong = (
                    isinstance(problem, HoldfastError) and problem.reason == Reason.INVALID_FIELD
                )
                if wrong or time.monotonic() > give_up_at_s:
                    pytest.fail(f"{step.__name__} of {self.order_id}: {problem!r}")
                if not isinstance(problem, NotYet):
                    self.troubles.append(problem)
                await revive()
                await asyncio.sleep(POLL_S)

    async def place(self) -> None:
        """Places the order."""
        goods_minor = PRICE_MINOR * QUANTITY
        placed = await self._client().place(
            order_pb2.PlaceOrderRequest(
                source=order_pb2.ORDER_SOURCE_WEB,
                order_key=self.name,
                buyer_id="buyer-1",
                currency="GBP",
                lines=[
                    order_pb2.PlaceOrderLine(
                        sku=SKU, quantity=QUANTITY, unit_price_minor=PRICE_MINOR
                    )
                ],
                amounts=order_pb2.Amounts(goods_minor=goods_minor, total_minor=goods_minor),
                delivery=order_pb2.Delivery(
                    name="A. Lee",
                    phone="02079460000",
                    country="GB",
                    postcode="SW1A 1AA",
                    city="London",
                    street="1 High Street",
                ),
                payment_method=self.method,
                shortage_policy=self.policy,
            )
        )
        assert placed.outcome == order_pb2.ORDER_OUTCOME_APPLIED, placed
        self.order_id = placed.order.order_id
        self._check(placed.order.state != order_pb2.Order.RESERVING)

    async def pay(self) -> None:
        """Begins to pay, and pays at the provider."""
        await self.begin_to_pay()
        await self.pay_there()

    async def begin_to_pay(self) -> None:
        """Begins to pay."""
        begun = await self._client().pay(self.order_id, "try-1")
        if begun.outcome != order_pb2.ORDER_OUTCOME_APPLIED:
            raise NotYet(begun)
        self._check(begun.payment.state != order_pb2.Payment.CREATED)

    async def pay_there(self) -> None:
        """Pays at the provider, however late that is."""
        payment_id = f"{self.order_id}-p1"
        async with Http(base_url=self._sandbox_url, headers=HEADERS) as sandbox:
            known = await sandbox.get(f"/provider/v1/payments/{payment_id}")
            if known.json()["kind"] != FactKind.CAPTURED:
                asked = {"payment_id": payment_id}
                (await sandbox.post("/provider/control/pay", json=asked)).raise_for_status()

    async def tell_of_payment(self) -> None:
        """The provider's callback, with the same event each time."""
        fact = {
            "kind": FactKind.CAPTURED,
            "payment_id": f"{self.order_id}-p1",
            "amount_minor": PRICE_MINOR * QUANTITY,
            "currency": "GBP",
        }
        body = json.dumps(fact)
        now, event_id = datetime.now(UTC) + timedelta(milliseconds=self.late_ms), f"evt-{self.name}"
        headers = {
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(event_id, now, body),
        }
        self._check(await self._post(body.encode(), headers) == HTTPStatus.OK)
        self._check((await self.order()).shipments)

    async def pick(self) -> None:
        """Takes the units off their shelf."""
        await self._warehouse(fulfilment_pb2.ConfirmPickRequest(actor="staff"), "PLANNED")

    async def pack(self) -> None:
        """Checks them into the parcel, and waits for its waybill."""
        lines = [fulfilment_pb2.ParcelLine(sku=SKU, quantity=QUANTITY)]
        request = fulfilment_pb2.ConfirmPackingRequest(actor="staff", lines=lines, weight_g=600)
        await self._warehouse(request, "PICKED")
        self._check((await self._parcel()).waybill)

    async def ship(self) -> None:
        """The parcel leaves."""
        await self._warehouse(fulfilment_pb2.ShipShipmentRequest(actor="staff"), "LABELLED")

    async def deliver(self) -> None:
        """The parcel is signed for."""
        await self._tell(await self._parcel(), fulfilment_pb2.TrackingEvent.SIGNED)
        self._check((await self.order()).state >= order_pb2.Order.DELIVERED)

    async def complete(self) -> None:
        """The buyer has it."""
        done = await self._client().complete(self.order_id)
        assert done.outcome == order_pb2.ORDER_OUTCOME_APPLIED, done

    async def order(self) -> order_pb2.Order:
        """The order as it is."""
        return await self._client().get(self.order_id)

    async def _warehouse(self, request: Any, state: str) -> None:
        """Moves the parcel, unless the lost answer of an earlier try has."""
        parcel = await self._parcel()
        if order_pb2.Shipment.State.Name(parcel.state) == state:
            request.shipment_id = parcel.shipment_id
            result = await self._client().ask(request)
            assert result.outcome == order_pb2.ORDER_OUTCOME_APPLIED, result

    async def _tell(
        self, parcel: Any, kind: "fulfilment_pb2.TrackingEvent.Kind.ValueType", **about: Any
    ) -> None:
        event = fulfilment_pb2.TrackingEvent(
            carrier=parcel.carrier,
            event_id=f"{kind}-{self.name}",
            kind=kind,
            happened_at_ms=time.time_ns() // 1_000_000,
            **about,
        )
        await self._client().ask(
            fulfilment_pb2.RecordTrackingRequest(shipment_id=parcel.shipment_id, event=event)
        )

    async def _parcel(self) -> Any:
        """The parcel that is on its way to the buyer."""
        parcels = [
            parcel
            for parcel in (await self.order()).shipments
            if parcel.state != order_pb2.Shipment.LOST
        ]
        self._check(parcels)
        (parcel,) = parcels
        return parcel

    def _check(self, reached: object) -> None:
        if not reached:
            raise NotYet


async def open_shop(client: OrderClient, *locations: str) -> None:
    """Puts an article that can be ordered, and the places it comes from; by default one place."""
    article = catalogue_pb2.Article(
        sku=SKU, merchant_id="m1", title="A mug", price_minor=PRICE_MINOR, currency="GBP"
    )
    await client.ask(catalogue_pb2.PutArticlesRequest(articles=[article]))
    warehouses = [
        catalogue_pb2.Warehouse(location=location, country="GB")
        for location in locations or ("default",)
    ]
    await client.ask(catalogue_pb2.PutWarehousesRequest(warehouses=warehouses))
