"""Whether the engine keeps shipped reservations as long as goods may come back.

The engine cannot know how long that is: the order service is told, asks the engine how long it
keeps them, and says what to set. Goods that come back to a reservation which the engine has
forgotten are moved into stock by hand.
"""

import asyncio
from typing import Final

import structlog

from holdfast.client import Client
from holdfast.errors import HoldfastError
from serving.settings import name_of

LOOK_S: Final = 300.0
LOOK_IN_DOUBT_S: Final = 15.0
"""The pause while the engine has not answered yet."""
ASK_MS_MAX: Final = 2_000
DAY_MS: Final = 86_400_000

log = structlog.get_logger()


def retention_warning(kept_ms: int, returns_within_ms: int) -> str:
    """Says what to set where reservations are kept too short; "" where they are kept long enough.

    `kept_ms` 0 is of an engine that does not tell.
    """
    if kept_ms == 0 or kept_ms >= returns_within_ms:
        return ""
    return (
        f"the engine forgets fulfilled reservations after {kept_ms / DAY_MS:g} days, but goods may "
        f"come back for {returns_within_ms / DAY_MS:g} days ({name_of('returns_within_ms')}): set "
        f"{name_of('retention_fulfilled_ms')} of the engine to {returns_within_ms} or more"
    )


class RetentionWatch:
    """`warning` is what `retention_warning` says of the engine, as of its last answer."""

    def __init__(self, engine: Client, returns_within_ms: int) -> None:
        self.warning = ""
        self._engine = engine
        self._returns_within_ms = returns_within_ms

    async def run(self) -> None:
        """Looks again and again until cancelled."""
        while True:
            has_answered = await self.look()
            await asyncio.sleep(LOOK_S if has_answered else LOOK_IN_DOUBT_S)

    async def look(self) -> bool:
        """Asks once; returns whether the engine has answered."""
        try:
            status = await self._engine.get_status(timeout_ms=ASK_MS_MAX)
        except HoldfastError:
            return False  # that it does not answer is told by what waits for it
        warning = retention_warning(status.retention_fulfilled_ms, self._returns_within_ms)
        if warning and warning != self.warning:
            log.warning("retention too short", warning=warning)
        self.warning = warning
        return True
