"""Whether every command had its effect once, by the answers to all its copies. Pure."""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from google.protobuf.message import Message

from holdfast.commands import Return
from holdfast.order.v1 import order_pb2
from holdfast.types import Result

APPLIED = "APPLIED"
RESERVING = "RESERVING"
"""The verdict on an order while the order service does not know yet whether it has stock."""

_OUTCOME = "ORDER_OUTCOME_"
_KEYS = (
    "order_key",
    "order_id",
    "payment_key",
    "refund_key",
    "payment_id",
    "shipment_id",
    "wave_id",
)


class Verdict(NamedTuple):
    """The outcome in an answer. `effect` is the id of what was made: two ids are two effects."""

    outcome: str
    replayed: bool
    detail: str
    effect: str = ""

    @property
    def applied(self) -> bool:
        """Whether the command is in effect."""
        return self.outcome in (APPLIED, RESERVING)


def verdict_of(answer: Any) -> Verdict:
    """The verdict of an answer of the engine or of the order service."""
    if isinstance(answer, Result):
        return Verdict(answer.outcome.name, answer.replayed, answer.detail)
    outcome = order_pb2.OrderOutcome.Name(answer.outcome).removeprefix(_OUTCOME)
    effect = ""
    if isinstance(answer, order_pb2.OrderResult):
        effect = answer.order.order_id
        if outcome == APPLIED and answer.order.state == order_pb2.Order.RESERVING:
            outcome = RESERVING
    return Verdict(outcome, answer.replayed, answer.detail, effect)


def name_of(request: Message | Return) -> str:
    """Names what a request does once: its kind and its keys."""
    if isinstance(request, Return):
        return f"Return {request.reservation_id} {request.return_id}"
    kind = type(request).__name__.removesuffix("Request")
    keys = [str(getattr(request, key, "")) for key in _KEYS]
    return " ".join([kind, *filter(None, keys)])


class Effects:
    """The effects of each command, by the answers to all its copies.

    A command that was applied afresh twice under one name is a double effect, and so are two orders
    under one key; an answer that was not allowed is an unexpected one.
    """

    def __init__(self) -> None:
        self.unexpected_answers: list[str] = []
        self.double_effects: list[str] = []
        self._in_effect: dict[str, str] = {}

    def answered(
        self, name: str, verdicts: Sequence[Verdict], allowed: Collection[str] = ()
    ) -> None:
        """Notes what the copies of one command that were under way together were answered.

        Beside APPLIED, any of `allowed` will do until the command is in effect; from then on, it
        has to be replayed.
        """
        in_effect = name in self._in_effect
        expected = {APPLIED} if in_effect else {APPLIED, *allowed}
        for verdict in verdicts:
            if verdict.outcome not in expected:
                self.unexpected(name, f"{verdict.outcome} {verdict.detail}".rstrip())
        if in_effect + sum(one.applied and not one.replayed for one in verdicts) > 1:
            self.double_effects.append(f"{name} was applied more than once")
        for verdict in verdicts:
            if verdict.outcome != APPLIED:
                continue
            known = self._in_effect.setdefault(name, verdict.effect)
            if known != verdict.effect:
                self.double_effects.append(f"{name} made {known} and {verdict.effect}")

    def unexpected(self, name: str, problem: str) -> None:
        """Notes an answer that cannot be right."""
        self.unexpected_answers.append(f"{name}: {problem}")
