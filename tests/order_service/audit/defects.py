"""Defects that an order can have, each spoiling a sound order in one place."""

import dataclasses
import random
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import structs

from holdfast.types import Reservation, ReservationLine, State
from order_service.audit.case import Case, Entry
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import Refund, ShipmentLine
from order_service.order.placed import Amounts
from order_service.order.refund_rows import RefundRow, RefundWhat
from order_service.order.states import OrderState, PaymentState, RefundState, ShipmentState
from order_service.order.tasks import (
    CancelShipmentStock,
    Payload,
    ReleaseStock,
    SendRefund,
    ShipStock,
    TaskKind,
)
from tests.order_service.audit.lives import captured_fact, refunded_fact, reservation
from tests.order_service.clock import START_MS

FOUND_BY_THE_RUN: Final = frozenset(
    {"reservation_is_of_an_order", "money_is_of_an_order", "books_balance", "ledger_adds_up"}
)
"""Invariants of all orders together: test_run.py, test_ledger_rules.py."""


class Defect(NamedTuple):
    """Something wrong with an order at a stage, and the rule that finds it."""

    rule: str
    stage: str
    spoil: Callable[[Case], Case]
    mends_itself: bool = False
    """Whether a task of the order is expected to mend it."""


def _with(thing: Any, **values: Any) -> None:
    for name, value in values.items():
        setattr(thing, name, value)


def _order(**values: Any) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        _with(case.order, **values)
        return case

    return spoil


def _not_posted(case: Case) -> Case:
    _with(case.order.payments[0], booked=True)
    return case._replace(posted={})


def _of(kind: str, **values: Any) -> Callable[[Case], Case]:
    """Spoils the first part of a kind."""

    def spoil(case: Case) -> Case:
        _with(getattr(case.order, kind)[0], **values)
        return case

    return spoil


def _paid_again(case: Case) -> Case:
    (payment,) = case.order.payments
    again = structs.replace(payment, payment_id=f"{case.order.order_id}-p2", payment_key="again")
    case.order.add(again)
    return case


def _refunded(before_ms: int, *rows: tuple[RefundWhat, int, int]) -> Callable[[Case], Case]:
    """Money has gone back: for what, of which line, and how much."""

    def spoil(case: Case) -> Case:
        order = case.order
        refund_id = f"{order.order_id}-r{len(order.refunds) + 1}"
        total_minor = sum(amount_minor for _, _, amount_minor in rows)
        at_ms = order.shipments[0].shipped_at_ms - before_ms
        about = (f"{order.order_id}-p1", RefundState.DONE, total_minor, "", "", at_ms, at_ms)
        order.add(Refund(refund_id, "key", order.order_id, *about))
        for number, (what, line_no, amount_minor) in enumerate(rows, 1):
            named = (order.order_id, refund_id, number, what, line_no, 0, "", 0, amount_minor)
            order.refund_rows.append(RefundRow(*named))
            for line in order.lines:
                if line.line_no == line_no:
                    line.refunded_minor += amount_minor
        return case

    return spoil


def _entry(position: int, **values: Any) -> Callable[[Case], Case]:
    """Spoils an entry of the history."""

    def spoil(case: Case) -> Case:
        history = list(case.history)
        history[position] = structs.replace(history[position], **values)
        return case._replace(history=history)

    return spoil


def _without_entry(position: int) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        history = list(case.history)
        del history[position]
        return case._replace(history=history)

    return spoil


def _without_task(kind: TaskKind) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        case.order.tasks = [task for task in case.order.tasks if task.kind != kind]
        return case

    return spoil


def _with_task(payload: Payload) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        draft = Draft(case.order, "test", case.now_ms, Ids(random.Random(2)))
        draft.send(payload)
        return case

    return spoil


def _engine(reservations: dict[str, Reservation]) -> Callable[[Case], Case]:
    return lambda case: case._replace(reservations=reservations)


def _provider(*entries: Entry) -> Callable[[Case], Case]:
    return lambda case: case._replace(entries=list(entries))


