"""Every command of the API and the two kinds of callbacks, on an order that was brought to it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, NamedTuple

from holdfast.order.v1 import (
    catalogue_pb2,
    fulfilment_pb2,
    operations_pb2,
    order_pb2,
    payment_pb2,
)
from order_service.order.model import Incident, Order, Payment, Shipment, Task
from order_service.order.tasks import TaskKind
from order_service.payment.books import keep_stray
from order_service.payment.providers.port import Callback, Fact, FactKind
from order_service.sandbox.carrier_journey import Mishaps
from order_service.storage.tasks import Failure, write_failures
from tests.order_service.model import requests
from tests.order_service.model.process import Process
from tests.order_service.model.world import Letter, World

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
        """The order's last attempt to pay."""
        return (await self.order()).payments[-1]

    async def parcel(self) -> Shipment:
        """The order's first parcel."""
        return (await self.order()).shipments[0]

    async def incident(self) -> Incident:
        """The order's first incident."""
        return (await self.order()).incidents[0]


class Send(NamedTuple):
    """A request, or a callback: the same each time it is sent."""

    what: Any
    deliver: Callable[[], Awaitable[bool]]

    async def __call__(self) -> bool:
        """Sends it; whether it was answered and applied."""
        return await self.deliver()


class Command(NamedTuple):
    """A command, and those that bring an order to where it can be given."""

    what: type
    """The message that is sent; `Letter` where a provider or a carrier calls back."""
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
    send = await command.prepare(case)
    assert type(send.what) is command.what, name
    return send


def _asking(case: Case, request: Any) -> Send:
    async def send() -> bool:
        answer = await case.process.ask(request)
        if answer is None:
            return False
        assert getattr(answer, "outcome", _APPLIED) == _APPLIED, answer
        return True

    return Send(request, send)


def _delivering(case: Case, letter: Letter) -> Send:
    return Send(letter, lambda: case.world.deliver(letter, case.process))


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


async def _place_several(case: Case) -> Send:
    first = requests.place(case.key, {"MUG": QUANTITY})
    return _asking(case, order_pb2.PlaceOrdersRequest(orders=[first]))


async def _place_with_remark(case: Case) -> Send:
    return _asking(case, requests.place(case.key, {"MUG": QUANTITY}, remark="another address"))


def _paid(**about: Any) -> Callable[[Case], Awaitable[Send]]:
    async def prepare(case: Case) -> Send:
        payment_id = (await case.payment()).payment_id
        case.world.letters.clear()
        await case.world.at_the_provider("pay", payment_id, **about)
        (letter,) = case.world.letters
        return _delivering(case, letter)

    return prepare


async def _put_article(case: Case) -> Send:
    article = catalogue_pb2.Article(
        sku=f"CUP-{case.number}", merchant_id="m", title="Cup", price_minor=90, currency="GBP"
    )
    return _asking(case, catalogue_pb2.PutArticlesRequest(articles=[article]))


async def _put_warehouse(case: Case) -> Send:
    # It is closed, so that no order comes from it.
    warehouse = catalogue_pb2.Warehouse(location=f"hall-{case.number}", country="GB", closed=True)
    return _asking(case, catalogue_pb2.PutWarehousesRequest(warehouses=[warehouse]))


async def _put_place(case: Case) -> Send:
    place = catalogue_pb2.Place(
        country="GB", region=f"shire-{case.number}", latitude=51.5, longitude=-0.1
    )
    return _asking(case, catalogue_pb2.PutPlacesRequest(places=[place]))


async def _reconcile_what_nobody_told(case: Case) -> Send:
    await case.world.at_the_provider("pay", (await case.payment()).payment_id)
    case.world.letters.clear()
    return _asking(case, requests.reconcile(case.world.days()[-1]))


async def _dead_task(case: Case) -> Task:
    """A timer of the order that was given up."""
    order = await case.order()
    (task,) = [task for task in order.tasks if task.kind == TaskKind.PICK_DUE]
    failure = Failure(task.task_id, task.attempts + 1, task.due_at_ms, True, "given up")
    await case.world.database.write(partial(write_failures, owner="", failures=[failure]))
    return task


async def _replay(case: Case) -> Send:
    task = await _dead_task(case)
    return _asking(case, operations_pb2.ReplayTasksRequest(task_ids=[task.task_id]))


