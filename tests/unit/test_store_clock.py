"""A step of the store's clock is bounded and told; a clock that drifts is followed."""

import pytest

from engine.clock import STEP_MS_MAX, StoreClock

T0 = 1_700_000_000_000
HOUR_MS = 3_600_000


class Passing:
    """The time that passes, in the test's hand."""

    def __init__(self) -> None:
        self.ms = 5_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def passing() -> Passing:
    return Passing()


@pytest.fixture
def clock(passing: Passing) -> StoreClock:
    """A clock that has been followed once, at T0."""
    clock = StoreClock(passing)
    clock.follow(T0)
    return clock


def test_a_clock_that_was_never_seen_has_no_bounds() -> None:
    clock = StoreClock()
    assert clock.bounds_ms() == (0, 0)
    assert clock.within(T0) == T0
    assert clock.step_ms == 0


def test_the_bounds_go_with_the_time_that_passes(clock: StoreClock, passing: Passing) -> None:
    passing.ms += 60_000
    assert clock.bounds_ms() == (T0 + 60_000 - STEP_MS_MAX, T0 + 60_000 + STEP_MS_MAX)


@pytest.mark.parametrize("step_ms", [HOUR_MS, STEP_MS_MAX + 1, -STEP_MS_MAX - 1, -HOUR_MS])
def test_time_goes_on_at_its_pace_after_a_step_until_the_clock_is_back(
    clock: StoreClock, passing: Passing, step_ms: int
) -> None:
    bound_ms = STEP_MS_MAX if step_ms > 0 else -STEP_MS_MAX
    for seconds in (0, 1, 600):
        passing.ms = 5_000 + seconds * 1_000
        clock.follow(T0 + seconds * 1_000 + step_ms)
        assert clock.step_ms == step_ms
        assert clock.within(T0 + seconds * 1_000 + step_ms) == T0 + seconds * 1_000 + bound_ms
    clock.follow(T0 + 600_000)
    assert clock.step_ms == 0
    assert clock.within(T0 + 600_000) == T0 + 600_000


@pytest.mark.parametrize("off_ms", [-STEP_MS_MAX, -1, 0, 1, STEP_MS_MAX])
def test_a_little_off_is_no_step(clock: StoreClock, off_ms: int) -> None:
    clock.follow(T0 + off_ms)
    assert clock.step_ms == 0
    assert clock.within(T0 + off_ms) == T0 + off_ms


@pytest.mark.parametrize("per_hour_ms", [-3_600, 3_600])
def test_a_clock_that_drifts_is_followed_however_far(
    clock: StoreClock, passing: Passing, per_hour_ms: int
) -> None:
    for minute in range(1, 600):
        passing.ms = 5_000 + minute * 60_000
        clock.follow(T0 + minute * 60_000 + minute * per_hour_ms // 60)
        assert clock.step_ms == 0


def test_steps_one_after_the_other_add_up(clock: StoreClock, passing: Passing) -> None:
    for number in range(1, 4):
        passing.ms += 1_000
        clock.follow(T0 + number * 1_000 + number * STEP_MS_MAX)
    assert clock.step_ms == pytest.approx(3 * STEP_MS_MAX, abs=10)


def test_a_step_that_was_accepted_is_the_time(clock: StoreClock) -> None:
    clock.follow(T0 + HOUR_MS)
    clock.accept()
    clock.follow(T0 + HOUR_MS)
    assert clock.step_ms == 0
    assert clock.within(T0 + HOUR_MS) == T0 + HOUR_MS
