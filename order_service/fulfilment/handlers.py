"""What does the tasks of fulfilment: one handler a kind."""

from collections.abc import Mapping, Sequence
from functools import partial

from holdfast.client import Client
from holdfast.errors import HoldfastError
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.fulfilment.carriers.port import Carriers
from order_service.fulfilment.cash import cash_overdue
from order_service.fulfilment.follow import complete_by_itself
from order_service.fulfilment.incidents import look_at_deliveries
from order_service.fulfilment.intake import TrackingIntake
from order_service.fulfilment.labels import get_label, void_label
from order_service.fulfilment.payloads import word_of
from order_service.fulfilment.reshipping import reservation_of, reship, stock_lines
from order_service.fulfilment.review import ReadReviewInput, review
from order_service.fulfilment.warehouse import report_overdue_picks
from order_service.order.draft import Decide
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.relay.attempt import Handler
from order_service.relay.errors import GiveUp, TryLater


def fulfilment_handlers(
    engine: Client,
    carriers: Carriers,
    rules: Sequence[CarrierRule],
    read_review_input: ReadReviewInput,
    intake: TrackingIntake,
    pick_within_ms: int,
) -> Mapping[TaskKind, Handler]:
    """The handlers, given the engine, the carriers, and the rules by which one is chosen."""

    async def on_review(order: Order, _task: Task) -> Decide | None:
        known = await read_review_input(order)
        return partial(review, known=known)

    async def on_label(order: Order, task: Task) -> Decide | None:
        return await get_label(order, task, carriers, rules)

    async def on_void_label(order: Order, task: Task) -> Decide | None:
        return await void_label(order, task, carriers)

    async def on_ship(order: Order, task: Task) -> Decide | None:
        return await _ship(order, task, engine)

    async def on_cancel_parcel(order: Order, task: Task) -> Decide | None:
        return await _cancel_parcel(order, task, engine)

    async def on_reship(order: Order, task: Task) -> Decide | None:
        try:
            return await reship(order, task, engine)
        except HoldfastError as error:
            raise _engine_trouble(error) from error

    async def on_delivery_due(order: Order, _task: Task) -> Decide | None:
        await intake.ask(order)
        return look_at_deliveries

    async def on_cash_due(order: Order, _task: Task) -> Decide | None:
        if not await intake.ask(order):
            raise TryLater("a carrier does not say what it collected")
        return cash_overdue

    return {
        TaskKind.REVIEW: on_review,
        TaskKind.LABEL: on_label,
        TaskKind.VOID_LABEL: on_void_label,
        TaskKind.TRACK: intake.catch_up,
        TaskKind.CANCEL_PARCEL: on_cancel_parcel,
        TaskKind.SHIP: on_ship,
        TaskKind.RESHIP: on_reship,
        TaskKind.PICK_DUE: _decides(partial(report_overdue_picks, pick_within_ms=pick_within_ms)),
        TaskKind.DELIVERY_DUE: on_delivery_due,
        TaskKind.COMPLETE: _decides(complete_by_itself),
        TaskKind.CASH_DUE: on_cash_due,
    }


def _decides(decide: Decide) -> Handler:
    """The handler of a timer that has nothing to ask outside."""

    async def handle(_order: Order, _task: Task) -> Decide | None:
        return decide

    return handle


async def _ship(order: Order, task: Task, engine: Client) -> Decide | None:
    """Takes the units of a parcel out of on hand, once per shipment id (O7)."""
    shipment = order.shipment(word_of(task, "shipment_id"))
    try:
        result = await engine.ship(
            reservation_of(order, shipment),
            shipment.shipment_id,
            stock_lines(shipment, shipment.location),
            tenant=order.tenant,
        )
    except HoldfastError as error:
        raise _engine_trouble(error) from error
    if not result.applied:
        raise GiveUp(f"the engine does not ship {shipment.shipment_id}: {result.outcome.name}")
    return None


async def _cancel_parcel(order: Order, task: Task, engine: Client) -> Decide | None:
    """Puts the units of a parcel that will not leave on sale again, once per shipment id (O14)."""
    shipment = order.shipment(word_of(task, "shipment_id"))
    try:
        result = await engine.cancel(
            reservation_of(order, shipment),
            shipment.shipment_id,
            stock_lines(shipment, shipment.location),
            tenant=order.tenant,
        )
    except HoldfastError as error:
        raise _engine_trouble(error) from error
    if not result.applied:
        raise GiveUp(f"the engine does not cancel {shipment.shipment_id}: {result.outcome.name}")
    return None


def _engine_trouble(error: HoldfastError) -> Exception:
    if error.retryable:
        return TryLater(f"the engine does not answer: {error.reason or error.code.name}")
    return GiveUp(f"the engine refuses: {error.reason or error.code.name}")
