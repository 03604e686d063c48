"""The decisions of placing an order (O1, O2, O14). Pure.

Two changes: first it is written down that an order's stock is being reserved, with the order or,
where it has waited, by a task of it; then the order is settled, when it is known what came of that.
A crash in between leaves the first, whose task finishes the order.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from order_service.catalogue.contracts import Contracts, in_force
from order_service.catalogue.model import Article
from order_service.order.draft import Draft
from order_service.order.model import Line, Order, Remark, Task
from order_service.order.placed import ShortagePolicy
from order_service.order.refusals import RefusalReason
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import (
    ConfirmStock,
    PaymentDue,
    ReleaseStock,
    ReserveStock,
    TaskKind,
    WaitDue,
)
from order_service.payment.attempts import pay_on_delivery
from order_service.payment.facts import paid_elsewhere
from order_service.payment.methods import Methods
from order_service.placing.lines import assign_warehouses, sub_orders_of
from order_service.placing.reserving import (
    Declined,
    Reserved,
    Short,
    StockAnswer,
    method_of,
)
from order_service.placing.shortage import shortages_text
from order_service.placing.splitting import Goods, split
from order_service.placing.validation import Checked, PlaceOrder

RESERVE_AGAIN_MS: Final = 5_000
"""When the task reserves an order's stock, should the process that placed the order not have."""
ON_DELIVERY_KEY: Final = "own/on-delivery"
""""/" is in no key of a caller."""

WAITS_FOR_STOCK: Final = frozenset({OrderState.RESERVING, OrderState.BACKORDERED})
_WITHOUT_STOCK: Final = frozenset({OrderState.REJECTED, OrderState.CANCELLED})


def new_order(
    request: PlaceOrder,
    checked: Checked,
    articles: Sequence[Article],
    location: str,
    order_id: str,
    now_ms: int,
    contracts: Contracts = MappingProxyType({}),
) -> Order:
    """The order that was asked for, split by merchant. `articles[i]` is of `request.lines[i]`;
    `location` is the warehouse, where it is known before there is a look at the stock. Each part
    keeps which of its merchant's contracts is in force.
    """
    goods = [
        Goods(article.merchant_id, line.quantity * line.unit_price_minor)
        for line, article in zip(request.lines, articles, strict=True)
    ]
    shares = split(goods, request.amounts)
    contract_nos = {
        merchant_id: in_force(contracts, merchant_id, now_ms).contract_no
        for merchant_id, _ in shares.merchants
    }
    columns = zip(
        request.lines, articles, shares.sub_order_nos, shares.line_amounts_minor, strict=True
    )
    return Order(
        order_id=order_id,
        tenant=request.tenant,
        source=request.source,
        order_key=request.order_key,
        channel=request.channel,
        state=OrderState.RESERVING,
        version=0,
        buyer_id=request.buyer_id,
        currency=request.currency,
        amounts=request.amounts,
        payment_method=request.payment_method,
        shortage_policy=request.shortage_policy,
        delivery=checked.delivery,
        sub_orders=sub_orders_of(order_id, shares, contract_nos),
        fingerprint=request.fingerprint(),
        payment_due_at_ms=0,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        lines=[
            Line(
                line_no,
                sub_order_no,
                line.sku,
                article.title,
                line.quantity,
                line.unit_price_minor,
                amount_minor,
                location,
            )
            for line_no, (line, article, sub_order_no, amount_minor) in enumerate(columns, 1)
        ],
    )


def record(draft: Draft, remark: str) -> None:
    """Records a new order, with a task that finishes it should this process die."""
    if remark:
        draft.record(
            Remark(
                order_id=draft.order.order_id,
                remark_id=draft.new_id(),
                author="buyer",
                channel=draft.order.source,
                text=remark,
                at_ms=draft.now_ms,
            )
        )
    draft.send(ReserveStock(), draft.now_ms + RESERVE_AGAIN_MS)


def begin_to_reserve(draft: Draft) -> Order | None:
    """Gives a waiting order a task that finishes it, should the process that reserves for it die.

    Returns the order, which may not wait any more; None while another process is at it. The task of
    the order that waits longest is also the turn of the queue (queue.py).
    """
    order = draft.order
    if order.state is OrderState.BACKORDERED:
        if any(_is_being_done(task, draft.now_ms) for task in order.tasks):
            return None
        draft.remind(ReserveStock(), draft.now_ms + RESERVE_AGAIN_MS)
    return order


def reserving_task_of(order: Order) -> str:
    """The task that a waiting order has got by `begin_to_reserve`."""
    return next(task.task_id for task in order.tasks if task.kind == TaskKind.RESERVE)


def let_go(draft: Draft, task_id: str) -> None:
    """Takes the task of `begin_to_reserve` back, unless it was done: nothing was reserved."""
    for task in draft.order.tasks:
        if task.task_id == task_id:
            draft.done(task)


