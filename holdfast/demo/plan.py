"""What every buyer is going to do, drawn from the seed before the replay begins.

The plans do not depend on how the calls interleave: the same log and seed plan the same behaviour
at every concurrency.
"""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from holdfast.commands import Cancel, Command, Ship
from holdfast.demo.draw import weighted
from holdfast.demo.order_log import UNITS_PER_LINE_MAX, Order, OrderLog, ReturnLine
from holdfast.types import Disposition, Line


class Ending(Enum):
    """How a buyer ends a reservation."""

    CONFIRM = auto()
    RELEASE = auto()
    LAPSE = auto()
    """Lets it expire, tries to confirm all the same, and is told so."""
    LAPSE_AND_REACQUIRE = auto()
    """Lets it expire, then confirms it with `reacquire_if_expired`."""


class Delivery(Enum):
    """What becomes of a confirmed reservation."""

    WHOLE = auto()
    IN_TWO = auto()
    PART_CANCELLED = auto()
    CANCELLED = auto()
    NOT_YET = auto()
    """Still to be shipped when the demo ends."""


class MishapKind(Enum):
    """What happens to a call on its way."""

    NONE = auto()
    TWICE_AT_ONCE = auto()
    """Sent by two clients at the same moment."""
    TWICE_IN_A_ROW = auto()
    """Sent again after it was answered."""
    KILLED = auto()
    """The client dies with the call in flight; another one sends the command again."""


class Mishap(NamedTuple):
    """A mishap; `after_ms` is when, after the call was sent, a client is KILLED."""

    kind: MishapKind
    after_ms: float = 0.0


NO_MISHAP = Mishap(MishapKind.NONE)

ENDING_WEIGHTS = {
    Ending.CONFIRM: 85,
    Ending.RELEASE: 7,
    Ending.LAPSE: 4,
    Ending.LAPSE_AND_REACQUIRE: 4,
}
DELIVERY_WEIGHTS = {
    Delivery.WHOLE: 68,
    Delivery.IN_TWO: 15,
    Delivery.PART_CANCELLED: 7,
    Delivery.CANCELLED: 4,
    Delivery.NOT_YET: 6,
}
MISHAP_WEIGHTS = {
    MishapKind.NONE: 85,
    MishapKind.TWICE_AT_ONCE: 6,
    MishapKind.TWICE_IN_A_ROW: 4,
    MishapKind.KILLED: 5,
}
KILLED_AFTER_MS = (0.2, 100.0)
"""When a client is killed, log-uniform: before the server knows of the call up to after it."""
LAPSING_TTL_MS = (1_000, 2_500)
RESELLABLE_SHARE = 0.8
MISHAPS_PER_BUYER = 4


@dataclass(frozen=True, slots=True)
class Buyer:
    """One order and what its buyer does with it. `ttl_ms` 0 is the engine's default."""

    order: Order
    ending: Ending
    delivery: Delivery
    ttl_ms: int
    mishaps: tuple[Mishap, ...]

    def mishap(self, call_number: int) -> Mishap:
        """What happens to the buyer's call of this number, from 0."""
        return self.mishaps[call_number % len(self.mishaps)]


@dataclass(frozen=True, slots=True)
class PlannedReturn:
    """A return of the log, and where its units go."""

    line: ReturnLine
    disposition: Disposition


def plan_buyers(log: OrderLog, rng: random.Random) -> list[Buyer]:
    """One buyer per order, in the log's order.

    An order that a later return of the log can be of is always confirmed and shipped whole: the
    log says that it was.
    """
    sent_back: dict[tuple[str, str], int] = {}
    for line in log.returns:
        key = (line.buyer_id, line.sku)
        sent_back[key] = max(line.position, sent_back.get(key, 0))
    return [_plan(order, _is_sent_back(order, sent_back), rng) for order in log.orders]


def plan_returns(returns: Iterable[ReturnLine], rng: random.Random) -> list[PlannedReturn]:
    """The returns of the log, most of them in a state to be sold again."""
    return [
        PlannedReturn(
            line,
            Disposition.RESELLABLE if rng.random() < RESELLABLE_SHARE else Disposition.DAMAGED,
        )
        for line in returns
    ]


def delivery_commands(buyer: Buyer) -> Sequence[Command]:
    """What is sent, in order, once the buyer's reservation is confirmed."""
    order_id = buyer.order.order_id
    part = _part_of(buyer.order)
    match buyer.delivery:
        case Delivery.IN_TWO if part:
            return [Ship(order_id, "shipment-1", part), Ship(order_id, "shipment-2")]
        case Delivery.PART_CANCELLED if part:
            return [Cancel(order_id, "cancellation-1", part), Ship(order_id, "shipment-1")]
        case Delivery.CANCELLED:
            return [Cancel(order_id, "cancellation-1")]
        case Delivery.NOT_YET:
            return []
        case _:
            return [Ship(order_id, "shipment-1")]


def _plan(order: Order, is_sent_back: bool, rng: random.Random) -> Buyer:
    # Every order takes the same draws, whether they are used or not: one order's plan does not
    # shift the next one's.
    ending = weighted(rng, ENDING_WEIGHTS)
    delivery = weighted(rng, DELIVERY_WEIGHTS)
    lapsing_ttl_ms = rng.randint(*LAPSING_TTL_MS)
    mishaps = tuple(_mishap(rng) for _ in range(MISHAPS_PER_BUYER))
    if is_sent_back:
        ending, delivery = Ending.CONFIRM, Delivery.WHOLE
    lapses = ending in (Ending.LAPSE, Ending.LAPSE_AND_REACQUIRE)
    return Buyer(order, ending, delivery, lapsing_ttl_ms if lapses else 0, mishaps)


def _is_sent_back(order: Order, sent_back: dict[tuple[str, str], int]) -> bool:
    return order.buyer_id != "" and any(
        sent_back.get((order.buyer_id, line.sku), 0) > order.position for line in order.lines
    )


def _mishap(rng: random.Random) -> Mishap:
    kind = weighted(rng, MISHAP_WEIGHTS)
    shortest, longest = (math.log(limit) for limit in KILLED_AFTER_MS)
    after_ms = math.exp(rng.uniform(shortest, longest))
    return Mishap(kind, after_ms if kind is MishapKind.KILLED else 0.0)


def _part_of(order: Order) -> tuple[Line, ...]:
    """Some of the order's units, never all of them; nothing if it is a single unit."""
    units = order.units_by_sku()
    first = next(iter(units))
    if len(units) == 1:
        part = min(units[first] // 2, UNITS_PER_LINE_MAX)
        return (Line(first, part),) if part else ()
    return tuple(line for line in order.lines if line.sku == first)
