"""The benchmarks of the order service: one entry each."""

from typing import NamedTuple

ORDERS = 2_000
OPEN_CALLS = 128


class OrdersBenchmark(NamedTuple):
    """A step of the orders of one service: `place` or `pay`."""

    name: str
    title: str
    service: str
    step: str


_DATABASES = {"sqlite": "SQLite FULL", "postgres": "PostgreSQL"}
_STEPS = {
    "place": f"PlaceOrder, one line, {OPEN_CALLS} calls open",
    "pay": f"payment callback to effective order, {OPEN_CALLS} open",
}

ORDERS_SET = tuple(
    OrdersBenchmark(f"orders_{step}_{service}", f"{title}, {database}", service, step)
    for service, database in _DATABASES.items()
    for step, title in _STEPS.items()
)
