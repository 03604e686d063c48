"""When a sweep takes which step: rounds over everybody, and in between those who are behind."""

from collections.abc import Iterable
from typing import Any

import pytest

from engine.sweeper import JITTER, Rounds

PACE_MS = 200
MIDDLE = 0.5  # the chance that moves a round neither way


class Shops:
    """Partitions by name, each with so many steps to go until it is up to date."""

    def __init__(self, **steps: int) -> None:
        self.steps = steps
        self.swept: list[str] = []

    async def step(self, name: Any) -> bool:
        self.swept.append(name)
        self.steps[name] = max(0, self.steps[name] - 1)
        return self.steps[name] > 0

    async def all(self) -> Iterable[Any]:
        return list(self.steps)

    async def go_on(self, rounds: Rounds, now: float, chance: float = MIDDLE) -> list[str]:
        """The partitions that are swept, time by time."""
        self.swept.clear()
        await rounds.go_on(now, self.all, chance)
        return list(self.swept)


@pytest.mark.asyncio
async def test_a_round_takes_one_step_of_everybody_and_who_is_behind_goes_on() -> None:
    shops = Shops(full=3, other=1, empty=0)
    rounds = Rounds(shops.step, PACE_MS)
    assert await shops.go_on(rounds, 1.0) == ["full", "other", "empty"]
    assert list[Any](rounds.behind) == ["full"]
    assert await shops.go_on(rounds, 1.1) == ["full"]
    assert await shops.go_on(rounds, 1.19) == ["full"]
    assert rounds.behind == []
    assert await shops.go_on(rounds, 1.199) == []


@pytest.mark.asyncio
async def test_nobody_waits_for_a_round_until_another_is_up_to_date() -> None:
    shops = Shops(full=1_000, other=0)
    rounds = Rounds(shops.step, PACE_MS)
    await shops.go_on(rounds, 1.0)
    assert await shops.go_on(rounds, 1.1) == ["full"]
    assert await shops.go_on(rounds, 1.2) == ["full", "other"]


@pytest.mark.asyncio
@pytest.mark.parametrize(("chance", "share"), [(0.0, 1 - JITTER), (MIDDLE, 1.0), (1.0, 1 + JITTER)])
async def test_rounds_of_several_servers_do_not_keep_in_step(chance: float, share: float) -> None:
    rounds = Rounds(Shops().step, PACE_MS)
    await Shops().go_on(rounds, 1.0, chance)
    assert rounds.next_at == pytest.approx(1.0 + share * PACE_MS / 1_000)
