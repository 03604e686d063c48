"""Lives of orders: a stage after another, by the decisions that really make them; no I/O."""

import dataclasses
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from msgspec import structs

from holdfast.types import Reservation, ReservationLine, State
from order_service.audit.case import Case, Entry
from order_service.fulfilment.cancelling import cancel
from order_service.fulfilment.cancelling_parcels import cancel_shipment
from order_service.fulfilment.incidents import report
from order_service.fulfilment.resolving import resolve
from order_service.fulfilment.review import ReviewInput, review
from order_service.fulfilment.review_rules import ReviewRules
from order_service.fulfilment.tracking import read_temperature, track
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import CASH_ON_DELIVERY, HistoryEntry, IncidentKind, Line, Order
from order_service.order.placed import Amounts, SubOrder
from order_service.order.records import Review, TrackingEvent, TrackingKind
from order_service.order.states import IncidentEvent, ShipmentEvent, ShipmentState
from order_service.order.tasks import TaskKind
from order_service.payment.asking import Answer
from order_service.payment.attempts import accepted, open_payments, start_payment
from order_service.payment.facts import learn
from order_service.payment.methods import Methods, methods_of
from order_service.payment.providers.port import Fact, FactKind, Started
from order_service.payment.refund_requests import Asked, AskedUnits, request_refund
from order_service.placing.decisions import apply_stock_answer, record
from order_service.placing.reserving import Reserved
from order_service.placing.sourcing import Take
from order_service.placing.stock_tasks import stock_confirmed
from tests.order_service import samples
from tests.order_service.clock import START_MS
from tests.order_service.following import finish

METHODS: Final[Methods] = methods_of(["sandbox"])
PAYMENT: Final = "4330000000000000000-p1"
REFUND: Final = "4330000000000000000-r1"
DUE_MS: Final = 900_000
TOTAL_MINOR: Final = 1_100
FREE: Final = Amounts(1_000, 0, 1_000, 0, 0, 0)
"""Amounts of an order that a coupon pays for in full."""


class Life:
    """An order, and all that was written of it."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.history: list[HistoryEntry] = []
        self.reviewed = False
        self._ids = Ids(random.Random(1))
        self._now_ms = START_MS
        self._change(placed)

    def then(self, *decisions: Callable[[Draft], object]) -> "Life":
        """Makes decisions, one after another."""
        for decide in decisions:
            self._change(decide)
        return self

    def _change(self, decide: Callable[[Draft], object]) -> None:
        self._now_ms += 1
        draft = Draft(self.order, "test", self._now_ms, self._ids)
        decide(draft)
        finish(draft)
        self.history += draft.history
        self.reviewed = self.reviewed or any(isinstance(row, Review) for row in draft.added)

    def case(
        self, reservations: Mapping[str, Reservation], entries: "list[Entry] | None" = None
    ) -> Case:
        """The case that an audit finds."""
        return Case(
            self.order, self.history, self._now_ms, self.reviewed, reservations, entries or []
        )


def placed(draft: Draft) -> None:
    """Records a new order."""
    draft.begin()
    record(draft, "")


def reserved(draft: Draft) -> None:
    """Reserves the order's stock; it waits for its money, or goes on without."""
    takes = [Take(line.sku, line.quantity, "default") for line in draft.order.lines]
    apply_stock_answer(draft, Reserved(takes, draft.now_ms + DUE_MS), METHODS)


def one_unit_refunded(draft: Draft) -> None:
    """The buyer has sent one of the units back."""
    request_refund(draft, "back-1", 0, "came back", Asked((AskedUnits(1, 1),)))


def started(draft: Draft) -> None:
    """The buyer has begun to pay."""
    payment, _ = start_payment(draft, f"try-{len(draft.order.payments)}", "", METHODS)
    accepted(draft, payment.payment_id, Started("sbx_1"))


def captured_fact(amount_minor: int = TOTAL_MINOR) -> Fact:
    """The provider has the money."""
    return Fact(FactKind.CAPTURED, PAYMENT, "sbx_1", amount_minor, "CNY", START_MS)


def refunded_fact(amount_minor: int = TOTAL_MINOR) -> Fact:
    """The provider has sent it back."""
    return Fact(FactKind.REFUNDED, PAYMENT, "sbx_1_r1", amount_minor, "CNY", START_MS, REFUND)


def _back_again() -> Fact:
    return structs.replace(
        refunded_fact(), refund_id="4330000000000000000-r2", provider_ref="sbx_1_r2"
    )


def learned(fact: Fact) -> Callable[[Draft], None]:
    """The provider's word has come."""
    return partial(learn, provider="sandbox", fact=fact)


def confirmed(draft: Draft) -> None:
    """Confirms the order's stock, and its task is done."""
    draft.forget(TaskKind.CONFIRM)
    stock_confirmed(draft)


def passed(draft: Draft) -> None:
    """The review has nothing against it."""
    draft.forget(TaskKind.REVIEW)
    review(draft, ReviewInput(0, {}, ReviewRules(off_percent_max=100)))


