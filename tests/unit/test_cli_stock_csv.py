"""The check of a stock file: what is good, what is bad, and on which line."""

import pytest

import engine.model
from holdfast import bounds
from holdfast.cli.imports import files
from holdfast.cli.imports.check import BadLine
from holdfast.cli.stock_csv import StockRow, check_stock_csv

HEADER = "sku,on_hand,location,safety_stock,limit_per_buyer\n"


def problems(text: str) -> list[tuple[int, str]]:
    checked = check_stock_csv(text.encode("utf-8", "surrogateescape"))
    return [(bad.line, bad.reason) for bad in checked.bad]


def test_a_good_file_is_read_whole() -> None:
    checked = check_stock_csv((HEADER + "A,5,shop-7,1,2\n售后,0,,,\n").encode())
    assert checked.bad == ()
    assert checked.rows == (
        StockRow(2, "A", "shop-7", 5, 1, 2),
        StockRow(3, "售后", "default", 0, None, None),
    )


def test_two_columns_are_enough_and_may_stand_in_any_order() -> None:
    checked = check_stock_csv(b"on_hand,sku\n5,A\n")
    assert checked.rows == (StockRow(2, "A", "default", 5, None, None),)


@pytest.mark.parametrize(
    "content",
    [
        b"sku,on_hand\nA,5\nB,6\n",
        b"\xef\xbb\xbfsku,on_hand\nA,5\nB,6\n",
        b"sku,on_hand\r\nA,5\r\nB,6\r\n",
        b"sku,on_hand\rA,5\rB,6",
        b'"sku","on_hand"\n"A","5"\n\n"B",6',
    ],
    ids=["unix", "byte order mark", "windows", "old mac", "quoted"],
)
def test_a_file_may_come_from_any_program(content: bytes) -> None:
    checked = check_stock_csv(content)
    assert checked.bad == ()
    assert [(row.sku, row.on_hand) for row in checked.rows] == [("A", 5), ("B", 6)]


def test_a_header_alone_is_a_good_file_of_nothing() -> None:
    checked = check_stock_csv(b"sku,on_hand\n")
    assert (checked.rows, checked.bad) == ((), ())


# fmt: off
NOT_UNITS = [
    "-1", "+5", "1e3", "0x10", "nan", "inf", "5.0", "five", "５", "٥", " 5 ", "1_000", "1,000",
    "--", "1000000000001", "9" * 18, "9" * 5_000,
]
# fmt: on


@pytest.mark.parametrize("number", NOT_UNITS)
@pytest.mark.parametrize("column", ["on_hand", "safety_stock", "limit_per_buyer"])
def test_a_number_is_digits_within_its_bounds(column: str, number: str) -> None:
    cells = {"on_hand": "5", "safety_stock": "1", "limit_per_buyer": "2", column: number}
    line = f'A,"{cells["on_hand"]}",,"{cells["safety_stock"]}","{cells["limit_per_buyer"]}"\n'
    [(at, reason)] = problems(HEADER + line)
    assert at == 2
    assert reason.startswith(f"{column}: must be a whole number from 0 to ")
    assert ascii(number[:80]) in reason


@pytest.mark.parametrize(
    ("cells", "good"),
    [
        ("1000000000000,,,", True),
        ("1000000000001,,,", False),
        ("1,,1000000000000,", True),
        ("1,,1000000000001,", False),
        ("1,,,4294967295", True),
        ("1,,,4294967296", False),
    ],
)
def test_the_greatest_numbers_are_good_and_one_more_is_not(cells: str, good: bool) -> None:
    assert (problems(f"{HEADER}A,{cells}\n") == []) == good


def test_on_hand_must_be_given() -> None:
    assert problems("sku,on_hand\nA,\n") == [(2, "on_hand: is empty")]


@pytest.mark.parametrize(
    ("sku", "reason"),
    [
        ("", "sku: is empty"),
        ("x" * 65, "sku: is 65 bytes long, at most 64 are allowed"),
        ("售" * 22, "sku: is 66 bytes long, at most 64 are allowed"),
        ("A\tB", r"sku: holds a character that cannot be printed; got 'A\tB'"),
        ("A\x00", r"sku: holds a character that cannot be printed; got 'A\x00'"),
        ("A\u200b", r"sku: holds a character that cannot be printed; got 'A\u200b'"),
        ("A\udcff", r"sku: is not UTF-8; got 'A\udcff'"),
        (" A", "sku: has spaces around it; got ' A'"),
    ],
)
def test_a_name_is_printable_and_not_too_long(sku: str, reason: str) -> None:
    assert problems(f"sku,on_hand\n{sku},5\n") == [(2, reason)]


@pytest.mark.parametrize("sku", ["x" * 64, "售" * 21, "[red]A[/]", "a b", "é"])
def test_names_within_the_bounds_are_good(sku: str) -> None:
    assert problems(f"sku,on_hand\n{sku},5\n") == []


def test_a_location_is_checked_like_a_sku() -> None:
    assert problems(f"sku,on_hand,location\nA,5,{'x' * 65}\n") == [
        (2, "location: is 65 bytes long, at most 64 are allowed")
    ]


def test_every_reason_of_a_line_is_given() -> None:
    [(_, reason)] = problems(HEADER + ",-1,,x,y\n")
    assert [part.split(":")[0] for part in reason.split("; ") if ":" in part] == [
        "sku",
        "on_hand",
        "safety_stock",
        "limit_per_buyer",
    ]


