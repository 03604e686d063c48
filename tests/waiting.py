"""Waits of the tests: for a condition, as long as it takes, and not for a time.

`PATIENCE_S` says nothing of how fast anything has to be: it ends a test that would hang, with a
message that says what was waited for. It is far above what a slow and busy machine needs.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 300.0
PATIENCE_MS = int(PATIENCE_S * 1_000)
POLL_S = 0.005
ATTEMPTS_MAX = 8


def until(holds: Callable[[], T], what: str = "") -> T:
    """Waits until a condition holds and returns its value; `what` says more than its source."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while not (value := holds()):
        assert time.monotonic() < give_up_at_s, _in_vain(holds, what)
        time.sleep(POLL_S)
    return value


async def eventually(holds: Callable[[], object], what: str = "") -> None:
    """Waits until a condition holds, which may be awaitable; other tasks go on meanwhile."""
    give_up_at_s = time.monotonic() + PATIENCE_S
    while True:
        value = holds()
        if await value if inspect.isawaitable(value) else value:
            return
        assert time.monotonic() < give_up_at_s, _in_vain(holds, what)
        await asyncio.sleep(POLL_S)


async def in_time_once(attempt: Callable[[int], Awaitable[object]], within_s: float) -> None:
    """Makes one attempt after another until one takes no longer than `within_s`.

    A busy machine may delay any of them; a fault delays all, and then the test fails.
    """
    took_s: list[float] = []
    while not took_s or took_s[-1] > within_s:
        assert len(took_s) < ATTEMPTS_MAX, f"never within {within_s:g} s: {took_s}"
        began_s = time.monotonic()
        await attempt(len(took_s))
        took_s.append(time.monotonic() - began_s)


def _in_vain(holds: Callable[[], object], what: str) -> str:
    try:
        source = inspect.getsource(holds)
    except (OSError, TypeError):  # a partial, a method of C
        source = repr(holds)
    return f"waited {PATIENCE_S:g} s in vain: {what or source.strip()}"
