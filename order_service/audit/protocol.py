"""The steps of an audit: progress, findings, and a summary at the end."""

from msgspec import Struct

from holdfast.types import State
from order_service.audit.books import Book
from order_service.audit.case import Case
from order_service.audit.stock import is_gone
from order_service.order.states import SOLD


class Progress(Struct, frozen=True):
    """How far it is, in orders."""

    checked: int
    total: int


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

    @property
    def ok(self) -> bool:
        """Whether no invariant is broken, all orders could be proven, and the books balance."""
        return not self.findings and not self.unsettled and self.books_balance

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
