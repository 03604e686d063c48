"""The state machines of orders and of what belongs to them, as tables, and their joint rules.

A machine is a table: state -> event -> next state. Every state has a row, ends have an empty one;
an event that a row does not name is illegal there, raises `IllegalMove` and changes nothing. The
database holds every move against the same tables (`storage/schema.py`), and the README's diagrams
are made from them.

Sources: `domain.md` O2, O3, O6 to O11, O14, O15 and P2 to P5.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final, NamedTuple


class OrderState(StrEnum):
    """Where an order is."""

    RESERVING = "RESERVING"
    """Recorded; its stock is being reserved."""
    BACKORDERED = "BACKORDERED"
    """Waits in the queue for stock, as its buyer chose (缺货待发)."""
    AWAITING_PAYMENT = "AWAITING_PAYMENT"
    """Stock is reserved until the payment is due."""
    CONFIRMING = "CONFIRMING"
    """Paid, or to be paid on delivery; its stock is being confirmed."""
    CONFIRMED = "CONFIRMED"
    """Effective: its stock is sold to it. Waits for the review before shipping."""
    IN_FULFILMENT = "IN_FULFILMENT"
    """Reviewed; being picked and packed."""
    PARTLY_SHIPPED = "PARTLY_SHIPPED"
    """Some of its parcels have left."""
    SHIPPED = "SHIPPED"
    """All of its parcels have left."""
    DELIVERED = "DELIVERED"
    """All of its parcels were signed for."""
    COMPLETED = "COMPLETED"
    """Received, as the buyer said or some days have told. An end."""
    REJECTED = "REJECTED"
    """Stock could not be reserved. An end."""
    EXPIRED = "EXPIRED"
    """Not paid in time; money that comes all the same takes the stock again or goes back."""
    CANCELLED = "CANCELLED"
    """Cancelled by buyer, merchant or review; what was paid goes back. An end."""


class OrderEvent(StrEnum):
    """The events that move an order."""

    STOCK_RESERVED = "STOCK_RESERVED"
    STOCK_SHORT = "STOCK_SHORT"
    WAITS_FOR_STOCK = "WAITS_FOR_STOCK"
    PAYS_ON_DELIVERY = "PAYS_ON_DELIVERY"
    PAID = "PAID"
    STOCK_CONFIRMED = "STOCK_CONFIRMED"
    STOCK_LOST = "STOCK_LOST"
    PAYMENT_OVERDUE = "PAYMENT_OVERDUE"
    REVIEWED = "REVIEWED"
    SHIPPED_IN_PART = "SHIPPED_IN_PART"
    SHIPPED_IN_FULL = "SHIPPED_IN_FULL"
    DELIVERED_IN_FULL = "DELIVERED_IN_FULL"
    NOTHING_DELIVERED = "NOTHING_DELIVERED"
    RECEIVED = "RECEIVED"
    CANCEL = "CANCEL"


class PaymentState(StrEnum):
    """Where one attempt to pay is."""

    CREATED = "CREATED"
    """Recorded; the provider is being told."""
    PENDING = "PENDING"
    """The provider knows it, and waits for the buyer; on delivery, for the carrier."""
    CAPTURED = "CAPTURED"
    """The provider has the money, in the right amount."""
    DECLINED = "DECLINED"
    """The provider or the buyer's bank said no. Another attempt may be made."""
    ABANDONED = "ABANDONED"
    """Given up: the order was closed, another attempt took its place, or nothing is to be paid."""
    QUARANTINED = "QUARANTINED"
    """Paid in a wrong amount or currency: waits for a person."""
    RETURNED = "RETURNED"
    """All that was captured went back. An end; a refund of it that bounced is tried again."""


class PaymentEvent(StrEnum):
    """The events that move a payment."""

    ACCEPTED = "ACCEPTED"
    CAPTURE = "CAPTURE"
    DECLINE = "DECLINE"
    ABANDON = "ABANDON"
    MISMATCH = "MISMATCH"
    APPROVE = "APPROVE"
    RETURN_ALL = "RETURN_ALL"


class RefundState(StrEnum):
    """Where money is that goes back."""

    REQUESTED = "REQUESTED"
    """Recorded; the provider is being told until it answers."""
    DONE = "DONE"
    """The provider has sent it back; or a person has, in another way."""
    FAILED = "FAILED"
    """The provider refused it, the buyer's bank did not take it, or another sum went back: waits
    for a person, who may have it tried again, or settles it."""


