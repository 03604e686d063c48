"""A change writes all of an order that may change, and no index of what it was placed with."""

from msgspec import structs

from order_service.order.draft import Draft
from order_service.order.model import Order
from order_service.storage.orders import Orders
from order_service.storage.write import _MOVE_ORDERS, _PLACED_WITH
from tests.order_service import samples


async def test_whatever_of_an_order_changes_is_written(orders: Orders) -> None:
    placed = (await orders.place(samples.order(), lambda _: None, "test")).order
    values = {
        "amounts": structs.replace(placed.amounts, goods_minor=placed.amounts.goods_minor),
        "payment_method": "cash_on_delivery",
        "delivery": structs.replace(placed.delivery, street="2 High Street"),
        "payment_due_at_ms": 7,
        "waits_until_at_ms": 8,
        "held_at_ms": 9,
        "closed_reason": "why",
    }

    def change(draft: Draft) -> Order:
        draft.update(draft.order, **values)
        return draft.order

    changed = await orders.change(placed.order_id, change, "test")
    found = await orders.get(placed.order_id)
    assert {name: getattr(found, name) for name in values} == values
    assert found == changed


def test_what_an_order_is_placed_with_is_written_once() -> None:
    assert set(Order.__struct_fields__) > set(_PLACED_WITH)
    assert not [name for name in (*_PLACED_WITH, "delivery") if f"{name} = " in _MOVE_ORDERS._each]
