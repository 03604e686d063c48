"""Tables and their columns, each as narrow as its values allow, on PostgreSQL and SQLite.

SQLite's STRICT tables have one INTEGER, of up to 64 bits, which takes what a value needs.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import (
    REAL,
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Double,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    and_,
    literal_column,
    tuple_,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from order_service.order.ids import number_of, text_of
from order_service.order.keys import CHANNEL_SIGN
from order_service.order.parts import order_id_of, part_no

METADATA: Final = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

INT8: Final = BigInteger().with_variant(Integer, "sqlite")
INT4: Final = Integer()
INT2: Final = SmallInteger().with_variant(Integer, "sqlite")
# STRICT tables have REAL, which holds 64 bits there, and no DOUBLE PRECISION.
DOUBLE: Final[Any] = Double().with_variant(REAL, "sqlite")
KNOWN_IS_KEPT: Final = "known_is_kept"
"""In the `info` of a table: a row whose key is there already is not written again."""
PART: Final = "part"
"""In the `info` of a column: the machine of the parts whose numbers it has."""


def table(name: str, *parts: Any, by_key: bool = False) -> Table:
    """A table of ours. `by_key` keeps small rows in the order of their primary key, where that is
    possible, so that the key needs no index of its own.
    """
    return Table(name, METADATA, *parts, sqlite_strict=True, sqlite_with_rowid=not by_key)


class Id(TypeDecorator[str]):
    """One of our ids (`ids.py`): a text of digits in code, a number in the database.

    A text that is no id is found nowhere, and raises nothing.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else number_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else text_of(value)


def ids(*names: str) -> list["Column[str]"]:
    """Columns of our ids."""
    return _columns(Id, names, autoincrement=False)


def whole(*names: str, nullable: bool = False) -> list["Column[int]"]:
    """Columns of whole numbers, such as money and times."""
    return _columns(INT8, names, nullable=nullable)


def count(*names: str, nullable: bool = False) -> list["Column[int]"]:
    """Columns of numbers up to two thousand million, such as units and versions."""
    return _columns(INT4, names, autoincrement=False, nullable=nullable)


def degrees(*names: str, nullable: bool = False) -> list["Column[float]"]:
    """Columns of geographical degrees."""
    return _columns(DOUBLE, names, nullable=nullable)


def small(*names: str) -> list["Column[int]"]:
    """Columns of numbers up to 32,767, such as positions and flags."""
    return _columns(INT2, names)


def words(*names: str, nullable: bool = False) -> list["Column[str]"]:
    """Columns of texts."""
    return _columns(Text, names, nullable=nullable)


def _columns(kind: Any, names: Iterable[str], **more: Any) -> list["Column[Any]"]:
    return [Column(name, kind, **{"nullable": False, **more}) for name in names]


def part_number(machine: str, name: str = "") -> "Column[int]":
    """A column that names a part: `payment_no`, for the field `payment_id`. One of another `name`
    is for the field of that name. 0 names none.
    """
    named = name or f"{machine}_no"
    return Column(named, INT2, nullable=False, info={PART: machine})


def partial_index(name: str, *columns: Any, where: Any) -> Index:
    """An index of the rows that meet a condition."""
    return Index(name, *columns, sqlite_where=where, postgresql_where=where)


def is_part(order_id: "Column[str]", number: "Column[int]", named: str) -> ColumnElement[bool]:
    """Whether two columns name a part."""
    return and_(order_id == order_id_of(named), number == part_no(named))


def is_after_part(
    order_id: "Column[str]", number: "Column[int]", named: str
) -> ColumnElement[bool]:
    """Whether two columns name a part that comes after one, or any part if that is "".

    Parts are in the order of their orders' ids and of their numbers.
    """
    return tuple_(order_id, number) > (order_id_of(named), part_no(named))


NO_WORDS: Final[ColumnElement[str]] = literal_column("''")
"""The empty text, as it stands in the conditions of indexes, which no parameter matches."""


PHONE_AT: Final = 1
"""The place of the phone number among the fields of a delivery, which JSON has as a list."""


class phone_in(GenericFunction[str]):  # noqa: N801 - a function of SQL
    """The phone number in a delivery's JSON, by which orders are found."""

    type = Text()
    inherit_cache = True


@compiles(phone_in, "sqlite")
def _phone_in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    return f"json_extract({compiler.process(element.clauses, **more)}, '$[{PHONE_AT}]')"


@compiles(phone_in, "postgresql")
def _phone_in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"(CAST({compiler.process(element.clauses, **more)} AS jsonb) ->> {PHONE_AT})"


HAS_CHANNEL: Final[ColumnElement[bool]] = literal_column(f"order_key LIKE '%{CHANNEL_SIGN}%'")
"""Whether an order's key is of a channel, as it stands in the condition of an index."""


class key_in(GenericFunction[str]):  # noqa: N801 - a function of SQL
    """The key without its channel, of an order that has one."""

    type = Text()
    inherit_cache = True


@compiles(key_in, "sqlite")
def _key_in_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    kept = compiler.process(element.clauses, **more)
    return f"substr({kept}, 1, instr({kept}, '{CHANNEL_SIGN}') - 1)"


@compiles(key_in, "postgresql")
def _key_in_postgresql(element: Any, compiler: Any, **more: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **more)}, '{CHANNEL_SIGN}', 1)"
