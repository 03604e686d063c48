"""An order whose personal fields can be recognised anywhere, and a search for them."""

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import product
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from holdfast.order.v1 import order_pb2 as pb
from order_service.storage.database import Database
from order_service.storage.schema import METADATA
from tests.order_service.edge.conftest import order_of
from tests.serving import Server

# The value of each personal field, and the parts of it that occur nowhere else.
DELIVERY: Final = {
    "name": "Zqname Lee",
    "phone": "020 7946 0137",
    "postcode": "EC1V 2NX",
    "region": "Zqregion",
    "city": "Zqcity",
    "district": "Zqdistrict",
    "street": "7 Zqstreet",
    "email": "zqmail@example.com",
}
REMARK: Final = "Zqremark, a change please"
TOKENS: Final = (
    *("zqname", "79460137", "7946 0137", "ec1v 2nx", "ec1v2nx", "zqregion", "zqcity"),
    *("zqdistrict", "zqstreet", "zqmail", "zqremark"),
)


def found_in(text: str) -> list[str]:
    """The personal things that a text has."""
    lower = text.lower()
    return [token for token in TOKENS if token in lower]


def personal_order(key: str, **values: Any) -> pb.PlaceOrderRequest:
    """An order for two mugs; `values` replace fields of its delivery."""
    return order_of(key, delivery=personal_delivery(**values), remark=REMARK)


def personal_delivery(**values: Any) -> pb.Delivery:
    """A delivery; `values` replace fields of it."""
    fields: dict[str, Any] = {"country": "GB"} | DELIVERY | values
    return pb.Delivery(**fields)


def files_with_anything_personal(directory: Path) -> Iterator[Path]:
    """Files below a directory, relative to it: logs, books, stores."""
    for path in sorted(directory.rglob("*")):
        if path.is_file() and found_in(path.read_bytes().decode("utf-8", "replace")):
            yield path.relative_to(directory)


def columns_with_anything_personal(connection: Connection) -> dict[str, set[str]]:
    """Personal values in a database, by column."""
    found: dict[str, set[str]] = {}
    for table in METADATA.sorted_tables:
        for row in connection.execute(select(table)).mappings():
            for column, value in row.items():
                for token in found_in(str(value)):
                    found.setdefault(f"{table.name}.{column}", set()).add(token)
    return found


_SPOILED: Final = {"orders": "delivery", "remarks": "text"}
_VERBS: Final = ("INSERT", "UPDATE")
_SQLITE: Final = (
    "CREATE TRIGGER spoil_{table}_{verb} BEFORE {verb} ON {table} "
    "BEGIN SELECT json_extract('{{}}', NEW.{column}); END"
)
_FUNCTION: Final = (
    "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql "
    "AS $$ BEGIN RAISE EXCEPTION 'spoiled: %', NEW; END $$"
)
_POSTGRES: Final = (
    "CREATE TRIGGER spoil_{table}_{verb} BEFORE {verb} ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION spoil()"
)


@asynccontextmanager
async def spoiled(database: Database) -> AsyncIterator[None]:
    """Has every write of what is personal fail, with a text that repeats it, while it lasts."""
    await database.write(_spoil)
    try:
        yield
    finally:
        await database.write(_mend)


def _spoil(connection: Connection) -> None:
    on_postgres = connection.dialect.name == "postgresql"
    if on_postgres:
        connection.exec_driver_sql(_FUNCTION)
    trigger = _POSTGRES if on_postgres else _SQLITE
    for table, verb in product(_SPOILED, _VERBS):
        statement = trigger.format(table=table, column=_SPOILED[table], verb=verb)
        connection.exec_driver_sql(statement)


def _mend(connection: Connection) -> None:
    on_postgres = connection.dialect.name == "postgresql"
    for table, verb in product(_SPOILED, _VERBS):
        place = f" ON {table}" if on_postgres else ""
        connection.exec_driver_sql(f"DROP TRIGGER spoil_{table}_{verb}{place}")
    if on_postgres:
        connection.exec_driver_sql("DROP FUNCTION spoil()")


@contextmanager
def stopped(server: Server) -> Iterator[None]:
    """A process that does not answer, as long as the block lasts."""
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)
