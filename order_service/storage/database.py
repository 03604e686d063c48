"""A database: where transactions run, and in what shape a database is taken.

Both kinds run the same functions of a plain `Connection`: SQLite in a thread of its own, PostgreSQL
on the event loop through asyncpg. A function that is given to `write` or `read` is one transaction:
it returns and is committed, or raises and has changed nothing.

SQLite: one writer, which begins with BEGIN IMMEDIATE, because a transaction that first reads and
then writes fails at once where another has written meanwhile; WAL, so that readers do not wait; and
`synchronous=FULL`, so that what was committed outlives a power cut.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from serving.private_files import mend, private_file

T = TypeVar("T")

SQLITE_READERS = 4
SQLITE_BUSY_MS = 5_000
SQLITE_SWITCH_PAUSE_S = 0.01
POSTGRES_CONNECTIONS = 8
POSTGRES_VERSION_MIN = 15
# A connection keeps the plans of its statements. One that was made while a table was small would
# read all of it, and go on to when it has grown.
POSTGRES_SETTINGS = {"enable_seqscan": "off"}
_NOW_MS = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT"
CONNECT_S_MAX = 10
_KEY_TAKEN = frozenset(
    {"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_CONSTRAINT_ROWID"}
)
# PostgreSQL's classes of errors for a value that cannot be, or is too large.
_OF_A_VALUE = ("22", "54")


class StorageUnavailable(Exception):
    """The database does not answer, or not in time. Whether it committed is not known."""


class StorageUnsafe(Exception):
    """The database is set so that it could lose what it committed; says how to mend it."""


class WriteRefused(Exception):
    """The database does not take what was to be written, and has written nothing of it."""


class RuleHeld(WriteRefused):
    """A rule that the database holds was about to be broken, so nothing was written: the writer is
    wrong, and is wrong again where it tries again.
    """


class Conflict(Exception):
    """Another writer was there first."""


class KeyTaken(Conflict):
    """A row with the same key is there. Where it stays so, no other writer was first: the key was
    to be used for two things.
    """


class Database(Protocol):
    """A SQLite or PostgreSQL database."""

    writers: int
    """The number of write transactions that make sense at a time."""

    async def write(self, function: Callable[[Connection], T]) -> T:
        """Runs a transaction. Raises what the function raises, Conflict, WriteRefused,
        StorageUnavailable.
        """
        ...

    async def read(self, function: Callable[[Connection], T]) -> T:
        """Runs a transaction that only reads. Raises as `write` does, but for Conflict."""
        ...

    async def look(self, function: Callable[[Connection], T]) -> T:
        """Runs one statement that only reads: it needs no transaction around it, which PostgreSQL
        would be asked for twice. Raises as `read` does.
        """
        ...

    async def check(self) -> None:
        """Raises StorageUnsafe or StorageUnavailable."""
        ...

    async def now_ms(self) -> int | None:
        """The time of its own clock; None where that is this machine's. Raises as `read` does."""
        ...

    async def close(self) -> None:
        """Ends its connections."""
        ...


