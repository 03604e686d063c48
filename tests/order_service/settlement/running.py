"""The running example of the specification, order X, with the books that its changes make.

Two units for 9,600, a coupon of 600 of which the platform pays 400, freight 1,000: 10,000 to pay.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from order_service.catalogue.contracts import Contract
from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.journals import SIDES, Journal, account_of
from order_service.order.model import Line, Order, Payment, Refund, Shipment, ShipmentLine
from order_service.order.placed import Amounts, SubOrder
from order_service.order.states import OrderState, PaymentState, ShipmentState
from order_service.payment.facts import learn
from order_service.payment.paying_back import PayBack
from order_service.payment.providers.port import Fact, FactKind
from order_service.settlement.earning import earn
from order_service.settlement.posting import post
from tests.order_service.samples import A, order, payment

RATES = Contract(commission_bp=500, service_fee_bp=60, coupon_bp=6_667)
M = "merchant:m"
_AMOUNTS = Amounts(9_600, 0, 600, 1_000, 0, 10_000)


def order_x(**values: Any) -> Order:
    """X, to be paid."""
    given = {
        "amounts": _AMOUNTS,
        "sub_orders": (SubOrder(f"{A}.1", "m", _AMOUNTS),),
        "lines": [Line(1, 0, "SKU-1", "A thing", 2, 4_800, 9_000)],
        "state": OrderState.AWAITING_PAYMENT,
        "payments": [payment(amount_minor=10_000, state=PaymentState.PENDING)],
    }
    return order(**{**given, **values})


class Books:
    """An order with the sums of all that its changes have posted, by the accounts' names."""

    def __init__(self, found: Order | None = None, terms: Contract = RATES) -> None:
        self.order = found or order_x()
        self.terms = terms
        self.journals: list[Journal] = []
        self.sums: Counter[str] = Counter()
        self._ids = Ids(random.Random(1))
        self.now_ms = self.order.updated_at_ms

    def change(self, decide: Callable[[Draft], object]) -> list[str]:
        """Makes a change. Returns the kinds of the journals that it has made."""
        self.now_ms += 1
        draft = Draft(self.order, "test", self.now_ms, self._ids)
        decide(draft)
        post(draft, lambda _tenant, _part: self.terms)
        draft.finish()
        return self.add(draft.journals)

    def add(self, journals: Iterable[Journal]) -> list[str]:
        """Adds journals to the sums, as the database would take them."""
        kinds = []
        for journal in journals:
            assert sum(amount for _, amount in journal.postings) == 0
            assert len(journal.postings) > 1
            assert journal.once_key not in {other.once_key for other in self.journals}
            self.journals.append(journal)
            for account, amount_minor in journal.postings:
                self.sums[account.name] += amount_minor
            kinds.append(str(journal.kind))
        for name, sum_minor in self.sums.items():
            assert sum_minor * SIDES.get(account_of(name).kind, 0) >= 0, (name, sum_minor)
        return kinds

    def held(self) -> dict[str, int]:
        """The accounts that are not even, a credit above 0 where that is their side."""
        return {name: abs(minor) for name, minor in self.sums.items() if minor}

    @property
    def due(self) -> int:
        """The money that is owed to the merchant; below 0 what the merchant owes."""
        return -self.sums[M]

    def capture(self, number: int = 1, amount_minor: int = 10_000) -> list[str]:
        """Has a payment's provider take its money."""
        fact = Fact(FactKind.CAPTURED, f"{A}-p{number}", "ref", amount_minor, "CNY", self.now_ms)
        return self.change(lambda draft: learn(draft, "sandbox", fact))

    def earn(self, number: int = 0) -> list[str]:
        """Has a merchant earn its part."""
        return self.change(lambda draft: earn(draft, number, self.terms))

    def refund(self, units: int = 1) -> Refund:
        """Units are refunded."""

        def decide(draft: Draft) -> None:
            back = PayBack(draft)
            back.units(draft.order.lines[0], units)
            back.send(f"key-{len(draft.order.refunds)}", "why")

        self.change(decide)
        return self.order.refunds[-1]

    def reported(self, refund: Refund, kind: FactKind, amount_minor: int = -1) -> list[str]:
        """Has the provider say what became of a refund."""
        said_minor = refund.amount_minor if amount_minor < 0 else amount_minor
        said = (said_minor, "CNY") if kind is FactKind.REFUNDED else (0, "")
        fact = Fact(kind, "", f"ref-{self.now_ms}", *said, refund_id=refund.refund_id)
        return self.change(lambda draft: learn(draft, "sandbox", fact))

    def disputed(self, kind: FactKind, amount_minor: int = 10_000, fee_minor: int = 0) -> list[str]:
        """Has the provider say what a bank does about the first payment."""
        about = (f"{A}-p1", "dp_1", amount_minor, "CNY")
        fact = Fact(kind, *about, fee_minor=fee_minor)
        return self.change(lambda draft: learn(draft, "sandbox", fact))


def earned(terms: Contract = RATES) -> Books:
    """X, paid and earned."""
    books = Books(terms=terms)
    books.capture()
    books.earn()
    return books


def second_payment(books: Books) -> Payment:
    """Another attempt to pay, which was given up."""
    made = payment(f"{A}-p2", amount_minor=10_000, state=PaymentState.ABANDONED)
    books.order.add(made)
    return made


def old(found: Order) -> Order:
    """The order as a version without a ledger has left it."""
    for each in found.payments:
        each.booked = False
    return found


def parcel(found: Order, number: int = 0) -> Shipment:
    """A delivered parcel of all of a merchant's part."""
    line = found.lines[number]
    lines = (ShipmentLine(line.line_no, line.sku, line.quantity),)
    return Shipment(
        shipment_id=f"{A}-s{number + 1}",
        order_id=A,
        sub_order_no=number,
        state=ShipmentState.DELIVERED,
        location="default",
        lines=lines,
        zone="",
        wave_id="",
        carrier="sf",
        service="",
        waybill="SF1",
        weight_g=0,
        freight_minor=0,
        created_at_ms=found.created_at_ms,
        updated_at_ms=found.created_at_ms,
        delivered_at_ms=found.created_at_ms,
    )
