"""Waits of the tests: for a condition, as long as it takes, and not for a time.

`PATIENCE_S` is no measure of how fast anything has to be: it ends a test that would hang, with a
message that says what was waited for. It is far above what a slow and busy machine needs.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 120.0
POLL_S = 0.01


def until(holds: Callable[[], T], what: str) -> T:
    """Waits until a condition holds and returns its value; `what` names it if it never does."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not (value := holds()):
        assert time.monotonic() < give_up_at_s, _in_vain(what)
        time.sleep(POLL_S)
    return value


async def eventually(holds: Callable[[], Awaitable[T] | T], what: str) -> T:
    """Waits until a condition holds, as `until` does, and lets the event loop go on meanwhile."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        found: T = await value if inspect.isawaitable(value) else value
        if found:
            return found
        assert time.monotonic() < give_up_at_s, _in_vain(what)
        await asyncio.sleep(POLL_S)


def _in_vain(what: str) -> str:
    return f"waited {PATIENCE_S:g} s in vain until {what}"
