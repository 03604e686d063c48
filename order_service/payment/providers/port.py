"""The port of a payment provider, whatever its own API looks like (P1).

A provider reports everything as a `Fact`: in a callback, in the answer to a question, and on its
statement. Facts are cumulative (captured in all, not lately), so that they may come late, twice and
in any order. Amounts are minor units, currencies ISO 4217 in capitals.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from enum import StrEnum
from typing import Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from order_service.order.foreign import (
    Unreadable,
    check_foreign_money,
    check_foreign_name,
    foreign_time,
)
from order_service.order.parts import order_id_of


class FactKind(StrEnum):
    """The kinds of facts about a payment or a refund."""

    OPEN = "OPEN"
    """Waits for the buyer, or for a bank."""
    CAPTURED = "CAPTURED"
    DECLINED = "DECLINED"
    CLOSED = "CLOSED"
    """Was not paid, and can no longer be."""
    UNKNOWN = "UNKNOWN"
    """The provider has never heard of the payment."""
    REFUNDED = "REFUNDED"
    REFUND_FAILED = "REFUND_FAILED"
    REFUNDED_IN_ALL = "REFUNDED_IN_ALL"
    """So much of a payment went back in all, by whomever: which refunds, is to be asked."""
    DISPUTE_ASKED = "DISPUTE_ASKED"
    """The buyer's bank asks for reasons, and has taken nothing."""
    DISPUTED = "DISPUTED"
    """The buyer's bank has taken money back, and hears evidence."""
    DISPUTE_REVIEWED = "DISPUTE_REVIEWED"
    """The bank decides on evidence."""
    DISPUTE_WON = "DISPUTE_WON"
    """The bank has given it back: it found so, or the buyer has let it be."""
    DISPUTE_LOST = "DISPUTE_LOST"
    """The bank keeps it."""


class ProviderUnreachable(Exception):
    """The provider did not answer, or not sensibly: whether it did what was asked is not known."""


class Fact(Struct, frozen=True):
    """A statement of a provider about a payment, or about a refund where `refund_id` is not "".

    Raises ProviderUnreachable for what is beyond the bounds of everything foreign.
    """

    kind: FactKind
    payment_id: str
    """Our number, as the provider has kept it; "" where it has none."""
    provider_ref: str = ""
    """The provider's number of the payment or refund."""
    amount_minor: int = 0
    """CAPTURED: all that was taken, also what went back since. REFUNDED: this refund."""
    currency: str = ""
    at_ms: int = 0
    """When it happened, by the provider's clock; 0 where it does not say."""
    refund_id: str = ""
    payment_ref: str = ""
    """The provider's number of the payment, where `provider_ref` is that of a refund or dispute."""
    due_at_ms: int = 0
    """Until when evidence may be given; 0 where it does not say."""
    fee_minor: int = 0
    """The provider's own charge for a dispute."""

    @property
    def order_id(self) -> str:
        """The order that our numbers in it name; "" where it has none of ours."""
        return order_id_of(self.refund_id or self.payment_id)

    def __post_init__(self) -> None:
        """Holds the fact against its bounds. A time that cannot be is taken as not told."""
        with _sensible():
            for field in ("payment_id", "provider_ref", "refund_id", "payment_ref"):
                check_foreign_name(field, getattr(self, field))
            check_foreign_money("amount_minor", self.amount_minor, self.currency)
            check_foreign_money("fee_minor", self.fee_minor, self.currency)
        force_setattr(self, "at_ms", foreign_time(self.at_ms))
        force_setattr(self, "due_at_ms", foreign_time(self.due_at_ms))


class Callback(Struct, frozen=True):
    """A message of a provider that was proven to be its own. `fact` None: nothing of ours."""

    event_id: str
    fact: Fact | None
    about: str = ""
    """The sender's name of the kind of event."""

    def __post_init__(self) -> None:
        """Raises ProviderUnreachable for an id that is none."""
        with _sensible():
            check_foreign_name("event_id", self.event_id)


class Charge(Struct, frozen=True):
    """The description of a payment for a provider."""

    payment_id: str
    provider_ref: str
    amount_minor: int
    currency: str
    method: str


class Started(Struct, frozen=True):
    """A payment that a provider waits for, and what the buyer needs to go on."""

    provider_ref: str
    action_url: str = ""
    client_token: str = ""

    def __post_init__(self) -> None:
        """Raises ProviderUnreachable for a number that is none."""
        with _sensible():
            check_foreign_name("provider_ref", self.provider_ref)


class ProviderRefuses(Exception):
    """The provider has judged, and will not. Its text is the provider's code for why."""


class Provider(Protocol):
    """A payment provider. Methods raise ProviderUnreachable, and where said ProviderRefuses."""

    async def start(self, charge: Charge) -> Started:
        """Tells the provider of a payment, once per `payment_id`. Raises ProviderRefuses."""
        ...

    async def query(self, charge: Charge) -> Fact:
        """Asks what became of a payment: by the provider's number; where the provider does not
        know that, or we do not, by ours. UNKNOWN: by neither.
        """
        ...

    async def close(self, charge: Charge) -> Fact:
        """Has a payment closed, unless it was paid meanwhile; says what holds now.

        OPEN: it cannot be closed, because a bank is at it.
        """
        ...

    async def refund(
        self, charge: Charge, refund_id: str, amount_minor: int, attempt: int = 0
    ) -> Fact:
        """Sends money back, once per `refund_id`; asked again, says what became of it.

        What was refused may be tried again in another `attempt`, and in no other case: the same
        attempt, whose answer was lost, is not made twice. REFUNDED, REFUND_FAILED, or OPEN: it
        takes longer.
        """
        ...

    async def refunds(self, charge: Charge) -> list[Fact]:
        """Everything that was sent back of a payment, by whomever, each with the provider's number
        of it.
        """
        ...

    async def statement(self, day: date) -> list[Fact]:
        """All that was CAPTURED and REFUNDED on a day in UTC."""
        ...

    def verify_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Callback:
        """Proves a callback and reads it. `headers` in lower case.

        Raises CallbackForged, CallbackTooOld, CallbackUnreadable.
        """
        ...

    async def aclose(self) -> None:
        """Ends its connections."""
        ...


Providers = Mapping[str, Provider]
"""By the name under which payments and callbacks know them."""


@contextmanager
def _sensible() -> Iterator[None]:
    """Turns a value beyond its bounds into an answer that was not sensible."""
    try:
        yield
    except Unreadable as error:
        raise ProviderUnreachable(str(error)) from error
