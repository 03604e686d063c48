"""The model of the order service: an order with its lines and its parts.

Money is integer minor units of the order's currency (`..._minor`), quantities are units, times are
milliseconds since the Unix epoch (`..._at_ms`). These structs are what decisions read; only a
`Draft` (draft.py) changes one.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from msgspec import Struct, field

from order_service.order.joint_rules import Together
from order_service.order.lines import Line as Line
from order_service.order.placed import Amounts, Delivery, ShortagePolicy, Source, SubOrder
from order_service.order.refund_rows import RefundRow
from order_service.order.return_legs import NEVER_DELIVERED, ReturnLeg
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)

CASH_ON_DELIVERY: Final = "cash_on_delivery"
"""The payment method of an order that is effective before it is paid (货到付款)."""

P = TypeVar("P", bound=Struct)


class Payment(Struct):
    """One attempt to pay an order (P4)."""

    payment_id: str
    """Our number, which the provider is told."""
    payment_key: str
    """The caller's: the same attempt asked for twice is one attempt."""
    order_id: str
    state: PaymentState
    method: str
    provider: str
    provider_ref: str
    """The provider's number; "" until it has answered."""
    amount_minor: int
    """The amount that the buyer was asked for."""
    captured_minor: int
    captured_currency: str
    """The currency of the captured money: another than the order's is in quarantine; "" before."""
    captured_at_ms: int
    """When the provider took it, by the provider's clock; 0 before."""
    refunded_minor: int
    """The sum of its refunds, done or asked for; never above what was captured."""
    created_at_ms: int
    updated_at_ms: int
    booked: bool = False
    """Whether the ledger has its money; that of before there was one is entered later."""
    disputed_minor: int = 0
    """The money that banks have taken back, and may keep: nobody's until that is decided."""

    @property
    def left_minor(self) -> int:
        """The money of it that can go back."""
        return self.captured_minor - self.refunded_minor - self.disputed_minor


class Refund(Struct):
    """Money of a payment that goes back to the buyer (P5), once per key."""

    refund_id: str
    refund_key: str
    order_id: str
    payment_id: str
    state: RefundState
    amount_minor: int
    reason: str
    provider_ref: str
    created_at_ms: int
    updated_at_ms: int
    currency: str = ""
    """The currency of its amount: that of the captured money, which may not be the order's."""
    sent_minor: int = 0
    """The money that its provider says has gone back; 0 and "" until it has said so."""
    sent_currency: str = ""
    refused_refs: str = ""
    """The provider's numbers of the attempts that came to nothing, with spaces between them."""
    by_hand: bool = False
    """Whether a person has paid it back in another way."""

    @property
    def differs(self) -> bool:
        """Whether its provider has sent back another sum than it was asked for."""
        sent = (self.sent_minor, self.sent_currency)
        return bool(self.sent_currency) and sent != (self.amount_minor, self.currency)


class ShipmentLine(Struct, frozen=True, array_like=True):
    """Units of an order line in a parcel."""

    line_no: int
    sku: str
    quantity: int


class Shipment(Struct):
    """A parcel of an order: from one merchant and one warehouse."""

    shipment_id: str
    order_id: str
    sub_order_no: int
    state: ShipmentState
    location: str
    """The warehouse it leaves from."""
    lines: tuple[ShipmentLine, ...]
    zone: str
    """Where in the warehouse its units lie; "" where the article names none."""
    wave_id: str
    """The wave of pick lists it belongs to; "" until it is in one."""
    carrier: str
    service: str
    waybill: str
    weight_g: int
    freight_minor: int
    """The carrier's charge."""
    created_at_ms: int
    updated_at_ms: int
    shipped_at_ms: int = 0
    delivered_at_ms: int = 0
    promised_at_ms: int = 0
    """When the carrier promises to deliver it; 0 while there is no promise."""
    replaces: str = ""
    """The shipment in whose stead it goes; "" if it goes in none's."""
    missing: bool = False
    """Whether a picker did not find its units where they should be."""
    collect_minor: int = 0
    """The money that its carrier was asked to collect with its waybill; 0 before, and for none."""
    collected_minor: int = 0
    """The money that the carrier reports as paid on delivery."""
    temperature_min_millicelsius: int | None = None
    """How cold it may get, in thousandths of a degree Celsius; None where that does not matter."""
    temperature_max_millicelsius: int | None = None
    turned_back_at_ms: int = 0
    """When it turned back to us, by the carrier's clock; 0 while it goes to its buyer."""
    failed_attempts: int = 0
    """How often nobody could take it."""
    label_url: str = ""
    """Where its label can be fetched to be printed; "" where the carrier gives none."""
    given_away: bool = False
    """Whether a person has said that it goes all the same when the money of its units goes back."""