async def _drop(case: Case) -> Send:
    task = await _dead_task(case)
    asking = _asking(case, operations_pb2.DropTaskRequest(task_id=task.task_id, why="picked"))

    async def send() -> bool:
        # A second request is answered that there is no such task.
        return await asking() or task.task_id not in {
            left.task_id for left in (await case.order()).tasks
        }

    return asking._replace(deliver=send)


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
    return _delivering(case, case.world.letters[0])


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


async def _create_wave(case: Case) -> Send:
    wave = fulfilment_pb2.CreateWaveRequest(wave_id=f"wave-{case.number}", location="east")
    return _asking(case, wave)


async def _close_case(case: Case) -> Send:
    """Money has come for a payment that nobody knows."""
    fact = Fact(FactKind.CAPTURED, f"cart-{case.number}-p9", "sbx_9", 5, "GBP")
    callback = Callback(f"evt_9_{case.number}", fact)
    kept = partial(
        keep_stray, provider="sandbox", callback=callback, fact=fact, now_ms=case.world.clock()
    )
    await case.world.database.write(kept)
    listed = await case.process.ask(payment_pb2.ListMoneyCasesRequest())
    case_id = next(found.case_id for found in listed.cases if found.payment_id == fact.payment_id)
    return _asking(case, payment_pb2.CloseMoneyCaseRequest(case_id=case_id, reason="not ours"))


_APPLIED = order_pb2.ORDER_OUTCOME_APPLIED
_BEING_PAID = ("place", "start payment")
_SOLD = (*_BEING_PAID, "payment callback")
_PACKED = (*_SOLD, "pick", "pack")
_LOST = (*_PACKED, "ship", "report incident")