def test_every_bad_line_is_reported_with_its_number() -> None:
    text = 'sku,on_hand\nA,1\nB,x\n\n"C\nC",1\nD,1\nE\nF,1,1\n"G"G,1\nH,y\n'
    assert [line for line, _ in problems(text)] == [3, 5, 8, 9, 10, 11]
    assert [row.sku for row in check_stock_csv(text.encode()).rows] == ["A", "D"]


def test_a_quote_that_is_not_closed_is_reported_where_it_opens() -> None:
    assert problems('sku,on_hand\nA,1\n"B,1\nC,1\n') == [(3, "is not CSV: unexpected end of data")]


def test_all_lines_of_a_level_given_twice_are_bad() -> None:
    text = "sku,on_hand,location\nA,1,\nB,1,\nA,2,default\nA,3,shop-7\n"
    assert problems(text) == [
        (2, "sku A at default is also on line 4"),
        (4, "sku A at default is also on line 2"),
    ]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty; its first line must name the columns sku,on_hand"),
        ("\n\n", "the file is empty; its first line must name the columns sku,on_hand"),
        ("A,5\n", "unknown column 'A'"),
        ("sku\n", "column on_hand is missing"),
        ("sku,on_hand,colour\n", "unknown column 'colour'"),
        ("SKU,on_hand\n", "unknown column 'SKU'"),
        ("sku,on_hand,sku\n", "column sku is there twice"),
        ("sku;colour\nA;5\n", "unknown column 'colour'"),
        ('"sku,on_hand\n', "is not CSV"),
    ],
)
def test_a_bad_header_is_the_one_bad_line(text: str, reason: str) -> None:
    checked = check_stock_csv(text.encode())
    assert checked.rows == ()
    [bad] = checked.bad
    assert bad.line == 1
    assert bad.reason.startswith(reason)


def test_a_file_of_utf_16_is_said_to_be_that() -> None:
    checked = check_stock_csv("sku,on_hand\nA,5\n".encode("utf-16"))
    assert checked.bad == (BadLine(1, "the file is UTF-16; save it as UTF-8"),)


def test_a_file_beyond_the_bound_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "FILE_BYTES_MAX", 20)
    assert check_stock_csv(b"sku,on_hand\nA,5\n").bad == ()
    assert "larger than" in check_stock_csv(b"sku,on_hand\nA,5\nB,6\nC,7\n").bad[0].reason


# ORDERS_MAX is the order service's, which reads it from there itself.
@pytest.mark.parametrize(
    "name", [name for name in vars(bounds) if name.endswith("_MAX") and name != "ORDERS_MAX"]
)
def test_the_bounds_are_those_of_the_engine(name: str) -> None:
    assert getattr(bounds, name) == getattr(engine.model, name)


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_sign_between_columns_is_found_in_the_first_line(sign: str) -> None:
    checked = check_stock_csv(f"sku{sign}on_hand\r\nA{sign}5\r\n".encode())
    assert checked.rows == (StockRow(2, "A", "default", 5, None, None),)
    assert check_stock_csv(f"sku{sign}on_hand\nA{sign}5\n".encode(), sign).rows
    assert not check_stock_csv(f"sku{sign}on_hand\nA{sign}5\n".encode(), "!").rows


@pytest.mark.parametrize(
    ("sku", "problem"),
    [
        ("1E+05", "a number that was shortened"),
        ("4.00639E+12", "a number that was shortened"),
        ("4,00639E+12", "a number that was shortened"),
        ("20001.0", "a decimal place that was added"),
        ("1-Mar", "a date that was made of it"),
        ("Mar-01", "a date that was made of it"),
        ("#N/A", "an error"),
        ("########", "an error"),
        ("=1+1", "as a spreadsheet's formulas do"),
        ("@SUM", "as a spreadsheet's formulas do"),
        ("+49", "as a spreadsheet's formulas do"),
        ("CAFE\u0301-250", "is spelled with other signs than 'CAF\\xc9-250'"),
    ],
)
def test_a_sku_that_nobody_can_have_meant_is_named_unless_files_are_taken_as_written(
    sku: str, problem: str
) -> None:
    text = f'sku,on_hand\n"{sku}",5\n'
    [(line, reason)] = problems(text)
    assert (line, problem in reason) == (2, True), reason
    assert check_stock_csv(text.encode(), as_written=True).rows[0].sku == sku


@pytest.mark.parametrize("sku", ["1E5", "E+05", "20001A", "1.5", "1-2", "MARS-1", "A=1", "#1"])
def test_a_sku_that_only_resembles_such_a_one_is_good(sku: str) -> None:
    assert problems(f"sku,on_hand\n{sku},5\n") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [("TEA-1", "TEA\u20101"), ("TEA", "ＴＥＡ"), ("TEA", "TЕA"), ("MOP", "ΜΟΡ")],
)
def test_skus_that_look_alike_are_named_with_each_others_lines(one: str, other: str) -> None:
    found = problems(f"sku,on_hand\n{one},5\nCUP,1\n{other},7\n")
    assert [line for line, _ in found] == [2, 4]
    assert f"sku {one} at default looks like" in found[0][1]
    assert "on line 2" in found[1][1]
    taken = check_stock_csv(f"sku,on_hand\n{one},5\n{other},7\n".encode(), as_written=True)
    assert len(taken.rows) == 2


def test_upper_and_lower_case_do_not_look_alike() -> None:
    assert problems("sku,on_hand\nTEA,5\ntea,7\n") == []


def test_a_version_may_be_expected_of_each_level() -> None:
    checked = check_stock_csv(b"sku,on_hand,expected_version\nA,5,3\nB,6,\nC,7,0\n")
    assert [row.expected_version for row in checked.rows] == [3, None, 0]
