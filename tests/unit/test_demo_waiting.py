"""The time that the demo waits for others."""

import io
from collections.abc import Iterator

import pytest
from rich.console import Console
from rich.progress import Progress

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
        for _ in range(59):
            now_s += 1
            assert not patience.is_over(sign)
    for _ in range(2):
        now_s += 1
        assert not patience.is_over(9)
    now_s += 1
    assert patience.is_over(9)


def test_a_machine_that_was_stopped_or_is_slow_is_given_the_looks_it_would_have_had() -> None:
    now_s = 0.0
    patience = Patience(60, lambda: now_s)
    for _ in range(61):
        now_s += 3_600
        assert not patience.is_over("the same")
    now_s += 3_600
    assert patience.is_over("the same")


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


def test_off_a_terminal_a_long_stage_says_how_far_it_is_and_a_part_how_long_it_took() -> None:
    text, now_s = io.StringIO(), 0.0
    progress = Progress(console=Console(file=text), disable=True)
    bar = Stages(progress, lambda: now_s)
    bar.begin("Sale")
    bar.enter("Selling", 1_000)
    for _ in range(50):
        now_s += 0.25
        bar.step()
    bar.begin("Proof")
    now_s += 2
    bar.begin("")
    assert text.getvalue().splitlines() == [
        "Selling (1,000)",
        "Selling: 20 of 1,000",
        "Selling: 40 of 1,000",
        "Sale: 12.5 s",
        "Proof: 2.0 s",
    ]
    assert bar.part_s == pytest.approx({"Sale": 12.5, "Proof": 2.0})


async def test_an_error_of_the_sandbox_is_named_and_a_lost_answer_asked_for_once_more() -> None:
    async with Outside("http://127.0.0.1:1") as outside:
        problem = "the demo's sandbox, POST /provider/control/pay: no connection to it"
        with pytest.raises(ServerFailedError, match=problem):
            await outside.pay("p")
