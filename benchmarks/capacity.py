"""Measures one worker and one order service beside other ways to sell stock, and audits both.

`python -m benchmarks.capacity` starts a Holdfast with a store of its own (Valkey, fsync always,
every feature on), an empty gRPC echo, a naive server and a PostgreSQL, and sends each its loads in
turn: closed loops for what they can do, then an open loop for latency at a rate, medians of rounds.
Then order services on SQLite and PostgreSQL place orders and take the callbacks that pay them.
It writes benchmarks/results/latest.json and a picture beside it, and prints tables; `-o json` the
document instead. Everything runs on one machine: only the ratios of one run hold. Exit code 1 if an
audit finds anything or a call goes wrong, not if a bound is missed.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.document import (
    LATEST,
    Document,
    Named,
    packed,
    ratios_of,
    results_of,
    total_of,
    written,
)
from benchmarks.machine import commit, machine, versions
from benchmarks.orders.loads import ORDERS, ORDERS_SET, OrdersLoad
from benchmarks.orders.measuring import OrderRounds
from benchmarks.orders.service import order_services
from benchmarks.picture import draw
from benchmarks.report import for_terminal
from benchmarks.rounds import Measurements
from benchmarks.sample import median_of
from benchmarks.scenarios import (
    CLOSED_LOOP,
    CURVE_SHARES,
    HALF,
    Benchmark,
    open_loop,
    scaled,
)
from benchmarks.servers import LoadFailed
from benchmarks.stage import Stage, stage
from holdfast.errors import HoldfastError

ROUNDS = 3
SETS = ("engine", "orders")
CAPACITY_OF = "reserve_64"


def main() -> int:
    """Measures; returns the exit code."""
    parser = arguments()
    options = parser.parse_args()
    options.sets = options.sets or SETS
    for unknown in set(options.sets) - set(SETS):
        parser.error(f"there is no set {unknown}")
    # What has only some of the figures is not what the tables are made from.
    whole = set(options.sets) == set(SETS)
    options.out = options.out or (LATEST if whole else LATEST.with_name("part.json"))
    for number in (signal.SIGINT, signal.SIGTERM):  # both stop in order what was started
        signal.signal(number, signal.default_int_handler)
    try:
        document = measured(options)
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except (LoadFailed, HoldfastError) as failure:
        print(f"the run broke off: {failure}", file=sys.stderr)
        return 1
    written(document, options.out)
    if "engine" in options.sets:
        draw(document, options.out.with_suffix(".svg"))
    print(packed(document).decode() if options.output == "json" else for_terminal(document))
    return 0 if document.ok else 1


def arguments() -> argparse.ArgumentParser:
    """The options of the command."""
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sets", nargs="*", metavar="SET", help=f"{' or '.join(SETS)}; else both")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--out", type=Path, help="the document's file")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many; medians are taken")
    parser.add_argument("--scale", type=float, default=1.0, help="the size of loads, 1 as shipped")
    parser.add_argument("--workers", type=int, default=1, help="how many processes serve")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these benchmarks")
    return parser


def measured(options: argparse.Namespace) -> Document:
    """Runs everything. Raises LoadFailed."""
    started_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        with stage(directory, HOLDFAST_WORKERS=str(options.workers)) as running:
            found = Measurements(running, lambda text: _tell(started_s, text))
            benchmarks: list[Named] = []
            if "engine" in options.sets:
                benchmarks += _measure_engine(found, options)
            if "orders" in options.sets:
                benchmarks += _measure_orders(found, options, directory, running)
            return Document(
                date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
                commit=commit(),
                machine=machine(directory),
                versions=versions(running),
                rounds=options.rounds,
                workers=options.workers,
                took_s=round(time.monotonic() - started_s),
                results=results_of(benchmarks, found),
                ratios=ratios_of(found.rounds),
                audit=total_of(found.audits),
            )


def _measure_engine(found: Measurements, options: argparse.Namespace) -> list[Benchmark]:
    """Closed loops first: they say which rates are shares of what Reserve can do."""
    chosen = [
        scaled(one, options.scale)
        for one in CLOSED_LOOP
        if not options.only or one.name in options.only
    ]
    found.measure(chosen, options.rounds)
    readings = [one[CAPACITY_OF] for one in found.rounds if CAPACITY_OF in one]
    if not readings:
        return chosen
    capacity_per_s = median_of(readings).per_s
    half = [scaled(one, options.scale) for one in open_loop(capacity_per_s, HALF)]
    found.measure(half, options.rounds)
    # The other points of the picture's curves are compared with nothing, so one round will do.
    curve = [
        scaled(one, options.scale)
        for share in CURVE_SHARES
        for one in open_loop(capacity_per_s, share)
    ]
    found.measure(curve, 1)
    return chosen + half + curve


def _measure_orders(
    found: Measurements, options: argparse.Namespace, directory: Path, running: Stage
) -> Sequence[Named]:
    """The order service, in its turn: what it loads is idle before."""
    load = OrdersLoad(orders=max(1, round(ORDERS * options.scale)))
    with order_services(directory, running) as services:
        OrderRounds(directory, running, services, found.tell).measure(found, load, options.rounds)
    return ORDERS_SET


def _tell(started_s: float, text: str) -> None:
    print(f"{time.monotonic() - started_s:5.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
