"""Measures one worker and one order service beside other ways to sell stock, and audits both.

`python -m benchmarks.capacity` starts a Holdfast with a store of its own (Valkey, fsync always,
every feature on), an empty gRPC echo, a naive server and a PostgreSQL, and sends each its loads in
turn: closed loops for what they can do, then an open loop for latency at a rate, medians of rounds.
Then an engine of two workers is held against that of one, and order services on SQLite and
PostgreSQL place orders and take the callbacks that pay them.
It writes benchmarks/results/latest.json and a picture beside it, and prints tables; `-o json` the
document instead. Everything runs on one machine: only the ratios of one run hold, those of CPU time
better than those of rates. On a machine that is slow or busy the loads are smaller, so that a run
lasts no longer. Each part is kept when it is finished, and the same command goes on after them.
Exit code 1 if an audit finds anything or a call goes wrong, not if a bound is missed.
"""

import argparse
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.document import (
    LATEST,
    Document,
    packed,
    ratios_of,
    results_of,
    rounds_of,
    total_of,
    written,
)
from benchmarks.kept import Kept, beside, code, kept_in
from benchmarks.machine import commit, machine, versions
from benchmarks.parts import PARTS, Run
from benchmarks.picture import draw
from benchmarks.report import for_terminal
from benchmarks.rounds import run
from benchmarks.scenarios import echo, scaled
from benchmarks.servers import LoadFailed
from benchmarks.stage import Stage, stage
from holdfast.errors import HoldfastError

ROUNDS = 3
PART = LATEST.with_name("part.json")
# What the echo does on the machine that loads are sized for, while nothing else runs there.
ECHO_PER_S = 6_000
SCALE_MIN = 0.2
PROBES = 2
PROBE_SCALE = 0.2
INTERRUPTED = 130


def main() -> int:
    """Measures; returns the exit code."""
    parser = arguments()
    options = parser.parse_args()
    options.parts = options.parts or list(PARTS)
    for unknown in set(options.parts) - PARTS.keys():
        parser.error(f"there is no part {unknown}")
    if "rates" in options.parts and "unary" not in options.parts:
        parser.error("rates are shares of what unary finds: name unary, too")
    # What has only some of the figures is not what the tables are made from.
    whole = set(options.parts) == PARTS.keys() and not options.only
    options.out = options.out or (LATEST if whole else PART)
    options.unfinished = beside(options.out)
    for number in (signal.SIGINT, signal.SIGTERM):  # both stop in order what was started
        signal.signal(number, signal.default_int_handler)
    kept = _begun(options)
    try:
        document = measured(options, kept)
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        print(_left(kept, options.unfinished), file=sys.stderr)
        return INTERRUPTED
    except (LoadFailed, HoldfastError) as failure:
        print(f"the run broke off: {failure}", file=sys.stderr)
        print(_left(kept, options.unfinished), file=sys.stderr)
        return 1
    written(document, options.out)
    options.unfinished.unlink(missing_ok=True)
    if "rates" in options.parts:
        draw(document, options.out.with_suffix(".svg"))
    print(packed(document).decode() if options.output == "json" else for_terminal(document))
    return 0 if document.ok else 1


def arguments() -> argparse.ArgumentParser:
    """The options of the command."""
    about, _, more = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; else all")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--out", type=Path, help="the document's file")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how many; medians are taken")
    parser.add_argument("--scale", type=float, help="the size of loads, 1 as shipped")
    parser.add_argument("--workers", type=int, default=1, help="how many processes serve")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these benchmarks")
    parser.add_argument("--afresh", action="store_true", help="forget a run that broke off")
    return parser


def measured(options: argparse.Namespace, kept: Kept) -> Document:
    """Runs all parts that are not kept yet. Raises LoadFailed."""
    started_s = time.monotonic() - kept.took_s
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        with stage(directory, HOLDFAST_WORKERS=str(options.workers)) as running:
            kept.scale = kept.scale or options.scale or scale_for(running)
            here = Run(
                directory,
                running,
                options.rounds,
                kept.scale,
                options.only,
                lambda text: _tell(time.monotonic() - started_s, text),
                kept.parts,
            )
            for name_of_part in [name for name in PARTS if name in options.parts]:
                if name_of_part not in kept.parts:
                    here.tell(f"{name_of_part}, loads at {kept.scale:.0%}")
                    part = PARTS[name_of_part](here)
                    kept.keep(name_of_part, part, time.monotonic() - started_s, options.unfinished)
            return _document(options, kept, directory, running)


def _document(options: argparse.Namespace, kept: Kept, directory: Path, running: Stage) -> Document:
    parts = [kept.parts[name] for name in PARTS if name in options.parts]
    return Document(
        date=kept.begun,
        commit=commit(),
        machine=machine(directory),
        versions=versions(running),
        rounds=options.rounds,
        workers=options.workers,
        scale=round(kept.scale, 2),
        took_s=round(kept.took_s),
        results=results_of(parts),
        ratios=ratios_of(rounds_of(parts)),
        audit=total_of({name: audit for part in parts for name, audit in part.audits.items()}),
    )


def scale_for(running: Stage) -> float:
    """The size of loads with which a run lasts as long as on the machine they were sized for."""
    probe = scaled(echo(64), PROBE_SCALE)
    rates = [run(probe, running, f"probe.{number}")[0].per_s for number in range(PROBES)]
    return min(1.0, max(SCALE_MIN, max(rates) / ECHO_PER_S))


def _begun(options: argparse.Namespace) -> Kept:
    """A run of this code with these options: the one that broke off, or a new one."""
    about = (options.rounds, options.scale, options.workers, options.only)
    of = f"{code()} {about}"
    kept = None if options.afresh else kept_in(options.unfinished, of)
    if kept is None:
        return Kept(of=of, begun=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"))
    print(f"goes on with the run of {kept.begun}: has {', '.join(kept.parts)}", file=sys.stderr)
    return kept


def _left(kept: Kept, path: Path) -> str:
    """Says which parts a run that broke off has finished, and how to go on."""
    if not kept.parts:
        return "no part was finished"
    return f"kept in {path}: {', '.join(kept.parts)}; the same command goes on after that"


def _tell(seconds: float, text: str) -> None:
    print(f"{seconds:5.0f} s  {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