def labelled(draft: Draft) -> None:
    """Picks and packs the order's parcel, and gives it its waybill."""
    parcel = draft.order.shipments[0]
    if parcel.state is ShipmentState.PLANNED:
        confirm_pick(draft, parcel.shipment_id, [])
    scanned = [(line.sku, line.quantity) for line in parcel.lines]
    confirm_packing(draft, parcel.shipment_id, scanned, 100)
    draft.forget(TaskKind.LABEL)
    draft.update(draft.order.shipments[0], carrier="sandbox", waybill="W1")
    draft.move(draft.order.shipments[0], ShipmentEvent.LABEL)


def handed_over(draft: Draft) -> None:
    """Hands the order's parcel over to the carrier."""
    hand_over(draft, draft.order.shipments[0].shipment_id)


def shipped(draft: Draft) -> None:
    """Hands the order's parcel over; the engine has heard of it."""
    handed_over(draft)
    draft.forget(TaskKind.SHIP)


def too_warm(draft: Draft) -> None:
    """A parcel that is still in the warehouse has become too warm."""
    parcel = draft.order.shipments[0]
    parcel.temperature_max_millicelsius = 8_000
    read_temperature(draft, parcel.shipment_id, "t-1", draft.now_ms, 9_000)


def given_up(said: IncidentEvent) -> Callable[[Draft], None]:
    """Decides an incident as its owner says, and the engine has heard of it."""

    def decide(draft: Draft) -> None:
        resolve(draft, draft.order.incidents[0].incident_id, said, "too warm")
        draft.forget(TaskKind.CANCEL_PARCEL)
        draft.forget(TaskKind.VOID_LABEL)

    return decide


def picked_in_part(draft: Draft) -> None:
    """One of its two units was found, and the other is to be picked."""
    confirm_pick(draft, draft.order.shipments[0].shipment_id, [("SKU-1", 1)])


def rest_left_out(draft: Draft) -> None:
    """The other unit is not there: the engine knows."""
    cancel_shipment(draft, draft.order.shipments[1].shipment_id, "not found")
    draft.forget(TaskKind.CANCEL_PARCEL)


def signed(draft: Draft) -> None:
    """The buyer has it."""
    track(draft, _event(draft, TrackingKind.SIGNED))


def collected(draft: Draft) -> None:
    """The carrier was paid at the door."""
    event = _event(draft, TrackingKind.CASH_COLLECTED, amount_minor=TOTAL_MINOR, currency="CNY")
    track(draft, event)


def in_two_parcels(draft: Draft) -> None:
    """The other unit is found later: it goes in a parcel of its own."""
    confirm_pick(draft, draft.order.shipments[0].shipment_id, [("SKU-1", 1)])


def both_shipped(draft: Draft) -> None:
    """Both parcels have left, and the engine knows."""
    for parcel in draft.order.shipments:
        if parcel.state is ShipmentState.PLANNED:
            confirm_pick(draft, parcel.shipment_id, [])
        confirm_packing(draft, parcel.shipment_id, [("SKU-1", 1)], 100)
        draft.forget(TaskKind.LABEL)
        draft.update(parcel, carrier="sandbox", waybill=f"W-{parcel.shipment_id}")
        draft.move(parcel, ShipmentEvent.LABEL)
        hand_over(draft, parcel.shipment_id)
    draft.forget(TaskKind.SHIP)


def second_lost(draft: Draft) -> None:
    """The second parcel is lost, and its money is given up."""
    lost = draft.order.shipments[1]
    report(draft, lost.shipment_id, IncidentKind.LOSS, "gone")
    incident_id = draft.order.incidents[0].incident_id
    resolve(draft, incident_id, IncidentEvent.REFUND, "gone")


def collected_in_part(draft: Draft) -> None:
    """The carrier was paid for the first of two parcels, with the freight."""
    event = _event(draft, TrackingKind.CASH_COLLECTED, amount_minor=600, currency="CNY")
    track(draft, event)


def cancelled(draft: Draft) -> None:
    """The buyer does not want it, and the engine knows."""
    answers = [
        Answer(payment.payment_id, "sandbox", Fact(FactKind.CLOSED, payment.payment_id))
        for payment in open_payments(draft.order)
    ]
    assert cancel(draft, answers, "changed their mind").refused is None
    draft.forget(TaskKind.RELEASE)
    draft.forget(TaskKind.CANCEL)


def _event(draft: Draft, kind: TrackingKind, **about: Any) -> TrackingEvent:
    parcel = draft.order.shipments[0]
    numbers = ("sandbox", f"{kind}-{parcel.shipment_id}", parcel.order_id, parcel.shipment_id)
    return TrackingEvent(*numbers, kind, draft.now_ms, draft.now_ms, **about)


