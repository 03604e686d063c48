"""`one_of(column, "ids")`: whether a column has one of the values of a list.

SQLAlchemy's `in_` has a parameter for every value, so each length of list is another statement: it
is rendered, parsed and planned anew. Here the list is one parameter, and the statement always the
same.
"""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Dialect, Text, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from order_service.order.ids import number_of
from order_service.storage.columns import Id


class _Texts(TypeDecorator[Sequence[str]]):
    """A list of texts, as one parameter."""

    impl = Text
    cache_ok = True
    element: Any = Text

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        is_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(ARRAY(self.element()) if is_postgres else Text())

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else json.dumps(value)


class _Ids(_Texts):
    """A list of our ids, as one parameter."""

    cache_ok = True
    element = BigInteger

    def process_bind_param(self, value: Sequence[str] | None, dialect: Dialect) -> Any:
        return super().process_bind_param([number_of(each) for each in value or ()], dialect)


class one_of(FunctionElement[bool]):  # noqa: N801 - it stands where a function of SQL does
    """Whether a column of texts or ids has one of the values of a parameter, which is a list."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: "Column[str]", parameter: str) -> None:
        kind = _Ids() if isinstance(column.type, Id) else _Texts()
        super().__init__(column, bindparam(parameter, type_=kind))


@compiles(one_of, "postgresql")
def _any(element: one_of, compiler: Any, **about: Any) -> str:
    column, values = (compiler.process(part, **about) for part in element.clauses)
    return f"{column} = ANY ({values})"


@compiles(one_of, "sqlite")
def _each(element: one_of, compiler: Any, **about: Any) -> str:
    column, values = (compiler.process(part, **about) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"