class IncidentKind(StrEnum):
    """The kinds of trouble with a parcel (O10)."""

    DELAY = "DELAY"
    LOSS = "LOSS"
    DAMAGE = "DAMAGE"
    TEMPERATURE = "TEMPERATURE"
    UNDELIVERED = "UNDELIVERED"
    RETURN = "RETURN"
    LATE_PICK = "LATE_PICK"
    WRONG_ITEM = "WRONG_ITEM"
    MISSING_ITEM = "MISSING_ITEM"


class Incident(Struct):
    """Something that went wrong with a parcel, whose it is, and what is done about it."""

    incident_id: str
    order_id: str
    shipment_id: str
    kind: IncidentKind
    state: IncidentState
    owner: str
    opened_at_ms: int
    due_at_ms: int
    """Until when its owner has to say what is done; while it is WAITING, the end of the wait."""
    settled_at_ms: int
    updated_at_ms: int
    lines: tuple[ShipmentLine, ...] = ()
    """Units of the parcel that it is about; none where it is about the whole parcel."""


class HistoryEntry(Struct, frozen=True):
    """One change of an order or of a part: by whom, when and why.

    What begins has no event and no state before; what only adds a fact has no state at all.
    """

    order_id: str
    version: int
    """The order's, after the change."""
    entry_no: int
    """Position among the entries of that change, from 0."""
    machine: str
    """`order`, `payment`, `refund`, `shipment` or `incident`."""
    part_id: str
    """The payment, refund or shipment; "" for the order itself."""
    event: str | None
    from_state: str | None
    to_state: str | None
    actor: str
    why: str
    at_ms: int
    seal: int = 0
    """Follows from all of it and from the seal of the entry before (seals.py)."""


class Remark(Struct, frozen=True):
    """A remark of buyer or staff about an order (O16). Personal, like `Delivery`."""

    order_id: str
    remark_id: str
    author: str
    channel: str
    text: str
    at_ms: int


class Task(Struct, frozen=True):
    """Something to be done for an order outside of its transaction: now, or when it is due.

    Tasks of one order and lane are done in the order in which they were made; those of different
    lanes are independent. A timer is a task that is due later, in a lane of its own.
    """

    task_id: str
    order_id: str
    lane: str
    kind: str
    payload: str
    """JSON; never personal."""
    due_at_ms: int
    created_at_ms: int
    attempts: int = 0
    lease_until_ms: int = 0
    """The time until which only the process that took it may do it."""
    owner: str = ""
    dead: bool = False
    """Given up after too many attempts: in the dead-letter list until it is replayed."""
    last_error: str = ""
    taken_over: int = 0
    """How often a process that had it ended or stood still, since an attempt last came to an end.
    """