def open_database(url: str) -> Database:
    """The database of `sqlite:///FILE` or `postgresql://USER@HOST/NAME`. Raises ValueError."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise ValueError("not the URL of a database") from error
    backend = parsed.get_backend_name()
    if backend == "sqlite" and parsed.database:
        if parsed.database == ":memory:":
            raise ValueError("must name a file, as in sqlite:///orders.db: orders are to be kept")
        return SqliteDatabase(Path(parsed.database))
    if backend == "postgresql":
        rendered = parsed.set(drivername="postgresql+asyncpg")
        return PostgresDatabase(rendered.render_as_string(hide_password=False))
    raise ValueError("must begin with sqlite:/// or postgresql://")


class SqliteDatabase:
    """A file that this process, and others on this machine, write one after another."""

    writers = 1

    def __init__(self, path: Path) -> None:
        """Raises StartError where others can read the file and that cannot be mended."""
        # SQLite gives the files beside it the same permissions.
        private_file(path)
        for beside in ("-wal", "-shm"):
            mend(path.with_name(path.name + beside))
        self._writer = _sqlite_engine(path, "BEGIN IMMEDIATE")
        self._readers = _sqlite_engine(path, "BEGIN")
        self._write_thread = ThreadPoolExecutor(1, "sqlite-writer")
        self._read_threads = ThreadPoolExecutor(SQLITE_READERS, "sqlite-reader")

    async def write(self, function: Callable[[Connection], T]) -> T:
        """See `Database`."""
        return await self._run(self._write_thread, self._writer, function)

    async def read(self, function: Callable[[Connection], T]) -> T:
        """See `Database`."""
        return await self._run(self._read_threads, self._readers, function)

    look = read

    async def check(self) -> None:
        """See `Database`."""
        # What makes it safe was set when the connection was made; this opens it.
        await self.write(lambda connection: connection.exec_driver_sql("SELECT 1").scalar())

    async def now_ms(self) -> int | None:
        """See `Database`."""
        return None

    async def close(self) -> None:
        """See `Database`."""
        loop = asyncio.get_running_loop()
        for thread, engine in (
            (self._write_thread, self._writer),
            (self._read_threads, self._readers),
        ):
            await loop.run_in_executor(thread, engine.dispose)
            thread.shutdown(wait=True)

    async def _run(
        self, thread: ThreadPoolExecutor, engine: Engine, function: Callable[[Connection], T]
    ) -> T:
        transaction = asyncio.get_running_loop().run_in_executor(
            thread, partial(_transaction, engine, function)
        )
        # Whoever waits may be cancelled; the transaction goes on, and ends whole.
        return await asyncio.shield(transaction)


class PostgresDatabase:
    """A server that many processes share."""

    writers = 2

    def __init__(self, url: str) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url,
            pool_size=POSTGRES_CONNECTIONS,
            max_overflow=0,
            pool_timeout=CONNECT_S_MAX,
            connect_args={"timeout": CONNECT_S_MAX, "server_settings": POSTGRES_SETTINGS},
        )
        self._writes: set[asyncio.Future[Any]] = set()
        # An order is read with several statements: all of them see one moment.
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._looker = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def write(self, function: Callable[[Connection], T]) -> T:
        """See `Database`."""
        # Whoever waits may be cancelled; the transaction goes on, and ends whole.
        transaction = asyncio.ensure_future(self._run(self._engine, function))
        self._writes.add(transaction)
        transaction.add_done_callback(self._writes.discard)
        return await asyncio.shield(transaction)

    async def read(self, function: Callable[[Connection], T]) -> T:
        """See `Database`."""
        return await self._run(self._reader, function)

    async def look(self, function: Callable[[Connection], T]) -> T:
        """See `Database`."""
        return await self._run(self._looker, function)

    async def check(self) -> None:
        """See `Database`."""
        version, *settings = await self.read(_postgres_settings)
        if version < POSTGRES_VERSION_MIN * 10_000:
            raise StorageUnsafe(f"PostgreSQL {POSTGRES_VERSION_MIN} or newer is needed")
        for name, value, allowed in settings:
            if value not in allowed:
                raise StorageUnsafe(
                    f"PostgreSQL's {name} is {value}, which can lose orders it has confirmed; "
                    f"mend it with: ALTER SYSTEM SET {name} = {allowed[0]} (or ALTER DATABASE or "
                    f"ALTER ROLE ... RESET {name}, where one of them sets it)"
                )

    async def now_ms(self) -> int | None:
        """See `Database`."""
        return await self.read(lambda connection: connection.exec_driver_sql(_NOW_MS).scalar_one())

    async def close(self) -> None:
        """See `Database`."""
        if self._writes:  # whose callers have gone: their connections are not in the pool yet
            await asyncio.wait(self._writes)
        await self._engine.dispose()

    async def _run(self, engine: AsyncEngine, function: Callable[[Connection], T]) -> T:
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(function)
        except IntegrityError as error:
            raise _meaning(error) from None  # PostgreSQL's text has the row's values
        except (DBAPIError, OSError, TimeoutError) as error:
            raise _meaning(error) from error
        except SQLAlchemyError as error:
            raise StorageUnavailable(type(error).__name__) from error


def _transaction(engine: Engine, function: Callable[[Connection], T]) -> T:
    try:
        with engine.begin() as connection:
            return function(connection)
    except IntegrityError as error:
        raise _meaning(error) from None
    except DBAPIError as error:
        raise _meaning(error) from error


def _meaning(error: Exception) -> Exception:
    """Our exception for a driver's. The driver's text may be personal, and is not passed on."""
    if isinstance(error, IntegrityError):
        return _of_constraint(error.orig)
    if not isinstance(error, DBAPIError):
        return StorageUnavailable(type(error).__name__)
    cause = error.orig
    sqlstate = getattr(cause, "sqlstate", "") or ""
    what = f"{type(cause).__name__} {sqlstate}".rstrip()
    if sqlstate.startswith("40"):  # serialization and deadlocks
        return Conflict(sqlstate)
    if sqlstate.startswith("23"):
        return _of_constraint(cause)
    if sqlstate.startswith(_OF_A_VALUE) or isinstance(error, DataError | ProgrammingError):
        return WriteRefused(what)
    # A value that asyncpg itself cannot send is an InterfaceError, as a lost connection is.
    if isinstance(getattr(cause, "__cause__", None), ValueError):
        return WriteRefused(what)
    return StorageUnavailable(what)


def _of_constraint(cause: Any) -> Exception:
    """Our exception for a constraint that holds, by its kind and name, which are not personal."""
    kind = getattr(cause, "sqlite_errorname", None) or getattr(cause, "sqlstate", "")
    name = getattr(getattr(cause, "__cause__", None), "constraint_name", None)
    if kind == "SQLITE_CONSTRAINT_CHECK":
        name = str(cause).rpartition(": ")[2]
    what = f"{kind} {name or ''}".rstrip()
    return KeyTaken(what) if kind in _KEY_TAKEN else RuleHeld(what)


def _sqlite_engine(path: Path, begin: str) -> Engine:
    engine = create_engine(
        f"sqlite:///{path}",
        pool_size=SQLITE_READERS,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": SQLITE_BUSY_MS / 1000},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where we say so, below
        _switch_to_wal(connection)
        for pragma in ("synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _switch_to_wal(connection: Any) -> None:
    """Sets what the file keeps. Of two that do so to a new file, SQLite lets neither wait."""
    ends_at_s = time.monotonic() + SQLITE_BUSY_MS / 1000
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
            if mode != "wal":
                raise StorageUnsafe(f"its file system allows no journal_mode=WAL, only {mode}")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > ends_at_s:
                raise
            time.sleep(SQLITE_SWITCH_PAUSE_S)


def _postgres_settings(connection: Connection) -> tuple[Any, ...]:
    def of(name: str) -> Any:
        return connection.exec_driver_sql(f"SHOW {name}").scalar()

    durable: tuple[str, ...] = ("on", "remote_apply", "remote_write")
    if not of("synchronous_standby_names"):
        durable += ("local",)  # what no standby has is all there is
    return (
        int(of("server_version_num")),
        ("synchronous_commit", of("synchronous_commit"), durable),
        ("fsync", of("fsync"), ("on",)),
        ("full_page_writes", of("full_page_writes"), ("on",)),
    )
