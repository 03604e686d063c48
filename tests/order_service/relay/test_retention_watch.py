"""The engine keeps reservations as long as goods may come back, or the order service says so."""

from typing import Any

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.types import Status
from order_service.config import Config
from order_service.relay.retention_watch import RetentionWatch, retention_warning
from server.config import Config as EngineConfig

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("kept_ms", "is_enough"),
    [
        (0, True),  # an engine that does not tell
        (1, False),
        (30 * DAY_MS - 1, False),
        (30 * DAY_MS, True),
        (30 * DAY_MS + 1, True),
    ],
)
def test_reservations_are_kept_as_long_as_goods_may_come_back(
    kept_ms: int, is_enough: bool
) -> None:
    assert (retention_warning(kept_ms, 30 * DAY_MS) == "") == is_enough


def test_a_warning_says_what_to_set_to_what() -> None:
    assert retention_warning(10 * DAY_MS, 45 * DAY_MS) == (
        "the engine forgets fulfilled reservations after 10 days, but goods may come back for 45 "
        "days (HOLDFAST_RETURNS_WITHIN_MS): set HOLDFAST_RETENTION_FULFILLED_MS of the engine to "
        "3888000000 or more"
    )


def test_the_engine_keeps_them_long_enough_where_nothing_is_set() -> None:
    assert EngineConfig().retention_fulfilled_ms >= Config().returns_within_ms


class Engine:
    """An engine that answers as it is told to, or not at all."""

    def __init__(self) -> None:
        self.kept_ms: int | None = 10 * DAY_MS

    async def get_status(self, **_: Any) -> Status:
        if self.kept_ms is None:
            raise HoldfastError.of(Reason.STORE_UNREACHABLE)
        return Status("1", "valkey", "always", "", retention_fulfilled_ms=self.kept_ms)


async def test_the_warning_stays_until_the_engine_says_otherwise() -> None:
    engine: Any = Engine()
    watch = RetentionWatch(engine, 30 * DAY_MS)
    assert (await watch.look(), "after 10 days" in watch.warning) == (True, True)
    engine.kept_ms = None
    assert (await watch.look(), "after 10 days" in watch.warning) == (False, True)
    engine.kept_ms = 30 * DAY_MS
    assert (await watch.look(), watch.warning) == (True, "")
