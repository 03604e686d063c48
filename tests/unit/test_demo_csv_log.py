"""The rows that the demo reads from an order file, and its words about the others."""

from pathlib import Path

import pytest

from holdfast.demo.csv_log import decode_orders, parse_order_log, read_order_log
from holdfast.demo.order_log import (
    DemoInputError,
    Order,
    OrderedLine,
    OrderLog,
    ReturnLine,
    SkipReason,
    prices_of,
)

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
GOOD_ROW = "1,10001,MUG,1,d,1,17,UK"


def parse(*rows: str) -> OrderLog:
    return parse_order_log("\n".join((HEADER, *rows)))


def test_an_invoice_is_one_order_of_all_its_lines_as_they_are() -> None:
    log = parse(
        "536365,85123A,HEART,6,12/1/10 8:26,2.55,17850,United Kingdom",
        "536365,71053,LANTERN,2,12/1/10 8:26,3.39,17850,United Kingdom",
        "536366,71053,LANTERN,4,12/1/10 8:28,3.39,13047,United Kingdom",
        "536365,85123A,HEART,1,12/1/10 8:26,2.95,17850,United Kingdom",
    )
    hearts, one_more = OrderedLine("85123A", 6, 255), OrderedLine("85123A", 1, 295)
    assert log.orders == (
        Order(2, "536365", "17850", (hearts, OrderedLine("71053", 2, 339), one_more)),
        Order(4, "536366", "13047", (OrderedLine("71053", 4, 339),)),
    )
    assert log.orders[0].paid_minor() == 6 * 255 + 2 * 339 + 295
    assert prices_of(log.orders) == {"85123A": 295, "71053": 339}
    assert log.orders[0].units_by_sku() == {"85123A": 7, "71053": 2}
    assert log.demand_units() == {"85123A": 7, "71053": 6}
    assert log.descriptions == {"85123A": "HEART", "71053": "LANTERN"}
    assert (log.rows, log.skipped) == (4, {})


def test_an_invoice_that_starts_with_c_is_a_return_whatever_its_price() -> None:
    log = parse(GOOD_ROW, "C2,10001,MUG,-3,d,0,17,UK")
    assert log.returns == (ReturnLine(3, "line-3", "17", "10001", 3),)
    assert log.demand_units() == {"10001": 1}


def test_a_sale_without_a_customer_is_a_sale() -> None:
    assert parse("1,10001,MUG,1,d,1,,UK").orders[0].buyer_id == ""


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2,POST,POSTAGE,1,d,18,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("2,D,Discount,1,d,27.5,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("2,BANK CHARGES,,1,d,15,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("2,C2,CARRIAGE,1,d,50,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("C2,D,Discount,-1,d,27.5,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("2,1000,MUG,1,d,1,17,UK", SkipReason.NOT_AN_ARTICLE),
        ("2,10001,MUG,0,d,1,17,UK", SkipReason.QUANTITY_NOT_POSITIVE),
        ("2,10001,MUG,-5,d,1,17,UK", SkipReason.QUANTITY_NOT_POSITIVE),
        ("2,10001,MUG,1,d,0,17,UK", SkipReason.PRICE_NOT_POSITIVE),
        ("2,10001,MUG,1,d,-11062.06,17,UK", SkipReason.PRICE_NOT_POSITIVE),
        ("2,10001,MUG,1,d,0.001,17,UK", SkipReason.PRICE_NOT_POSITIVE),
        ("2,10001,MUG,1,d,1000000.01,17,UK", SkipReason.PRICE_TOO_LARGE),
        ("2,10001,MUG,1,d,1e300,17,UK", SkipReason.PRICE_TOO_LARGE),
        ("C2,10001,MUG,5,d,1,17,UK", SkipReason.RETURN_NOT_NEGATIVE),
        ("2,10001,MUG,1000001,d,1,17,UK", SkipReason.QUANTITY_TOO_LARGE),
        ("C2,10001,MUG,-1000001,d,1,17,UK", SkipReason.QUANTITY_TOO_LARGE),
        ("2,10001,MUG,six,d,1,17,UK", SkipReason.QUANTITY_NOT_A_NUMBER),
        ("2,10001,MUG,1.5,d,1,17,UK", SkipReason.QUANTITY_NOT_A_NUMBER),
        ("2,10001,MUG,1_0,d,1,17,UK", SkipReason.QUANTITY_NOT_A_NUMBER),
        ("2,10001,MUG,9999999999999999,d,1,17,UK", SkipReason.QUANTITY_NOT_A_NUMBER),
        ("2,10001,MUG,,d,1,17,UK", SkipReason.QUANTITY_NOT_A_NUMBER),
        ("2,10001,MUG,1,d,nan,17,UK", SkipReason.PRICE_NOT_A_NUMBER),
        ("2,10001,MUG,1,d,1e999,17,UK", SkipReason.PRICE_NOT_A_NUMBER),
        ("2,10001,MUG,1,d,,17,UK", SkipReason.PRICE_NOT_A_NUMBER),
        (",10001,MUG,1,d,1,17,UK", SkipReason.NO_INVOICE_ID),
        ("2/3,10001,MUG,1,d,1,17,UK", SkipReason.NO_INVOICE_ID),
        (f"{'9' * 65},10001,MUG,1,d,1,17,UK", SkipReason.NO_INVOICE_ID),
        ("2,10001,MUG,1,d,1,Mr X,UK", SkipReason.BAD_CUSTOMER_ID),
        ("1,10001,MUG,1,d,1,18,UK", SkipReason.OTHER_CUSTOMER),
        (f"2,10001{'A' * 60},MUG,1,d,1,17,UK", SkipReason.SKU_OUT_OF_BOUNDS),
        ("2,10001\x7f,MUG,1,d,1,17,UK", SkipReason.SKU_OUT_OF_BOUNDS),
        ("2,10001,MUG,1,d,1,17", SkipReason.WRONG_COLUMN_COUNT),
        ("2,10001,MUG, WHITE,1,d,1,17,UK", SkipReason.WRONG_COLUMN_COUNT),
        ('2,10001,"MUG"S,1,d,1,17,UK', SkipReason.BROKEN_QUOTING),
    ],
)
def test_a_row_that_is_no_sale_is_counted_under_its_reason(row: str, reason: SkipReason) -> None:
    log = parse(GOOD_ROW, row)
    assert log.skipped == {reason: 1}
    assert (log.rows, log.line_count(), log.returns) == (2, 1, ())


