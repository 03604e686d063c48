"""Messages arrive as they were sent, refusals are outcomes, and every exception has its error."""

import pytest

from holdfast.errors import Reason
from holdfast.order.v1 import order_pb2 as pb
from order_service.edge import wire
from order_service.edge.failures import TRANSLATIONS, outcome_of, refusal
from order_service.order.machines import IllegalMove
from order_service.order.placed import DeliveryWish, ShortagePolicy, Source
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.storage.batch import OrderNotFound
from order_service.storage.database import Conflict, StorageUnavailable
from order_service.storage.group_commit import Overloaded
from serving.guard import contract_error
from tests.order_service import samples
from tests.order_service.edge.conftest import order_of


def test_every_refusal_is_an_outcome_and_every_outcome_a_refusal() -> None:
    outcomes = {outcome_of(reason) for reason in RefusalReason}
    assert outcomes == set(pb.OrderOutcome.values()) - {0, pb.ORDER_OUTCOME_APPLIED}


def test_what_was_sent_is_what_is_placed() -> None:
    request = order_of("key-1", remark="Hello", source=pb.ORDER_SOURCE_APP)
    wanted = wire.place_order(request)
    assert (wanted.tenant, wanted.source, wanted.order_key) == ("default", Source.APP, "key-1")
    assert wanted.shortage_policy is ShortagePolicy.ALL_OR_NOTHING
    assert wire.to_message(wanted.amounts, pb.Amounts) == request.amounts
    assert wanted.delivery.wish is DeliveryWish.CHEAPEST
    assert [(line.sku, line.quantity, line.unit_price_minor) for line in wanted.lines] == [
        ("MUG", 2, 1_250)
    ]


def test_an_order_is_sent_whole() -> None:
    found = samples.order(payments=[samples.payment()], closed_reason="why", version=7, channel="m")
    message = wire.to_message(found, pb.Order)
    unset = {field.name for field in message.DESCRIPTOR.fields if not getattr(message, field.name)}
    assert unset == {
        "refunds",
        "refund_rows",
        "freight_refunded_minor",
        "shipments",
        "payment_due_at_ms",
        "waits_until_at_ms",
        "held_at_ms",
    }
    assert message.delivery.phone == found.delivery.phone


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InvalidField("field", "must be", "x"), Reason.INVALID_FIELD),
        (OrderNotFound("O"), Reason.ORDER_NOT_FOUND),
        (Conflict("stale"), Reason.ORDER_CONTENDED),
        (StorageUnavailable("OperationalError"), Reason.DATABASE_UNREACHABLE),
        (Overloaded(), Reason.OVERLOADED),
        (TimeoutError(), Reason.DEADLINE_PASSED),
        (KeyError("Ada Lee"), Reason.INTERNAL),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_is_an_error_of_the_contract(error: Exception, reason: Reason) -> None:
    failure = contract_error(error, TRANSLATIONS)
    assert failure.reason is reason
    assert "Ada Lee" not in failure.message


def test_who_is_refused_for_overload_is_told_when_to_come_back() -> None:
    assert contract_error(Overloaded(), TRANSLATIONS).retry_after_ms == 1_000


@pytest.mark.parametrize(
    ("error", "outcome", "detail"),
    [
        (
            Refused(
                RefusalReason.WRONG_STATE, thing="order", name="O", state="SHIPPED", event="CANCEL"
            ),
            pb.ORDER_OUTCOME_WRONG_STATE,
            "order O is SHIPPED: CANCEL is not possible now",
        ),
        (OrderNotFound("O"), pb.ORDER_OUTCOME_NOT_FOUND, "there is no order O"),
        (
            IllegalMove("shipment", "PLANNED", "SHIP"),
            pb.ORDER_OUTCOME_WRONG_STATE,
            "the shipment is PLANNED: SHIP is not possible now",
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_names_the_thing_and_its_state(
    error: Exception, outcome: "pb.OrderOutcome.ValueType", detail: str
) -> None:
    assert refusal(error) == (outcome, detail)
