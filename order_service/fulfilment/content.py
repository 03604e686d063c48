"""Compares what was scanned with what it should be. Pure."""

from collections import Counter
from collections.abc import Iterable

from order_service.order.model import Shipment
from order_service.order.refusals import RefusalReason, Refused

Units = tuple[str, int]
"""A SKU and how many of it."""


def planned_units(shipment: Shipment) -> "Counter[str]":
    """What a parcel is to contain, by SKU."""
    return summed((line.sku, line.quantity) for line in shipment.lines)


def summed(scanned: Iterable[Units]) -> "Counter[str]":
    """Units by SKU; a SKU may come more than once."""
    units: Counter[str] = Counter()
    for sku, quantity in scanned:
        units[sku] += quantity
    return units


def wrong_content(differences: Iterable[str]) -> Refused:
    """The refusal that names every difference."""
    return Refused(RefusalReason.WRONG_CONTENT, detail="; ".join(differences))


def differences(expected: "Counter[str]", got: "Counter[str]") -> list[str]:
    """A sentence for each SKU of which there is not what there should be, sorted by SKU."""
    return [
        f"{sku}: {expected[sku] or 'none'} expected, {got[sku] or 'none'} scanned"
        for sku in sorted(expected | got)
        if expected[sku] != got[sku]
    ]
