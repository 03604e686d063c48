"""Return legs: the way of goods back to us, with their struct, states and machine (退货).

A leg carries units that have left. Those of a parcel that was refused, turned back or intercepted
go on under that parcel's waybill; a buyer's own parcel, and one that a carrier picks up, have one
of their own.
"""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from order_service.order.machines import Machine


class LegKind(StrEnum):
    """How goods come back."""

    BUYER = "BUYER"
    """The buyer sends them."""
    PICKUP = "PICKUP"
    """A carrier fetches them at the buyer's."""
    REFUSED = "REFUSED"
    """The buyer did not take the parcel (拒收)."""
    RETURN_TO_SENDER = "RETURN_TO_SENDER"
    """The parcel could not be delivered."""
    INTERCEPTED = "INTERCEPTED"
    """We had the parcel stopped on its way (拦截)."""
    UNANNOUNCED = "UNANNOUNCED"
    """Goods that came, and nobody had said so."""


NEVER_DELIVERED: Final = frozenset({LegKind.REFUSED, LegKind.RETURN_TO_SENDER, LegKind.INTERCEPTED})
"""Legs of parcels that their buyer never had: they follow the parcel, and need no request."""


class LegState(StrEnum):
    """Where goods are that come back."""

    EXPECTED = "EXPECTED"
    """Announced; not handed to a carrier yet."""
    ON_ITS_WAY = "ON_ITS_WAY"
    """The carrier has them."""
    ARRIVED = "ARRIVED"
    """In the warehouse, and not looked at yet."""
    INSPECTED = "INSPECTED"
    """Judged unit by unit. What was accepted is in stock; the rest is kept for its buyer."""
    SENT_BACK = "SENT_BACK"
    """Units that were not accepted are on their way to the buyer again. An end."""
    NEVER_SENT = "NEVER_SENT"
    """Nobody has sent them in time. An end."""
    LOST = "LOST"
    """The carrier cannot find them. They may still turn up."""


class LegEvent(StrEnum):
    """The events that move a leg."""

    SEND = "SEND"
    ARRIVE = "ARRIVE"
    INSPECT = "INSPECT"
    SEND_BACK = "SEND_BACK"
    LAPSE = "LAPSE"
    CALL_OFF = "CALL_OFF"
    LOSE = "LOSE"


_S, _E = LegState, LegEvent
LEG: Final = Machine(
    "leg",
    _S.EXPECTED,
    {
        _S.EXPECTED: {
            _E.SEND: _S.ON_ITS_WAY,
            _E.ARRIVE: _S.ARRIVED,
            _E.LAPSE: _S.NEVER_SENT,
        },
        # A pickup that finds nobody is called off, and made anew.
        _S.ON_ITS_WAY: {
            _E.ARRIVE: _S.ARRIVED,
            _E.CALL_OFF: _S.EXPECTED,
            _E.LOSE: _S.LOST,
        },
        _S.ARRIVED: {_E.INSPECT: _S.INSPECTED},
        _S.INSPECTED: {_E.SEND_BACK: _S.SENT_BACK},
        _S.SENT_BACK: {},
        _S.NEVER_SENT: {},
        _S.LOST: {_E.ARRIVE: _S.ARRIVED},
    },
)
OPEN: Final = frozenset({_S.EXPECTED, _S.ON_ITS_WAY, _S.ARRIVED})
"""A leg in one of these holds its order's completion, and its waybill is no other's."""


class Condition(StrEnum):
    """How a unit was found."""

    AS_SENT = "AS_SENT"
    USED = "USED"
    DAMAGED = "DAMAGED"
    WRONG_ITEM = "WRONG_ITEM"
    """Another article came in its stead."""
    WRONG_SERIAL = "WRONG_SERIAL"
    """The article came, and not the piece that was sent."""
    MISSING = "MISSING"
    """Nothing of it was in the parcel."""


NOT_HERE: Final = frozenset({Condition.MISSING, Condition.WRONG_ITEM})
"""Units that did not come: nothing of them can be put into stock."""


class Fate(StrEnum):
    """The use that is made of an accepted unit (its disposition)."""

    RESELLABLE = "RESELLABLE"
    REFURBISH = "REFURBISH"
    SUPPLIER = "SUPPLIER"
    """Sent back to its supplier."""
    SCRAP = "SCRAP"


class LegLine(Struct, frozen=True, array_like=True):
    """Units of an order line that are to come back, and the parcel that brought them."""

    line_no: int
    sku: str
    quantity: int
    shipment_id: str


class Judged(Struct, frozen=True, array_like=True):
    """A group of units that an inspection judged alike."""

    line_no: int
    sku: str
    quantity: int
    shipment_id: str
    condition: Condition
    accepted: bool
    fate: Fate | None = None
    """Of units that were accepted, and of no others; not of those that are repaired."""
    deduction_minor: int = 0
    """Taken off the money of the group, because of its condition."""
    pictures: tuple[str, ...] = ()
    """Names of evidence files: their SHA-256."""
    serials: tuple[str, ...] = ()
    """The serial numbers of its pieces, where they have some."""


class ReturnLeg(Struct):
    """Goods of an order on their way back to us."""

    leg_id: str
    order_id: str
    state: LegState
    kind: LegKind
    case_id: str
    """The case for which they come; "" for none."""
    shipment_id: str
    """The parcel that came back as it was sent; "" where the goods come in another."""
    lines: tuple[LegLine, ...]
    """The units that are expected."""
    location: str
    """The warehouse that they go to."""
    carrier: str
    waybill: str
    created_at_ms: int
    updated_at_ms: int
    sent_at_ms: int = 0
    arrived_at_ms: int = 0
    inspected_at_ms: int = 0
    due_at_ms: int = 0
    """When something happens by itself that depends on its state; 0: nothing does."""
    judged: tuple[Judged, ...] = ()
    """The result of the inspection, group by group."""
    label_url: str = ""
    """Where its label can be fetched to be printed; "" where there is none."""

    @property
    def ours(self) -> list[Judged]:
        """The groups of units that are their buyer's no more: those that were accepted, but for a
        repair, and those of a parcel that its buyer never had, also where they did not come.
        """
        never_had = self.kind in NEVER_DELIVERED
        return [
            group
            for group in self.judged
            if group.fate is not None or (never_had and group.condition in NOT_HERE)
        ]

    @property
    def kept(self) -> list[Judged]:
        """The groups of units that are here, and still their buyer's."""
        if self.kind in NEVER_DELIVERED:
            return []
        here = (group for group in self.judged if group.condition is not Condition.MISSING)
        return [group for group in here if not group.accepted]


def units_by_line(lines: Iterable[LegLine | Judged]) -> "Counter[tuple[int, str]]":
    """Units by order line and by the parcel that brought them."""
    units: Counter[tuple[int, str]] = Counter()
    for line in lines:
        units[line.line_no, line.shipment_id] += line.quantity
    return units