def _both(*spoils: Callable[[Case], Case]) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        for each in spoils:
            case = each(case)
        return case

    return spoil


def _sub_order(**values: Any) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        (part,) = case.order.sub_orders
        case.order.sub_orders = (structs.replace(part, **values),)
        return case

    return spoil


def _replacement(state: State, shipped: int = 0) -> Callable[[Case], Case]:
    def spoil(case: Case) -> Case:
        line = ReservationLine("SKU-1", "default", 2, shipped, 0, 0)
        made = Reservation(
            "default", "4330000000000000000-x1", state, (line,), "", START_MS, START_MS, START_MS
        )
        return case._replace(
            reservations={**(case.reservations or {}), "4330000000000000000-x1": made}
        )

    return spoil


def _other_lines(line: ReservationLine) -> dict[str, Reservation]:
    (found,) = reservation(State.CONFIRMED).values()
    return {"4330000000000000000": dataclasses.replace(found, lines=(line,))}


_TAKEN: Final = Entry("sandbox", captured_fact())
_BACK: Final = Entry("sandbox", refunded_fact())
_CHEAPER: Final = Amounts(900, 0, 0, 100, 0, 1_000)

DEFECTS: Final[dict[str, Defect]] = {
    "a total that is not the sum": Defect(
        "amounts_add_up", "awaits payment", _order(amounts=Amounts(1_000, 0, 0, 100, 0, 1_101))
    ),
    "an amount below zero": Defect(
        "amounts_add_up", "awaits payment", _order(amounts=Amounts(1_000, -10, 0, 90, 0, 1_100))
    ),
    "a line that costs less": Defect(
        "lines_make_up_the_order", "awaits payment", _of("lines", amount_minor=999)
    ),
    "a line with other prices": Defect(
        "lines_make_up_the_order", "awaits payment", _of("lines", unit_price_minor=499)
    ),
    "no lines": Defect("lines_make_up_the_order", "awaits payment", _order(lines=[])),
    "a merchant that gets less": Defect(
        "sub_orders_make_up_the_order", "awaits payment", _sub_order(amounts=_CHEAPER)
    ),
    "a line of no merchant": Defect(
        "sub_orders_make_up_the_order", "awaits payment", _of("lines", sub_order_no=1)
    ),
    "sold, and the money gone": Defect(
        "order_and_parts_fit_together", "confirmed", _of("payments", state=PaymentState.DECLINED)
    ),
    "cancelled, and the money kept": Defect(
        "order_and_parts_fit_together", "confirmed", _order(state=OrderState.CANCELLED)
    ),
    "captured, and no money": Defect(
        "payment_agrees_with_its_money", "confirmed", _of("payments", captured_minor=0)
    ),
    "money, and not captured": Defect(
        "payment_agrees_with_its_money", "is being paid", _of("payments", captured_minor=5)
    ),
    "captured in other money": Defect(
        "payment_agrees_with_its_money", "confirmed", _of("payments", captured_currency="USD")
    ),
    "a payment that keeps twice its amount": Defect(
        "no_more_is_kept_than_is_due", "confirmed", _of("payments", captured_minor=2_200)
    ),
    "two payments that are both kept": Defect(
        "no_more_is_kept_than_is_due", "confirmed", _paid_again
    ),
    "more goes back than was asked to": Defect(
        "refunds_make_up_what_goes_back", "confirmed", _of("payments", refunded_minor=100)
    ),
    "money that is disputed by nobody": Defect(
        "disputes_make_up_what_is_disputed", "confirmed", _of("payments", disputed_minor=100)
    ),
    "a refund above the money": Defect(
        "refunds_make_up_what_goes_back",
        "cancelled, its money back",
        _both(_of("refunds", amount_minor=1_200), _of("payments", refunded_minor=1_200)),
    ),
    "all back, and not returned": Defect(
        "refunds_make_up_what_goes_back",
        "cancelled, its money back",
        _of("payments", state=PaymentState.CAPTURED),
    ),
    "returned, and not all back": Defect(
        "refunds_make_up_what_goes_back",
        "cancelled, its money back",
        _both(_of("refunds", amount_minor=1_000), _of("payments", refunded_minor=1_000)),
    ),
    "a refund of another's payment": Defect(
        "refunds_make_up_what_goes_back",
        "cancelled, its money back",
        _of("refunds", payment_id="4340000000000000000-p1"),
    ),
    "a line that counts other money than its rows": Defect(
        "refund_is_the_sum_of_its_rows",
        "cancelled, its money back",
        _of("lines", refunded_minor=999),
    ),
    "a line that counts other units than its rows": Defect(
        "refund_is_the_sum_of_its_rows",
        "cancelled, its money back",
        _of("lines", refunded_unshipped=1),
    ),
    "freight that went back unsaid": Defect(
        "refund_is_the_sum_of_its_rows", "shipped", _order(freight_refunded_minor=100)
    ),
    "units that left when their money was back": Defect(
        "no_unit_leaves_whose_money_went_back",
        "shipped",
        _refunded(1, (RefundWhat.ADJUST, 1, 1_000)),
    ),
    "units that are to leave, and their money is back": Defect(
        "no_unit_leaves_whose_money_went_back",
        "in fulfilment",
        _refunded(1, (RefundWhat.ADJUST, 1, 1_000)),
    ),
    "units that were paid back twice": Defect(
        "no_units_money_goes_back_twice",
        "shipped",
        _refunded(-1, (RefundWhat.UNITS, 1, 1_000), (RefundWhat.EXCESS, 0, 50)),
    ),
    "cash that no carrier has": Defect(
        "cash_is_what_carriers_collected", "paid at the door", _of("shipments", collected_minor=0)
    ),
    "cash that nobody asked for": Defect(
        "cash_is_what_carriers_collected", "shipped", _of("shipments", collected_minor=5)
    ),
    "more cash than was due for what came": Defect(
        "cash_pays_for_what_was_delivered",
        "paid at the door for what came",
        _both(_of("shipments", collected_minor=700), _of("payments", captured_minor=700)),
    ),
    "less cash than was due for what came": Defect(
        "cash_pays_for_what_was_delivered",
        "paid at the door for what came",
        _both(_of("shipments", collected_minor=500), _of("payments", captured_minor=500)),
    ),
    "a lost change": Defect("history_has_no_gap", "confirmed", _without_entry(1)),
    "a lost end": Defect("history_has_no_gap", "confirmed", _without_entry(-1)),
    "a lost beginning": Defect("history_has_no_gap", "confirmed", _without_entry(0)),
    "no history": Defect(
        "history_has_no_gap", "just recorded", lambda case: case._replace(history=[])
    ),
    "a change by somebody else": Defect(
        "history_is_as_it_was_written", "confirmed", _entry(1, actor="nobody")
    ),
    "a change at another time": Defect(
        "history_is_as_it_was_written", "confirmed", _entry(-1, at_ms=1)
    ),
    "an order of another history": Defect(
        "history_is_as_it_was_written", "confirmed", _order(seal=1)
    ),
    "a version beyond the history": Defect("history_has_no_gap", "confirmed", _order(version=99)),
    "a move that is not allowed": Defect(
        "history_is_of_legal_moves", "awaits payment", _entry(1, to_state=OrderState.COMPLETED)
    ),
    "a move from elsewhere": Defect(
        "history_is_of_legal_moves", "awaits payment", _entry(1, from_state=OrderState.EXPIRED)
    ),
    "another beginning": Defect(
        "history_is_of_legal_moves", "just recorded", _entry(0, to_state=OrderState.CONFIRMED)
    ),
    "a move of nothing known": Defect(
        "history_is_of_legal_moves", "just recorded", _entry(0, machine="parcel")
    ),
    "a state without its move": Defect(
        "history_ends_at_the_state", "awaits payment", _order(state=OrderState.EXPIRED)
    ),
    "a part without its history": Defect(
        "history_ends_at_the_state",
        "is being paid",
        _of("payments", payment_id="4330000000000000000-p2"),
    ),
    "units shipped that no parcel has": Defect(
        "parcels_carry_the_lines", "shipped", _of("lines", shipped=1)
    ),
    "a unit returned that nothing brought": Defect(
        "returned_units_came_back", "shipped", _of("lines", returned=1)
    ),
    "a parcel that left unsaid": Defect(
        "parcels_carry_the_lines", "in fulfilment", _of("shipments", shipped_at_ms=START_MS)
    ),
    "a unit left behind": Defect(
        "parcels_carry_the_lines",
        "in fulfilment",
        _of("shipments", lines=(ShipmentLine(1, "SKU-1", 1),)),
    ),
    "a unit packed twice": Defect(
        "parcels_carry_the_lines",
        "in fulfilment",
        _of("shipments", lines=(ShipmentLine(1, "SKU-1", 3),)),
    ),
    "something else in the parcel": Defect(
        "parcels_carry_the_lines",
        "in fulfilment",
        _of("shipments", lines=(ShipmentLine(1, "SKU-2", 2),)),
    ),
    "a parcel that goes on, and its goods were picked again": Defect(
        "given_up_parcel_goes_nowhere",
        "too warm before it left, and picked again",
        _of("shipments", state=ShipmentState.LABELLED),
    ),
    "a parcel under way whose money goes back": Defect(
        "given_up_parcel_goes_nowhere",
        "one unit of two too warm before it left, and its money goes back",
        _of("shipments", state=ShipmentState.IN_TRANSIT),
    ),
    **{
        f"{stage}, without {kind}": Defect("order_is_moved_on", stage, _without_task(kind))
        for stage, kind in (
            ("just recorded", TaskKind.RESERVE),
            ("awaits payment", TaskKind.PAYMENT_DUE),
            ("is being paid", TaskKind.QUERY_PAYMENT),
            ("paid", TaskKind.CONFIRM),
            ("confirmed", TaskKind.REVIEW),
            ("delivered", TaskKind.COMPLETE),
            ("delivered, its cash not reported", TaskKind.CASH_DUE),
        )
    },
    "in fulfilment, without a parcel": Defect(
        "order_is_moved_on", "in fulfilment", _of("shipments", state=ShipmentState.CANCELLED)
    ),
    "a parcel that gets no waybill": Defect(
        "order_is_moved_on", "in fulfilment", _of("shipments", state=ShipmentState.PACKED)
    ),
    "shipped, and no parcel under way": Defect(
        "order_is_moved_on", "shipped", _of("shipments", state=ShipmentState.CANCELLED)
    ),
    "money that nobody sends back": Defect(
        "order_is_moved_on",
        "cancelled, its money back",
        _of("refunds", state=RefundState.REQUESTED),
    ),
    "a task about nothing": Defect(
        "task_is_about_a_part",
        "confirmed",
        _with_task(SendRefund("4330000000000000000-r9")),
    ),
    "sold, and only reserved": Defect(
        "reservation_agrees_with_order", "confirmed", _engine(reservation(State.RESERVED))
    ),
    "sold, and nothing reserved": Defect("reservation_agrees_with_order", "confirmed", _engine({})),
    "awaits payment, and released": Defect(
        "reservation_agrees_with_order", "awaits payment", _engine(reservation(State.RELEASED))
    ),
    "cancelled, and still held": Defect(
        "reservation_agrees_with_order", "cancelled unpaid", _engine(reservation(State.RESERVED))
    ),
    "cancelled, about to be released": Defect(
        "reservation_agrees_with_order",
        "cancelled unpaid",
        _both(_engine(reservation(State.RESERVED)), _with_task(ReleaseStock())),
        mends_itself=True,
    ),
    "one unit reserved of two": Defect(
        "reservation_has_the_lines",
        "confirmed",
        _engine(_other_lines(ReservationLine("SKU-1", "default", 1, 0, 0, 0))),
    ),
    "reserved elsewhere": Defect(
        "reservation_has_the_lines",
        "confirmed",
        _engine(_other_lines(ReservationLine("SKU-1", "east", 2, 0, 0, 0))),
    ),
    "left here, and not in the engine": Defect(
        "moved_units_agree", "shipped", _engine(reservation(State.CONFIRMED, 1))
    ),
    "left here, and the engine is about to know": Defect(
        "moved_units_agree",
        "shipped",
        _both(
            _engine(reservation(State.CONFIRMED)),
            _with_task(ShipStock("4330000000000000000-s1")),
        ),
        mends_itself=True,
    ),
    "cancelled only in the engine": Defect(
        "moved_units_agree", "confirmed", _engine(reservation(State.CONFIRMED, 0, 1))
    ),
    "left out here, and the engine is about to know": Defect(
        "moved_units_agree",
        "one unit of two shipped, and the other left out",
        _both(
            _engine(reservation(State.CONFIRMED, 1)),
            _with_task(CancelShipmentStock("4330000000000000000-s2")),
        ),
        mends_itself=True,
    ),
    "came back only to the engine": Defect(
        "moved_units_agree",
        "shipped",
        _engine(_other_lines(ReservationLine("SKU-1", "default", 2, 2, 0, 1))),
    ),
    "more came back to the engine than was refunded": Defect(
        "moved_units_agree",
        "delivered, one unit sent back and refunded",
        _engine(_other_lines(ReservationLine("SKU-1", "default", 2, 2, 0, 2))),
    ),
    "goods sold again, in no parcel": Defect(
        "replacement_goes_in_a_parcel", "shipped", _replacement(State.CONFIRMED)
    ),
    "goods sold again, shipped in no parcel": Defect(
        "replacement_ships_with_its_parcel", "shipped", _replacement(State.FULFILLED, 2)
    ),
    "money that only the provider has": Defect(
        "capture_is_known_here", "is being paid", _provider(_TAKEN), mends_itself=True
    ),
    "money that only the provider has, and nobody asks": Defect(
        "capture_is_known_here",
        "is being paid",
        _both(
            _provider(_TAKEN),
            _without_task(TaskKind.QUERY_PAYMENT),
            _without_task(TaskKind.PAYMENT_DUE),
        ),
    ),
    "more money there than here": Defect(
        "capture_is_known_here", "confirmed", _provider(Entry("sandbox", captured_fact(2_200)))
    ),
    "money that the ledger does not have": Defect("ledger_has_its_money", "confirmed", _not_posted),
    "money that only we have": Defect("capture_is_known_there", "confirmed", _provider()),
    "money of another currency there": Defect(
        "capture_is_known_there",
        "confirmed",
        _provider(Entry("sandbox", structs.replace(captured_fact(), currency="USD"))),
    ),
    "money at another provider": Defect(
        "money_is_of_a_payment", "confirmed", _provider(_TAKEN, Entry("stripe", captured_fact()))
    ),
    "money of a payment that is not there": Defect(
        "money_is_of_a_payment",
        "confirmed",
        _provider(
            _TAKEN,
            Entry("sandbox", structs.replace(captured_fact(), payment_id="4330000000000000000-p9")),
        ),
    ),
    "money sent back unasked": Defect(
        "money_is_of_a_payment", "confirmed", _provider(_TAKEN, _BACK)
    ),
    "money back that we do not know of": Defect(
        "refund_is_known_here",
        "cancelled, its money back",
        _of("refunds", state=RefundState.FAILED),
    ),
    "money that never went back": Defect(
        "refund_is_known_there", "cancelled, its money back", _provider(_TAKEN)
    ),
    "less went back": Defect(
        "refund_is_known_there",
        "cancelled, its money back",
        _provider(_TAKEN, Entry("sandbox", refunded_fact(1_000))),
    ),
}
