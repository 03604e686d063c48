"""Rules of what is still to be done: no order waits for something that nobody will do."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec.structs import asdict

from order_service.audit.case import Case, Rule, is_going_to
from order_service.fulfilment.deadlines import looked_at_ms
from order_service.fulfilment.follow import is_in_after_sales
from order_service.fulfilment.timers import UNDER_WAY
from order_service.order.cases import Case as AfterSalesCase
from order_service.order.machines import INCIDENT
from order_service.order.parts import PART_KINDS
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)
from order_service.order.tasks import TaskKind, any_payload_of
from order_service.payment.methods import CASH

_O, _S, _I, _K = OrderState, ShipmentState, IncidentState, TaskKind
# The warehouse has a parcel in hand then.
_TO_LEAVE: Final = frozenset({_S.PLANNED, _S.PICKED, _S.PACKED, _S.LABELLED})


def _going_to(kind: TaskKind) -> Callable[[Case], bool]:
    return lambda case: is_going_to(case, kind)


def _waits_for_review(case: Case) -> bool:
    return case.reviewed or is_going_to(case, _K.REVIEW)


def _waits_for_the_warehouse(case: Case) -> bool:
    states = {shipment.state for shipment in case.order.shipments}
    return bool(states & _TO_LEAVE) or _S.SOURCING in states


def _waits_for_a_shipment(case: Case) -> bool:
    """Whether a shipment is in somebody's hand, or an incident of one is still open."""
    in_hand = _TO_LEAVE | UNDER_WAY
    return any(INCIDENT.moves[incident.state] for incident in case.order.incidents) or any(
        shipment.state in in_hand for shipment in case.order.shipments
    )


# State -> whether something or somebody is going to move an order on. Those that are missing are
# at rest: the ends.
_MOVED_ON: Final[Mapping[OrderState, Callable[[Case], bool]]] = {
    _O.RESERVING: _going_to(_K.RESERVE),
    _O.BACKORDERED: _going_to(_K.WAIT_DUE),
    _O.AWAITING_PAYMENT: _going_to(_K.PAYMENT_DUE),
    _O.CONFIRMING: _going_to(_K.CONFIRM),
    _O.CONFIRMED: _waits_for_review,
    _O.IN_FULFILMENT: _waits_for_the_warehouse,
    _O.PARTLY_SHIPPED: _waits_for_the_warehouse,
    _O.SHIPPED: _waits_for_a_shipment,
    _O.DELIVERED: lambda case: (
        _waits_for_a_shipment(case)
        or is_in_after_sales(case.order)
        or is_going_to(case, _K.COMPLETE)
    ),
}


def _is_moved_on(case: Case) -> Iterator[str]:
    order = case.order
    moved_on = _MOVED_ON.get(order.state)
    if moved_on is not None and not moved_on(case):
        yield f"it is {order.state}, and nothing will move it on"
    yield from _parts_are_moved_on(case)
    for asked in order.parts_of(AfterSalesCase):
        if asked.deadline_at_ms and not is_going_to(case, _K.CASE_DUE, "case_id", asked.case_id):
            yield f"{asked.case_id} is {asked.state}, and its deadline will do nothing"


def _parts_are_moved_on(case: Case) -> Iterator[str]:
    order = case.order
    for payment in order.payments:
        is_open = payment.state in (PaymentState.CREATED, PaymentState.PENDING)
        if is_open and payment.provider != CASH and not is_going_to(case, _K.QUERY_PAYMENT):
            yield f"{payment.payment_id} is {payment.state}, and its provider will not be asked"
        if is_open and payment.provider == CASH and _is_missing_cash(case):
            yield f"{payment.payment_id} is {payment.state}, and nobody will see to the money"
    for refund in order.refunds:
        if refund.state is RefundState.REQUESTED and not is_going_to(
            case, _K.REFUND, "refund_id", refund.refund_id
        ):
            yield f"{refund.refund_id} is {refund.state}, and its provider will not be told"
    for shipment in order.shipments:
        if shipment.state is _S.PACKED and not is_going_to(
            case, _K.LABEL, "shipment_id", shipment.shipment_id
        ):
            yield f"{shipment.shipment_id} is {shipment.state}, and will get no waybill"
        if (
            shipment.state is _S.SOURCING
            and not is_going_to(case, _K.SOURCE, "shipment_id", shipment.shipment_id)
            and not is_going_to(case, _K.CANCEL_ORDER)
        ):
            yield f"{shipment.shipment_id} is {shipment.state}, and no warehouse will be asked"
    for incident in order.incidents:
        if incident.state is _I.RESHIPPING and not is_going_to(
            case, _K.RESHIP, "incident_id", incident.incident_id
        ):
            yield f"{incident.incident_id} is {incident.state}, and nothing will be reserved for it"
        is_timed = INCIDENT.moves[incident.state] and looked_at_ms(incident, case.now_ms)
        if is_timed and not is_going_to(case, _K.DELIVERY_DUE):
            yield f"{incident.incident_id} is {incident.state}, and its deadline will do nothing"


def _is_missing_cash(case: Case) -> bool:
    """Whether no parcel is to be delivered any more, and no carrier will be asked for the money."""
    has_arrived = case.order.state in (_O.DELIVERED, _O.COMPLETED)
    return has_arrived and not _waits_for_a_shipment(case) and not is_going_to(case, _K.CASH_DUE)


def _tasks_are_of_parts(case: Case) -> Iterator[str]:
    order = case.order
    parts = {
        **{
            kind.id_field: {kind.id_of(part) for part in order.parts_of(kind.struct)}
            for kind in PART_KINDS.values()
        },
        "sub_order_id": {part.sub_order_id for part in order.sub_orders},
    }
    for task in order.tasks:
        carried = asdict(any_payload_of(task))
        for name in carried.keys() & parts.keys():
            if carried[name] not in parts[name]:
                yield f"task {task.task_id} ({task.kind}) is about {name} {carried[name]}"


RULES: Final = (
    Rule(
        "order_is_moved_on",
        "an order that is not at rest has a task, a timer or a person that will move it on, and "
        "so have its payments, refunds, parcels and incidents",
        "`holdfast orders tasks --dead` lists what was given up: `holdfast orders replay TASK` "
        "tries it again. Where there is no task at all, one was deleted by hand",
        _is_moved_on,
    ),
    Rule(
        "task_is_about_a_part",
        "what a task is about is there",
        "`holdfast orders drop TASK` takes a task off the list that can never be done",
        _tasks_are_of_parts,
    ),
)
