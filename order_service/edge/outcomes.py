"""What a refusal is on the wire: an outcome and a message, with gRPC status OK."""

from typing import NamedTuple

from holdfast.order.v1 import order_pb2 as pb
from order_service.order.refusals import REFUSALS, RefusalReason, Refused
from order_service.order.states import IllegalMove
from order_service.storage.batch import OrderNotFound

BUSINESS_ANSWERS = (Refused, IllegalMove, OrderNotFound)
"""What a command may raise that is an answer, and no error."""


class Answer(NamedTuple):
    """How a command was refused."""

    outcome: "pb.OrderOutcome.ValueType"
    detail: str


def refusal(error: Exception) -> Answer:
    """The answer that one of BUSINESS_ANSWERS means."""
    if isinstance(error, Refused):
        return Answer(outcome_of(error.reason), str(error))
    if isinstance(error, OrderNotFound):
        detail = REFUSALS[RefusalReason.NOT_FOUND].format(thing="order", name=error.order_id)
        return Answer(pb.ORDER_OUTCOME_NOT_FOUND, detail)
    assert isinstance(error, IllegalMove)
    detail = f"the {error.machine} is {error.state}: {error.event} is not possible now"
    return Answer(pb.ORDER_OUTCOME_WRONG_STATE, detail)


def outcome_of(reason: RefusalReason) -> "pb.OrderOutcome.ValueType":
    """The outcome of a reason: they have the same names."""
    return pb.OrderOutcome.Value(f"ORDER_OUTCOME_{reason}")
