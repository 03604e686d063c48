"""The kinds of parts that an order can have: one row a kind.

A part is a struct with the id of its own, `order_id`, `state` and `updated_at_ms`. To add a kind:
write its struct (model.py), its states (states.py), its machine (machines.py) and a row here, and
give it a table with a migration (storage/schema.py). Drafts, storage, history, seals and the audit
read the rows.

Everybody knows a part by an id such as `<order id>-p1`; the database keeps the order's id and the
number, which counts from 1 for each kind.
"""

from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol

from order_service.order.cases import CASE, Case
from order_service.order.chargebacks import CHARGEBACK, Chargeback
from order_service.order.intercepts import INTERCEPT, Intercept
from order_service.order.machines import INCIDENT, ORDER, PAYMENT, REFUND, SHIPMENT, Machine
from order_service.order.model import Incident, Payment, Refund, Shipment
from order_service.order.return_legs import LEG, ReturnLeg

RESERVATION_LETTER: Final = "x"
"""Taken as well: `<order id>-x1` is the reservation of what replaces shipment `<order id>-s1`
(`reservations.py`)."""
_NUMBER_MAX: Final = (1 << 15) - 1


class Stateful(Protocol):
    """An order or a part of one."""

    @property
    def state(self) -> StrEnum:
        """The state in the thing's machine."""
        ...


class PartKind(NamedTuple):
    """A kind of parts. Its machine's name names its id field (`payment_id`), too."""

    struct: type[Any]
    machine: Machine
    letter: str
    """Stands in ids, which shops and providers have stored: it never changes."""
    table: str
    rare: bool = False
    """Whether few orders have any: they are loaded with those alone (`Order.after_sales`)."""

    @property
    def id_field(self) -> str:
        """The field of the struct that has the part's id."""
        return f"{self.machine.name}_id"

    def id_of(self, part: Any) -> str:
        """The id of a part of this kind."""
        found: str = getattr(part, self.id_field)
        return found


# A kind that refers to another stands behind it: rows are written in this order.
PART_KINDS: Final[dict[type[Any], PartKind]] = {
    kind.struct: kind
    for kind in (
        PartKind(Payment, PAYMENT, "p", "payments"),
        PartKind(Refund, REFUND, "r", "refunds"),
        PartKind(Shipment, SHIPMENT, "s", "shipments"),
        PartKind(Incident, INCIDENT, "i", "incidents"),
        PartKind(Case, CASE, "c", "cases", rare=True),
        PartKind(ReturnLeg, LEG, "b", "return_legs", rare=True),
        PartKind(Intercept, INTERCEPT, "t", "intercepts", rare=True),
        PartKind(Chargeback, CHARGEBACK, "k", "chargebacks", rare=True),
    )
}


def machines() -> tuple[Machine, ...]:
    """The machines of orders and of all kinds of parts."""
    return (ORDER, *(kind.machine for kind in PART_KINDS.values()))


def letter_of(machine: str) -> str:
    """The letter in ids of the parts that a machine moves."""
    letters = (kind.letter for kind in PART_KINDS.values() if kind.machine.name == machine)
    # A newer version may have written of a kind that is not known here. Its letter is not guessed.
    return next(letters, machine)


def part_id(order_id: str, letter: str, number: int) -> str:
    """The id of a part; "" for the number 0, which is no part's."""
    return f"{order_id}-{letter}{number}" if number else ""


def part_no(part_id: str) -> int:
    """The number of a part; 0 for "", -1 for a text that is no part's id."""
    if not part_id:
        return 0
    digits = part_id.rpartition("-")[2][1:]
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= 5 else -1
    return number if number <= _NUMBER_MAX else -1


def order_id_of(part_id: str) -> str:
    """The order that a part belongs to, taken from the part's id; an order's id as it is."""
    return part_id.rpartition("-")[0] or part_id