class RefundEvent(StrEnum):
    """The events that move a refund."""

    SENT_BACK = "SENT_BACK"
    REFUSED = "REFUSED"
    BOUNCED = "BOUNCED"
    DIFFERS = "DIFFERS"
    RETRY = "RETRY"


class ShipmentState(StrEnum):
    """Where a parcel is."""

    PLANNED = "PLANNED"
    """To be picked."""
    PICKED = "PICKED"
    """Units were taken from their shelves."""
    PACKED = "PACKED"
    """SKUs and quantities were checked into the parcel; waits for its waybill."""
    LABELLED = "LABELLED"
    """Has a waybill; waits to leave."""
    SHIPPED = "SHIPPED"
    """Has left the warehouse: its units are out of on hand."""
    IN_TRANSIT = "IN_TRANSIT"
    """The carrier has it."""
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    """On its last way."""
    DELIVERED = "DELIVERED"
    """Signed for. An end."""
    LOST = "LOST"
    """The carrier cannot find it."""
    DAMAGED = "DAMAGED"
    """The carrier or the buyer says that it was damaged on the way."""
    CANCELLED = "CANCELLED"
    """Will not be shipped. An end."""
    RETURNING = "RETURNING"
    """Refused, or could not be delivered: on its way back to us."""
    RETURNED = "RETURNED"
    """Came back to us unopened. An end."""


class ShipmentEvent(StrEnum):
    """The events that move a shipment."""

    PICK = "PICK"
    PACK = "PACK"
    LABEL = "LABEL"
    SHIP = "SHIP"
    TRAVEL = "TRAVEL"
    GO_OUT = "GO_OUT"
    SIGN = "SIGN"
    LOSE = "LOSE"
    DAMAGE = "DAMAGE"
    TURN_BACK = "TURN_BACK"
    COME_BACK = "COME_BACK"
    CANCEL = "CANCEL"


class IncidentState(StrEnum):
    """How far something is settled that went wrong with a parcel (O10)."""

    OPEN = "OPEN"
    """Open until its owner says what is done about it, or its deadlines have passed."""
    WAITING = "WAITING"
    """The parcel is waited for, until a deadline."""
    RESHIPPING = "RESHIPPING"
    """Goods for a replacement are being reserved."""
    RESHIPPED = "RESHIPPED"
    """A replacement goes in another parcel. An end."""
    REFUNDED = "REFUNDED"
    """The money for the goods goes back. An end."""
    ARRIVED = "ARRIVED"
    """The parcel has come, or was picked, after all. An end."""


class IncidentEvent(StrEnum):
    """The events that move an incident."""

    ESCALATE = "ESCALATE"
    WAIT = "WAIT"
    WAITED_ENOUGH = "WAITED_ENOUGH"
    RESHIP = "RESHIP"
    STOCK_CONFIRMED = "STOCK_CONFIRMED"
    STOCK_SHORT = "STOCK_SHORT"
    REFUND = "REFUND"
    ARRIVE = "ARRIVE"


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
        _S.PLANNED: {_SE.PICK: _S.PICKED, _SE.CANCEL: _S.CANCELLED},
        _S.PICKED: {_SE.PACK: _S.PACKED, _SE.CANCEL: _S.CANCELLED},
        _S.PACKED: {_SE.LABEL: _S.LABELLED, _SE.CANCEL: _S.CANCELLED},
        _S.LABELLED: {_SE.SHIP: _S.SHIPPED, _SE.CANCEL: _S.CANCELLED},
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


class Together(NamedTuple):
    """The values that joint rules look at: an order and its parts at one moment."""

    order: OrderState
    payments: frozenset[PaymentState]
    shipments: frozenset[ShipmentState]
    covered: bool
    """Whether its amount was captured, is to be paid on delivery, or is nothing."""
    kept_minor: int
    """The money that was captured, less all refunds done or asked for."""


class JointRule(NamedTuple):
    """A rule that holds whenever an order is in one of `states`."""

    name: str
    states: frozenset[OrderState]
    holds: Callable[[Together], bool]


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
    JointRule("a closed order keeps no money", _CLOSED, lambda it: it.kept_minor == 0),
)


def broken_rule(together: Together) -> str | None:
    """The name of the first joint rule that does not hold, if there is one."""
    for rule in JOINT_RULES:
        if together.order in rule.states and not rule.holds(together):
            return rule.name
    return None
