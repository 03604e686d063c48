"""How long the demo waits for what others do."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from holdfast.demo.progress import Stages, stages
from holdfast.demo.waiting import DemoStuckError, until_done


@pytest.fixture
def at() -> Iterator[Stages]:
    with stages(Console(quiet=True)) as at:
        yield at


async def test_it_waits_until_nothing_is_left(at: Stages) -> None:
    counts = iter([3, 2, 2, 1, 0])

    async def left() -> int:
        return next(counts)

    await until_done(left, "parcels", at)
    assert list(counts) == []


async def test_it_says_what_is_left_when_nothing_happens_any_more(at: Stages) -> None:
    async def left() -> int:
        return 1_234

    with pytest.raises(DemoStuckError, match="1,234 parcels"):
        await until_done(left, "parcels", at, stuck_after_s=0.2)
