"""Sells from PostgreSQL's hot row with pgbench, whose own cost is next to nothing.

`python -m benchmarks.peers.postgres_pgbench DSN PGBENCH WAY SALES` lets pgbench make SALES
reservations by WAY over 16 connections with prepared statements, and prints a `Sample`: what
PostgreSQL itself can do, whatever the language of its clients.
"""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from benchmarks.peers.postgres import CONNECTIONS, WAYS
from benchmarks.sample import APPLIED, Measured, Sample, sample_of

_ID_MAX = 2**62


def script(way: str) -> str:
    """The sale as a pgbench script."""
    statements = "".join(f"{text.strip().format(id='(:id)::text')};\n" for text in WAYS[way])
    return f"\\set id random(1, {_ID_MAX})\n{statements}"


def latencies_s(log_lines: Iterable[str]) -> list[float]:
    """The latencies in pgbench's log: client, transaction, microseconds, script, when."""
    return [int(line.split()[2]) / 1e6 for line in log_lines]


def tps(printed: str) -> float:
    """The rate that pgbench reports, connecting apart. Raises SystemExit if there is none."""
    found = re.search(r"tps = ([\d.]+) \(without initial connection time\)", printed)
    if found is None:
        raise SystemExit(f"pgbench said: {printed}")
    return float(found.group(1))


def run(dsn: str, pgbench: str, way: str, sales: int) -> Sample:
    """Makes the sales. Raises CalledProcessError if one fails."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as name:
        directory = Path(name)
        (directory / "sale.sql").write_text(script(way))
        each = sales // CONNECTIONS
        options = f"--no-vacuum --protocol=prepared --client={CONNECTIONS} --transactions={each}"
        printed = subprocess.run(
            [pgbench, *options.split(), "--log", "--file=sale.sql", dsn],
            cwd=directory,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        logs = sorted(directory.glob("pgbench_log.*"))
        taken_s = latencies_s(line for log in logs for line in log.read_text().splitlines())
    measured = Measured((), taken_s, len(taken_s) / tps(printed))
    return sample_of(measured, {APPLIED: len(taken_s)})


if __name__ == "__main__":
    dsn, pgbench, way, sales = sys.argv[1:]
    print(msgspec.json.encode(run(dsn, pgbench, way, int(sales))).decode())
