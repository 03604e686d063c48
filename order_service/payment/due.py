"""Closes an order that was not paid in time (O2, P2). Pure decisions.

Its reservation is not released but made to expire, so that its units are on sale at once and money
which comes late can take the same reservation's stock again.
"""

from collections.abc import Sequence
from typing import Final

from order_service.order.draft import Draft
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import ExpireReservation, PaymentDue
from order_service.payment.asking import Answer, learn_all, unanswered
from order_service.payment.attempts import abandon_open

ASK_AGAIN_MS: Final = 30_000
EXTENSION_MS: Final = 120_000
"""So long the stock is kept for an order whose provider does not answer, each time anew."""

EXPIRES_IN_MS: Final = 1_000
"""So soon the reservation of an order that was not paid expires: the engine takes only deadlines
that are ahead of its own clock, which may be ahead of ours."""


def payment_due(draft: Draft, answers: Sequence[Answer]) -> None:
    """Closes the order unless it was paid, given what the providers answered when asked to close.

    An order with an attempt whose provider has not answered is not closed, but asked for again.
    """
    learn_all(draft, answers)
    order = draft.order
    if order.state is not OrderState.AWAITING_PAYMENT:
        return
    if unanswered(order, answers):
        draft.remind(PaymentDue(), draft.now_ms + ASK_AGAIN_MS)
        return
    draft.move(order, OrderEvent.PAYMENT_OVERDUE)
    abandon_open(draft, "the payment was due")
    draft.send(ExpireReservation())