class Order(Struct):
    """An order, with everything that belongs to it."""

    order_id: str
    tenant: str
    source: Source
    order_key: str
    """The caller's: the same order sent twice is one order."""
    state: OrderState
    version: int
    """Grows by one with every change to the order or to anything that belongs to it."""
    buyer_id: str
    currency: str
    amounts: Amounts
    payment_method: str
    shortage_policy: ShortagePolicy
    delivery: Delivery
    sub_orders: tuple[SubOrder, ...]
    fingerprint: bytes
    """Digest of the order as it was sent, which tells a replay from a reused key."""
    payment_due_at_ms: int
    """Until when it can be paid; 0 while that is not known."""
    created_at_ms: int
    updated_at_ms: int
    waits_until_at_ms: int = 0
    """Until when it waits for stock, or has waited; 0 for one that never did."""
    held_at_ms: int = 0
    """When it was put on hold: nothing of it leaves, or of the parts that are `held`; 0 where it is
    not."""
    closed_reason: str = ""
    """Why it was rejected or cancelled."""
    seal: int = 0
    """The seal of the last entry of its history; 0 before the first."""
    channel: str = ""
    """The marketplace or shop that has made its key; "" where its source has one."""
    freight_refunded_minor: int = 0
    """The freight that went back, or is asked to."""
    after_sales: bool = False
    """Whether it has parts of kinds that few orders have."""
    completion_left_ms: int = 0
    """The time that was left until it completes by itself, when something began to hold that."""
    lines: list[Line] = field(default_factory=list)
    parts: dict[type[Any], list[Any]] = field(default_factory=dict)
    """Payments, refunds and so on by their struct, the oldest first (`parts.py`)."""
    tasks: list[Task] = field(default_factory=list)
    """Tasks that are still to be done for it."""
    refund_rows: list[RefundRow] = field(default_factory=list)
    """The purposes of its refunds, in their order."""

    def parts_of(self, struct: type[P]) -> Sequence[P]:
        """All parts of one kind, the oldest first."""
        return self.parts.get(struct, [])

    def add(self, part: object) -> None:
        """Puts a part behind the others of its kind. Decisions call `Draft.add` instead."""
        self.parts.setdefault(type(part), []).append(part)

    @property
    def payments(self) -> Sequence[Payment]:
        """All attempts to pay it."""
        return self.parts_of(Payment)

    @property
    def refunds(self) -> Sequence[Refund]:
        """All money that goes back to its buyer."""
        return self.parts_of(Refund)

    @property
    def shipments(self) -> Sequence[Shipment]:
        """All its shipments, replacements included."""
        return self.parts_of(Shipment)

    @property
    def incidents(self) -> Sequence[Incident]:
        """Everything that went wrong with its shipments."""
        return self.parts_of(Incident)

    def incidents_of(self, shipment_id: str) -> list[Incident]:
        """The incidents of one of its shipments."""
        return [incident for incident in self.incidents if incident.shipment_id == shipment_id]

    @property
    def reservation_id(self) -> str:
        """The id of its reservation in the engine."""
        return self.order_id

    @property
    def captured_minor(self) -> int:
        """All money that was captured for it."""
        return sum(payment.captured_minor for payment in self.payments)

    @property
    def refunded_minor(self) -> int:
        """All money that went back or is asked to go back."""
        return sum(payment.refunded_minor for payment in self.payments)

    @property
    def costs_nothing(self) -> bool:
        """Whether it is effective without a payment, by whatever method it would be paid."""
        return not self.amounts.total_minor

    @property
    def all_left(self) -> bool:
        """Whether no unit of its lines is still to be shipped."""
        return all(line.shipped + line.cancelled == line.quantity for line in self.lines)

    @property
    def parts_sent_in_vain(self) -> set[int]:
        """The merchants' parts whose freight stays the shop's: a parcel was not taken.

        What is to be paid at the door was not paid.
        """
        if self.payment_method == CASH_ON_DELIVERY:
            return set()
        return {
            self.shipment(leg.shipment_id).sub_order_no
            for leg in self.parts_of(ReturnLeg)
            if leg.kind in NEVER_DELIVERED
        }

    @property
    def together(self) -> Together:
        """The values that the joint rules look at."""
        taken = [payment for payment in self.payments if payment.state is PaymentState.CAPTURED]
        pays_on_delivery = self.payment_method == CASH_ON_DELIVERY
        return Together(
            order=self.state,
            payments=frozenset(payment.state for payment in self.payments),
            # What goes in another parcel's stead may be under way when the order is delivered.
            shipments=frozenset(
                shipment.state for shipment in self.shipments if self.carries_lines(shipment)
            ),
            # It is CAPTURED in the amount asked for, or in another that a person has approved.
            covered=self.costs_nothing or pays_on_delivery or bool(taken),
            kept_minor=sum(payment.left_minor for payment in taken),
            earned_minor=sum(
                self.sub_orders[number].amounts.freight_minor for number in self.parts_sent_in_vain
            ),
        )

    def sold_again_for(self, shipment: Shipment) -> str:
        """The parcel for which a parcel's units were sold once more; "" where they were not.

        What goes in stead of a parcel that never left has the units of that one, unless it comes
        from another warehouse.
        """
        while shipment.replaces:
            replaced = self.shipment(shipment.replaces)
            if replaced.shipped_at_ms or replaced.location != shipment.location:
                return replaced.shipment_id
            shipment = replaced
        return ""

    def carries_lines(self, shipment: Shipment) -> bool:
        """Whether a parcel's units are those of the order's lines: none that it replaces left."""
        while shipment.replaces:
            shipment = self.shipment(shipment.replaces)
            if shipment.shipped_at_ms:
                return False
        return True

    def payment(self, payment_id: str) -> Payment:
        """One of its payments. Raises KeyError."""
        return _named(self.payments, "payment_id", payment_id)

    def refund(self, refund_id: str) -> Refund:
        """One of its refunds. Raises KeyError."""
        return _named(self.refunds, "refund_id", refund_id)

    def shipment(self, shipment_id: str) -> Shipment:
        """One of its shipments. Raises KeyError."""
        return _named(self.shipments, "shipment_id", shipment_id)

    def incident(self, incident_id: str) -> Incident:
        """One of its incidents. Raises KeyError."""
        return _named(self.incidents, "incident_id", incident_id)


def _named(parts: Sequence[P], id_field: str, part_id: str) -> P:
    for part in parts:
        if getattr(part, id_field) == part_id:
            return part
    raise KeyError(part_id)
