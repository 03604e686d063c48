"""A command whose answer was lost says the key with which repeating it does it once."""

import grpc
import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import fulfilment_pb2, order_pb2
from holdfast.order.v1 import payment_pb2 as pb
from tests.unit.scripted_orders import Commands

ORDER = "3766223186315821678"
DELIVERY = "--name Ada --phone 02079460000 --country GB"
LINES = {
    "PlaceOrder": f"orders place --line MUG=2@12.50 --buyer b-7 --currency GBP {DELIVERY}",
    "StartPayment": f"orders pay {ORDER}",
    "RefundOrder": f"orders refund {ORDER} 5 broken",
    "AddRemark": f"orders remark {ORDER} hello",
    "CorrectDelivery": f"orders correct {ORDER} --confirmed-via phone",
    "CreateWave": "orders wave shanghai-1",
    "RecordTracking": f"orders record {ORDER}-s1 signed",
}
# The field of each request that the key is in.
KEY_OF = {
    "PlaceOrder": "order_key",
    "StartPayment": "payment_key",
    "RefundOrder": "refund_key",
    "AddRemark": "remark_id",
    "CorrectDelivery": "correction_id",
    "CreateWave": "wave_id",
}


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED])
@pytest.mark.parametrize("rpc", LINES)
def test_a_command_that_may_have_been_done_says_how_to_repeat_it(
    orders: Commands, rpc: str, status: grpc.StatusCode
) -> None:
    orders.service.answers |= {
        "GetOrder": order_pb2.Order(order_id=ORDER, currency="GBP"),
        "GetShipment": fulfilment_pb2.GetShipmentResponse(),
        rpc: status,
    }
    ran = orders(LINES[rpc])
    asked = orders.service.requests[-1]
    key = asked.event.event_id if rpc == "RecordTracking" else getattr(asked, KEY_OF[rpc])
    option = "--event-id" if rpc == "RecordTracking" else "--key"
    assert ran.exit_status == 3
    assert f"It may have been done: repeat it with {option} {key}" in ran.err
    again = orders(f"{LINES[rpc]} {option} {key}", "-o", "json")
    assert again.error()["details"]["key"] == key


def test_a_command_that_was_refused_has_nothing_to_repeat(orders: Commands) -> None:
    orders.service.answers["StartPayment"] = HoldfastError.of(Reason.ORDER_NOT_FOUND, order_id="O")
    ran = orders(f"orders pay {ORDER}")
    assert ran.exit_status == 1
    assert "--key" not in ran.err


def test_a_document_has_the_key_that_was_drawn(orders: Commands) -> None:
    orders.service.answers["StartPayment"] = pb.StartPaymentResponse(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED
    )
    document = orders(f"orders pay {ORDER} -o json").json()
    (asked,) = orders.service.asked(pb.StartPaymentRequest)
    assert document["key"] == asked.payment_key
