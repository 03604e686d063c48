"""Plans an order for which there is too little stock (O14), as its buyer chose."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from order_service.order.model import Line, Order
from order_service.order.placed import ShortagePolicy
from order_service.placing.sourcing import Origin, Stock, Take, source
from order_service.placing.validation import PlaceOrder, WantedLine

SHORTAGES_NAMED_MAX: Final = 3
"""The number of short articles that are named to a person."""


class Shortage(NamedTuple):
    """An article of which there is less than an order asks for, in units."""

    sku: str
    requested: int
    available: int


def shortages_text(shortages: Sequence[Shortage]) -> str:
    """The shortages for a person: a few articles, and how many more there are."""
    named = shortages[:SHORTAGES_NAMED_MAX]
    text = ", ".join(f"{each.sku}: {each.available} of {each.requested} units" for each in named)
    if len(shortages) > len(named):
        text += f", and {len(shortages) - len(named)} more"
    return text


def units_of(order: Order) -> dict[str, int]:
    """The units that an order asks for, by SKU."""
    return _summed(order.lines)


def missing(request: PlaceOrder, order: Order) -> list[Shortage]:
    """The articles of which a placed order has fewer units than were asked for."""
    left = units_of(order)
    return [
        Shortage(sku, wanted, left.get(sku, 0))
        for sku, wanted in _summed(request.lines).items()
        if left.get(sku, 0) < wanted
    ]


def _summed(lines: Iterable[Line | WantedLine]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def plan(order: Order, stock: Stock, origins: Sequence[Origin]) -> list[Take] | list[Shortage]:
    """Where to take an order's units from, or what is short of them.

    An order that ships what there is (SHIP_AVAILABLE) is only short when there is nothing.
    """
    units = units_of(order)
    available = {
        sku: sum(stock.get(sku, {}).get(origin.location, 0) for origin in origins) for sku in units
    }
    possible = _possible(order.shortage_policy, units, available)
    if not possible:
        return [
            Shortage(sku, wanted, available[sku])
            for sku, wanted in units.items()
            if available[sku] < wanted
        ]
    takes: list[Take] = []
    for wanted in _by_merchant(order, possible):
        takes.extend(source(wanted, stock, origins) or ())
    return takes


def _possible(
    policy: ShortagePolicy, units: Mapping[str, int], available: Mapping[str, int]
) -> Mapping[str, int]:
    """The units that the order is for, given what there is; none if it is for all or nothing."""
    if all(available[sku] >= wanted for sku, wanted in units.items()):
        return units
    if policy is not ShortagePolicy.SHIP_AVAILABLE:
        return {}
    return {sku: min(wanted, available[sku]) for sku, wanted in units.items() if available[sku] > 0}


def _by_merchant(order: Order, units: Mapping[str, int]) -> list[dict[str, int]]:
    of_merchants: list[dict[str, int]] = [{} for _ in order.sub_orders]
    for line in order.lines:
        if line.sku in units:
            of_merchants[line.sub_order_no][line.sku] = units[line.sku]
    return [wanted for wanted in of_merchants if wanted]


def less_claims(stock: Stock, claims: Mapping[str, int], origins: Sequence[Origin]) -> Stock:
    """The stock without the units that orders before this one wait for, which have the first claim.

    Claimed units are taken off the warehouses that are the last choice of this order.
    """
    left: dict[str, dict[str, int]] = {}
    for sku, levels in stock.items():
        claimed, left[sku] = claims.get(sku, 0), dict(levels)
        for origin in reversed(origins):
            off = min(claimed, levels.get(origin.location, 0))
            if off:
                left[sku][origin.location] -= off
                claimed -= off
    return left
