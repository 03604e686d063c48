"""Does the tasks of payments: tells and asks providers, and has them send money back.

Each returns the decision that follows, or raises TryLater; each may be done twice.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Final

import structlog

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import Outcome
from holdfast.types import Result
from order_service.engine_clock import EngineClock
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Payment
from order_service.order.records import MoneyCaseKind
from order_service.order.states import OrderState, PaymentState, RefundState
from order_service.order.tasks import (
    ClosePayment,
    ExpireReservation,
    KeepStock,
    LearnRefunds,
    PaymentDue,
    QueryPayment,
    SendRefund,
    StartPayment,
    Todo,
)
from order_service.payment.asking import (
    EXPIRES_IN_MS,
    all_answered,
    ask,
    close_open,
    extension_ms,
    learn_all,
    may_still_pay,
    payment_due,
)
from order_service.payment.attempts import (
    accepted,
    captured_charge_of,
    charge_of,
    is_forgotten,
    payments_to_ask_about,
    query_again,
)
from order_service.payment.cases import open_case
from order_service.payment.facts import UnknownPayment, learn
from order_service.payment.methods import BY_HAND
from order_service.payment.providers.port import (
    Fact,
    FactKind,
    Provider,
    ProviderRefuses,
    Providers,
    ProviderUnreachable,
)
from order_service.payment.refunds import refund_again
from order_service.relay.handler import Learned, NotHere, TryLater, handles

log = structlog.get_logger()

CLOSE_AGAIN_MS: Final = 3_600_000


class PaymentTasks:
    """Does the tasks of payments. `client` reaches the engine."""

    def __init__(self, providers: Providers, client: Client, clock: EngineClock) -> None:
        self._providers = providers
        self._client = client
        self._clock = clock

    @handles(StartPayment)
    async def start(self, order: Order, todo: Todo[StartPayment]) -> Decide | None:
        """Tells a provider of a payment, unless that was done."""
        payment = order.payment(todo.payload.payment_id)
        if payment.state is not PaymentState.CREATED:
            return None
        try:
            with self._provider(payment) as provider:
                if is_forgotten(payment, self._clock.now_ms()):
                    found = await provider.query(charge_of(order, payment))
                    if found.kind is not FactKind.UNKNOWN:
                        return Learned(partial(learn, provider=payment.provider, fact=found))
                started = await provider.start(charge_of(order, payment))
        except ProviderRefuses:
            fact = Fact(FactKind.DECLINED, payment.payment_id)
            return Learned(partial(learn, provider=payment.provider, fact=fact))
        return Learned(partial(accepted, payment_id=payment.payment_id, started=started))

    @handles(QueryPayment)
    async def query(self, order: Order, todo: Todo[QueryPayment]) -> Decide | None:
        """Asks the providers what became of an order's payments, and when to ask again."""
        payments = payments_to_ask_about(order, self._clock.now_ms())
        self._check_set_up(payments)
        answers = await ask(self._providers, order, payments)
        silent = None if all_answered(answers) else todo.task
        again = partial(query_again, round_no=todo.payload.round + 1, silent=silent)
        return Learned(partial(learn_all, answers=answers), again)

    @handles(ClosePayment)
    async def close(self, order: Order, todo: Todo[ClosePayment]) -> Decide | None:
        """Has the provider close a payment that was given up."""
        payment = order.payment(todo.payload.payment_id)
        if payment.state is not PaymentState.ABANDONED:
            return None
        with self._provider(payment) as provider:
            fact = await provider.close(charge_of(order, payment))

        def close_again(draft: Draft) -> None:
            if fact.kind is not FactKind.OPEN:
                return
            # A bank is at it. Asking about the payment ends after some time, and so does this.
            if payment in payments_to_ask_about(order, draft.now_ms):
                why = f"{payment.provider} cannot close it yet"
                draft.again(todo.task, draft.now_ms + CLOSE_AGAIN_MS, why, last=False)
            else:
                why = f"{payment.provider} has not closed it for a day: money may still come"
                open_case(draft, MoneyCaseKind.NOT_CLOSED, payment, fact, why)

        return Learned(partial(learn, provider=payment.provider, fact=fact), close_again)

    @handles(SendRefund)
    async def refund(self, order: Order, todo: Todo[SendRefund]) -> Decide | None:
        """Has the provider send money back."""
        refund = order.refund(todo.payload.refund_id)
        payment = order.payment(refund.payment_id)
        if refund.state is not RefundState.REQUESTED:
            return None
        if payment.provider in BY_HAND:
            # No provider can send it: a person pays it back, and settles the refund.
            fact = Fact(FactKind.REFUND_FAILED, payment.payment_id, refund_id=refund.refund_id)
            return partial(learn, provider=payment.provider, fact=fact)
        charge, attempt = captured_charge_of(order, payment), todo.payload.attempt
        with self._provider(payment) as provider:
            fact = await provider.refund(charge, refund.refund_id, refund.amount_minor, attempt)

        def learned(draft: Draft) -> None:
            is_over = draft.order.refund(refund.refund_id).state is not RefundState.REQUESTED
            if is_over and fact.kind is FactKind.REFUND_FAILED:
                return  # it speaks of this attempt, and another process has learned more since
            learn(draft, payment.provider, fact)

        def ask_again(draft: Draft) -> None:
            if fact.kind is FactKind.OPEN:
                refund_again(draft, todo.task, refund.refund_id)

        return Learned(learned, ask_again)

    @handles(LearnRefunds)
    async def learn_refunds(self, order: Order, todo: Todo[LearnRefunds]) -> Decide | None:
        """Asks which refunds of a payment were made at its provider."""
        payment = order.payment(todo.payload.payment_id)
        with self._provider(payment) as provider:
            facts = await provider.refunds(charge_of(order, payment))

        def learned(draft: Draft) -> None:
            for fact in facts:
                with suppress(UnknownPayment):  # under a number that is not ours
                    learn(draft, payment.provider, fact)

        return Learned(learned)

    @handles(PaymentDue)
    async def due(self, order: Order, todo: Todo[PaymentDue]) -> Decide | None:
        """Has the providers close all attempts to pay an order, and closes it if none paid.

        A provider that is not set up here is another process's to ask, first; then it is silent.
        """
        if order.state is not OrderState.AWAITING_PAYMENT:
            return None
        if not todo.task.attempts:
            self._check_set_up(may_still_pay(order))
        answers = await close_open(self._providers, order)
        for_ms = extension_ms(todo.task.attempts)
        if for_ms and not all_answered(answers):
            await self._extend(order, for_ms)
        learned = partial(learn_all, answers=answers)
        return Learned(learned, partial(payment_due, answers=answers, task=todo.task))

    @handles(ExpireReservation)
    async def expire(self, order: Order, _todo: Todo[ExpireReservation]) -> Decide | None:
        """Brings the deadline of a reservation forward that nobody has paid for.

        Whatever else became of the reservation meanwhile is left as it is. Where the engine does
        not take the deadline, the reservation has expired by itself before all attempts are made.
        """
        if order.state is not OrderState.EXPIRED:
            return None
        await self._expire_in(order, EXPIRES_IN_MS)
        return None

    @handles(KeepStock)
    async def keep(self, order: Order, todo: Todo[KeepStock]) -> Decide | None:
        """Moves the deadline of a reservation to that of the method that is tried now.

        One that has passed is left alone, and a reservation that is over as it is: money that comes
        for it takes the stock again.
        """
        left_ms = todo.payload.expires_at_ms - self._clock.now_ms()
        if order.state is OrderState.AWAITING_PAYMENT and left_ms > 0:
            await self._expire_in(order, left_ms)
        return None

    async def _extend(self, order: Order, for_ms: int) -> None:
        """Keeps the stock until the provider can be asked again."""
        try:
            result = await self._expire_in(order, for_ms)
        except HoldfastError as error:
            outcome = error.code.name
        else:
            outcome = result.outcome.name
        log.warning(
            "a provider is silent at the due time of an order: it stays open",
            order_id=order.order_id,
            extended=outcome,
        )

    async def _expire_in(self, order: Order, after_ms: int) -> Result:
        """Moves the deadline of a reservation to a while from now, by the clock that judges it."""
        asked_at_ms = self._clock.now_ms()
        try:
            found = await self._client.get_reservation(order.reservation_id, tenant=order.tenant)
        except HoldfastError as error:
            if error.reason is Reason.RESERVATION_NOT_FOUND:
                return Result(Outcome.NOT_FOUND)
            raise
        expires_at_ms = self._clock.there_ms(found, asked_at_ms) + after_ms
        return await self._client.extend(order.reservation_id, expires_at_ms, tenant=order.tenant)

    def _check_set_up(self, payments: Iterable[Payment]) -> None:
        """Raises NotHere where this process does not know the provider of one."""
        for payment in payments:
            if payment.provider not in (*BY_HAND, *self._providers):
                raise NotHere(f"provider {payment.provider} is not set up here")

    @contextmanager
    def _provider(self, payment: Payment) -> Iterator[Provider]:
        """The provider of a payment, while it is asked something."""
        self._check_set_up([payment])
        try:
            yield self._providers[payment.provider]
        except ProviderUnreachable as error:
            raise TryLater(f"{payment.provider} does not answer: {error}") from error
