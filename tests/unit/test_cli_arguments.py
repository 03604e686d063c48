"""Values as a person types and reads them: numbers, durations, moments, states."""

import time
from collections.abc import Iterator
from functools import partial

import pytest

from holdfast.cli.arguments import DISPOSITIONS, RESERVATION_STATES, decimal_number, whole_number
from holdfast.cli.times import duration_ms, left_or_ago, local_iso, moment_ms
from holdfast.types import Disposition, State


@pytest.fixture
def in_shanghai(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(("text", "number"), [("5", 5), ("+5", 5), ("-5", -5), ("007", 7)])
def test_a_whole_number_is_read(text: str, number: int) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("text", ["", "2.6", "0x10", "1e3", "1_000", "５", " 5", "--5", "9" * 19])
def test_what_is_not_quite_a_whole_number_is_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="must be a whole number such as 50; got "):
        whole_number(text)


def test_a_number_may_have_bounds() -> None:
    port = partial(whole_number, least=0, most=65_535)
    assert (port("0"), port("65535")) == (0, 65_535)
    for text in ("-1", "65536"):
        with pytest.raises(ValueError, match="must be from 0 to 65535"):
            port(text)
    with pytest.raises(ValueError, match="must be 1 or more; got 0"):
        whole_number("0", least=1)


def test_a_decimal_number_is_plain() -> None:
    assert (decimal_number("0.8"), decimal_number("1")) == (0.8, 1)
    for text in ("-1", "nan", "inf", "1e3", "0x1", ""):
        with pytest.raises(ValueError, match=r"such as 0\.8"):
            decimal_number(text)


def test_the_states_of_reservations_are_those_of_the_sdk() -> None:
    assert set(RESERVATION_STATES) == {state.name for state in State} - {"UNSPECIFIED"}
    assert set(DISPOSITIONS) == {disposition.name for disposition in Disposition}


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [("500ms", 500), ("90s", 90_000), ("15m", 900_000), ("1h30m", 5_400_000), ("7d", 604_800_000)],
)
def test_a_duration_is_read(text: str, expected_ms: int) -> None:
    assert duration_ms(text) == expected_ms


@pytest.mark.parametrize("text", ["", "15", "15 m", "-5m", "1.5h", "m", "15min", "٥m"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as 90s"):
        duration_ms(text)


@pytest.mark.parametrize(
    "text",
    [
        "1767225600000",
        "2026-01-01T00:00Z",
        "2026-01-01T08:00:00+08:00",
        "2026-01-01T08:00",
        "2026-01-01 08:00",
    ],
)
@pytest.mark.usefixtures("in_shanghai")
def test_a_moment_is_milliseconds_or_iso_and_local_without_an_offset(text: str) -> None:
    assert moment_ms(text) == 1_767_225_600_000


@pytest.mark.parametrize("text", ["", "tomorrow", "18:00", "9" * 16, "2026-13-01T00:00"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be an ISO time"):
        moment_ms(text)


@pytest.mark.usefixtures("in_shanghai")
def test_a_moment_is_shown_in_local_time() -> None:
    assert local_iso(1_767_225_600_999) == "2026-01-01 08:00:00+08:00"
    assert local_iso(0) == "-"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s ago"),
        (59, "59s left"),
        (750, "12m 30s left"),
        (3_600, "1h 0m left"),
        (183_600, "2d 3h left"),
        (-61, "1m 1s ago"),
        (-604_800, "7d 0h ago"),
    ],
)
def test_what_is_left_is_shown_in_two_units(seconds: int, shown: str) -> None:
    assert left_or_ago(1_000_000_000 + seconds * 1_000, 1_000_000_000) == shown
