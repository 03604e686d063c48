"""Every command of the API and the two kinds of callbacks, on an order that was brought to it."""

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

from holdfast.order.v1 import catalogue_pb2, fulfilment_pb2, order_pb2
from order_service.model import Incident, Order, Payment, Shipment
from order_service.sandbox.carrier_journey import Mishaps
from tests.order_service.model import requests
from tests.order_service.model.process import Process
from tests.order_service.model.world import World

QUANTITY = 2


class Case:
    """An order, and who asks for what about it. `number` makes its keys its own."""

    def __init__(self, world: World, number: int) -> None:
        self.world = world
        self.number = number
        self.key = f"cart-{number}"

    @property
    def process(self) -> Process:
        """The order service."""
        return self.world.processes[0]

    async def order(self) -> Order:
        """The order as it is on disk."""
        (found,) = [each for each in await self.world.orders() if each.order_key == self.key]
        return found

    async def payment(self) -> Payment:
        """Its last attempt to pay."""
        return (await self.order()).payments[-1]

    async def parcel(self) -> Shipment:
        """Its first parcel."""
        return (await self.order()).shipments[0]

    async def incident(self) -> Incident:
        """What went wrong with a parcel first."""
        return (await self.order()).incidents[0]


Send = Callable[[], Awaitable[bool]]
"""Sends a request; whether it was answered and applied. The same each time."""


class Command(NamedTuple):
    """A command, and those that bring an order to where it can be given."""

    before: tuple[str, ...]
    prepare: Callable[[Case], Awaitable[Send]]
    """Makes the request ready, so that sending it is all that is left to do."""


async def prepared(case: Case, name: str) -> Send:
    """Brings a new order to where a command can be given, and makes the request."""
    command = COMMANDS[name]
    for step in command.before:
        send = await COMMANDS[step].prepare(case)
        assert await send(), f"{step}, before {name}"
        await case.process.work()
    return await command.prepare(case)


def _asking(case: Case, request: Any) -> Send:
    async def send() -> bool:
        answer = await case.process.ask(request)
        if answer is None:
            return False
        assert getattr(answer, "outcome", _APPLIED) == _APPLIED, answer
        return True

    return send


def _of_order(request_of: Callable[[Order], Any]) -> Callable[[Case], Awaitable[Send]]:
    async def prepare(case: Case) -> Send:
        return _asking(case, request_of(await case.order()))

    return prepare


def _of_parcel(request_of: Callable[[Shipment], Any]) -> Callable[[Case], Awaitable[Send]]:
    async def prepare(case: Case) -> Send:
        return _asking(case, request_of(await case.parcel()))

    return prepare


async def _place(case: Case) -> Send:
    return _asking(case, requests.place(case.key, {"MUG": QUANTITY}))


async def _place_with_remark(case: Case) -> Send:
    return _asking(case, requests.place(case.key, {"MUG": QUANTITY}, remark="ring twice"))


def _paid(**about: Any) -> Callable[[Case], Awaitable[Send]]:
    async def prepare(case: Case) -> Send:
        payment_id = (await case.payment()).payment_id
        case.world.letters.clear()
        await case.world.at_the_provider("pay", payment_id, **about)
        (letter,) = case.world.letters
        return lambda: case.world.deliver(letter, case.process)

    return prepare


async def _put_article(case: Case) -> Send:
    article = catalogue_pb2.Article(
        sku=f"CUP-{case.number}", merchant_id="m", title="Cup", price_minor=90, currency="GBP"
    )
    return _asking(case, catalogue_pb2.PutArticlesRequest(articles=[article]))


async def _resolve(case: Case, resolution: "fulfilment_pb2.Resolution.ValueType") -> Send:
    return _asking(case, requests.resolve((await case.incident()).incident_id, resolution))


async def _refund_that_is_refused(case: Case) -> Send:
    case.world.misbehave(refuse_refund=1.0)
    return _asking(case, requests.refund(await case.order(), "scratch", 100))


def _of_refused_refund(request_of: Callable[[str], Any]) -> Callable[[Case], Awaitable[Send]]:
    async def prepare(case: Case) -> Send:
        case.world.misbehave()
        return _asking(case, request_of((await case.order()).refunds[0].refund_id))

    return prepare


async def _carrier_tells(case: Case) -> Send:
    """The van has come before anybody said that the parcel has left."""
    case.world.letters.clear()
    await case.world.collect((await case.parcel()).shipment_id, Mishaps())
    letter = case.world.letters[0]
    return lambda: case.world.deliver(letter, case.process)


def _tracking(kind: "fulfilment_pb2.TrackingEvent.Kind.ValueType") -> Callable[[Shipment], Any]:
    def request_of(parcel: Shipment) -> Any:
        event = fulfilment_pb2.TrackingEvent(
            carrier=parcel.carrier,
            event_id=f"{parcel.shipment_id}.{kind}",
            kind=kind,
            happened_at_ms=parcel.updated_at_ms,
        )
        return fulfilment_pb2.RecordTrackingRequest(shipment_id=parcel.shipment_id, event=event)

    return request_of


