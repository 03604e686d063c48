"""The bounds of the contract: each at its edge, a step beyond it, and the text for a person."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from engine.model import (
    AdjustStock,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Exchange,
    ExchangedUnits,
    Extend,
    Line,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
)
from engine.validation import (
    Complaint,
    check_adjust_stock,
    check_command,
    check_command_count,
    check_id,
    check_line_count,
    check_name,
    check_set_stock,
    line_count,
)

ONE = [Line("TEA", 1)]


def exchange(other_id: str, lines: list[Line], reservation_id: str = "A") -> Exchange:
    return Exchange(reservation_id, ONE, in_exchange_for=ExchangedUnits(other_id, lines))


ALL_COMMANDS: list[Callable[[str], Command]] = [
    lambda reservation_id: Reserve(reservation_id, ONE),
    Confirm,
    Release,
    lambda reservation_id: Extend(reservation_id, 1),
    lambda reservation_id: exchange("B", [], reservation_id),
    lambda reservation_id: Ship(reservation_id, "s1"),
    lambda reservation_id: Cancel(reservation_id, "c1"),
    lambda reservation_id: Return(reservation_id, "r1", Disposition.DAMAGED),
]
GOOD_IDS = ["a", "7", "a" * 64, "AZ.az_09:-"]
BAD_IDS = ["", "a" * 65, "a b", "a/b", "a{b}", "a\n", "a\0", "é", "茶", "a,b"]

# Each field with a bound: how to make a command with it, values at the edges, values beyond.
MAKE_RESERVE: dict[str, Callable[[Any], Command]] = {
    "ttl_ms": lambda value: Reserve("A", ONE, value),
    "buyer_id": lambda value: Reserve("A", ONE, 0, value),
    "lines": lambda value: Reserve("A", ONE * value),
    "lines[1].quantity": lambda value: Reserve("A", [*ONE, Line("TEA", value)]),
    "lines[1].sku": lambda value: Reserve("A", [*ONE, Line(value, 1)]),
    "lines[1].location": lambda value: Reserve("A", [*ONE, Line("TEA", 1, value)]),
    "in_exchange_for.reservation_id": lambda value: exchange(value, []),
    "in_exchange_for.lines": lambda value: exchange("B", ONE * value),
    "in_exchange_for.lines[1].sku": lambda value: exchange("B", [*ONE, Line(value, 1)]),
}
MAKE_MOVEMENT: dict[str, Callable[[Any], Command]] = {
    "expires_at_ms": lambda value: Extend("A", value),
    "shipment_id": lambda value: Ship("A", value),
    "cancellation_id": lambda value: Cancel("A", value),
    "return_id": lambda value: Return("A", value, Disposition.DAMAGED),
    "disposition": lambda value: Return("A", "r1", value),
    "for_exchange": lambda value: Return("A", "r1", Disposition.DAMAGED, [], "", value),
    "to_location": lambda value: Return("A", "r1", Disposition.DAMAGED, [], value),
}
MAKE_SET_STOCK: dict[str, Callable[[Any], SetStock]] = {
    "sku": lambda value: SetStock(value, 1),
    "location": lambda value: SetStock("TEA", 1, value),
    "on_hand": lambda value: SetStock("TEA", value),
    "safety_stock": lambda value: SetStock("TEA", 1, safety_stock=value),
    "limit_per_buyer": lambda value: SetStock("TEA", 1, limit_per_buyer=value),
    "expected_version": lambda value: SetStock("TEA", 1, expected_version=value),
}
MAKE_ADJUST_STOCK: dict[str, Callable[[Any], AdjustStock]] = {
    "sku": lambda value: AdjustStock(value, 1, "a1"),
    "location": lambda value: AdjustStock("TEA", 1, "a1", value),
    "delta": lambda value: AdjustStock("TEA", value, "a1"),
    "adjustment_id": lambda value: AdjustStock("TEA", 1, value),
    "reason": lambda value: AdjustStock("TEA", 1, "a1", reason=value),
}

GOOD_NAMES = ["a", "a" * 64, "茶" * 21 + "!", "é" * 32, "🍵" * 16, "a b/c{d}", "'\"\\"]
BAD_NAMES = [
    *("", "a" * 65, "茶" * 21 + "!!", "é" * 33, "🍵" * 17),
    *("\0", "a\0b", "a\n", "\x7f", "\u200b", "\u2028", "\ud800"),
]
AT: dict[str, list[Any]] = {
    "ttl_ms": [0, 1_000, 1_001, 604_799_999, 604_800_000],
    "buyer_id": ["", *GOOD_IDS],
    "lines": [1, 2, 199, 200],
    "lines[1].quantity": [1, 2, 999_999, 1_000_000],
    "in_exchange_for.reservation_id": GOOD_IDS,
    "in_exchange_for.lines": [0, 1, 200],
    "in_exchange_for.lines[1].sku": GOOD_NAMES,
    "lines[1].sku": GOOD_NAMES,
    "lines[1].location": GOOD_NAMES,
    "expires_at_ms": [1, 2**62],
    "shipment_id": GOOD_IDS,
    "cancellation_id": GOOD_IDS,
    "return_id": GOOD_IDS,
    "disposition": [Disposition.RESELLABLE, Disposition.DAMAGED, Disposition.LOST],
    "to_location": ["", *GOOD_NAMES],
    "for_exchange": ["", *GOOD_IDS],
    "sku": GOOD_NAMES,
    "location": GOOD_NAMES,
    "on_hand": [0, 1, 10**12 - 1, 10**12],
    "safety_stock": [0, 1, 10**12 - 1, 10**12],
    "limit_per_buyer": [0, 1, 2**32 - 2, 2**32 - 1],
    "expected_version": [None, 0, 1, 2**53],
    "delta": [-(10**12), -1, 1, 10**12],
    "adjustment_id": GOOD_IDS,
    "reason": ["", "x" * 256, "茶" * 85 + "!", "two\nlines"],
}
BEYOND: dict[str, list[Any]] = {
    "ttl_ms": [-1, 1, 999, 604_800_001],
    "buyer_id": [value for value in BAD_IDS if value],
    "lines": [0, 201],
    "lines[1].quantity": [-1, 0, 1_000_001, 2**32],
    "lines[1].sku": BAD_NAMES,
    "lines[1].location": BAD_NAMES,
    "expires_at_ms": [-1, 0],
    "shipment_id": BAD_IDS,
    "cancellation_id": BAD_IDS,
    "return_id": BAD_IDS,
    "disposition": [Disposition.UNSPECIFIED, -1, 4],
    "to_location": [value for value in BAD_NAMES if value],
    "for_exchange": [value for value in BAD_IDS if value],
    "in_exchange_for.reservation_id": BAD_IDS,
    "in_exchange_for.lines": [201],
    "in_exchange_for.lines[1].sku": BAD_NAMES,
    "sku": BAD_NAMES,
    "location": BAD_NAMES,
    "on_hand": [-1, 10**12 + 1],
    "safety_stock": [-1, 10**12 + 1],
    "limit_per_buyer": [-1, 2**32],
    "expected_version": [-1],
    "delta": [-(10**12) - 1, 0, 10**12 + 1],
    "adjustment_id": BAD_IDS,
    "reason": ["x" * 257, "茶" * 86, "\ud800" * 257],
}


def checks_of(values: dict[str, list[Any]]) -> list[Any]:
    """A check of each value in each field that has it."""
    checks: list[tuple[dict[str, Callable[[Any], Any]], Callable[[Any], Complaint | None]]] = [
        (MAKE_RESERVE, check_command),
        (MAKE_MOVEMENT, check_command),
        (MAKE_SET_STOCK, check_set_stock),
        (MAKE_ADJUST_STOCK, check_adjust_stock),
    ]
    return [
        pytest.param(field, partial(check, make(value)), id=f"{field}={value!r:.40}")
        for makers, check in checks
        for field, make in makers.items()
        for value in values[field]
    ]


@pytest.mark.parametrize(("_", "check"), checks_of(AT))
def test_a_value_at_its_bound_is_good(_: str, check: Callable[[], Complaint | None]) -> None:
    assert check() is None


@pytest.mark.parametrize(("field", "check"), checks_of(BEYOND))
def test_a_value_beyond_its_bound_is_told_by_the_name_of_its_field(
    field: str, check: Callable[[], Complaint | None]
) -> None:
    complaint = check()
    assert complaint is not None
    assert complaint.field == field
    assert complaint == f"{field}: {complaint.problem}; got {complaint.value}"
    assert complaint.encode()


@pytest.mark.parametrize(
    ("disposition", "is_good"), [(0, True), (1, True), (3, True), (-1, False), (4, False)]
)
def test_a_cancellation_may_leave_open_where_its_units_go(disposition: Any, is_good: bool) -> None:
    complaint = check_command(Cancel("A", "c1", disposition=disposition))
    assert (complaint is None) == is_good
    assert is_good or complaint.field == "disposition"  # type: ignore[union-attr]


@pytest.mark.parametrize("make", ALL_COMMANDS)
def test_every_command_checks_its_reservation_id(make: Callable[[str], Command]) -> None:
    assert [check_command(make(reservation_id)) for reservation_id in GOOD_IDS] == [None] * 4
    for reservation_id in BAD_IDS:
        complaint = check_command(make(reservation_id))
        assert complaint is not None
        assert complaint.field == "reservation_id"


@pytest.mark.parametrize(
    "make",
    [
        lambda lines: Ship("A", "s1", lines),
        lambda lines: Cancel("A", "c1", lines),
        lambda lines: Return("A", "r1", Disposition.DAMAGED, lines),
    ],
)
def test_a_movement_may_have_no_lines_and_checks_those_it_has(
    make: Callable[[list[Line]], Command],
) -> None:
    assert check_command(make([])) is None
    assert check_command(make(ONE * 200)) is None
    for lines, field in [
        (ONE * 201, "lines"),
        ([Line("TEA", 0)], "lines[0].quantity"),
        ([*ONE, Line("", 1)], "lines[1].sku"),
        ([Line("TEA", 1, "a\tb")], "lines[0].location"),
    ]:
        complaint = check_command(make(lines))
        assert complaint is not None
        assert complaint.field == field


@pytest.mark.parametrize(
    ("complaint", "sentence"),
    [
        (
            check_command(Reserve("a b", ONE)),
            "reservation_id: must be 1 to 64 characters of A-Z a-z 0-9 . _ : -; got 'a b'",
        ),
        (
            check_command(Reserve("A", [Line("TEA", 0)])),
            "lines[0].quantity: must be 1 to 1,000,000; got 0",
        ),
        (
            check_command(Reserve("A", [Line("茶" * 22, 1)])),
            f"lines[0].sku: must be 1 to 64 bytes of printable UTF-8; got '{'茶' * 22}'",
        ),
        (check_command(Reserve("A", [])), "lines: must be 1 to 200 lines; got 0"),
        (
            check_command(Reserve("A", ONE, 999)),
            "ttl_ms: must be 1,000 to 604,800,000, or 0; got 999",
        ),
        (
            check_command(Return("A", "r1", Disposition.UNSPECIFIED)),
            "disposition: must be RESELLABLE, DAMAGED or LOST; got 0",
        ),
        (
            check_set_stock(SetStock("TEA", -1)),
            "on_hand: must be 0 to 1,000,000,000,000; got -1",
        ),
        (check_adjust_stock(AdjustStock("TEA", 0, "a1")), "delta: must not be 0; got 0"),
    ],
)
def test_a_complaint_is_a_sentence_with_the_field_its_bounds_and_the_value(
    complaint: Complaint, sentence: str
) -> None:
    assert complaint == sentence


def test_a_long_value_is_cut_also_in_a_line() -> None:
    found = check_name("sku", "x" * 10_000)
    within = check_command(Reserve("A", [Line("x" * 10_000, 1)]))
    assert found is not None
    assert within is not None
    assert found.value == within.value == "'" + "x" * 79 + "..."
    assert within.startswith("lines[0].sku: ")


def test_what_cannot_be_shown_is_shown_escaped() -> None:
    complaint = check_id("tenant", "a\n\ud800")
    assert complaint is not None
    assert complaint.endswith(r"got 'a\n\ud800'")


def test_a_batch_has_one_to_a_thousand_commands() -> None:
    assert check_command_count(1) is None
    assert check_command_count(1_000) is None
    for count in (0, 1_001):
        complaint = check_command_count(count)
        assert complaint == f"commands: must be 1 to 1,000 commands; got {count}"


def test_a_batch_has_four_thousand_lines_whatever_its_commands_are() -> None:
    full = Reserve("A", ONE * 200)
    assert check_line_count(line_count([full] * 20)) is None
    assert check_line_count(line_count([full] * 20 + [Confirm("A"), Ship("A", "s1")])) is None
    for one_more in (
        Reserve("A", ONE),
        Ship("A", "s1", ONE),
        Cancel("A", "c1", ONE),
        Return("A", "r1", Disposition.DAMAGED, ONE),
    ):
        complaint = check_line_count(line_count([full] * 20 + [one_more]))
        assert complaint == "commands: must have at most 4,000 lines in all; got 4001"


def test_only_what_has_lines_counts_lines() -> None:
    counts = [line_count([make("A")]) for make in ALL_COMMANDS]
    assert counts == [1, 0, 0, 0, 1, 0, 0, 0]
    assert line_count([exchange("B", ONE * 2)]) == 3
