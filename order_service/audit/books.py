"""The books: what was captured and what went back, added up on both sides, by currency."""

from collections.abc import Iterable

from msgspec import Struct

from order_service.audit.case import Case, Entry
from order_service.audit.statements import (
    is_paid_back_by_hand,
    refunds_of_providers,
    sent_back_here,
)
from order_service.order.states import PaymentState
from order_service.payment.methods import BY_HAND
from order_service.payment.providers.port import FactKind


class Book(Struct):
    """The sums of one currency, in minor units."""

    currency: str
    captured_minor: int = 0
    """Taken by providers for orders, also what went back since; quarantine apart."""
    quarantined_minor: int = 0
    """Taken by providers in a wrong amount or currency: it waits for a person."""
    refunded_minor: int = 0
    """Sent back by providers, as our books have it."""
    cash_minor: int = 0
    """Collected by carriers, quarantine included. No provider has it."""
    refunded_by_hand_minor: int = 0
    """Sent back by a person, because the provider would not or it was cash; or kept by a bank."""
    provider_captured_minor: int = 0
    """Taken, as the providers have it."""
    provider_refunded_minor: int = 0
    """Sent back, as the providers have it."""

    @property
    def balances(self) -> bool:
        """Whether both sides have the same."""
        return (
            self.captured_minor + self.quarantined_minor == self.provider_captured_minor
            and self.refunded_minor == self.provider_refunded_minor
        )


class Books:
    """The sums of all cases that were added."""

    def __init__(self) -> None:
        self._books: dict[str, Book] = {}

    def add(self, case: Case) -> None:
        """Adds the money of an order, and what providers have for it."""
        for payment in case.order.payments:
            if payment.captured_minor:
                book = self._of(payment.captured_currency)
                if payment.provider in BY_HAND:
                    book.cash_minor += payment.captured_minor
                elif payment.state is PaymentState.QUARANTINED:
                    book.quarantined_minor += payment.captured_minor
                else:
                    book.captured_minor += payment.captured_minor
        heard = case._replace(silent=frozenset())
        of_provider = {refund.refund_id for refund in refunds_of_providers(heard)}
        for refund in case.order.refunds:
            for currency, minor in sent_back_here(case, refund).items():
                book = self._of(currency)
                if refund.refund_id in of_provider and not is_paid_back_by_hand(case, refund):
                    book.refunded_minor += minor
                else:
                    book.refunded_by_hand_minor += minor
        self.add_entries(case.entries or ())

    def add_entries(self, entries: Iterable[Entry]) -> None:
        """Adds what providers have."""
        for _, fact in entries:
            book = self._of(fact.currency)
            if fact.kind is FactKind.CAPTURED:
                book.provider_captured_minor += fact.amount_minor
            else:
                book.provider_refunded_minor += fact.amount_minor

    def closed(self) -> list[Book]:
        """The sums, by currency."""
        return [self._books[currency] for currency in sorted(self._books)]

    def _of(self, currency: str) -> Book:
        return self._books.setdefault(currency, Book(currency))
