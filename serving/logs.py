"""Structured logs: one JSON object a line, on standard error."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

import structlog
from structlog import DropEvent
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, ExcInfo

# Without local variables: they would carry buyers' ids into the log.
_reported = ExceptionDictTransformer(show_locals=False)


WINDOW_S: Final = 5.0
SAME_MAX: Final = 20
"""The lines of one event that are written in a window."""
ALL_MAX: Final = 200
"""The lines of all events together."""
_ALL: Final = ""


class Bounded:
    """Keeps anybody from filling the log: of what comes too often the rest is counted.

    The first line of the next window has how many of its kind were `left_out`. A processor.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._ends_at_s = float("-inf")
        self._written: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()

    def __call__(self, _logger: Any, level: str, event: EventDict) -> EventDict:
        """Passes a line on, or raises DropEvent."""
        now_s = self._monotonic_s()
        if now_s >= self._ends_at_s:
            self._ends_at_s = now_s + WINDOW_S
            self._written.clear()
        kind = f"{level} {event.get('event')}"
        if self._written[kind] >= SAME_MAX or self._written[_ALL] >= ALL_MAX:
            if len(self._left_out) < ALL_MAX or kind in self._left_out:
                self._left_out[kind] += 1
            raise DropEvent
        self._written[kind] += 1
        self._written[_ALL] += 1
        left_out = self._left_out.pop(kind, 0)
        return {**event, "left_out": left_out} if left_out else event


def configure(level: str, *, personal: bool = False) -> None:
    """Sets up logging for the process; `level` is debug, info, warning or error.

    Of a process that works with `personal` data neither what exceptions say is logged, only their
    types and places, nor what libraries put into their messages.
    """
    numeric = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            Bounded(time.monotonic),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(_types_and_places if personal else _reported),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    if personal:
        logging.basicConfig(level=logging.WARNING, handlers=[_Concealing()], force=True)
    # gRPC logs a handler's exception with its text; ours are logged by the guard, once.
    logging.getLogger("grpc").setLevel(logging.CRITICAL)


def _types_and_places(exc_info: ExcInfo) -> list[dict[str, Any]]:
    """An exception and its causes, without what they say."""
    return [_silenced(each) for each in _reported(exc_info)]


def _silenced(reported: dict[str, Any]) -> dict[str, Any]:
    kept = {name: reported[name] for name in ("exc_type", "is_cause", "frames")}
    kept["exceptions"] = [[_silenced(each) for each in inner] for inner in reported["exceptions"]]
    return kept


class _Concealing(logging.Handler):
    """Passes on what libraries log: what happened, where, and nothing of what it was about."""

    def emit(self, record: logging.LogRecord) -> None:
        # asyncio adds what a task has raised on the lines after the first.
        event = str(record.msg).partition("\n")[0]
        place = f"{record.name}, line {record.lineno}"
        structlog.get_logger().log(record.levelno, event, place=place, exc_info=record.exc_info)
