"""The time that the demo waits for others."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from holdfast.demo.outside import Outside
from holdfast.demo.servers import ServerFailedError
from holdfast.demo.waiting import DemoStuckError, Patience, Stages, stages, until_done


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


def test_patience_lasts_as_long_as_something_changes() -> None:
    now_s = 0.0
    patience = Patience(60, lambda: now_s)
    for sign in range(10):
        now_s += 59
        assert not patience.is_over(sign)
    now_s += 60
    assert not patience.is_over(9)
    now_s += 1
    assert patience.is_over(9)


async def test_a_count_that_stays_is_waited_for_as_long_as_its_cause_moves(
    progress: Stages,
) -> None:
    counts, signs = iter([5] * 8 + [0]), iter(range(100))

    async def left() -> int:
        return next(counts)

    async def sign() -> object:
        return next(signs)

    await until_done(left, "parcels", progress, stuck_after_s=0.15, sign=sign)


def test_off_a_terminal_each_stage_is_a_line() -> None:
    text = io.StringIO()
    with stages(Console(file=text)) as bar:
        bar.enter("Selling", 1_000)
        bar.enter("Waiting for waybills")
    assert text.getvalue() == "Selling (1,000)\nWaiting for waybills\n"


async def test_an_error_of_the_sandbox_is_named_and_a_lost_answer_asked_for_once_more() -> None:
    async with Outside("http://127.0.0.1:1") as outside:
        problem = "the demo's sandbox, POST /provider/control/pay: no connection to it"
        with pytest.raises(ServerFailedError, match=problem):
            await outside.pay("p")
