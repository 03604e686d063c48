"""The demo speaks as the order service and the sandbox understand.

The demo knows both only from outside: by their messages, and by names that are listed here.
"""

import random

from holdfast.demo.money import KEEPS_ITS_MONEY
from holdfast.demo.order_log import prices_of
from holdfast.demo.outside import CALLBACKS_OF_PARCELS, CALLBACKS_OF_PAYMENTS, LUCK_OF_PARCELS
from holdfast.demo.plan import Review
from holdfast.demo.requests import CARD, HASTY_CARD, place_order
from holdfast.demo.synthetic_log import synthetic_log
from holdfast.demo.waiting import TIMERS
from holdfast.order.v1 import order_pb2
from order_service.edge.wire import place_order as decoded
from order_service.order.states import OrderState
from order_service.order.tasks import TaskKind
from order_service.payment.methods import methods_of
from order_service.placing.validation import check_sums, checked_fields
from order_service.sandbox.callbacks import Misbehaviour
from order_service.sandbox.carrier_journey import Mishaps


def test_an_order_from_any_place_of_a_log_is_well_formed() -> None:
    log = synthetic_log(random.Random(1), 1_000)
    prices_minor = prices_of(log.orders)
    for order in log.orders:
        request = decoded(place_order(order, 1, prices_minor, CARD, Review.APPROVED))
        checked_fields(request, methods_of(["sandbox"]))
        check_sums(request.lines, request.amounts)


def test_the_ways_to_pay_are_offered_and_the_hasty_one_ends_soon() -> None:
    methods = methods_of(["sandbox"])
    hasty = methods[HASTY_CARD]
    assert hasty.due_ms + hasty.grace_ms < 10_000 < methods[CARD].due_ms


def test_what_is_to_go_wrong_is_known_to_the_sandbox() -> None:
    assert {*CALLBACKS_OF_PAYMENTS, *CALLBACKS_OF_PARCELS} <= set(Misbehaviour.__struct_fields__)
    assert set(LUCK_OF_PARCELS) <= set(Mishaps.__struct_fields__)


def test_timers_and_states_are_those_of_the_order_service() -> None:
    assert {str(kind) for kind in TaskKind} >= TIMERS
    kept = {order_pb2.Order.State.Name(state) for state in KEEPS_ITS_MONEY}
    assert kept <= {str(state) for state in OrderState}
