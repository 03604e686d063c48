"""Picks of several zones go in one parcel, as packing says (O6)."""

from functools import partial

import pytest

from order_service.audit.case import Case, judge
from order_service.audit.shipments import RULES
from order_service.fulfilment.merging import merge
from order_service.fulfilment.shares import goods_minor
from order_service.fulfilment.warehouse import confirm_packing, confirm_pick, hand_over
from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderState, ShipmentState
from order_service.order.tasks import GetLabel, todos
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import decided, planned_order

ALL = [("SKU-1", 3), ("SKU-2", 2)]
A, B = "4330000000000000000-s1", "4330000000000000000-s2"


def picked() -> Order:
    """An order both of whose zones were picked."""
    order = planned_order()
    for name in (A, B):
        decided(order, partial(confirm_pick, shipment_id=name, taken=()))
    return order


def packed(draft: Draft) -> bool:
    merge(draft, A, [B])
    return confirm_packing(draft, A, ALL, 900).replayed


def test_one_parcel_has_one_waybill_and_all_units_and_is_packed_once() -> None:
    order = picked()
    assert [decided(order, packed) for _ in range(2)] == [False, True]
    one, other = order.shipments
    assert [(line.sku, line.quantity) for line in one.lines] == ALL
    assert (one.state, other.state, other.lines) == (
        ShipmentState.PACKED,
        ShipmentState.CANCELLED,
        (),
    )
    assert [todo.payload.shipment_id for todo in todos(order, GetLabel)] == [A]
    assert goods_minor(order, one) == 1_900
    assert not any(line.cancelled for line in order.lines)
    assert judge(Case(order, [], START_MS), RULES) == []
    one.state, one.waybill = ShipmentState.LABELLED, "SB1"
    decided(order, partial(hand_over, shipment_id=A))
    assert order.state is OrderState.SHIPPED


def test_units_of_one_line_that_were_found_later_are_added_up() -> None:
    order = planned_order()
    rest = decided(order, partial(confirm_pick, shipment_id=A, taken=[("SKU-1", 1)])).rest
    assert rest is not None
    decided(order, partial(confirm_pick, shipment_id=rest.shipment_id, taken=()))
    decided(order, lambda draft: merge(draft, A, [rest.shipment_id]))
    assert [line.quantity for line in order.shipment(A).lines] == [3]


@pytest.mark.parametrize("field", ["location", "sub_order_no", "temperature_max_millicelsius"])
def test_what_does_not_belong_together_is_not_packed_together(field: str) -> None:
    order = picked()
    setattr(order.shipment(B), field, "south" if field == "location" else 1)
    with pytest.raises(Refused) as refused:
        decided(order, packed)
    assert refused.value.reason is RefusalReason.WRONG_CONTENT


def test_what_is_not_picked_yet_is_not_packed() -> None:
    order = planned_order()
    decided(order, partial(confirm_pick, shipment_id=A, taken=()))
    with pytest.raises(Refused, match="s2 is PLANNED"):
        decided(order, packed)
