"""Attempts to pay: begun, accepted by the provider, given up (P1, P4). Pure decisions."""

from typing import Final

from msgspec import structs

from order_service.order.bounds import check_room
from order_service.order.draft import Draft
from order_service.order.machines import PAYMENT
from order_service.order.model import CASH_ON_DELIVERY, Order, Payment, Task
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import OrderEvent, OrderState, PaymentEvent, PaymentState
from order_service.order.tasks import (
    ClosePayment,
    ConfirmStock,
    KeepStock,
    PaymentDue,
    QueryPayment,
    StartPayment,
    TaskKind,
    todos,
)
from order_service.payment.methods import CASH, ELSEWHERE, Method, Methods
from order_service.payment.providers.port import Charge, Started

START_AGAIN_MS: Final = 5_000
"""When the task tells the provider of an attempt, should the process that began it not have."""
QUERY_AFTER_MS: Final = (15_000, 60_000, 300_000, 900_000, 3_600_000, 6 * 3_600_000)
"""Pauses before the provider is asked again what became of a payment; the last one is repeated
until there is nothing left to learn (reliability O2)."""
QUERY_SILENT_MAX: Final = 8
"""So often in a row a silent provider is asked, for most of a day; then it is a person's."""
START_KEY_KEPT_MS: Final = 20 * 3_600_000
"""For so long a provider surely knows that it was told of an attempt before: Stripe keeps
idempotency keys for a day."""
WATCHED_MS: Final = 24 * 3_600_000
"""For how long (more) money is expected for an attempt that was declined, given up or put into
quarantine. Afterwards reconciliation finds it."""

OPEN: Final = frozenset({PaymentState.CREATED, PaymentState.PENDING})
_WATCHED: Final = frozenset(
    {PaymentState.DECLINED, PaymentState.ABANDONED, PaymentState.QUARANTINED}
)


def start_payment(
    draft: Draft, payment_key: str, method_name: str, methods: Methods
) -> tuple[Payment, bool]:
    """Begins an attempt to pay, or finds the one of that key; the second value says which.

    An attempt that is open before is given up. The order can be paid as long as the method of the
    attempt gives. Raises Refused: KEY_REUSED, NOT_PAYABLE, UNDER_WAY (its stock is still being
    reserved), TOO_MANY.
    """
    order = draft.order
    for payment in order.payments:
        if payment.payment_key == payment_key:
            if method_name and payment.method != method_name:
                raise Refused(RefusalReason.KEY_REUSED, field="payment_key", key=payment_key)
            return payment, True
    name = method_name or order.payment_method
    method = methods.get(name)
    why = _why_not_payable(draft, name, method)
    if order.state is OrderState.RESERVING:
        detail = f"order {order.order_id} cannot be paid yet: its stock is being reserved"
        raise Refused(RefusalReason.UNDER_WAY, detail=f"{detail}. Send it again in a moment")
    if why or method is None:
        raise Refused(RefusalReason.NOT_PAYABLE, order_id=order.order_id, why=why)
    check_room(order, Payment)
    abandon_open(draft, "another attempt took its place")
    if method.on_delivery:
        return pay_on_delivery(draft, payment_key, name), False
    _keep_for(draft, name, methods)
    payment = added(draft, payment_key, name, method.provider)
    draft.send(StartPayment(payment.payment_id), draft.now_ms + START_AGAIN_MS)
    draft.remind(QueryPayment(round=0), draft.now_ms + QUERY_AFTER_MS[0])
    return payment, False


def _keep_for(draft: Draft, name: str, methods: Methods) -> None:
    """Gives the order the time of another method than the one its deadline was made for.

    From the first attempt on its stock is kept at most as long as the slowest method takes, however
    often the buyer changes.
    """
    order = draft.order
    before = order.payments[-1].method if order.payments else order.payment_method
    if name == before:
        return
    begun_at_ms = order.payments[0].created_at_ms if order.payments else draft.now_ms
    longest_ms = max(method.due_ms for method in methods.values())
    last_ms = max(begun_at_ms + longest_ms, order.payment_due_at_ms)
    due_at_ms = min(draft.now_ms + methods[name].due_ms, last_ms)
    if order.waits_until_at_ms:  # it has waited for its stock, and has longer to pay
        due_at_ms = max(due_at_ms, order.payment_due_at_ms)
    draft.update(order, payment_due_at_ms=due_at_ms)
    draft.remind(PaymentDue(), due_at_ms)
    draft.remind(KeepStock(due_at_ms + methods[name].grace_ms), draft.now_ms)


def pay_on_delivery(draft: Draft, payment_key: str, method_name: str) -> Payment:
    """Makes an order effective that is paid at the door (货到付款, O3); its stock is confirmed."""
    payment = added(draft, payment_key, method_name, CASH)
    draft.move(payment, PaymentEvent.ACCEPTED, "waits for the carrier's report")
    draft.update(draft.order, payment_method=method_name)
    draft.move(draft.order, OrderEvent.PAYS_ON_DELIVERY)
    draft.forget(TaskKind.PAYMENT_DUE)
    draft.send(ConfirmStock())
    return payment


