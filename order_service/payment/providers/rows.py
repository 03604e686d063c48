"""Reads providers' lists row by row: a row that cannot be read is left aside and logged."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import msgspec
import structlog

from order_service.order.foreign import FOREIGN_NAME_LENGTH_MAX, foreign_text
from order_service.payment.providers.port import ProviderUnreachable

log = structlog.get_logger()

Row = TypeVar("Row")
Read = TypeVar("Read")

_UNREADABLE: Final = (
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
    msgspec.MsgspecError,
    ProviderUnreachable,
)


def readable(provider: str, rows: Iterable[Row], read: Callable[[Row], Read]) -> list[Read]:
    """The rows that can be read, as `read` reads them."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except _UNREADABLE as error:
            log.warning(
                "a row of a provider's list cannot be read",
                provider=provider,
                row=_number_of(row),
                problem=type(error).__name__,
            )
    return found


def _number_of(row: Any) -> str:
    """The provider's number of a row; nothing else of it is known not to be personal."""
    number = row.get("id") if isinstance(row, dict) else ""
    return foreign_text(number, FOREIGN_NAME_LENGTH_MAX) if isinstance(number, str) else ""
