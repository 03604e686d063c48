"""The claims of orders that wait for stock: what they keep from others, and who may wait. Pure.

A waiting order has the first claim to stock that comes. It keeps from later orders only what it can
use: units of the one article that it still waits for, or of all of its articles once all are there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from msgspec import Struct

from order_service.order.refusals import RefusalReason
from order_service.payment.methods import MINUTE_MS

HOUR_MS: Final = 60 * MINUTE_MS
WAITING_PER_BUYER_MAX: Final = 10
"""The number of orders that a buyer may have waiting."""


class WaitingRules(Struct, frozen=True):
    """Bounds of waiting for stock."""

    units_max: int = 100
    """The most units of an article that one order may wait for."""
    waits_ms: int = 7 * 24 * HOUR_MS
    """The time after which an order that waits is closed."""
    pay_within_ms: int = 12 * HOUR_MS
    """The least time to pay of an order that has waited: its buyer may be asleep."""


class Waiting(NamedTuple):
    """An order in the queue."""

    order_id: str
    buyer_id: str
    units: dict[str, int]
    """The units that it waits for, by SKU."""
    until_ms: int = 0
    """When it ends; 0 for one that has no end yet."""


class Turned(NamedTuple):
    """Why an order may not wait."""

    reason: RefusalReason
    detail: str


def related(queue: Sequence[Waiting], skus: Iterable[str]) -> list[Waiting]:
    """The orders of a queue that have a say in who gets some articles: those that wait for them,
    and those that wait for what these wait for.
    """
    wider = set(skus)
    found: list[Waiting] = []
    while True:
        before, found = len(found), [each for each in queue if not wider.isdisjoint(each.units)]
        if len(found) == before:
            return found
        wider.update(*(each.units for each in found))


def kept_by(units: Mapping[str, int], free: Mapping[str, int]) -> Collection[str]:
    """The articles that a waiting order keeps from those behind it, given the units free for it.

    While two articles are short, neither would help it if it came.
    """
    short = [sku for sku, wanted in units.items() if free.get(sku, 0) < wanted]
    return short if len(short) == 1 else () if short else units


def claims_on(queue: Iterable[Waiting], free: Mapping[str, int]) -> dict[str, int]:
    """The units by SKU that waiting orders keep, the first in the queue first."""
    left = dict(free)
    claims: dict[str, int] = {}
    for waiting in queue:
        for sku in kept_by(waiting.units, left):
            claims[sku] = claims.get(sku, 0) + waiting.units[sku]
            left[sku] = left.get(sku, 0) - waiting.units[sku]
    return claims


def why_not_wait(
    units: Mapping[str, int],
    limits: Mapping[str, int],
    has: Mapping[str, int],
    orders_waiting: int,
    units_max: int,
) -> Turned | None:
    """Why an order may not wait for units; None if it may.

    `limits` are those of a buyer by SKU, without what has none; `has` are the units that its buyer
    has or waits for already, in so many `orders_waiting`.
    """
    if orders_waiting >= WAITING_PER_BUYER_MAX:
        detail = f"the buyer has {orders_waiting} orders that wait for stock, the most that may"
        return Turned(RefusalReason.LIMIT_EXCEEDED, detail)
    for sku, wanted in units.items():
        limit, had = limits.get(sku, 0), has.get(sku, 0)
        if limit and had + wanted > limit:
            detail = f"{sku}: a buyer may have {limit}; {wanted} are asked for and {had} are had"
            return Turned(RefusalReason.LIMIT_EXCEEDED, detail)
        if wanted > units_max:
            detail = f"{sku}: {wanted} units are more than the {units_max} that may be waited for"
            return Turned(RefusalReason.OUT_OF_STOCK, detail)
    return None
