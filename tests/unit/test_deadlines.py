"""Deadlines: what a call has left, capped by what the server allows."""

import asyncio
from typing import Any

import pytest

from holdfast.errors import HoldfastError, Reason
from serving.deadlines import Deadlines

ALLOWED_MS = 2_000


class Call:
    """A call's context, as far as deadlines ask it."""

    def __init__(self, remaining_s: float | None) -> None:
        self._remaining_s = remaining_s

    def time_remaining(self) -> float | None:
        return self._remaining_s


def left_s(remaining_s: float | None) -> float:
    """The seconds that the server gives a call, by the seconds that the caller has left."""
    call: Any = Call(remaining_s)
    return Deadlines(ALLOWED_MS).of(call) - asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("remaining_s", "given_s"), [(None, 2.0), (1.5, 1.5), (2.0, 2.0), (2.5, 2.0), (1e9, 2.0)]
)
async def test_a_call_waits_as_long_as_it_said_and_no_longer_than_the_server_allows(
    remaining_s: float | None, given_s: float
) -> None:
    assert left_s(remaining_s) == pytest.approx(given_s, abs=0.1)


@pytest.mark.parametrize("remaining_s", [0.0, -0.001, -100.0])
async def test_a_call_whose_deadline_is_over_is_refused_before_it_is_judged(
    remaining_s: float,
) -> None:
    with pytest.raises(HoldfastError) as caught:
        left_s(remaining_s)
    assert caught.value.reason is Reason.DEADLINE_PASSED


async def test_what_is_awaited_under_a_limit_ends_with_it() -> None:
    call: Any = Call(0.01)
    with pytest.raises(TimeoutError):
        async with Deadlines(ALLOWED_MS).limit(call):
            await asyncio.Event().wait()


async def test_what_comes_in_time_is_not_disturbed() -> None:
    call: Any = Call(None)
    async with Deadlines(ALLOWED_MS).limit(call):
        await asyncio.sleep(0)
