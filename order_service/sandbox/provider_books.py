"""The books of the sandbox provider: payments that were announced, captured and sent back.

Kept in memory and written through to a SQLite file, so that they are there again at the next start.
What a payment's fact says is cumulative, as the port of the order service has it.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any, Final

import msgspec

from order_service.sandbox.answering import Problem

STATEMENT_PAGE: Final = 500


class SandboxRefund(msgspec.Struct):
    """Money that was sent back, or refused to be."""

    refund_id: str
    provider_ref: str
    amount_minor: int
    done: bool
    at_ms: int


class SandboxPayment(msgspec.Struct):
    """A payment, as the provider knows it."""

    number: int
    payment_id: str
    provider_ref: str
    amount_minor: int
    currency: str
    method: str
    kind: str = "OPEN"
    """OPEN, CAPTURED, DECLINED or CLOSED."""
    captured_minor: int = 0
    captured_currency: str = ""
    captured_at_ms: int = 0
    refunds: list[SandboxRefund] = msgspec.field(default_factory=list)

    @property
    def left_minor(self) -> int:
        """The captured money that was not sent back."""
        return self.captured_minor - sum(each.amount_minor for each in self.refunds if each.done)

    def fact(self) -> dict[str, Any]:
        """The provider's statement of the payment."""
        return {
            "kind": self.kind,
            "payment_id": self.payment_id,
            "provider_ref": self.provider_ref,
            "amount_minor": self.captured_minor,
            "currency": self.captured_currency or self.currency,
            "at_ms": self.captured_at_ms,
            "refund_id": "",
        }

    def refund_fact(self, refund: SandboxRefund) -> dict[str, Any]:
        """The provider's statement of a refund of the payment."""
        return self.fact() | {
            "kind": "REFUNDED" if refund.done else "REFUND_FAILED",
            "provider_ref": refund.provider_ref,
            "amount_minor": refund.amount_minor,
            "at_ms": refund.at_ms,
            "refund_id": refund.refund_id,
            "payment_ref": self.provider_ref,
        }


class Books:
    """All payments of a sandbox provider. `path` "" keeps them in memory only."""

    def __init__(self, path: str) -> None:
        self._file = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=NORMAL")
        self._file.execute(
            "CREATE TABLE IF NOT EXISTS payments (number INTEGER PRIMARY KEY, body BLOB NOT NULL)"
        )
        rows = self._file.execute("SELECT body FROM payments ORDER BY number")
        decoder = msgspec.json.Decoder(SandboxPayment)
        self._payments = {
            payment.payment_id: payment for payment in (decoder.decode(row[0]) for row in rows)
        }
        self._by_ref = {payment.provider_ref: payment for payment in self._payments.values()}

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def start(
        self, payment_id: str, amount_minor: int, currency: str, method: str
    ) -> SandboxPayment:
        """A payment that waits for its buyer, once per `payment_id`. Raises Problem."""
        known = self._payments.get(payment_id)
        if known is not None:
            if (known.amount_minor, known.currency) != (amount_minor, currency):
                raise Problem(409, "payment_id was used before for another payment")
            return known
        number = len(self._payments) + 1
        payment = SandboxPayment(
            number, payment_id, f"sbx_{number:08d}", amount_minor, currency, method
        )
        self._payments[payment_id] = payment
        self._by_ref[payment.provider_ref] = payment
        self._save(payment)
        return payment

    def find(self, number: str) -> SandboxPayment | None:
        """The payment of one of our numbers or one of its own."""
        return self._by_ref.get(number) or self._payments.get(number)

    def newest(self, count: int) -> list[SandboxPayment]:
        """The payments that were announced last, the newest first."""
        return list(islice(reversed(self._payments.values()), count))

    def newest_of(self, order_id: str) -> SandboxPayment | None:
        """The newest payment of an order, by the ids that the order service gives."""
        payments = reversed(self._payments.values())
        return next((it for it in payments if it.payment_id.startswith(f"{order_id}-")), None)

    def capture(
        self, payment: SandboxPayment, amount_minor: int, currency: str, now_ms: int
    ) -> None:
        """Takes money: more of it, if some was taken before."""
        payment.kind = "CAPTURED"
        payment.captured_minor += amount_minor
        payment.captured_currency = currency
        payment.captured_at_ms = payment.captured_at_ms or now_ms
        self._save(payment)

    def end(self, payment: SandboxPayment, kind: str) -> None:
        """Ends an open payment as DECLINED or CLOSED."""
        if payment.kind == "OPEN":
            payment.kind = kind
            self._save(payment)

    def refund(
        self,
        payment: SandboxPayment,
        refund_id: str,
        amount_minor: int,
        now_ms: int,
        *,
        refuse: bool,
    ) -> SandboxRefund:
        """Sends money back, once per `refund_id`. Raises Problem."""
        for known in payment.refunds:
            if known.refund_id == refund_id and known.done:
                if known.amount_minor != amount_minor:
                    raise Problem(409, "refund_id was used before for another refund")
                return known
        done = not refuse and amount_minor <= payment.left_minor
        reference = f"{payment.provider_ref}_r{len(payment.refunds) + 1}"
        refund = SandboxRefund(refund_id, reference, amount_minor, done, now_ms)
        payment.refunds.append(refund)
        self._save(payment)
        return refund

    def statement(self, day: date, after: int) -> tuple[list[dict[str, Any]], str]:
        """A page of what happened on a day in UTC, and where the next one begins; "" at the end."""
        page: list[dict[str, Any]] = []
        for payment in self._payments.values():
            if payment.number > after:
                page.extend(_on_day(payment, day))
                if len(page) >= STATEMENT_PAGE:
                    return page, str(payment.number)
        return page, ""

    def sums(self) -> dict[str, Any]:
        """Sums for an audit: minor units captured and sent back, by currency."""
        captured: dict[str, int] = defaultdict(int)
        refunded: dict[str, int] = defaultdict(int)
        for payment in self._payments.values():
            if payment.captured_minor:
                captured[payment.captured_currency] += payment.captured_minor
            for refund in payment.refunds:
                if refund.done:
                    refunded[payment.captured_currency] += refund.amount_minor
        return {
            "payments": len(self._payments),
            "captured_minor": captured,
            "refunded_minor": refunded,
        }

    def _save(self, payment: SandboxPayment) -> None:
        self._file.execute(
            "INSERT OR REPLACE INTO payments VALUES (?, ?)",
            (payment.number, msgspec.json.encode(payment)),
        )


def _on_day(payment: SandboxPayment, day: date) -> Iterator[dict[str, Any]]:
    if payment.captured_minor and day_of(payment.captured_at_ms) == day:
        yield payment.fact()
    for refund in payment.refunds:
        if refund.done and day_of(refund.at_ms) == day:
            yield payment.refund_fact(refund)


def day_of(at_ms: int) -> date:
    """The day in UTC of a time."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at_ms)).date()
