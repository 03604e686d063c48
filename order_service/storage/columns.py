"""The kinds of columns, each as narrow as what it holds, on PostgreSQL and on SQLite.

SQLite's STRICT tables have one INTEGER, of up to 64 bits, which takes what a value needs.
"""

from typing import Any, Final

from sqlalchemy import BigInteger, Column, Dialect, Integer, SmallInteger, Text, TypeDecorator

from order_service.order.ids import number_of, text_of

INT8: Final = BigInteger().with_variant(Integer, "sqlite")
INT4: Final = Integer()
INT2: Final = SmallInteger().with_variant(Integer, "sqlite")


class Id(TypeDecorator[str]):
    """One of our ids (`ids.py`): a text of digits for everybody, a number in the database.

    What is no id is nobody's: it is found nowhere, and raises nothing.
    """

    impl = BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(Integer() if dialect.name == "sqlite" else BigInteger())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> int | None:
        return None if value is None else number_of(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> str | None:
        return None if value is None else text_of(value)


def ids(name: str) -> "Column[str]":
    """A column of our ids."""
    return Column(name, Id, nullable=False, autoincrement=False)


def whole(name: str, *, nullable: bool = False) -> "Column[int]":
    """A column of whole numbers, such as money and times."""
    return Column(name, INT8, nullable=nullable)


def count(name: str) -> "Column[int]":
    """A column of numbers up to two thousand million, such as units and versions."""
    return Column(name, INT4, nullable=False, autoincrement=False)


def small(name: str) -> "Column[int]":
    """A column of numbers up to 32,767, such as positions and flags."""
    return Column(name, INT2, nullable=False)


def words(name: str, *, nullable: bool = False) -> "Column[str]":
    """A column of texts."""
    return Column(name, Text, nullable=nullable)