def accepted(draft: Draft, payment_id: str, started: Started) -> Payment:
    """Notes that the provider knows an attempt. One that was given up meanwhile is closed there."""
    payment = draft.order.payment(payment_id)
    forget_start(draft, payment_id)
    if not payment.provider_ref:
        draft.update(payment, provider_ref=started.provider_ref)
    if payment.state is PaymentState.CREATED:
        draft.move(payment, PaymentEvent.ACCEPTED)
    elif payment.state is PaymentState.ABANDONED:
        draft.send(ClosePayment(payment_id))
    return payment


def abandon_open(draft: Draft, why: str) -> None:
    """Gives up every open attempt, and has its provider close it."""
    for payment in open_payments(draft.order):
        abandon(draft, payment, why)
        if payment.provider != CASH:
            draft.send(ClosePayment(payment.payment_id))


def abandon(draft: Draft, payment: Payment, why: str) -> None:
    """Gives up one open attempt. Money that comes for it all the same is not lost."""
    draft.move(payment, PaymentEvent.ABANDON, why)
    forget_start(draft, payment.payment_id)


def forget_start(draft: Draft, payment_id: str) -> None:
    """Takes back the task that tells the provider of an attempt."""
    for task, start in todos(draft.order, StartPayment):
        if start.payment_id == payment_id:
            draft.done(task)


def open_payments(order: Order) -> list[Payment]:
    """The attempts that wait for the buyer or the carrier: one at most, once a decision is done."""
    return [payment for payment in order.payments if payment.state in OPEN]


def payments_to_ask_about(order: Order, now_ms: int) -> list[Payment]:
    """The payments about which a provider may have news."""
    return [
        payment
        for payment in order.payments
        if payment.provider != CASH
        and (
            payment.state in OPEN
            or (payment.state in _WATCHED and now_ms - payment.updated_at_ms < WATCHED_MS)
        )
    ]


def query_again(draft: Draft, round_no: int, silent: Task | None = None) -> None:
    """Has the providers asked for the next time, if there is anything left to learn.

    `silent` is the task that has asked, where a provider has not answered.
    """
    draft.forget(TaskKind.QUERY_PAYMENT)
    if not payments_to_ask_about(draft.order, draft.now_ms):
        return
    again, after_ms = QueryPayment(round_no), QUERY_AFTER_MS[-1]
    if round_no < len(QUERY_AFTER_MS):
        after_ms = QUERY_AFTER_MS[round_no]
    if silent is None:
        draft.send(again, draft.now_ms + after_ms)
    else:
        is_last = silent.attempts + 1 >= QUERY_SILENT_MAX
        why = "a payment provider does not answer"
        draft.again(silent, draft.now_ms + after_ms, why, payload=again, last=is_last)


def is_forgotten(payment: Payment, now_ms: int) -> bool:
    """Whether a provider may have forgotten that it was told of an attempt: it is asked first."""
    return now_ms - payment.created_at_ms >= START_KEY_KEPT_MS


def charge_of(order: Order, payment: Payment) -> Charge:
    """The description of a payment for its provider."""
    return Charge(
        payment_id=payment.payment_id,
        provider_ref=payment.provider_ref,
        amount_minor=payment.amount_minor,
        currency=order.currency,
        method=payment.method,
    )


def captured_charge_of(order: Order, payment: Payment) -> Charge:
    """The description of the money that was captured, which may be in another currency."""
    return structs.replace(
        charge_of(order, payment),
        amount_minor=payment.captured_minor,
        currency=payment.captured_currency,
    )


def quarantine_cash(draft: Draft, amount_minor: int, currency: str, waybill: str) -> None:
    """Makes a payment of cash that nobody asked for, where a person sees it: in quarantine."""
    key = f"own/cash-{len(draft.order.payments) + 1}"
    payment = added(draft, key, CASH_ON_DELIVERY, CASH)
    draft.update(
        payment,
        provider_ref=waybill,
        amount_minor=0,
        captured_minor=amount_minor,
        captured_currency=currency,
        captured_at_ms=draft.now_ms,
    )
    draft.move(payment, PaymentEvent.MISMATCH, "the order is not paid at the door")


def _why_not_payable(draft: Draft, name: str, method: Method | None) -> str:
    order = draft.order
    if method is None:
        return f"there is no payment method {name}"
    if order.state is not OrderState.AWAITING_PAYMENT:
        return f"it is {order.state}"
    if any(task.kind == TaskKind.CANCEL_ORDER for task in order.tasks):
        return "it is to be cancelled"
    if draft.now_ms >= order.payment_due_at_ms:
        return "its payment was due"
    if order.costs_nothing:
        return "it costs nothing"
    if method.provider == ELSEWHERE:
        return f"{name} is for what was paid before"
    return ""


def added(draft: Draft, payment_key: str, method_name: str, provider: str) -> Payment:
    """A new attempt, of which its provider does not know yet."""
    payment = Payment(
        payment_id=draft.next_part_id(Payment),
        payment_key=payment_key,
        order_id=draft.order.order_id,
        state=PaymentState(PAYMENT.first),
        method=method_name,
        provider=provider,
        provider_ref="",
        amount_minor=draft.order.amounts.total_minor,
        captured_minor=0,
        captured_currency="",
        captured_at_ms=0,
        refunded_minor=0,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )
    draft.add(payment)
    return payment
