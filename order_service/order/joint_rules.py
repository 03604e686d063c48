"""The joint rules: what must hold between an order and its parts at any moment."""

from collections.abc import Callable
from typing import Final, NamedTuple

from order_service.order.states import OrderState, PaymentState, ShipmentState


class Together(NamedTuple):
    """The values that joint rules look at: an order and its parts at one moment."""

    order: OrderState
    payments: frozenset[PaymentState]
    shipments: frozenset[ShipmentState]
    covered: bool
    """Whether its amount was captured, is to be paid on delivery, or is nothing."""
    kept_minor: int
    """The money that was captured, less all refunds done or asked for, and what banks dispute."""
    earned_minor: int = 0
    """The freight of parcels that their buyer did not take, which is the shop's."""


class JointRule(NamedTuple):
    """A rule that holds whenever an order is in one of `states`."""

    name: str
    states: frozenset[OrderState]
    holds: Callable[[Together], bool]


_O, _P, _S = OrderState, PaymentState, ShipmentState
SOLD: Final = frozenset(
    {
        _O.CONFIRMED,
        _O.IN_FULFILMENT,
        _O.PARTLY_SHIPPED,
        _O.SHIPPED,
        _O.DELIVERED,
        _O.COMPLETED,
    }
)
"""The units of such an order are sold to it."""
_REVIEWED: Final = SOLD - {_O.CONFIRMED}
_LEFT: Final = _REVIEWED - {_O.IN_FULFILMENT}
_CLOSED: Final = frozenset({_O.REJECTED, _O.EXPIRED, _O.CANCELLED})
_UNDER_WAY: Final = frozenset({_S.SHIPPED, _S.IN_TRANSIT, _S.OUT_FOR_DELIVERY})
_GONE: Final = _UNDER_WAY | {_S.DELIVERED, _S.LOST, _S.DAMAGED, _S.RETURNING, _S.RETURNED}
_NEVER_LEFT: Final = frozenset({_S.CANCELLED})
_NEVER_CAME: Final = frozenset({_S.CANCELLED, _S.LOST, _S.DAMAGED, _S.RETURNING, _S.RETURNED})

JOINT_RULES: Final = (
    JointRule(
        # What it was paid with may go back later, wholly, for whatever reason.
        "what is sold is paid",
        SOLD,
        lambda it: it.covered or _P.RETURNED in it.payments,
    ),
    JointRule(
        "what awaits payment has none", frozenset({_O.AWAITING_PAYMENT}), lambda it: not it.covered
    ),
    JointRule(
        "nothing is picked before the review",
        frozenset(_O) - _REVIEWED - {_O.CANCELLED},
        lambda it: it.shipments <= _NEVER_LEFT,
    ),
    JointRule(
        "no parcel leaves before the order does",
        frozenset(_O) - _LEFT - {_O.CANCELLED},
        lambda it: not it.shipments & _GONE,
    ),
    JointRule(
        "a delivered order has no parcel under way",
        frozenset({_O.DELIVERED, _O.COMPLETED}),
        lambda it: not it.shipments & _UNDER_WAY,
    ),
    JointRule(
        "a cancelled order delivers nothing",
        frozenset({_O.CANCELLED}),
        lambda it: it.shipments <= _NEVER_CAME,
    ),
    JointRule(
        "a closed order keeps no money but the freight of what was not taken",
        _CLOSED,
        lambda it: it.kept_minor <= it.earned_minor,
    ),
)


def broken_rule(together: Together) -> str | None:
    """The name of the first joint rule that does not hold, if there is one."""
    for rule in JOINT_RULES:
        if together.order in rule.states and not rule.holds(together):
            return rule.name
    return None
