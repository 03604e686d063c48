"""The sandbox's carrier where nobody steers it: it comes for what is shipped, and delivers soon."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from order_service.notifications.port import Event
from order_service.notifications.webhook import Receiver, WebhookSender
from order_service.relay.handler import TryLater
from order_service.sandbox.carrier import SandboxCarrierApp
from serving.http_client import Answer, HttpClient
from tests.order_service.clock import Clock
from tests.order_service.fulfilment.world import API_KEY, SECRET
from tests.order_service.payment.http import served
from tests.waiting import eventually

ORDER = "4330000000000000000"
PARCEL = f"{ORDER}-s1"
DELIVER_MS = 1_000
SHIPPED = Event(
    event_id="E",
    type="holdfast.order.v1.shipment.shipped",
    order_id="4330000000000000000",
    tenant="default",
    data={"part_id": PARCEL, "machine": "shipment", "to_state": "SHIPPED"},
    at_ms=1,
)


class Carrier(NamedTuple):
    """A carrier with a labelled parcel."""

    app: SandboxCarrierApp
    url: str
    clock: Clock
    http: HttpClient

    async def hear(self, event: Event, secret: str = SECRET) -> None:
        """Tells it of an event, as the order service does."""
        receiver = Receiver(f"{self.url}/events", (secret,))
        sender = WebhookSender(self.http, receiver, lambda: time.time_ns() // 1_000_000)
        await sender.publish(event)

    async def kinds(self) -> list[str]:
        """The kinds of the events of the parcel."""
        answer = await self.http.send("GET", f"{self.url}/v1/parcels/{PARCEL}/events")
        return [event["kind"] for event in answer.json()["events"]]

    async def signed(self) -> bool:
        """Whether a parcel has come to its end, without anybody asking over HTTP."""
        return self.app.books.sums().get("SIGNED", 0) > 0


@asynccontextmanager
async def carrier_of(clock: Clock, path: str = "") -> AsyncIterator[Carrier]:
    """A carrier that delivers within a second."""
    async with AsyncExitStack() as stack:
        app = SandboxCarrierApp(
            api_key=API_KEY, secret=SECRET, clock_ms=clock, path=path, deliver_ms=DELIVER_MS
        )
        stack.push_async_callback(app.aclose)
        headers = {"authorization": f"Bearer {API_KEY}"}
        client = HttpClient(headers=headers, silence_s_max=5.0)
        http = await stack.enter_async_context(aclosing(client))
        yield Carrier(app, await stack.enter_async_context(served(app.app)), clock, http)


@pytest.fixture
async def carrier(clock: Clock) -> AsyncIterator[Carrier]:
    """A carrier that has made a waybill for a parcel."""
    async with carrier_of(clock) as carrier:
        await label(carrier)
        yield carrier


async def label(carrier: Carrier) -> None:
    """Has a waybill made for the parcel."""
    asked = {"country": "GB", "weight_g": 700, "currency": "GBP", "service": "standard"}
    answer = await carrier.http.send("PUT", f"{carrier.url}/v1/labels/{PARCEL}", json=asked)
    assert answer.is_success


async def test_the_van_comes_for_what_is_shipped_and_delivers_it_soon(carrier: Carrier) -> None:
    await carrier.hear(SHIPPED)
    assert await carrier.kinds() == ["COLLECTED"]
    carrier.clock.advance(DELIVER_MS)
    carrier.app.catch_up()
    assert (await carrier.kinds())[-1] == "SIGNED"


@pytest.mark.parametrize(
    "other",
    [
        {"type": "holdfast.order.v1.shipment.packed"},
        {"data": {"part_id": "4330000000000000000-s9"}},
        {"type": "holdfast.order.v1.order.shipped", "data": {"part_id": ""}},
    ],
)
async def test_other_events_move_nothing(carrier: Carrier, other: dict[str, Any]) -> None:
    await carrier.hear(msgspec.structs.replace(SHIPPED, **other))
    assert await carrier.kinds() == []


async def test_only_the_order_service_can_send_the_van(carrier: Carrier) -> None:
    with pytest.raises(TryLater, match="401"):
        await carrier.hear(SHIPPED, "whsec_" + "Zm9yZ2Vk" * 4)
    assert await carrier.kinds() == []


async def test_a_parcel_on_its_way_travels_on_after_the_next_start(
    clock: Clock, tmp_path: Path
) -> None:
    path = str(tmp_path / "carrier.db")
    async with carrier_of(clock, path) as before:
        await label(before)
        await before.hear(SHIPPED)
    clock.advance(DELIVER_MS)
    async with carrier_of(clock, path) as after:
        after.app.start()
        await eventually(after.signed)


async def test_parcels_travel_on_after_an_error_of_the_books(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_stop = carrier.app.books.next_stop
    errors = iter([sqlite3.OperationalError("disk full")])

    def failing(now_ms: int) -> dict[str, object] | None:
        for error in errors:
            raise error
        return next_stop(now_ms)

    await carrier.hear(SHIPPED)
    monkeypatch.setattr(carrier.app.books, "next_stop", failing)
    carrier.clock.advance(DELIVER_MS)
    await eventually(carrier.signed)


async def befall(carrier: Carrier, fate: str, delay_ms: int = 0, parcel: str = PARCEL) -> Answer:
    """Tells the carrier what is to become of its parcel."""
    asked = {"shipment_id": parcel, "fate": fate, "delay_ms": delay_ms}
    return await carrier.http.send("POST", f"{carrier.url}/control/parcel", json=asked)


@pytest.mark.parametrize("on_its_way", [False, True])
@pytest.mark.parametrize(("fate", "end"), [("lose", "LOST"), ("damage", "DAMAGED")])
async def test_a_parcel_comes_to_the_end_that_it_was_told(
    carrier: Carrier, on_its_way: bool, fate: str, end: str
) -> None:
    if on_its_way:
        await carrier.hear(SHIPPED)
        carrier.clock.advance(DELIVER_MS // 2)
        carrier.app.catch_up()
    assert (await befall(carrier, fate)).json()["replayed"] is False
    assert (await befall(carrier, fate)).json()["replayed"] is True
    if not on_its_way:
        await carrier.hear(SHIPPED)
    carrier.clock.advance(10 * DELIVER_MS)
    carrier.app.catch_up()
    kinds = await carrier.kinds()
    assert (kinds[-1], "SIGNED" in kinds) == (end, False)
    late = await befall(carrier, "delay", 1)
    assert (late.status, b"end of its journey" in late.body) == (409, True)


@pytest.mark.parametrize("on_its_way", [False, True])
async def test_a_parcel_that_is_delayed_arrives_so_much_later_once(
    carrier: Carrier, on_its_way: bool
) -> None:
    if on_its_way:
        await carrier.hear(SHIPPED)
    await befall(carrier, "delay", 60_000)
    await befall(carrier, "delay", 60_000)
    if not on_its_way:
        await carrier.hear(SHIPPED)
    carrier.clock.advance(59_000)
    carrier.app.catch_up()
    assert "SIGNED" not in await carrier.kinds()
    carrier.clock.advance(2_000)
    carrier.app.catch_up()
    assert (await carrier.kinds()).count("SIGNED") == 1


@pytest.mark.parametrize("on_its_way", [False, True])
@pytest.mark.parametrize(
    ("fate", "at_the_door"), [("refuse", "REFUSED"), ("return", "ATTEMPT_FAILED")]
)
async def test_a_parcel_turns_at_the_door_and_comes_back(
    carrier: Carrier, on_its_way: bool, fate: str, at_the_door: str
) -> None:
    if on_its_way:
        await carrier.hear(SHIPPED)
        carrier.clock.advance(DELIVER_MS // 2)
        carrier.app.catch_up()
    # By its order, as people call it.
    answer = (await befall(carrier, fate, parcel=ORDER)).json()
    assert answer == {"shipment_id": PARCEL, "replayed": False}
    assert (await befall(carrier, fate)).json()["replayed"] is True
    if not on_its_way:
        await carrier.hear(SHIPPED)
    way = ["COLLECTED", "IN_TRANSIT", "HUB", "IN_TRANSIT", "OUT_FOR_DELIVERY", at_the_door]
    for expected in ([*way, "RETURNING"], [*way, "RETURNING", "RETURNED"]):
        carrier.clock.advance(DELIVER_MS)
        carrier.app.catch_up()
        assert await carrier.kinds() == expected
        late = await befall(carrier, "refuse" if fate == "return" else "return")
        assert late.status == 409


async def test_a_parcel_without_a_waybill_can_not_be_told(clock: Clock) -> None:
    async with carrier_of(clock) as carrier:
        answer = await befall(carrier, "lose")
        assert (answer.status, b"pack it first" in answer.body) == (404, True)
