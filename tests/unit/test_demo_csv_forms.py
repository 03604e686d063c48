"""The forms in which the Online Retail data set is around: all are read as the same orders."""

import pytest

from holdfast.demo.csv_log import decode_orders, parse_order_log
from holdfast.demo.order_log import DemoInputError, OrderedLine, SkipReason

FIRST_PART = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
SECOND_PART = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n"
SEMICOLONS = FIRST_PART.replace(",", ";")
TABS = SECOND_PART.replace(",", "\t")


@pytest.mark.parametrize(
    "text",
    [
        FIRST_PART + "700001,20001,RED MUG,12,2010-12-01 08:26:00,6.95,19001,UK\n",
        SECOND_PART + "700001,20001,RED MUG,12,2009-12-01 07:45:00,6.95,19001.0,UK\n",
        FIRST_PART + "700001.0,20001,RED MUG,12.0,2010-12-01,6.95,19001.0,UK\n",
        FIRST_PART + '700001,20001.0,RED MUG,"12,0",2010-12-01,"6,95",19001,UK\n',
        SEMICOLONS + "700001;20001;RED MUG;12;01.12.2010 08:26;6,95;19001;UK\r\n",
        TABS + "700001\t20001\tRED MUG\t12\t1.12.2010\t£6.95\t19001\tUK\n",
        FIRST_PART.lower() + "700001,20001,RED MUG,12,d,6.95,19001,UK\n",
    ],
    ids=["part 1", "part 2", "pandas", "quoted commas", "semicolons", "tabs", "lower case"],
)
def test_every_form_is_the_same_order(text: str) -> None:
    log = parse_order_log(text)
    (order,) = log.orders
    assert (order.number, order.buyer_id) == ("700001", "19001")
    assert order.lines == (OrderedLine("20001", 12, 695),)
    assert log.descriptions == {"20001": "RED MUG"}
    assert not log.skipped


def test_what_differs_in_case_only_is_one_article_and_a_small_c_is_a_return() -> None:
    log = parse_order_log(
        FIRST_PART
        + "700001,85123A,HEART,2,d,2.55,19001.0,UK\n"
        + "700001,85123a,HEART,1,d,2.55,19001,UK\n"
        + "c700002,85123a,HEART,-1,d,2.55,19001,UK\n"
    )
    assert log.demand_units() == {"85123A": 3}
    assert [(it.sku, it.buyer_id) for it in log.returns] == [("85123A", "19001")]


def test_a_number_with_thousands_is_named_and_not_guessed() -> None:
    log = parse_order_log(
        FIRST_PART
        + "700001,20001,MUG,1,d,1,17,UK\n"
        + '700001,20001,MUG,"1,000",d,1,17,UK\n'
        + '700001,20001,MUG,1,d,"1,000.50",17,UK\n'
    )
    assert log.skipped == {SkipReason.QUANTITY_NOT_A_NUMBER: 1, SkipReason.PRICE_NOT_A_NUMBER: 1}


def test_a_workbook_is_named() -> None:
    with pytest.raises(DemoInputError, match="a workbook of a spreadsheet; save it as CSV"):
        decode_orders(b"PK\x03\x04 and so on")


def test_a_column_that_is_missing_is_named_whatever_separates_the_others() -> None:
    with pytest.raises(DemoInputError, match="column UnitPrice is missing"):
        parse_order_log(SEMICOLONS.replace("UnitPrice", "Cost"))
