"""The plan of what every buyer does, drawn from the seed before the replay begins.

The plans do not depend on how the calls interleave: the same log and seed plan the same behaviour
at every concurrency.
"""

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple, TypeVar

from holdfast.demo.order_log import Order, OrderLog, ReturnLine
from holdfast.types import Disposition

Choice = TypeVar("Choice")


def weighted(rng: random.Random, weights: Mapping[Choice, int]) -> Choice:
    """One key of `weights`, drawn in proportion to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]


class Paying(Enum):
    """How a buyer pays."""

    AT_ONCE = auto()
    TWICE = auto()
    """The bank sends the money twice."""
    DECLINED_FIRST = auto()
    """The bank says no, and the buyer tries again."""
    WRONG_AMOUNT_FIRST = auto()
    """The bank sends too little; that goes back, and the buyer tries again."""
    LATE = auto()
    """The money comes when the order has expired, and the stock with it."""
    NEVER = auto()
    """Lets the order expire."""
    CANCELS = auto()
    """Cancels instead."""
    CANCELS_AND_PAYS = auto()
    """Cancels, and the money comes all the same."""

    @property
    def lets_it_expire(self) -> bool:
        """Whether the buyer waits until there is no stock reserved any more."""
        return self in (Paying.LATE, Paying.NEVER)


class Delivery(Enum):
    """The end of an order that was paid."""

    WHOLE = auto()
    IN_PARTS = auto()
    """The warehouse does not find all of a parcel at once: the rest goes in another one."""
    WRONGLY_PACKED = auto()
    """Something else is put into the parcel first, and noticed."""
    CANCELLED = auto()
    NOT_YET = auto()
    """Still to be shipped when the demo ends."""


class Review(Enum):
    """The verdict of the review before shipping."""

    BY_ITSELF = auto()
    APPROVED = auto()
    """The buyer left a remark: a person reads it, and lets the order through."""
    REFUSED = auto()
    """The buyer left a remark: a person reads it, and cancels the order."""


class MishapKind(Enum):
    """A mishap of a call on its way."""

    NONE = auto()
    TWICE_AT_ONCE = auto()
    """Sent by two clients at the same moment."""
    TWICE_IN_A_ROW = auto()
    """Sent again after it was answered."""
    KILLED = auto()
    """The client dies with the call in flight; another one sends the request again."""


class Mishap(NamedTuple):
    """A mishap; `after_ms` is when, after the call was sent, a client is KILLED."""

    kind: MishapKind
    after_ms: float = 0.0


NO_MISHAP = Mishap(MishapKind.NONE)

PAYING_WEIGHTS = {
    Paying.AT_ONCE: 70,
    Paying.TWICE: 4,
    Paying.DECLINED_FIRST: 6,
    Paying.WRONG_AMOUNT_FIRST: 2,
    Paying.LATE: 5,
    Paying.NEVER: 4,
    Paying.CANCELS: 5,
    Paying.CANCELS_AND_PAYS: 4,
}
DELIVERY_WEIGHTS = {
    Delivery.WHOLE: 72,
    Delivery.IN_PARTS: 15,
    Delivery.WRONGLY_PACKED: 4,
    Delivery.CANCELLED: 4,
    Delivery.NOT_YET: 5,
}
REVIEW_WEIGHTS = {Review.BY_ITSELF: 94, Review.APPROVED: 5, Review.REFUSED: 1}
MISHAP_WEIGHTS = {
    MishapKind.NONE: 85,
    MishapKind.TWICE_AT_ONCE: 6,
    MishapKind.TWICE_IN_A_ROW: 4,
    MishapKind.KILLED: 5,
}
KILLED_AFTER_MS = (0.2, 100.0)
"""When a client is killed, log-uniform: before the server knows of the call up to after it."""
SAYS_RECEIVED_SHARE = 0.7
RESELLABLE_SHARE = 0.8
MISHAPS_PER_BUYER = 7
"""No divisor of how many calls most buyers make, so that each call has any mishap some time."""


@dataclass(frozen=True, slots=True)
class Buyer:
    """One order and what is going to happen with it.

    `says_received`: the buyer tells the shop when all is delivered.
    """

    order: Order
    paying: Paying
    delivery: Delivery
    review: Review
    says_received: bool
    mishaps: tuple[Mishap, ...]

    def mishap(self, call_number: int) -> Mishap:
        """The mishap of the buyer's call of this number, counted from 0."""
        return self.mishaps[call_number % len(self.mishaps)]


@dataclass(frozen=True, slots=True)
class PlannedReturn:
    """A return of the log, and where its units go."""

    line: ReturnLine
    disposition: Disposition


def plan_buyers(log: OrderLog, rng: random.Random) -> list[Buyer]:
    """One buyer per order, in the log's order.

    An order that a later return of the log can be of is always paid and shipped: the log says that
    it was.
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


def part_of(units: Mapping[str, int]) -> dict[str, int]:
    """Some of a parcel's units by SKU, never all of them; nothing if it is a single unit."""
    sku, quantity = next(iter(units.items()))
    if len(units) > 1:
        return {sku: quantity}
    return {sku: quantity // 2} if quantity > 1 else {}


def _plan(order: Order, is_sent_back: bool, rng: random.Random) -> Buyer:
    # Every order takes the same draws, whether they are used or not: one order's plan does not
    # shift the next one's.
    paying = weighted(rng, PAYING_WEIGHTS)
    delivery = weighted(rng, DELIVERY_WEIGHTS)
    review = weighted(rng, REVIEW_WEIGHTS)
    says_received = rng.random() < SAYS_RECEIVED_SHARE
    mishaps = tuple(_mishap(rng) for _ in range(MISHAPS_PER_BUYER))
    if is_sent_back:
        paying, delivery, review = Paying.AT_ONCE, Delivery.WHOLE, Review.BY_ITSELF
    return Buyer(order, paying, delivery, review, says_received, mishaps)


def _is_sent_back(order: Order, sent_back: Mapping[tuple[str, str], int]) -> bool:
    return order.buyer_id != "" and any(
        sent_back.get((order.buyer_id, line.sku), 0) > order.position for line in order.lines
    )


def _mishap(rng: random.Random) -> Mishap:
    kind = weighted(rng, MISHAP_WEIGHTS)
    shortest, longest = (math.log(limit) for limit in KILLED_AFTER_MS)
    after_ms = math.exp(rng.uniform(shortest, longest))
    return Mishap(kind, after_ms if kind is MishapKind.KILLED else 0.0)
