"""Why a request for an order is refused: one table.

A refusal is a business answer: it is an outcome on the wire, with gRPC status OK, and changes
nothing; UNDER_WAY alone says that it is still to be done. What breaks a bound of a field is no
refusal but `InvalidField`.
"""

import re
from enum import StrEnum
from typing import Final

from holdfast.money import MINOR_DIGITS, money_text

_MINOR_UNITS: Final = re.compile(r"([0-9]{1,15}) ([A-Z]{3})")


class RefusalReason(StrEnum):
    """Why a request was refused. The names are those of `holdfast.order.v1.OrderOutcome`."""

    NOT_FOUND = "NOT_FOUND"
    ORDER_KEY_REUSED = "ORDER_KEY_REUSED"
    KEY_REUSED = "KEY_REUSED"
    UNKNOWN_ARTICLE = "UNKNOWN_ARTICLE"
    PRICE_MISMATCH = "PRICE_MISMATCH"
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    OUT_OF_STOCK = "OUT_OF_STOCK"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    WRONG_STATE = "WRONG_STATE"
    NOT_PAYABLE = "NOT_PAYABLE"
    PROVIDER_DECLINED = "PROVIDER_DECLINED"
    AMOUNT_EXCEEDED = "AMOUNT_EXCEEDED"
    QUANTITY_EXCEEDED = "QUANTITY_EXCEEDED"
    WRONG_CONTENT = "WRONG_CONTENT"
    UNDER_WAY = "UNDER_WAY"
    TOO_MANY = "TOO_MANY"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    UNITS_TAKEN = "UNITS_TAKEN"
    TOO_LATE = "TOO_LATE"
    UNDER_DISPUTE = "UNDER_DISPUTE"


REFUSALS: Final[dict[RefusalReason, str]] = {
    RefusalReason.NOT_FOUND: "there is no {thing} {name}",
    RefusalReason.ORDER_KEY_REUSED: "order_key {order_key} of {source} was used before for another "
    "order ({order_id}); make a new key for a new order",
    RefusalReason.KEY_REUSED: "{field} {key} was used before with other content; make a new one",
    RefusalReason.UNKNOWN_ARTICLE: "lines[{position}].sku: the catalogue has no {sku}",
    RefusalReason.PRICE_MISMATCH: "lines[{position}].unit_price_minor: {sku} costs {expected}, "
    "not {got}",
    RefusalReason.AMOUNT_MISMATCH: "amounts.{field}: {expected} by the lines and the other "
    "amounts, not {got}",
    RefusalReason.OUT_OF_STOCK: "{detail}",
    RefusalReason.LIMIT_EXCEEDED: "the buyer's limit for an article of this order is reached",
    RefusalReason.WRONG_STATE: "{thing} {name} is {state}: {event} is not possible now",
    RefusalReason.NOT_PAYABLE: "order {order_id} cannot be paid: {why}",
    RefusalReason.PROVIDER_DECLINED: "the payment was declined: {why}. Another attempt may be made",
    RefusalReason.AMOUNT_EXCEEDED: "{requested} minor units are more than the {left} {of}",
    RefusalReason.QUANTITY_EXCEEDED: "line {line_no}: {requested} units are more than the {left} "
    "that are left",
    RefusalReason.WRONG_CONTENT: "{detail}",
    RefusalReason.UNDER_WAY: "{detail}",
    RefusalReason.TOO_MANY: "order {order_id} has as many {things} as an order may have: {most} "
    "({name})",
    RefusalReason.NOT_ELIGIBLE: "{detail}",
    RefusalReason.TOO_LATE: "{thing} {name} could take {event} before {deadline}, and is {state} "
    "now",
    RefusalReason.UNDER_DISPUTE: "{chargeback_id} is {state}: a bank has taken money of order "
    "{order_id}, and nothing of it goes back until that is decided",
    RefusalReason.UNITS_TAKEN: "line {line_no}: {requested} units are asked for (0: all), and of "
    "{left} the money did not go back",
}


class Refused(Exception):
    """A business answer that is not the one hoped for; `details` fill its message.

    There minor units that have their currency with them are written as people read them.
    """

    def __init__(self, reason: RefusalReason, **details: object) -> None:
        shown = {name: _readable(value) for name, value in details.items()}
        super().__init__(REFUSALS[reason].format(**shown))
        self.reason = reason
        self.details = {name: str(value) for name, value in details.items()}


def wrong_state(thing: str, name: str, state: str, event: str) -> Refused:
    """The refusal of an event that a thing's state does not allow."""
    return Refused(RefusalReason.WRONG_STATE, thing=thing, name=name, state=state, event=event)


def _readable(value: object) -> object:
    money = _MINOR_UNITS.fullmatch(value) if isinstance(value, str) else None
    known = money is not None and money[2] in MINOR_DIGITS
    return money_text(int(money[1]), money[2]) if money and known else value


class InvalidField(Exception):
    """A field that breaks its bounds: its name, what it must be, and a value that may be shown.

    What a person typed is personal: `value` then says only how long it is.
    """

    def __init__(self, field: str, problem: str, value: object) -> None:
        super().__init__(f"{field}: {problem}; got {value}")
        self.field = field
        self.problem = problem
        self.value = str(value)
