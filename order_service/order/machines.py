"""The state machines of orders and of what belongs to them, as tables.

A machine is a table: state -> event -> next state. Every state has a row, ends have an empty one;
an event that a row does not name is illegal there, raises `IllegalMove` and changes nothing. The
database holds every move against the same tables (`storage/schema.py`), and the README's diagrams
are made from them.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

from order_service.order.states import (
    IncidentEvent,
    IncidentState,
    OrderEvent,
    OrderState,
    PaymentEvent,
    PaymentState,
    RefundEvent,
    RefundState,
    ShipmentEvent,
    ShipmentState,
)


class IllegalMove(Exception):
    """An event that the state does not know. Nothing was changed."""

    def __init__(self, machine: str, state: str, event: str) -> None:
        super().__init__(f"{machine} in state {state} cannot take {event}")
        self.machine = machine
        self.state = state
        self.event = event


class Machine(NamedTuple):
    """One state machine: its name, where it begins, and its moves."""

    name: str
    first: StrEnum
    moves: Mapping[StrEnum, Mapping[StrEnum, StrEnum]]

    def after(self, state: StrEnum, event: StrEnum) -> StrEnum:
        """The state after an event. Raises IllegalMove."""
        following = self.moves[state].get(event)
        if following is None:
            raise IllegalMove(self.name, state, event)
        return following

    def allows(self, state: StrEnum, event: StrEnum) -> bool:
        """Whether a state knows an event."""
        return event in self.moves[state]


_O, _OE = OrderState, OrderEvent
ORDER: Final = Machine(
    "order",
    _O.RESERVING,
    {
        _O.RESERVING: {
            _OE.STOCK_RESERVED: _O.AWAITING_PAYMENT,
            _OE.PAYS_ON_DELIVERY: _O.CONFIRMING,
            _OE.WAITS_FOR_STOCK: _O.BACKORDERED,
            _OE.STOCK_SHORT: _O.REJECTED,
            _OE.CANCEL: _O.CANCELLED,
        },
        _O.BACKORDERED: {
            _OE.STOCK_RESERVED: _O.AWAITING_PAYMENT,
            _OE.PAYS_ON_DELIVERY: _O.CONFIRMING,
            _OE.CANCEL: _O.CANCELLED,
        },
        _O.AWAITING_PAYMENT: {
            _OE.PAID: _O.CONFIRMING,
            _OE.PAYS_ON_DELIVERY: _O.CONFIRMING,
            _OE.PAYMENT_OVERDUE: _O.EXPIRED,
            _OE.CANCEL: _O.CANCELLED,
        },
        _O.CONFIRMING: {
            _OE.STOCK_CONFIRMED: _O.CONFIRMED,
            _OE.STOCK_LOST: _O.CANCELLED,
        },
        _O.CONFIRMED: {_OE.REVIEWED: _O.IN_FULFILMENT, _OE.CANCEL: _O.CANCELLED},
        _O.IN_FULFILMENT: {
            _OE.SHIPPED_IN_PART: _O.PARTLY_SHIPPED,
            _OE.SHIPPED_IN_FULL: _O.SHIPPED,
            _OE.CANCEL: _O.CANCELLED,
        },
        _O.PARTLY_SHIPPED: {_OE.SHIPPED_IN_FULL: _O.SHIPPED},
        # Every parcel was lost or damaged, and its money goes back.
        _O.SHIPPED: {
            _OE.DELIVERED_IN_FULL: _O.DELIVERED,
            _OE.NOTHING_DELIVERED: _O.CANCELLED,
        },
        # What was thought to be delivered to the buyer was delivered back to us.
        _O.DELIVERED: {_OE.RECEIVED: _O.COMPLETED, _OE.NOTHING_DELIVERED: _O.CANCELLED},
        _O.COMPLETED: {},
        _O.REJECTED: {},
        _O.EXPIRED: {_OE.PAID: _O.CONFIRMING},
        _O.CANCELLED: {},
    },
)

_P, _PE = PaymentState, PaymentEvent
PAYMENT: Final = Machine(
    "payment",
    _P.CREATED,
    {
        # Callbacks may overtake the answer to the call that caused them, and one another.
        _P.CREATED: {
            _PE.ACCEPTED: _P.PENDING,
            _PE.CAPTURE: _P.CAPTURED,
            _PE.DECLINE: _P.DECLINED,
            _PE.ABANDON: _P.ABANDONED,
            _PE.MISMATCH: _P.QUARANTINED,
        },
        _P.PENDING: {
            _PE.CAPTURE: _P.CAPTURED,
            _PE.DECLINE: _P.DECLINED,
            _PE.ABANDON: _P.ABANDONED,
            _PE.MISMATCH: _P.QUARANTINED,
        },
        _P.CAPTURED: {_PE.RETURN_ALL: _P.RETURNED},
        # Money can still come after a decline or after giving up (掉单, P2, P3).
        _P.DECLINED: {_PE.CAPTURE: _P.CAPTURED, _PE.MISMATCH: _P.QUARANTINED},
        _P.ABANDONED: {_PE.CAPTURE: _P.CAPTURED, _PE.MISMATCH: _P.QUARANTINED},
        _P.QUARANTINED: {_PE.APPROVE: _P.CAPTURED, _PE.RETURN_ALL: _P.RETURNED},
        _P.RETURNED: {},
    },
)

_R, _RE = RefundState, RefundEvent
REFUND: Final = Machine(
    "refund",
    _R.REQUESTED,
    {
        _R.REQUESTED: {
            _RE.SENT_BACK: _R.DONE,
            _RE.REFUSED: _R.FAILED,
            _RE.DIFFERS: _R.FAILED,
        },
        # The buyer's bank may send it back to the provider days later.
        _R.DONE: {_RE.BOUNCED: _R.FAILED, _RE.DIFFERS: _R.FAILED},
        _R.FAILED: {_RE.RETRY: _R.REQUESTED, _RE.SENT_BACK: _R.DONE},
    },
)

_S, _SE = ShipmentState, ShipmentEvent
_ON_ITS_WAY: Final[Mapping[StrEnum, StrEnum]] = {
    _SE.SIGN: _S.DELIVERED,
    _SE.LOSE: _S.LOST,
    _SE.DAMAGE: _S.DAMAGED,
    _SE.TURN_BACK: _S.RETURNING,
    _SE.COME_BACK: _S.RETURNED,
}
SHIPMENT: Final = Machine(
    "shipment",
    _S.PLANNED,
    {
        _S.PLANNED: {
            _SE.PICK: _S.PICKED,
            _SE.SOURCE: _S.SOURCING,
            _SE.CANCEL: _S.CANCELLED,
        },
        _S.PICKED: {
            _SE.PACK: _S.PACKED,
            _SE.SOURCE: _S.SOURCING,
            _SE.CANCEL: _S.CANCELLED,
        },
        _S.PACKED: {_SE.LABEL: _S.LABELLED, _SE.CANCEL: _S.CANCELLED},
        _S.LABELLED: {_SE.SHIP: _S.SHIPPED, _SE.CANCEL: _S.CANCELLED},
        # What goes in its stead is another parcel, so that it ends here in any case.
        _S.SOURCING: {_SE.CANCEL: _S.CANCELLED},
        # Tracking events come in any order: what is behind the parcel's state is only recorded.
        _S.SHIPPED: {
            _SE.TRAVEL: _S.IN_TRANSIT,
            _SE.GO_OUT: _S.OUT_FOR_DELIVERY,
            **_ON_ITS_WAY,
        },
        _S.IN_TRANSIT: {_SE.GO_OUT: _S.OUT_FOR_DELIVERY, **_ON_ITS_WAY},
        _S.OUT_FOR_DELIVERY: _ON_ITS_WAY,
        _S.DELIVERED: {
            _SE.DAMAGE: _S.DAMAGED,
            _SE.TURN_BACK: _S.RETURNING,
            _SE.COME_BACK: _S.RETURNED,
        },
        # A parcel that was given up can turn up, until its loss is settled; here, also after.
        _S.LOST: {
            _SE.SIGN: _S.DELIVERED,
            _SE.DAMAGE: _S.DAMAGED,
            _SE.TURN_BACK: _S.RETURNING,
            _SE.COME_BACK: _S.RETURNED,
        },
        _S.DAMAGED: {},
        _S.CANCELLED: {},
        _S.RETURNING: {
            _SE.COME_BACK: _S.RETURNED,
            _SE.LOSE: _S.LOST,
            _SE.DAMAGE: _S.DAMAGED,
        },
        _S.RETURNED: {},
    },
)

_I, _IE = IncidentState, IncidentEvent
GIVEN_UP: Final = frozenset({_I.RESHIPPING, _I.RESHIPPED, _I.REFUNDED})
"""Other goods, or the money, go in stead of the parcel of such an incident."""
INCIDENT: Final = Machine(
    "incident",
    _I.OPEN,
    {
        # An owner whose time is over leaves it to the lead of all desks.
        _I.OPEN: {
            _IE.ESCALATE: _I.OPEN,
            _IE.WAIT: _I.WAITING,
            _IE.RESHIP: _I.RESHIPPING,
            _IE.REFUND: _I.REFUNDED,
            _IE.ARRIVE: _I.ARRIVED,
        },
        # Its owner may change their mind: the buyer may not want to wait any longer.
        _I.WAITING: {
            _IE.WAITED_ENOUGH: _I.OPEN,
            _IE.RESHIP: _I.RESHIPPING,
            _IE.REFUND: _I.REFUNDED,
            _IE.ARRIVE: _I.ARRIVED,
        },
        # A parcel that turns up now is one too many: its replacement is not taken back.
        _I.RESHIPPING: {
            _IE.ESCALATE: _I.RESHIPPING,
            _IE.STOCK_CONFIRMED: _I.RESHIPPED,
            _IE.STOCK_SHORT: _I.OPEN,
        },
        _I.RESHIPPED: {},
        _I.REFUNDED: {},
        _I.ARRIVED: {},
    },
)
