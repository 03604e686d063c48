"""The targets to reach: the one list of ratios and floors, each with its bound.

A ratio is taken within each round, of runs that were made one after the other on the same machine,
and the median of rounds counts: what slows a machine for a while slows both sides of it. Bounds of
single calls are of the server's CPU time, because their rate is the scheduler's where server, load
and store share two cores.
"""

import statistics
from collections.abc import Mapping, Sequence
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
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    def reached(self, value: float) -> bool | None:
        """Whether a value is within the bound; None if there is none."""
        if self.at_least is not None:
            return value >= self.at_least
        return value <= self.at_most if self.at_most is not None else None

    def _in(self, one: Round) -> float | None:
        value, *others = [getattr(one[name], self.figure) for name in (self.of, *self.over)]
        if value is None or None in others:
            return None
        return float(value / max(others) if others else value)


def _cpu(name: str, title: str, of: str, over: str, at_most: float | None = None) -> Target:
    """The server's CPU time a call, over that of another benchmark's."""
    return Target(name, title, of, (over,), at_most=at_most, figure="server_cpu_us")


ECHO = "echo_128"
# Three quarters of the 2.43 that it was before small batches had a way of their own in the script.
BATCH_OF_ONE_MAX = 1.82
POSTGRES_STATEMENT = ("postgres_statement", "postgres_statement_pgbench")
POSTGRES_TRANSACTION = ("postgres_transaction", "postgres_transaction_pgbench")

TARGETS = (
    _cpu("reserve_cpu", "Reserve / echo, CPU", "reserve_64", "echo_64", 1.3),
    _cpu("refused_cpu", "refusal / echo, CPU", "refused_64", "echo_64", 1.2),
    _cpu("refused_cpu_to_reserve", "refusal / Reserve, CPU", "refused_64", "reserve_64", 1),
    _cpu(
        "half_cpu", "Reserve / echo at half of capacity, CPU", "reserve_at_50", "echo_at_50", 1.25
    ),
    _cpu("echo_cpu", "the echo / as gRPC comes, CPU", "echo_64", "plain_64", 0.85),
    Target(
        "batch_of_one",
        "a batch of one / the naive script, store's CPU",
        "raw_1",
        ("naive_1",),
        at_most=BATCH_OF_ONE_MAX,
        figure="store_cpu_us",
    ),
    Target("apply_hot_to_raw", "Apply / the script alone", "apply_hot", ("raw_1000",), 0.85),
    _cpu("orders_cpu_sqlite", "PlaceOrder on SQLite / echo, CPU", "orders_place_sqlite", ECHO, 3.3),
    _cpu(
        "orders_cpu_postgres",
        "PlaceOrder on PostgreSQL / echo, CPU",
        "orders_place_postgres",
        ECHO,
        3.8,
    ),
    Target("apply_hot", "Apply, one hot SKU, /s", "apply_hot", (), 80_000),
    Target("apply_spread", "Apply, 1,000 SKUs, /s", "apply_spread", (), 55_000),
    Target("apply_pairs", "Apply, reserve + confirm, commands/s", "apply_pairs", (), 60_000),
    Target("sdk_1000", "SDK, 1,000 concurrent, /s", "sdk_1000", (), 20_000),
    Target(
        "hot_to_postgres", "hot SKU / PostgreSQL, statement", "apply_hot", POSTGRES_STATEMENT, 25
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
    # Shown, and nothing is asked of them: the scheduler has a say in each.
    _cpu("reserve_cpu_256", "Reserve / echo, CPU, 256 open", "reserve_256", "echo_256"),
    _cpu("naive_cpu", "naive EVALSHA / echo, CPU", "naive_64", "echo_64"),
    _cpu("reserve_cpu_2w", "Reserve, 2 workers / 1, CPU", "reserve_2w", "reserve_1w"),
    Target("reserve_to_echo", "Reserve / echo, calls/s", "reserve_64", ("echo_64",)),
    Target("refused_to_echo", "refusal / echo, calls/s", "refused_64", ("echo_64",)),
    Target(
        "p99_at_half",
        "p99 at half of capacity / the echo's",
        "reserve_at_50",
        ("echo_at_50",),
        figure="p99_ms",
    ),
    Target("reserve_2w", "Reserve, 2 workers / 1, calls/s", "reserve_2w", ("reserve_1w",)),
    Target("apply_2w", "Apply, 4 tenants, 2 workers / 1", "apply_2w", ("apply_1w",)),
    Target("sdk_2w", "SDK, 4 tenants, 2 workers / 1", "sdk_2w", ("sdk_1w",)),
    Target(
        "hot_to_transaction", "hot SKU / PostgreSQL, transaction", "apply_hot", POSTGRES_TRANSACTION
    ),
    Target("reserve_to_naive", "Reserve / naive EVALSHA", "reserve_64", ("naive_64",)),
    Target(
        "reserve_to_postgres", "Reserve / PostgreSQL, statement", "reserve_64", POSTGRES_STATEMENT
    ),
)
