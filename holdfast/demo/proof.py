"""Holds what the order service says of every order against the demo's own accounts. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from holdfast.demo.ledger import Account, Standing
from holdfast.demo.money import KEEPS_ITS_MONEY
from holdfast.order.v1 import order_pb2

_S = order_pb2.Order
STATES = {
    Standing.NOTHING: frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
    Standing.RESERVED: frozenset({_S.AWAITING_PAYMENT}),
    Standing.SOLD: KEEPS_ITS_MONEY,
}
"""Where an order has to be at the end, by what it has of the stock."""
DELIVERED = frozenset({_S.DELIVERED, _S.COMPLETED})


def order_differences(
    accounts: Iterable[Account], orders: Mapping[str, order_pb2.Order]
) -> list[str]:
    """Every way in which the orders are not what the answers say."""
    found = []
    for account in accounts:
        if account.order_id not in orders:
            found.append(f"order {account.order.number}: it is not there")
            continue
        order = orders[account.order_id]
        state = _S.State.Name(order.state)
        if order.state not in STATES[account.standing]:
            found.append(f"order {order.order_id}: {state}, by the answers {account.standing.name}")
        shipped: Counter[str] = Counter()
        for line in order.lines:
            shipped[line.sku] += line.shipped
        if +shipped != +account.shipped:
            found.append(f"order {order.order_id}: shipped {+shipped}, sent {+account.shipped}")
        is_all_there = account.standing is Standing.SOLD and not account.unsent_units()
        if is_all_there != (order.state in DELIVERED):
            found.append(f"order {order.order_id}: {state}, all of it sent: {is_all_there}")
    return found
