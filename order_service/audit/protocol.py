"""The steps of an audit: progress, findings, and a summary at the end."""

from msgspec import Struct

from holdfast.types import State
from order_service.audit.books import Book
from order_service.audit.case import Case
from order_service.audit.stock import is_gone
from order_service.order.joint_rules import SOLD


class Progress(Struct, frozen=True):
    """How far it is, in orders; before the first, in reservations of the engine."""

    checked: int
    total: int
    reservations: int = 0


class Finding(Struct, frozen=True):
    """A row that breaks an invariant."""

    invariant: str
    row: str
    detail: str


class Unsettled(Struct, frozen=True):
    """An order that could not be proven, because it changed in every look, or because what is
    still to be done for it has not brought it to where it should be.
    """

    row: str
    detail: str


class Summary(Struct):
    """Counts of everything checked, and of the findings."""

    orders: int = 0
    lines: int = 0
    units_sold: int = 0
    """Of lines of orders that are effective, cancelled units taken off."""
    units_reserved: int = 0
    """Kept from sale for orders that are not effective yet."""
    reservations_gone: int = 0
    """Orders of which the engine keeps no reservation any more, because all of it was shipped."""
    findings: int = 0
    unsettled: int = 0
    books: list[Book] = []
    """By currency."""
    books_balance: bool = True
    reservations_of_others: int = 0
    """Reservations with units that other callers made: no order has to know them."""
    units_of_others: int = 0
    not_proven: list[str] = []
    """Sentences that say who could not be asked, and so what is not proven."""

    @property
    def ok(self) -> bool:
        """Whether no invariant is broken, all could be proven, and the books balance."""
        proven = not self.unsettled and not self.not_proven
        return not self.findings and proven and self.books_balance

    def add(self, case: Case) -> None:
        """Counts an order."""
        self.orders += 1
        self.lines += len(case.order.lines)
        if case.order.state in SOLD:
            self.units_sold += sum(line.quantity - line.cancelled for line in case.order.lines)
        for reservation in (case.reservations or {}).values():
            if reservation.state is State.RESERVED:
                self.units_reserved += sum(line.quantity for line in reservation.lines)
        self.reservations_gone += is_gone(case)


Step = Progress | Finding | Unsettled | Summary
