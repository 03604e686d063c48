"""The time that the demo waits for others."""

from collections.abc import Iterator

import pytest
from rich.console import Console

from holdfast.demo.waiting import DemoStuckError, Stages, stages, until_done


@pytest.fixture
def progress() -> Iterator[Stages]:
    with stages(Console(quiet=True)) as bar:
        yield bar


async def test_it_waits_until_nothing_is_left(progress: Stages) -> None:
    counts = iter([3, 2, 2, 1, 0])

    async def left() -> int:
        return next(counts)

    await until_done(left, "parcels", progress)
    assert list(counts) == []


async def test_it_says_what_is_left_when_nothing_happens_any_more(progress: Stages) -> None:
    async def left() -> int:
        return 1_234

    with pytest.raises(DemoStuckError, match="1,234 parcels"):
        await until_done(left, "parcels", progress, stuck_after_s=0.2)
