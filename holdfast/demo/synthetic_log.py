"""Makes an order log from a seed: a flash sale with a few articles that everybody wants."""

import math
import random
from itertools import accumulate

from holdfast.demo.order_log import Order, OrderedLine, OrderLog, ReturnLine
from holdfast.demo.plan import weighted

ORDERS = 500
BUYERS = 350
LINES_PER_ORDER_WEIGHTS = {1: 46, 2: 26, 3: 15, 4: 8, 5: 5}
UNITS_PER_LINE_WEIGHTS = {1: 70, 2: 20, 3: 7, 6: 3}
PRICES_MINOR = (150, 12_000)
"""The least and most that an article costs: log-uniform, a few pence less than a pound."""
POPULARITY_EXPONENT = 0.9
"""Zipf: the n-th most wanted article is ordered in proportion to 1 / n ** exponent."""
RETURN_SHARE = 0.05
"""Share of orders with a line that is sent back later."""
RETURN_DELAY_ORDERS = (5, 100)
"""The least and most orders after which a return is in the log."""

ARTICLES = (
    "headphones",
    "phone case",
    "rice cooker",
    "desk lamp",
    "running shoes",
    "backpack",
    "tea set",
    "wool scarf",
    "kettle",
    "umbrella",
    "keyboard",
    "water bottle",
    "hand cream",
    "chef's knife",
    "yoga mat",
    "power bank",
    "board game",
    "rain jacket",
    "wall clock",
    "fountain pen",
)
COLOURS = ("black", "white", "red", "jade", "navy", "coral", "silver", "amber", "lilac", "sand")


def synthetic_log(rng: random.Random, order_count: int = ORDERS) -> OrderLog:
    """A log of `order_count` orders over 200 articles; the same generator gives the same log.

    Some buyers come back, some orders name an article on two lines, and some returns come later in
    the log than the order they are of.
    """
    names = [f"{article}, {colour}" for article in ARTICLES for colour in COLOURS]
    rng.shuffle(names)
    skus = [f"ART-{number:03d}" for number in range(1, len(names) + 1)]
    prices_minor = {sku: _price_minor(rng) for sku in skus}
    popularity = list(accumulate(1 / rank**POPULARITY_EXPONENT for rank in range(1, len(skus) + 1)))
    orders = []
    returns = []
    for position in range(1, order_count + 1):
        order = _order(rng, position, prices_minor, popularity)
        orders.append(order)
        if rng.random() < RETURN_SHARE:
            returns.append(_return_of(rng, order))
    rows = sum(len(order.lines) for order in orders) + len(returns)
    return OrderLog(
        tuple(orders),
        tuple(sorted(returns, key=lambda line: line.position)),
        dict(zip(skus, names, strict=True)),
        {},
        rows,
    )


def _price_minor(rng: random.Random) -> int:
    cheapest, dearest = (math.log(limit) for limit in PRICES_MINOR)
    pounds = math.ceil(math.exp(rng.uniform(cheapest, dearest)) / 100)
    return pounds * 100 - rng.choice((1, 5, 50))


def _order(
    rng: random.Random, position: int, prices_minor: dict[str, int], popularity: list[float]
) -> Order:
    line_count = weighted(rng, LINES_PER_ORDER_WEIGHTS)
    lines = tuple(
        OrderedLine(sku, weighted(rng, UNITS_PER_LINE_WEIGHTS), prices_minor[sku])
        for sku in rng.choices(list(prices_minor), cum_weights=popularity, k=line_count)
    )
    return Order(position, f"order-{position:05d}", f"buyer-{rng.randrange(BUYERS):04d}", lines)


def _return_of(rng: random.Random, order: Order) -> ReturnLine:
    line = rng.choice(order.lines)
    return ReturnLine(
        order.position + rng.randint(*RETURN_DELAY_ORDERS),
        f"return-{order.position:05d}",
        order.buyer_id,
        line.sku,
        rng.randint(1, line.quantity),
    )