COMMANDS: dict[str, Command] = {
    "place": Command(order_pb2.PlaceOrderRequest, (), _place),
    "place orders": Command(order_pb2.PlaceOrdersRequest, (), _place_several),
    "place with remark": Command(order_pb2.PlaceOrderRequest, (), _place_with_remark),
    "start payment": Command(
        payment_pb2.StartPaymentRequest,
        ("place",),
        _of_order(lambda order: requests.pay(order, "try-1")),
    ),
    "pay at the door": Command(
        payment_pb2.StartPaymentRequest,
        ("place",),
        _of_order(lambda order: requests.pay(order, "door", requests.AT_THE_DOOR)),
    ),
    "payment callback": Command(Letter, _BEING_PAID, _paid()),
    "wrong amount callback": Command(Letter, _BEING_PAID, _paid(amount_minor=1)),
    "cancel while it is being paid": Command(
        order_pb2.CancelOrderRequest, _BEING_PAID, _of_order(requests.cancel)
    ),
    "cancel when it is sold": Command(
        order_pb2.CancelOrderRequest, _SOLD, _of_order(requests.cancel)
    ),
    "refund": Command(
        payment_pb2.RefundOrderRequest,
        _SOLD,
        _of_order(lambda order: requests.refund(order, "scratch", 100)),
    ),
    "refund that is refused": Command(
        payment_pb2.RefundOrderRequest, _SOLD, _refund_that_is_refused
    ),
    "retry refund": Command(
        payment_pb2.RetryRefundRequest,
        (*_SOLD, "refund that is refused"),
        _of_refused_refund(requests.retry),
    ),
    "settle refund": Command(
        payment_pb2.SettleRefundRequest,
        (*_SOLD, "refund that is refused"),
        _of_refused_refund(requests.settle),
    ),
    "approve": Command(
        fulfilment_pb2.ReviewOrderRequest,
        ("place with remark", "start payment", "payment callback"),
        _of_order(lambda order: requests.review(order, approve=True)),
    ),
    "refuse": Command(
        fulfilment_pb2.ReviewOrderRequest,
        ("place with remark", "start payment", "payment callback"),
        _of_order(lambda order: requests.review(order, approve=False)),
    ),
    "hold": Command(fulfilment_pb2.HoldOrderRequest, _SOLD, _of_order(requests.hold)),
    "release hold": Command(
        fulfilment_pb2.ReleaseHoldRequest, (*_SOLD, "hold"), _of_order(requests.release)
    ),
    "create wave": Command(fulfilment_pb2.CreateWaveRequest, _SOLD, _create_wave),
    "pick": Command(fulfilment_pb2.ConfirmPickRequest, _SOLD, _of_parcel(requests.pick)),
    "pick short": Command(
        fulfilment_pb2.ConfirmPickRequest,
        _SOLD,
        _of_parcel(lambda parcel: requests.pick(parcel, [("MUG", 1)])),
    ),
    "pack": Command(
        fulfilment_pb2.ConfirmPackingRequest, (*_SOLD, "pick"), _of_parcel(requests.pack)
    ),
    "ship": Command(fulfilment_pb2.ShipShipmentRequest, _PACKED, _of_parcel(requests.ship)),
    "ship all the same": Command(
        fulfilment_pb2.ShipAllTheSameRequest, _SOLD, _of_parcel(requests.ship_all_the_same)
    ),
    "cancel one shipment": Command(
        fulfilment_pb2.CancelShipmentRequest,
        (*_SOLD, "pick short"),
        _of_parcel(requests.cancel_shipment),
    ),
    "cancel the only shipment": Command(
        fulfilment_pb2.CancelShipmentRequest, _PACKED, _of_parcel(requests.cancel_shipment)
    ),
    "carrier callback": Command(Letter, _PACKED, _carrier_tells),
    "signed": Command(
        fulfilment_pb2.RecordTrackingRequest,
        (*_PACKED, "ship"),
        _of_parcel(_tracking(fulfilment_pb2.TrackingEvent.SIGNED)),
    ),
    "temperature": Command(
        fulfilment_pb2.RecordTemperatureRequest, (*_PACKED, "ship"), _of_parcel(_reading)
    ),
    "report incident": Command(
        fulfilment_pb2.ReportIncidentRequest,
        (*_PACKED, "ship"),
        _of_parcel(lambda parcel: requests.report(parcel, fulfilment_pb2.Incident.LOSS)),
    ),
    "resolve incident with money": Command(
        fulfilment_pb2.ResolveIncidentRequest,
        _LOST,
        lambda case: _resolve(case, fulfilment_pb2.RESOLUTION_REFUND),
    ),
    "resolve incident with goods": Command(
        fulfilment_pb2.ResolveIncidentRequest,
        _LOST,
        lambda case: _resolve(case, fulfilment_pb2.RESOLUTION_RESHIP),
    ),
    "complete": Command(
        order_pb2.CompleteOrderRequest,
        (*_PACKED, "ship", "signed"),
        _of_order(lambda order: order_pb2.CompleteOrderRequest(order_id=order.order_id)),
    ),
    "remark": Command(order_pb2.AddRemarkRequest, ("place",), _of_order(_remark)),
    "correct delivery": Command(order_pb2.CorrectDeliveryRequest, _SOLD, _of_order(_corrected)),
    "receipt": Command(
        order_pb2.GetReceiptRequest,
        _SOLD,
        _of_order(lambda order: order_pb2.GetReceiptRequest(order_id=order.order_id)),
    ),
    "put articles": Command(catalogue_pb2.PutArticlesRequest, (), _put_article),
    "put warehouses": Command(catalogue_pb2.PutWarehousesRequest, (), _put_warehouse),
    "put places": Command(catalogue_pb2.PutPlacesRequest, (), _put_place),
    "reconcile": Command(payment_pb2.ReconcileRequest, _BEING_PAID, _reconcile_what_nobody_told),
    "close money case": Command(payment_pb2.CloseMoneyCaseRequest, (), _close_case),
    "replay tasks": Command(operations_pb2.ReplayTasksRequest, _SOLD, _replay),
    "drop task": Command(operations_pb2.DropTaskRequest, _SOLD, _drop),
    "approve quarantined": Command(
        payment_pb2.ResolveQuarantinedRequest,
        (*_BEING_PAID, "wrong amount callback"),
        _of_order(lambda order: requests.resolve_quarantined(order.payments[0], approve=True)),
    ),
    "return quarantined": Command(
        payment_pb2.ResolveQuarantinedRequest,
        (*_BEING_PAID, "wrong amount callback"),
        _of_order(lambda order: requests.resolve_quarantined(order.payments[0], approve=False)),
    ),
}
