"""Orders that wait for money, and drafts of them."""

import random
from typing import Any

from order_service.order.draft import Draft
from order_service.order.ids import Ids
from order_service.order.model import CASH_ON_DELIVERY, Order, Payment
from order_service.order.states import OrderState
from order_service.payment.attempts import accepted, start_payment
from order_service.payment.methods import Methods, methods_of
from order_service.payment.providers.port import Fact, FactKind, Started
from tests.order_service import samples
from tests.order_service.clock import START_MS

METHODS: Methods = methods_of(["sandbox"])
CARD = "sandbox_card"
TOTAL_MINOR = 1_100
DUE_MS = 900_000


def unpaid(order_id: str = "4330000000000000000", **values: Any) -> Order:
    """An order of 1,100 CNY minor units, which can be paid for 15 minutes."""
    about = {
        "state": OrderState.AWAITING_PAYMENT,
        "payment_due_at_ms": START_MS + DUE_MS,
        "payment_method": CARD,
    }
    return samples.order(order_id, **(about | values))


def drafted(order: Order, now_ms: int = START_MS, seed: int = 1) -> Draft:
    """A draft of an order."""
    return Draft(order, "test", now_ms, Ids(random.Random(seed)))


def attempted(draft: Draft, key: str = "try-1", method: str = CARD) -> Payment:
    """Begins an attempt, which the provider accepts."""
    payment, _ = start_payment(draft, key, method, METHODS)
    return accepted(draft, payment.payment_id, Started(f"ref-{payment.payment_id}"))


def paid_at_the_door(draft: Draft) -> Payment:
    """Has an order paid to the carrier."""
    payment, _ = start_payment(draft, "door", CASH_ON_DELIVERY, METHODS)
    return payment


def captured(payment: Payment, amount_minor: int = TOTAL_MINOR, currency: str = "CNY") -> Fact:
    """The provider has taken money."""
    return Fact(
        FactKind.CAPTURED,
        payment.payment_id,
        f"ref-{payment.payment_id}",
        amount_minor,
        currency,
        START_MS,
    )


def kinds(order: Order) -> list[str]:
    """The kinds of tasks that are to be done for an order."""
    return sorted(task.kind for task in order.tasks)