def _reading(parcel: Shipment) -> Any:
    reading = fulfilment_pb2.TemperatureReading(
        sensor="s1", read_at_ms=parcel.updated_at_ms, temperature_millicelsius=4_000
    )
    return fulfilment_pb2.RecordTemperatureRequest(shipment_id=parcel.shipment_id, reading=reading)


def _remark(order: Order) -> Any:
    return order_pb2.AddRemarkRequest(
        order_id=order.order_id, remark_id="r1", author="desk", channel="phone", text="by noon"
    )


def _corrected(order: Order) -> Any:
    delivery = order_pb2.Delivery()
    delivery.CopyFrom(requests.ADDRESS)
    delivery.street = "2 High Street"
    return order_pb2.CorrectDeliveryRequest(
        order_id=order.order_id,
        correction_id="c1",
        delivery=delivery,
        confirmed_by_buyer_via="phone",
    )


def _wave(case: Case) -> Any:
    return fulfilment_pb2.CreateWaveRequest(wave_id=f"wave-{case.number}", location="east")


async def _create_wave(case: Case) -> Send:
    return _asking(case, _wave(case))


_APPLIED = order_pb2.ORDER_OUTCOME_APPLIED
_BEING_PAID = ("place", "start payment")
_SOLD = (*_BEING_PAID, "payment callback")
_PACKED = (*_SOLD, "pick", "pack")
_LOST = (*_PACKED, "ship", "report incident")

COMMANDS: dict[str, Command] = {
    "place": Command((), _place),
    "place with remark": Command((), _place_with_remark),
    "start payment": Command(("place",), _of_order(lambda order: requests.pay(order, "try-1"))),
    "pay at the door": Command(
        ("place",), _of_order(lambda order: requests.pay(order, "door", requests.AT_THE_DOOR))
    ),
    "payment callback": Command(_BEING_PAID, _paid()),
    "wrong amount callback": Command(_BEING_PAID, _paid(amount_minor=1)),
    "cancel while it is being paid": Command(_BEING_PAID, _of_order(requests.cancel)),
    "cancel when it is sold": Command(_SOLD, _of_order(requests.cancel)),
    "refund": Command(_SOLD, _of_order(lambda order: requests.refund(order, "scratch", 100))),
    "refund that is refused": Command(_SOLD, _refund_that_is_refused),
    "retry refund": Command((*_SOLD, "refund that is refused"), _of_refused_refund(requests.retry)),
    "settle refund": Command(
        (*_SOLD, "refund that is refused"), _of_refused_refund(requests.settle)
    ),
    "approve": Command(
        ("place with remark", "start payment", "payment callback"),
        _of_order(lambda order: requests.review(order, approve=True)),
    ),
    "refuse": Command(
        ("place with remark", "start payment", "payment callback"),
        _of_order(lambda order: requests.review(order, approve=False)),
    ),
    "create wave": Command(_SOLD, _create_wave),
    "pick": Command(_SOLD, _of_parcel(requests.pick)),
    "pick short": Command(_SOLD, _of_parcel(lambda parcel: requests.pick(parcel, [("MUG", 1)]))),
    "pack": Command((*_SOLD, "pick"), _of_parcel(requests.pack)),
    "ship": Command(_PACKED, _of_parcel(requests.ship)),
    "cancel one shipment": Command((*_SOLD, "pick short"), _of_parcel(requests.cancel_shipment)),
    "cancel the only shipment": Command(_PACKED, _of_parcel(requests.cancel_shipment)),
    "carrier callback": Command(_PACKED, _carrier_tells),
    "signed": Command(
        (*_PACKED, "ship"), _of_parcel(_tracking(fulfilment_pb2.TrackingEvent.SIGNED))
    ),
    "temperature": Command((*_PACKED, "ship"), _of_parcel(_reading)),
    "report incident": Command(
        (*_PACKED, "ship"),
        _of_parcel(lambda parcel: requests.report(parcel, fulfilment_pb2.Incident.LOSS)),
    ),
    "resolve incident with money": Command(
        _LOST, lambda case: _resolve(case, fulfilment_pb2.RESOLUTION_REFUND)
    ),
    "resolve incident with goods": Command(
        _LOST, lambda case: _resolve(case, fulfilment_pb2.RESOLUTION_RESHIP)
    ),
    "complete": Command(
        (*_PACKED, "ship", "signed"),
        _of_order(lambda order: order_pb2.CompleteOrderRequest(order_id=order.order_id)),
    ),
    "remark": Command(("place",), _of_order(_remark)),
    "correct delivery": Command(_SOLD, _of_order(_corrected)),
    "receipt": Command(
        _SOLD, _of_order(lambda order: order_pb2.GetReceiptRequest(order_id=order.order_id))
    ),
    "put articles": Command((), _put_article),
    "approve quarantined": Command(
        (*_BEING_PAID, "wrong amount callback"),
        _of_order(lambda order: requests.resolve_quarantined(order.payments[0], approve=True)),
    ),
    "return quarantined": Command(
        (*_BEING_PAID, "wrong amount callback"),
        _of_order(lambda order: requests.resolve_quarantined(order.payments[0], approve=False)),
    ),
}
