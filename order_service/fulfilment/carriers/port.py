"""The port to carriers, the same whatever their own API looks like (物流商对接, O8, O9).

Carriers know a parcel by our shipment id, and report everything as `CarrierEvent`s, in callbacks or
when they are asked. Events may come late, twice and in any order. Amounts are minor units,
currencies ISO 4217 in capitals, times milliseconds since the Unix epoch.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import force_setattr

from order_service.order.foreign import (
    AT_MS_MAX,
    Unreadable,
    check_foreign_money,
    check_foreign_name,
    check_foreign_whole,
    foreign_text,
)
from order_service.order.placed import Delivery
from order_service.order.records import TrackingKind

PLACE_LENGTH_MAX: Final = 200
TRANSIT_MS_MAX: Final = 366 * 24 * 3_600_000


class CarrierUnreachable(Exception):
    """The carrier did not answer, or not sensibly: whether it did what was asked is not known."""


class CarrierShipment(Struct, frozen=True):
    """A shipment as a carrier needs to know it. Personal, as `Delivery` is."""

    shipment_id: str
    location: str
    """The warehouse it is collected at."""
    delivery: Delivery
    weight_g: int
    currency: str
    """The currency in which the carrier charges and collects."""
    collect_minor: int = 0
    """The money to collect at the door; 0 for a shipment that is paid."""


class Quote(Struct, frozen=True):
    """A carrier's offer for a parcel."""

    carrier: str
    service: str
    freight_minor: int
    currency: str
    transit_ms: int
    """The time that the carrier promises to take."""

    def __post_init__(self) -> None:
        """Raises CarrierUnreachable for what is beyond the bounds of everything foreign."""
        with _sensible():
            check_foreign_name("service", self.service)
            check_foreign_money("freight_minor", self.freight_minor, self.currency)
            check_foreign_whole("transit_ms", self.transit_ms, TRANSIT_MS_MAX)


class Label(Struct, frozen=True):
    """A waybill."""

    waybill: str
    freight_minor: int
    """The price that the carrier charges."""
    transit_ms: int
    """The time that the carrier promises to take."""
    url: str = ""
    """Where the label can be fetched to be printed; "" where it is handed over in another way."""

    def __post_init__(self) -> None:
        """Raises CarrierUnreachable for what is beyond the bounds of everything foreign."""
        with _sensible():
            check_foreign_name("waybill", self.waybill)
            check_foreign_name("url", self.url)
            check_foreign_money("freight_minor", self.freight_minor)
            check_foreign_whole("transit_ms", self.transit_ms, TRANSIT_MS_MAX)


class CarrierEvent(Struct, frozen=True):
    """A carrier's report of something that happened to a parcel."""

    event_id: str
    """The carrier's: the same event has the same id each time."""
    kind: TrackingKind
    happened_at_ms: int
    shipment_id: str = ""
    """Our id, as the carrier has kept it; "" where the carrier reports only its own number."""
    waybill: str = ""
    """The carrier's number, where it does not report our id."""
    place: str = ""
    amount_minor: int = 0
    """The money collected, with CASH_COLLECTED."""
    currency: str = ""

    def __post_init__(self) -> None:
        """Raises CarrierUnreachable for what is beyond the bounds of everything foreign."""
        with _sensible():
            for field in ("event_id", "shipment_id", "waybill"):
                check_foreign_name(field, getattr(self, field))
            check_foreign_money("amount_minor", self.amount_minor, self.currency)
            check_foreign_whole("happened_at_ms", self.happened_at_ms, AT_MS_MAX)
        force_setattr(self, "place", foreign_text(self.place, PLACE_LENGTH_MAX))


class CarrierRefuses(Exception):
    """The carrier has judged, and will not. Its text is the carrier's code for why."""


class Carrier(Protocol):
    """A carrier. Methods raise CarrierUnreachable, and where said CarrierRefuses."""

    async def quote(self, shipment: CarrierShipment) -> list[Quote]:
        """Offers to carry a shipment; none where the carrier does not go."""
        ...

    async def label(self, shipment: CarrierShipment, service: str) -> Label:
        """Makes the waybill of a shipment, once per shipment id. Raises CarrierRefuses."""
        ...

    async def void(self, shipment_id: str) -> None:
        """Gives a waybill back, if there is one. Raises CarrierRefuses once it was used."""
        ...

    async def intercept(self, shipment_id: str) -> bool | None:
        """Asks to have a parcel on its way brought back; whether the carrier does that.

        None where it cannot be asked in this way: a person asks it.
        """
        ...

    async def track(self, shipment_id: str) -> list[CarrierEvent]:
        """Returns all events of a shipment."""
        ...

    def read_callback(
        self, raw_body: bytes, headers: Mapping[str, str], now_s: float
    ) -> Sequence[CarrierEvent]:
        """Reads the events of a callback that can be read. `headers` in lower case.

        Raises CallbackForged, and CallbackUnreadable where nothing of it can be read.
        """
        ...

    async def aclose(self) -> None:
        """Ends its connections."""
        ...


Carriers = Mapping[str, Carrier]
"""By the name under which shipments and callbacks know them."""


@contextmanager
def _sensible() -> Iterator[None]:
    """Turns a value beyond its bounds into an answer that was not sensible."""
    try:
        yield
    except Unreadable as error:
        raise CarrierUnreachable(str(error)) from error
