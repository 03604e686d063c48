"""Records of fulfilment, which never change: reviews, tracking events, temperatures.

Times are milliseconds since the Unix epoch, temperatures thousandths of a degree Celsius.
"""

from enum import StrEnum

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


class TemperatureReading(Struct, frozen=True):
    """A temperature of a parcel, once per sensor and time."""

    shipment_id: str
    sensor: str
    read_at_ms: int
    order_id: str
    millicelsius: int
    out_of_limits: bool