def reservation(state: State, shipped: int = 0, cancelled: int = 0) -> dict[str, Reservation]:
    """The reservation of the order, as the engine has it."""
    lines = (ReservationLine("SKU-1", "default", 2, shipped, cancelled, 0),)
    return {
        "4330000000000000000": Reservation(
            "default",
            "4330000000000000000",
            state,
            lines,
            "buyer-1",
            START_MS,
            START_MS + DUE_MS,
            START_MS,
        )
    }


def _with_returned(units: int) -> dict[str, Reservation]:
    """The reservation of the order, shipped, with units that the engine has taken back."""
    (found,) = reservation(State.FULFILLED, 2).values()
    (line,) = found.lines
    line = dataclasses.replace(line, returned=units)
    return {found.reservation_id: dataclasses.replace(found, lines=(line,))}


_PAID: Final = (reserved, started, learned(captured_fact()), confirmed)
_SENT: Final = (*_PAID, passed, labelled, shipped)
_TAKEN: Final = Entry("sandbox", captured_fact())
_BACK: Final = Entry("sandbox", refunded_fact())


def _life(*decisions: Callable[[Draft], object], **values: Any) -> Life:
    return Life(samples.order(payment_method="sandbox_card", **values)).then(*decisions)


def _on_delivery(*decisions: Callable[[Draft], object]) -> Life:
    return Life(samples.order(payment_method=CASH_ON_DELIVERY)).then(*decisions)


# Each a sound order at another stage of its life.
STAGES: Final[dict[str, Callable[[], Case]]] = {
    "just recorded": lambda: _life().case({}),
    "awaits payment": lambda: _life(reserved).case(reservation(State.RESERVED)),
    "is being paid": lambda: _life(reserved, started).case(reservation(State.RESERVED)),
    "paid": lambda: _life(reserved, started, learned(captured_fact())).case(
        reservation(State.RESERVED), [_TAKEN]
    ),
    "confirmed": lambda: _life(*_PAID).case(reservation(State.CONFIRMED), [_TAKEN]),
    "in fulfilment": lambda: _life(*_PAID, passed).case(reservation(State.CONFIRMED), [_TAKEN]),
    "too warm before it left, and picked again": lambda: _life(
        *_PAID, passed, labelled, too_warm, given_up(IncidentEvent.RESHIP)
    ).case(reservation(State.CONFIRMED), [_TAKEN]),
    "one unit of two too warm before it left, and its money goes back": lambda: _life(
        *_PAID, passed, picked_in_part, too_warm, given_up(IncidentEvent.REFUND)
    ).case(reservation(State.CONFIRMED, 0, 1), [_TAKEN]),
    "one unit of two shipped, and the other left out": lambda: _life(
        *_PAID, passed, picked_in_part, labelled, shipped, rest_left_out
    ).case(reservation(State.FULFILLED, 1, 1), [_TAKEN]),
    "shipped": lambda: _life(*_SENT).case(reservation(State.FULFILLED, 2), [_TAKEN]),
    "delivered": lambda: _life(*_SENT, signed).case(reservation(State.FULFILLED, 2), [_TAKEN]),
    "delivered, one unit sent back and refunded": lambda: _life(
        *_SENT, signed, one_unit_refunded
    ).case(_with_returned(1), [_TAKEN]),
    "delivered, its reservation forgotten": lambda: _life(*_SENT, signed).case({}, [_TAKEN]),
    "paid at the door": lambda: _on_delivery(
        reserved, confirmed, passed, labelled, shipped, signed, collected
    ).case(reservation(State.FULFILLED, 2)),
    "delivered, its cash not reported": lambda: _on_delivery(
        reserved, confirmed, passed, labelled, shipped, signed
    ).case(reservation(State.FULFILLED, 2)),
    "paid at the door for what came": lambda: _on_delivery(
        reserved,
        confirmed,
        passed,
        in_two_parcels,
        both_shipped,
        second_lost,
        signed,
        collected_in_part,
    ).case(reservation(State.FULFILLED, 2)),
    "costs nothing, delivered": lambda: _life(
        reserved,
        confirmed,
        passed,
        labelled,
        shipped,
        signed,
        amounts=FREE,
        sub_orders=(SubOrder("4330000000000000000.1", "merchant-1", FREE),),
        lines=[Line(1, 0, "SKU-1", "A thing", 2, 500, 0)],
    ).case(reservation(State.FULFILLED, 2)),
    "cancelled unpaid": lambda: _life(reserved, started, cancelled).case(
        reservation(State.RELEASED)
    ),
    "cancelled, its money back": lambda: _life(*_PAID, cancelled, learned(refunded_fact())).case(
        reservation(State.CANCELLED, 0, 2), [_TAKEN, _BACK]
    ),
    "paid again after its money went back": lambda: _life(
        *_PAID,
        cancelled,
        learned(refunded_fact()),
        learned(captured_fact(2 * TOTAL_MINOR)),
        learned(_back_again()),
    ).case(
        reservation(State.CANCELLED, 0, 2),
        [Entry("sandbox", captured_fact(2 * TOTAL_MINOR)), _BACK, Entry("sandbox", _back_again())],
    ),
}
