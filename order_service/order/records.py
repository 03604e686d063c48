"""Records beside orders: reviews, tracking events, temperatures, and cases of money.

Times are milliseconds since the Unix epoch, temperatures thousandths of a degree Celsius.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Verdict(StrEnum):
    """The result of a review (O15) that found something or that a person has made."""

    WAITS = "WAITS"
    """The automatic review, or a hold, leaves it to a person."""
    FLAGGED = "FLAGGED"
    """The automatic review let it through, and has doubts that may be worth a look."""
    APPROVED = "APPROVED"
    REFUSED = "REFUSED"
    LET_GO = "LET_GO"
    """A person ended a hold."""


class Review(Struct, frozen=True):
    """One review of an order. What it found is a sentence each, none of them personal."""

    order_id: str
    review_id: str
    verdict: Verdict
    findings: tuple[str, ...]
    reviewer: str
    reason: str
    at_ms: int


class TrackingKind(StrEnum):
    """The events of a parcel on its way (O9)."""

    COLLECTED = "COLLECTED"
    IN_TRANSIT = "IN_TRANSIT"
    HUB = "HUB"
    OUT_FOR_DELIVERY = "OUT_FOR_DELIVERY"
    SIGNED = "SIGNED"
    ATTEMPT_FAILED = "ATTEMPT_FAILED"
    LOST = "LOST"
    DAMAGED = "DAMAGED"
    CASH_COLLECTED = "CASH_COLLECTED"
    REFUSED = "REFUSED"
    RETURNING = "RETURNING"
    RETURNED = "RETURNED"


class TrackingEvent(Struct, frozen=True):
    """A carrier's report about a parcel. Only the first of a carrier and event id has an effect."""

    carrier: str
    event_id: str
    order_id: str
    shipment_id: str
    kind: TrackingKind
    happened_at_ms: int
    """By the carrier's clock."""
    received_at_ms: int
    place: str = ""
    amount_minor: int = 0
    """The money paid on delivery, with CASH_COLLECTED, in `currency`."""
    currency: str = ""


class LegNews(Struct, frozen=True):
    """A carrier's report about a leg. Only the first of a waybill and event id has an effect."""

    order_id: str
    leg_id: str
    carrier: str
    waybill: str
    """"" where the carrier reports our id, and not its number."""
    event_id: str
    kind: TrackingKind
    happened_at_ms: int
    """By the carrier's clock."""
    received_at_ms: int
    place: str = ""


class TemperatureReading(Struct, frozen=True):
    """A temperature of a parcel, once per sensor and time."""

    shipment_id: str
    sensor: str
    read_at_ms: int
    order_id: str
    millicelsius: int
    out_of_limits: bool


class MoneyCaseKind(StrEnum):
    """The kinds of money that waits for a person. The names are those of the contract."""

    QUARANTINED = "QUARANTINED"
    """A payment in a wrong amount or currency."""
    REFUND_FAILED = "REFUND_FAILED"
    """A refund that was refused, bounced, of another sum, or of cash."""
    REFUND_OPEN = "REFUND_OPEN"
    """A refund that its provider has taken and not ended for long."""
    UNKNOWN_PAYMENT = "UNKNOWN_PAYMENT"
    """Money of a payment that is none of ours."""
    OTHER_CURRENCY = "OTHER_CURRENCY"
    """More money for a payment, in another currency than what came before."""
    SENT_BACK_THERE = "SENT_BACK_THERE"
    """Money that its provider has sent back unasked, and that our books have no room for."""
    DISPUTED = "DISPUTED"
    """The buyer's bank asks for reasons, or says what does not fit to what it said before."""
    LOST_TWICE = "LOST_TWICE"
    """A bank takes back what had gone back to the buyer before, or money that never came."""
    NOT_CLOSED = "NOT_CLOSED"
    """An attempt to pay that was given up, and that its provider cannot close."""


OF_MONEY: Final = (
    "CAPTURED",
    "REFUNDED",
    "REFUNDED_IN_ALL",
    "DISPUTED",
    "DISPUTE_ASKED",
    "DISPUTE_REVIEWED",
    "DISPUTE_WON",
    "DISPUTE_LOST",
)
"""The kinds of facts about an unknown payment that speak of money; others wait for nobody."""


class MoneyCase(Struct, frozen=True):
    """Money that waits for a person, and is no payment or refund that waits by its state."""

    case_id: str
    """A digest of the matter: one, however often it is told."""
    tenant: str
    """The shop; "" where no order of one is known."""
    order_id: str
    kind: MoneyCaseKind
    provider: str
    payment_id: str
    refund_id: str
    provider_ref: str
    payment_ref: str
    said: str
    """The kind of fact that its provider reported."""
    amount_minor: int
    currency: str
    at_ms: int
    """By the provider's clock; 0 where it does not say."""
    why: str
    opened_at_ms: int
    closed_at_ms: int = 0
    """0 while it waits."""
    closed_by: str = ""
    closed_why: str = ""
