"""Lists that are printed while they are read: documents, tables, and how far ahead is read."""

import json
import time
from collections.abc import Iterator

import pytest

from holdfast.cli.lists import AHEAD_MAX, ROWS_AT_A_TIME, ahead, print_rows
from holdfast.cli.output import plain, table_of
from holdfast.order.v1 import order_pb2 as pb
from holdfast.types import Reservation, ReservationLine, State, StockLevel
from tests.waiting import PATIENCE_S

MORE = "There are more."
TABLE = table_of({"SKU": "sku", "On hand": "on_hand"})


def levels(count: int) -> Iterator[StockLevel]:
    for number in range(count):
        units = number % 1_000
        yield StockLevel("t", f"SKU-{number:05}", "default", units, 0, 0, 0, 0, units, 0, 1)


@pytest.mark.parametrize(
    ("count", "limit", "shown"), [(0, 5, 0), (1, 5, 1), (5, 5, 5), (6, 5, 5), (2_500, 2_400, 2_400)]
)
def test_a_list_is_one_document_that_says_if_there_are_more(
    capsys: pytest.CaptureFixture[str], count: int, limit: int, shown: int
) -> None:
    assert print_rows(levels(count), "levels", limit, None, more=MORE) == shown
    document = json.loads(capsys.readouterr().out)
    assert document == {
        "levels": [plain(level) for level in levels(shown)],
        "truncated": count > limit,
    }


def test_values_in_values_are_written_as_in_any_other_document(
    capsys: pytest.CaptureFixture[str],
) -> None:
    line = ReservationLine("A", "default", 2, 0, 0, 0)
    rows = [
        Reservation("t", "r", State.RESERVED, (line,), "b", 1, 2, 3),
        pb.OrderSummary(order_id="7", state=pb.Order.SHIPPED, total_minor=5),
    ]
    print_rows(rows, "rows", 9, None, more=MORE)
    assert json.loads(capsys.readouterr().out)["rows"] == json.loads(
        json.dumps(rows, default=plain)
    )


def test_the_rows_of_a_long_table_stand_under_those_before(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_rows(levels(ROWS_AT_A_TIME + 2), "levels", ROWS_AT_A_TIME + 1, TABLE.parts, more=MORE)
    printed = capsys.readouterr()
    lines = [line.rstrip() for line in printed.out.splitlines() if "SKU-" in line]
    assert len(lines) == ROWS_AT_A_TIME + 1
    assert lines[-1].index("SKU-") == lines[0].index("SKU-")
    assert len(lines[-1]) == len(lines[0])
    assert MORE in printed.err


def test_reading_is_only_a_little_ahead_of_printing() -> None:
    read = 0

    def rows() -> Iterator[int]:
        nonlocal read
        while True:
            read += 1
            yield read

    parts = ahead(rows(), size=10)
    assert next(parts) == list(range(1, 11))
    time.sleep(0.05)  # it would have read thousands by now
    assert read < (AHEAD_MAX + 3) * 10
    parts.close()


def test_an_error_of_the_first_page_leaves_nothing_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def rows() -> Iterator[StockLevel]:
        raise ConnectionError("nobody is there")
        yield

    with pytest.raises(ConnectionError):
        print_rows(rows(), "levels", 5, None, more=MORE)
    assert capsys.readouterr().out == ""


def test_a_list_that_is_not_read_to_its_end_is_closed() -> None:
    closed = []

    def rows() -> Iterator[int]:
        try:
            yield from range(1_000_000)
        finally:
            closed.append(True)

    parts = ahead(rows(), size=10)
    next(parts)
    parts.close()
    ends_at_s = time.monotonic() + PATIENCE_S
    while not closed and time.monotonic() < ends_at_s:
        time.sleep(0.01)
    assert closed
