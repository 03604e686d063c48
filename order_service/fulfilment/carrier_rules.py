"""Which carrier a parcel goes with: a table of rules over what carriers offer (O8). Pure.

A rule admits offers; the best admitted one is taken, by what the buyer wants. What comes first in
the table does not matter.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Final

import msgspec
from msgspec import Struct

from order_service.fulfilment.carriers.port import CarrierShipment, Quote
from order_service.order.address_rules import region_name
from order_service.order.placed import DeliveryWish
from order_service.order.text import folded

# The fields of quotes by which the best one comes first.
_ORDER_OF: Final = {
    DeliveryWish.CHEAPEST: attrgetter("freight_minor", "transit_ms", "carrier", "service"),
    DeliveryWish.FASTEST: attrgetter("transit_ms", "freight_minor", "carrier", "service"),
}


class CarrierRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Admits a carrier's offers for some parcels. An empty or 0 field does not narrow it."""

    carrier: str
    """The name of the carrier, such as `easypost`."""
    service: str = ""
    """Which of the carrier's services, such as `express`."""
    countries: frozenset[str] = frozenset()
    """Of the destination, ISO 3166-1 alpha-2."""
    regions: frozenset[str] = frozenset()
    """Of the destination, in any spelling that an address may have."""
    locations: frozenset[str] = frozenset()
    """The warehouses it collects from."""
    weight_g_max: int = 0
    """Of the parcel, in grams."""
    freight_minor_max: int = 0
    """The most the carrier may charge, in minor units of the order's currency."""
    transit_ms_max: int = 0
    """The longest the carrier may take, in milliseconds."""
    collects_cash: bool = True
    """Whether it takes parcels that are paid on delivery."""

    def admits(self, shipment: CarrierShipment, quote: Quote) -> bool:
        """Whether a parcel may go by an offer."""
        delivery = shipment.delivery
        return (
            self.carrier == quote.carrier
            and self.service in ("", quote.service)
            and (not self.countries or delivery.country in self.countries)
            and (not self.regions or self._has(delivery.country, delivery.region))
            and (not self.locations or shipment.location in self.locations)
            and (not self.weight_g_max or shipment.weight_g <= self.weight_g_max)
            and (not self.freight_minor_max or quote.freight_minor <= self.freight_minor_max)
            and (not self.transit_ms_max or quote.transit_ms <= self.transit_ms_max)
            and (self.collects_cash or not shipment.collect_minor)
        )

    def _has(self, country: str, region: str) -> bool:
        """Whether a region of a country is one of its own."""
        own = {folded(region_name(country, name)) for name in self.regions}
        return folded(region_name(country, region)) in own


def rules_from(json: bytes) -> tuple[CarrierRule, ...]:
    """Rules as a file has them: a list of objects. Raises ValueError naming what is wrong."""
    return msgspec.json.decode(json, type=tuple[CarrierRule, ...])


def choose(
    shipment: CarrierShipment,
    quotes: Iterable[Quote],
    rules: Sequence[CarrierRule],
    wish: DeliveryWish,
) -> Quote | None:
    """The cheapest or the fastest offer that a rule admits; None if there is none.

    Offers in another currency than the order's cannot be compared, and are left out.
    """
    admitted = [
        quote
        for quote in quotes
        if quote.currency == shipment.currency
        and any(rule.admits(shipment, quote) for rule in rules)
    ]
    return min(admitted, key=_ORDER_OF[wish], default=None)
