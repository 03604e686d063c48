"""Sells from PostgreSQL's hot row over asyncpg, from one Python process as a shop would.

`python -m benchmarks.peers.postgres_load DSN WAY SALES PREFIX` makes SALES reservations by WAY
(`statement` or `transaction`) over 16 connections, each with one sale under way, and prints a
`Sample`.
"""

import asyncio
import sys
import time
from collections import Counter

import asyncpg  # type: ignore[import-untyped]
import msgspec
import uvloop

from benchmarks.peers.postgres import CONNECTIONS, WAYS
from benchmarks.sample import APPLIED, OUT_OF_STOCK, Sample, Stopwatch, sample_of


async def run(dsn: str, way: str, sales: int, prefix: str) -> Sample:
    """Makes the sales. Raises asyncpg.PostgresError."""
    waiting = iter(range(sales))
    latencies_s: list[float] = []
    outcomes: Counter[str] = Counter()
    statements = [text.format(id="$1") for text in WAYS[way]]

    async def seller(connection: "asyncpg.Connection") -> None:
        """Sells until none is waiting; statements with an id are prepared once."""
        prepared = [await connection.prepare(text) if "$1" in text else None for text in statements]
        for number in waiting:
            started_s = time.perf_counter()
            touched = ""
            for text, statement in zip(statements, prepared, strict=True):
                if statement is None:
                    await connection.execute(text)
                else:
                    await statement.fetch(f"{prefix}-{number}")
                    touched = statement.get_statusmsg()
            latencies_s.append(time.perf_counter() - started_s)
            outcomes[APPLIED if touched == "INSERT 0 1" else OUT_OF_STOCK] += 1

    connections = [await asyncpg.connect(dsn) for _ in range(CONNECTIONS)]
    stopwatch = Stopwatch()
    await asyncio.gather(*map(seller, connections))
    measured = stopwatch.measured(latencies_s)
    for connection in connections:
        await connection.close()
    return sample_of(measured, outcomes)


if __name__ == "__main__":
    dsn, way, sales, prefix = sys.argv[1:]
    print(msgspec.json.encode(uvloop.run(run(dsn, way, int(sales), prefix))).decode())
