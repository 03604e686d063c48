"""The money of orders by command line, against a service that answers as the test says."""

import pytest

from holdfast.cli.failures import USAGE
from holdfast.order.v1 import order_pb2
from holdfast.order.v1 import payment_pb2 as pb
from tests.unit.scripted_orders import Commands

ORDER = "3766223186315821678"


@pytest.fixture
def commands(orders: Commands) -> Commands:
    """Commands for a service with an order of 25.00 GBP."""
    orders.service.answers["GetOrder"] = order_pb2.Order(order_id=ORDER, currency="GBP")
    orders.service.answers["RefundOrder"] = pb.RefundOrderResponse(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED, refunds=[order_pb2.Refund(amount_minor=500)]
    )
    return orders


@pytest.mark.parametrize("amount", ["0", "0.00"])
def test_nothing_is_no_amount_to_send_back(commands: Commands, amount: str) -> None:
    ran = commands(f"orders refund {ORDER} {amount} typo")
    assert (ran.exit_status, ran.out) == (USAGE, "")
    assert "AMOUNT: must be more than 0" in ran.err
    assert "say all" in ran.err
    assert commands.service.asked(pb.RefundOrderRequest) == []


@pytest.mark.parametrize(("amount", "asked_minor"), [("5", 500), ("12.50", 1_250), ("all", 0)])
def test_an_amount_or_all_that_is_left_goes_back(
    commands: Commands, amount: str, asked_minor: int
) -> None:
    ran = commands(f"orders refund {ORDER} {amount} broken")
    assert (ran.exit_status, ran.out) == (0, f"5.00 GBP go back for {ORDER}.\n")
    (request,) = commands.service.asked(pb.RefundOrderRequest)
    assert request.amount_minor == asked_minor


@pytest.mark.parametrize(
    ("amount", "message"),
    [
        ("100", "100.00 GBP are more than the 20.00 GBP that are left of what was captured"),
        ("all", "nothing is left of what was captured"),
    ],
)
def test_a_refund_of_more_than_is_left_says_how_much_that_is(
    commands: Commands, amount: str, message: str
) -> None:
    answers = commands.service.answers
    answers["RefundOrder"] = pb.RefundOrderResponse(
        outcome=order_pb2.ORDER_OUTCOME_AMOUNT_EXCEEDED, detail="10000 minor units"
    )
    captured, declined = order_pb2.Payment.CAPTURED, order_pb2.Payment.DECLINED
    answers["GetOrder"].payments.add(state=captured, captured_minor=2_500, refunded_minor=500)
    answers["GetOrder"].payments.add(state=declined, captured_minor=900)
    ran = commands(f"orders refund {ORDER} {amount} broken")
    assert (ran.exit_status, message in ran.err) == (1, True)
    assert "minor" not in ran.err


def test_the_quarantine_shows_what_was_asked_for_and_what_came(commands: Commands) -> None:
    wrong = order_pb2.Payment(
        payment_id=f"{ORDER}-p1", amount_minor=2_500, captured_minor=2_500, captured_currency="JPY"
    )
    commands.service.answers["ListQuarantined"] = pb.ListQuarantinedResponse(payments=[wrong])
    shown = commands("orders quarantine list").out
    assert "25.00 GBP" in shown
    assert "2,500 JPY" in shown


def test_a_refund_names_units_freight_or_a_present(commands: Commands) -> None:
    parcel = f"{ORDER}-s1"
    commands(f"orders refund {ORDER} all broken --line 1:2 --line 3 --line 2:1:{parcel} --freight")
    commands(f"orders refund {ORDER} 5 sorry --goodwill")
    units, present = commands.service.asked(pb.RefundOrderRequest)
    assert [(line.line_no, line.units, line.shipment_id) for line in units.lines] == [
        (1, 2, ""),
        (3, 0, ""),
        (2, 1, parcel),
    ]
    assert (units.freight, units.goodwill, present.goodwill) == (True, False, True)


@pytest.mark.parametrize("line", ["x", "1:x", "-1", "", ":1"])
def test_units_that_are_not_named_are_refused(commands: Commands, line: str) -> None:
    ran = commands(f"orders refund {ORDER} all broken --line={line}")
    assert ran.exit_status == USAGE
    assert commands.service.asked(pb.RefundOrderRequest) == []
