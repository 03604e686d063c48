"""The demo's conclusions about orders, by the order service's answers at the end."""

import pytest

from holdfast.demo.ledger import Ledger, order_differences
from holdfast.demo.order_log import Order, OrderedLine
from holdfast.order.v1 import order_pb2

S = order_pb2.Order


def ledger_of_a_shipped_order(shipped: int) -> Ledger:
    ledger = Ledger({"A": 5}, [Order(1, "one", "b", (OrderedLine("A", 3, 100),))])
    (account,) = ledger.accounts
    ledger.places(account, lapses=False)
    ledger.reserved(account, "o")
    ledger.sold(account)
    ledger.shipped(account, {"A": shipped})
    return ledger


def order_of(state: "S.State.ValueType", shipped: int) -> dict[str, order_pb2.Order]:
    line = order_pb2.OrderLine(sku="A", quantity=3, shipped=shipped)
    return {"o": S(order_id="o", state=state, lines=[line])}


@pytest.mark.parametrize(
    ("sent", "state", "shipped", "differences"),
    [
        (3, S.DELIVERED, 3, 0),
        (3, S.COMPLETED, 3, 0),
        (2, S.PARTLY_SHIPPED, 2, 0),
        (0, S.IN_FULFILMENT, 0, 0),
        (3, S.SHIPPED, 3, 1),
        (2, S.DELIVERED, 2, 1),
        (3, S.DELIVERED, 2, 1),
        (0, S.CANCELLED, 0, 1),
        (0, S.AWAITING_PAYMENT, 0, 1),
    ],
)
def test_state_and_parcels_of_a_sold_order_are_compared(
    sent: int, state: "S.State.ValueType", shipped: int, differences: int
) -> None:
    ledger = ledger_of_a_shipped_order(sent)
    assert len(order_differences(ledger.accounts, order_of(state, shipped))) == differences


def test_an_order_that_is_gone_is_found() -> None:
    assert order_differences(ledger_of_a_shipped_order(0).accounts, {}) == [
        "order one: it is not there"
    ]


@pytest.mark.parametrize(
    ("state", "differences"),
    [(S.CANCELLED, 0), (S.EXPIRED, 0), (S.CONFIRMED, 1), (S.AWAITING_PAYMENT, 1)],
)
def test_an_order_without_stock_is_closed(state: "S.State.ValueType", differences: int) -> None:
    ledger = Ledger({"A": 5}, [Order(1, "one", "b", (OrderedLine("A", 3, 100),))])
    (account,) = ledger.accounts
    ledger.places(account, lapses=False)
    ledger.reserved(account, "o")
    ledger.gives_back(account)
    ledger.gave_back(account)
    assert len(order_differences(ledger.accounts, order_of(state, 0))) == differences
