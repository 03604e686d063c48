"""The targets to reach: the one list of ratios and floors, each with its bound.

A ratio is taken within each round, of runs that were made one after the other on the same machine,
and the median of rounds counts: what slows a machine for a while slows both sides of it.
"""

import statistics
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from benchmarks.sample import Reading

Round = Mapping[str, Reading]
"""The readings of one round by the benchmark's name."""


class Target(NamedTuple):
    """A figure of one benchmark, over that of another (the best of those named) if there is one.

    `bound` is None where a figure is shown but nothing is asked of it.
    """

    name: str
    title: str
    of: str
    over: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None
    figure: str = "per_s"

    def value(self, rounds: Sequence[Round]) -> float | None:
        """The median over rounds; None if no round has all that is needed."""
        needed = (self.of, *self.over)
        values = [self._in(one) for one in rounds if all(name in one for name in needed)]
        return statistics.median(values) if values else None

    def reached(self, value: float) -> bool | None:
        """Whether a value is within the bound; None if there is none."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    def _in(self, one: Round) -> float:
        figure = attrgetter(self.figure)
        value = float(figure(one[self.of]))
        return value / max(float(figure(one[name])) for name in self.over) if self.over else value


POSTGRES_STATEMENT = ("postgres_statement", "postgres_statement_pgbench")
POSTGRES_TRANSACTION = ("postgres_transaction", "postgres_transaction_pgbench")

TARGETS = (
    Target("reserve_to_echo", "Reserve / empty echo", "reserve_64", ("echo_64",), 0.75),
    Target(
        "reserve_to_echo_256", "Reserve / empty echo, 256 open", "reserve_256", ("echo_256",), 0.75
    ),
    Target("refused_to_echo", "refusal / empty echo", "refused_64", ("echo_64",), 0.85),
    Target("apply_hot", "Apply, one hot SKU, /s", "apply_hot", (), 80_000),
    Target("apply_hot_to_raw", "Apply / the script alone", "apply_hot", ("raw_1000",), 0.7),
    Target("apply_spread", "Apply, 1,000 SKUs, /s", "apply_spread", (), 55_000),
    Target("apply_pairs", "Apply, reserve + confirm, commands/s", "apply_pairs", (), 60_000),
    Target("sdk_1000", "SDK, 1,000 concurrent, /s", "sdk_1000", (), 20_000),
    Target(
        "hot_to_postgres", "hot SKU / PostgreSQL, statement", "apply_hot", POSTGRES_STATEMENT, 25
    ),
    Target(
        "p99_at_half",
        "p99 at half of capacity / the echo's",
        "reserve_at_50",
        ("echo_at_50",),
        at_most=3,
        figure="p99_ms",
    ),
    Target(
        "hot_to_transaction", "hot SKU / PostgreSQL, transaction", "apply_hot", POSTGRES_TRANSACTION
    ),
    Target("reserve_to_naive", "Reserve / naive EVALSHA", "reserve_64", ("naive_64",)),
    Target(
        "reserve_to_postgres", "Reserve / PostgreSQL, statement", "reserve_64", POSTGRES_STATEMENT
    ),
    Target(
        "orders_place_postgres", "PlaceOrder on PostgreSQL, /s", "orders_place_postgres", (), 1_000
    ),
    Target("orders_place_sqlite", "PlaceOrder on SQLite FULL, /s", "orders_place_sqlite", (), 800),
    Target(
        "orders_pay_postgres",
        "callback to effective order, PostgreSQL, /s",
        "orders_pay_postgres",
        (),
        700,
    ),
    Target(
        "orders_pay_sqlite", "callback to effective order, SQLite, /s", "orders_pay_sqlite", (), 700
    ),
    Target(
        "order_bytes_postgres",
        "an order in PostgreSQL, bytes",
        "orders_pay_postgres",
        at_most=2_500,
        figure="bytes_an_order",
    ),
    Target(
        "order_bytes_sqlite",
        "an order in SQLite, bytes",
        "orders_pay_sqlite",
        at_most=2_500,
        figure="bytes_an_order",
    ),
)
