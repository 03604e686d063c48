"""The parts of a run: each measures what is compared, and needs at most what was found before."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.kept import Part
from benchmarks.orders.loads import OPEN_CALLS, ORDERS, ORDERS_SET, OrdersBenchmark, OrdersLoad
from benchmarks.orders.measuring import OrderRounds
from benchmarks.orders.service import order_services
from benchmarks.rounds import Measurements, Tell
from benchmarks.sample import median_of
from benchmarks.scenarios import (
    BATCHES,
    CURVE_SHARES,
    HALF,
    UNARY,
    WORKERS,
    Benchmark,
    echo,
    open_loop,
    scaled,
)
from benchmarks.stage import Stage, with_second_engine

CAPACITY_OF = "reserve_64"

Named = Benchmark | OrdersBenchmark


class Run(NamedTuple):
    """Where a run measures, how often and how much, and what it has found by now.

    `only` are the names of the benchmarks to run; all if there are none.
    """

    directory: Path
    stage: Stage
    rounds: int
    scale: float
    only: Sequence[str]
    tell: Tell
    found: Mapping[str, Part]

    def chosen(self, benchmarks: Sequence[Benchmark]) -> list[Benchmark]:
        """Picks from benchmarks, each in the size of this run."""
        return [
            scaled(one, self.scale) for one in benchmarks if not self.only or one.name in self.only
        ]


def unary(run: Run) -> Part:
    """Single calls in a closed loop, beside the echo."""
    return _closed_loop(run, run.stage, UNARY)


def rates(run: Run) -> Part:
    """Single calls at shares of what Reserve could do in the closed loop."""
    readings = [one[CAPACITY_OF] for one in run.found["unary"].rounds if CAPACITY_OF in one]
    if not readings:
        return Part({}, [], {})
    capacity_per_s = median_of(readings).per_s
    half = run.chosen(open_loop(capacity_per_s, HALF))
    # The other points of the picture's curves are compared with nothing, so one round will do.
    curve = run.chosen([one for share in CURVE_SHARES for one in open_loop(capacity_per_s, share)])
    found = Measurements(run.stage, run.tell)
    found.measure(half, run.rounds)
    found.measure(curve, 1)
    return _part(half + curve, found)


def batches(run: Run) -> Part:
    """Many commands at a time, beside the script alone and PostgreSQL."""
    return _closed_loop(run, run.stage, BATCHES)


def workers(run: Run) -> Part:
    """Measures loads on one worker and on two."""
    with with_second_engine(run.directory, run.stage) as both:
        return _closed_loop(run, both, WORKERS)


def orders(run: Run) -> Part:
    """The order services, beside the echo."""
    load = OrdersLoad(orders=max(1, round(ORDERS * run.scale)))
    beside = scaled(echo(OPEN_CALLS), run.scale)
    found = Measurements(run.stage, run.tell)
    with order_services(run.directory, run.stage) as services:
        rounds = OrderRounds(run.directory, run.stage, services, run.tell)
        rounds.measure(found, load, beside, run.rounds)
    return _part([beside, *ORDERS_SET], found)


# In the order in which they are measured.
PARTS: dict[str, Callable[[Run], Part]] = {
    "unary": unary,
    "rates": rates,
    "batches": batches,
    "workers": workers,
    "orders": orders,
}


def _closed_loop(run: Run, stage: Stage, benchmarks: Sequence[Benchmark]) -> Part:
    chosen = run.chosen(benchmarks)
    found = Measurements(stage, run.tell)
    found.measure(chosen, run.rounds)
    return _part(chosen, found)


def _part(benchmarks: Sequence[Named], found: Measurements) -> Part:
    titles = {one.name: one.title for one in benchmarks}
    return Part(titles, found.rounds, found.audits)