def _is_being_done(task: Task, now_ms: int) -> bool:
    """Whether stock is being reserved for a task: by the process that made it, or by a relay."""
    until_ms = max(task.created_at_ms + RESERVE_AGAIN_MS, task.lease_until_ms)
    return task.kind == TaskKind.RESERVE and not task.dead and now_ms < until_ms


def apply_stock_answer(draft: Draft, answer: StockAnswer, methods: Methods) -> Order:
    """Moves an order that waits for stock by the engine's answer. Returns the order."""
    order = draft.order
    if order.state not in WAITS_FOR_STOCK:
        if isinstance(answer, Reserved) and order.state in _WITHOUT_STOCK:
            # Two processes were at it and the other found nothing, or the buyer has cancelled.
            draft.send(ReleaseStock())
        return order
    draft.forget(TaskKind.RESERVE)
    if not isinstance(answer, Short):
        draft.forget(TaskKind.WAIT_DUE)
    match answer:
        case Reserved():
            _reserved(draft, answer, methods)
        case Short():
            _short(draft, answer)
        case Declined():
            _close(draft, answer.reason, answer.detail)
    return order


def _reserved(draft: Draft, answer: Reserved, methods: Methods) -> None:
    order = draft.order
    assign_warehouses(draft, answer.takes)
    if order.costs_nothing:
        draft.move(order, OrderEvent.STOCK_RESERVED)
        draft.move(order, OrderEvent.PAID, "it costs nothing")
        draft.send(ConfirmStock())
    elif method_of(methods, order).on_delivery:
        pay_on_delivery(draft, ON_DELIVERY_KEY, order.payment_method)
    elif method_of(methods, order).sold_at_once:
        draft.move(order, OrderEvent.STOCK_RESERVED)
        paid_elsewhere(draft)
    else:
        due_at_ms = answer.expires_at_ms - method_of(methods, order).grace_ms
        draft.move(order, OrderEvent.STOCK_RESERVED)
        draft.update(order, payment_due_at_ms=due_at_ms)
        draft.remind(PaymentDue(), due_at_ms)


def _short(draft: Draft, answer: Short) -> None:
    if draft.order.state is OrderState.BACKORDERED:
        return
    detail = shortages_text(answer.shortages)
    if draft.order.shortage_policy is ShortagePolicy.WAIT:
        draft.move(draft.order, OrderEvent.WAITS_FOR_STOCK, detail)
        give_end(draft, answer.waits_ms)
    else:
        _close(draft, RefusalReason.OUT_OF_STOCK, detail)


def give_end(draft: Draft, waits_ms: int) -> None:
    """Lets an order wait so long at most, from now."""
    if draft.order.state is OrderState.BACKORDERED:
        until_ms = draft.now_ms + waits_ms
        draft.update(draft.order, waits_until_at_ms=until_ms)
        draft.remind(WaitDue(), until_ms)


def wait_due(draft: Draft) -> None:
    """Closes an order that has waited as long as it may.

    While stock is being reserved for it, that is waited for.
    """
    if draft.order.state is not OrderState.BACKORDERED:
        return
    if any(_is_being_done(task, draft.now_ms) for task in draft.order.tasks):
        draft.send(WaitDue(), draft.now_ms + RESERVE_AGAIN_MS)
    else:
        stop_waiting(draft, RefusalReason.OUT_OF_STOCK, "no stock has come in the time of waiting")


def stop_waiting(draft: Draft, reason: RefusalReason, detail: str) -> Order:
    """Closes an order that may not wait any more, unless stock is being reserved for it; others
    stay as they are. Returns the order.
    """
    order = draft.order
    is_being_served = any(_is_being_done(task, draft.now_ms) for task in order.tasks)
    if order.state is OrderState.BACKORDERED and not is_being_served:
        draft.forget(TaskKind.RESERVE)
        draft.forget(TaskKind.WAIT_DUE)
        _close(draft, reason, detail)
    return order


def _close(draft: Draft, reason: RefusalReason, detail: str) -> None:
    order = draft.order
    if _others_may_be_at_it(draft):
        # Another process may be reserving for this order. Release gives back what it already holds;
        # a Reserve it sends later is refused by the tombstone.
        draft.send(ReleaseStock())
    draft.update(order, closed_reason=f"{reason}: {detail}")
    if order.state is OrderState.RESERVING:
        draft.move(order, OrderEvent.STOCK_SHORT, detail)
    else:
        draft.move(order, OrderEvent.CANCEL, detail)


def _others_may_be_at_it(draft: Draft) -> bool:
    """Whether another process may be reserving the order's stock, or may have and died.

    The process that places an order is alone with it until its task is due. So an order that is
    refused at once, as most are in a sale, costs the engine nothing more.
    """
    order = draft.order
    waits = order.state is OrderState.BACKORDERED
    return waits or draft.now_ms >= order.created_at_ms + RESERVE_AGAIN_MS


def refusal_of(order: Order) -> RefusalReason | None:
    """Why an order was rejected; None if it was not."""
    if order.state is not OrderState.REJECTED:
        return None
    return RefusalReason(order.closed_reason.partition(":")[0])
