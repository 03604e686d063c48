"""The demo's conclusions about commands, by the answers to all their copies."""

from collections.abc import Sequence

import pytest

from holdfast.commands import Return
from holdfast.demo.effects import APPLIED, RESERVING, Effects, Verdict, name_of, verdict_of
from holdfast.order.v1 import fulfilment_pb2, order_pb2, payment_pb2
from holdfast.outcomes import Outcome
from holdfast.types import Result

DONE = Verdict(APPLIED, False, "", "order-1")
AGAIN = DONE._replace(replayed=True)
OTHER = AGAIN._replace(effect="order-2")
UNDECIDED = Verdict(RESERVING, False, "")
REFUSED = Verdict("OUT_OF_STOCK", False, "SKU A is short")
REUSED = Verdict("ORDER_KEY_REUSED", False, "")


def found_in(*groups: Sequence[Verdict]) -> tuple[int, int]:
    """The numbers of double effects and of unexpected answers in groups of copies."""
    effects = Effects()
    for group in groups:
        effects.answered("PlaceOrder 1.1", group, {"OUT_OF_STOCK", RESERVING})
    return len(effects.double_effects), len(effects.unexpected_answers)


@pytest.mark.parametrize(
    "groups",
    [
        [[DONE]],
        [[DONE, AGAIN]],
        [[AGAIN, DONE]],
        [[DONE], [AGAIN]],
        [[AGAIN]],
        [[UNDECIDED], [AGAIN]],
        [[UNDECIDED], [REFUSED]],
        [[REFUSED, REFUSED], [REFUSED]],
    ],
)
def test_copies_with_one_effect_are_right(groups: Sequence[Sequence[Verdict]]) -> None:
    assert found_in(*groups) == (0, 0)


@pytest.mark.parametrize(
    ("groups", "found"),
    [
        ([[DONE, DONE]], (1, 0)),
        ([[DONE], [DONE]], (1, 0)),
        ([[DONE, OTHER]], (1, 0)),
        ([[DONE], [OTHER]], (1, 0)),
        ([[DONE], [REFUSED]], (0, 1)),
        ([[DONE, REUSED]], (0, 1)),
        ([[REUSED]], (0, 1)),
    ],
)
def test_a_second_effect_or_another_answer_is_found(
    groups: Sequence[Sequence[Verdict]], found: tuple[int, int]
) -> None:
    assert found_in(*groups) == found


def test_an_unexpected_answer_is_told_with_its_command() -> None:
    effects = Effects()
    effects.answered("ShipShipment s-1", [Verdict("WRONG_STATE", False, "it is PLANNED")])
    assert effects.unexpected_answers == ["ShipShipment s-1: WRONG_STATE it is PLANNED"]


def test_answers_of_both_services_are_read() -> None:
    assert verdict_of(Result(Outcome.APPLIED, replayed=True)) == Verdict(APPLIED, True, "")
    refused = payment_pb2.StartPaymentResponse(
        outcome=order_pb2.ORDER_OUTCOME_NOT_PAYABLE, detail="it is EXPIRED"
    )
    assert verdict_of(refused) == Verdict("NOT_PAYABLE", False, "it is EXPIRED")
    placed = order_pb2.OrderResult(
        outcome=order_pb2.ORDER_OUTCOME_APPLIED,
        order=order_pb2.Order(order_id="o", state=order_pb2.Order.AWAITING_PAYMENT),
    )
    assert verdict_of(placed) == Verdict(APPLIED, False, "", "o")
    placed.order.state = order_pb2.Order.RESERVING
    assert verdict_of(placed).outcome == RESERVING


@pytest.mark.parametrize(
    ("request_", "name"),
    [
        (order_pb2.PlaceOrderRequest(order_key="7.1", buyer_id="b"), "PlaceOrder 7.1"),
        (
            payment_pb2.StartPaymentRequest(order_id="o", payment_key="try-1"),
            "StartPayment o try-1",
        ),
        (payment_pb2.RefundOrderRequest(order_id="o", refund_key="r"), "RefundOrder o r"),
        (fulfilment_pb2.ConfirmPickRequest(shipment_id="s"), "ConfirmPick s"),
        (Return("o", "line-7", ()), "Return o line-7"),
    ],
)
def test_a_command_is_named_by_its_keys(request_: object, name: str) -> None:
    assert name_of(request_) == name  # type: ignore[arg-type]