def test_rows_swallowed_by_a_quote_that_is_never_closed_are_counted() -> None:
    log = parse(GOOD_ROW, '2,10001,"MUG,1,d,1,17,UK', GOOD_ROW, GOOD_ROW)
    assert log.skipped == {SkipReason.BROKEN_QUOTING: 3}
    assert log.rows == 4


def test_blank_lines_are_not_rows() -> None:
    assert parse("", GOOD_ROW, "", "").rows == 1


@pytest.mark.parametrize(
    ("price", "minor"), [("2.55", 255), ("0.005", 1), ("1e1", 1_000), (".29", 29), ("4.", 400)]
)
def test_a_price_is_taken_to_the_penny(price: str, minor: int) -> None:
    (order,) = parse(f"1,10001,MUG,1,d,{price},17,UK").orders
    assert order.lines == (OrderedLine("10001", 1, minor),)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        (["2,10001,MUG,600000,d,1,17,UK"] * 2, SkipReason.TOO_MANY_UNITS),
        (["2,10001,MUG,600000,d,20000,17,UK"], SkipReason.TOO_MUCH_MONEY),
        # At the price that another invoice has for it.
        (["2,10002,MUG,900000,d,1,17,UK"], SkipReason.TOO_MUCH_MONEY),
    ],
)
def test_an_invoice_that_is_too_large_for_an_order_is_skipped_whole(
    rows: list[str], reason: SkipReason
) -> None:
    log = parse(GOOD_ROW, "9,10002,GOLD,1,d,900000,17,UK", *rows)
    assert [order.number for order in log.orders] == ["1", "9"]
    assert log.skipped == {reason: len(rows)}


def test_an_invoice_of_too_many_lines_for_an_order_is_skipped_whole() -> None:
    log = parse(GOOD_ROW, *["2,10001,MUG,1,d,1,17,UK"] * 201, *["3,10001,MUG,1,d,1,17,UK"] * 200)
    assert log.skipped == {SkipReason.TOO_MANY_LINES: 201}
    assert [order.number for order in log.orders] == ["1", "3"]
    assert log.rows == log.line_count() + 201


def test_columns_are_found_by_name() -> None:
    log = parse_order_log(" CustomerID ,UnitPrice,Quantity,StockCode,InvoiceNo\n17,1.5,2,10001,1\n")
    assert log.orders == (Order(2, "1", "17", (OrderedLine("10001", 2, 150),)),)


@pytest.mark.parametrize("name", ["InvoiceNo", "StockCode", "Quantity", "UnitPrice", "CustomerID"])
def test_a_missing_column_is_named(name: str) -> None:
    with pytest.raises(DemoInputError, match=f"column {name} is missing"):
        parse_order_log(HEADER.replace(name, "Other") + f"\n{GOOD_ROW}\n")


def test_a_file_without_a_single_order_says_why() -> None:
    with pytest.raises(DemoInputError, match=r"no order in 2 rows: 2 x sale with a Quantity of 0"):
        parse("1,10001,MUG,0,d,1,17,UK", "2,10001,MUG,-1,d,1,17,UK")
    with pytest.raises(DemoInputError, match="no order in 0 rows"):
        parse()


def test_latin_1_and_utf_8_with_and_without_bom_are_read() -> None:
    for content in ("£1 caf\xe9".encode("latin-1"), b"\xef\xbb\xbf" + "£1 café".encode()):
        assert decode_orders(content) == "£1 café"


def test_a_latin_1_byte_that_looks_like_a_line_end_is_none() -> None:
    content = f"{HEADER}\n1,10001,A\x85B,1,d,1,17,UK\n".encode("latin-1")
    assert parse_order_log(decode_orders(content)).rows == 1


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \r\n\n", "is empty"),
        (b"\xef\xbb\xbf\n\n", "column InvoiceNo is missing"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is not text"),
        (HEADER.encode("utf-16"), "is not text"),
        (b"a,b\n1,2\n", "column InvoiceNo is missing"),
        (b'"', "column InvoiceNo is missing"),
    ],
)
def test_a_file_that_is_no_order_log_is_refused(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(content)
    with pytest.raises(DemoInputError, match=problem) as caught:
        read_order_log(path)
    assert str(path) in str(caught.value)


def test_what_is_not_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DemoInputError, match="is a directory"):
        read_order_log(tmp_path)
    with pytest.raises(DemoInputError, match="does not exist"):
        read_order_log(tmp_path / "missing.csv")
    with pytest.raises(DemoInputError, match="is not a regular file"):
        read_order_log(Path("/dev/null"))
