"""Rules that hold of a shop at any time, and states that its orders may be in at the end.

The audit has these rules, too. Here they are written a second time, over the database, the engine
and the provider's own books, so that a rule that the audit has wrong is noticed.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from order_service.order.joint_rules import broken_rule
from order_service.order.model import CASH_ON_DELIVERY, Order, Payment
from order_service.order.refund_rows import RefundWhat
from order_service.order.states import (
    IncidentState,
    OrderState,
    PaymentState,
    RefundState,
    ShipmentState,
)
from order_service.order.tasks import TaskKind
from order_service.payment.attempts import OPEN
from order_service.payment.methods import CASH
from tests.order_service.model.world import PRICES_MINOR, World

_O = OrderState
CLOSED: Final = frozenset({_O.REJECTED, _O.EXPIRED, _O.CANCELLED})
LAST: Final = CLOSED | {_O.COMPLETED, _O.BACKORDERED}
"""Where an order may be when nobody has anything left to do."""
SOLD: Final = frozenset(
    {_O.CONFIRMED, _O.IN_FULFILMENT, _O.PARTLY_SHIPPED, _O.SHIPPED, _O.DELIVERED, _O.COMPLETED}
)
_IN_HAND: Final = frozenset({ShipmentState.PLANNED, ShipmentState.PICKED, ShipmentState.LABELLED})
# A carrier does not take a waybill back for what it has collected: somebody has to call it.
_MAY_BE_DEAD: Final = frozenset({TaskKind.VOID_LABEL})


async def check_now(world: World, orders: Sequence[Order]) -> None:
    """No oversell, no money too much on its way back, nothing that must not be raised."""
    for process in world.processes:
        assert not process.relay.surprises, process.relay.surprises
    for order in orders:
        assert broken_rule(order.together) is None, order
        for payment in order.payments:
            _check_money(world, order, payment)
    await _check_stock(world, orders)


def check_closing(world: World, earlier: Order, order: Order) -> None:
    """No order is closed while its provider has its money: it is asked before."""
    if earlier.state is not _O.AWAITING_PAYMENT or order.state not in CLOSED:
        return
    for before in earlier.payments:
        payment = order.payment(before.payment_id)
        there = world.provider_app.books.find(payment.payment_id)
        if before.state in OPEN and payment.state is PaymentState.ABANDONED and there is not None:
            assert there.captured_minor == 0, (order, there)


def _check_money(world: World, order: Order, payment: Payment) -> None:
    """The provider knows of a payment all that we know, and no more goes back than came."""
    assert 0 <= payment.refunded_minor <= payment.captured_minor, order
    there = world.provider_app.books.find(payment.payment_id)
    if payment.provider == CASH or there is None:
        return
    assert payment.captured_minor <= there.captured_minor, (order, there)
    assert there.left_minor >= 0, (order, there)
    asked = {refund.refund_id: refund.amount_minor for refund in order.refunds}
    sent = Counter(refund.refund_id for refund in there.refunds if refund.done)
    for refund in there.refunds:
        assert asked[refund.refund_id] == refund.amount_minor, (order, there)
        assert sent[refund.refund_id] <= 1, (order, there)


async def _check_stock(world: World, orders: Sequence[Order]) -> None:
    """Every unit is on hand, has left in a parcel or was not found, once; sold at most once."""
    on_hand, taken = Counter[str](), Counter[str]()
    for level in await world.engine.get_stock(*PRICES_MINOR):
        assert min(level.on_hand, level.reserved, level.confirmed, level.available) >= 0, level
        assert level.reserved + level.confirmed <= level.on_hand, level
        on_hand[level.sku] += level.on_hand
        taken[level.sku] += level.confirmed
    gone, to_leave = Counter[str](), Counter[str]()
    for order in orders:
        for parcel in order.shipments:
            for packed in parcel.lines if parcel.shipped_at_ms or parcel.missing else ():
                gone[packed.sku] += packed.quantity
            for packed in parcel.lines if parcel.state is ShipmentState.SOURCING else ():
                to_leave[packed.sku] -= packed.quantity
        for line in order.lines if order.state in SOLD else ():
            to_leave[line.sku] += line.quantity - line.shipped - line.cancelled
    for sku in PRICES_MINOR:
        # A parcel may be gone, and the engine has not heard of it yet.
        assert world.put_in[sku] - gone[sku] <= on_hand[sku] <= world.put_in[sku], (sku, orders)
        assert to_leave[sku] <= taken[sku], (sku, orders)


async def check_end(world: World, orders: Sequence[Order]) -> None:
    """No order is stuck, and all money is an order's, on its way to nobody."""
    queue = [order for order in orders if order.state is _O.BACKORDERED]
    for order in orders:
        dead = [task for task in order.tasks if task.kind not in _MAY_BE_DEAD]
        assert not dead, order
        assert order in queue or _is_at_rest(order), order
        _check_money_in_the_end(world, order)
    if queue:
        available = Counter[str]()
        for level in await world.engine.get_stock(*PRICES_MINOR):
            available[level.sku] += level.available
        first = queue[0]
        assert any(available[line.sku] < line.quantity for line in first.lines), (first, available)
    _check_sums(world, orders)


def _is_at_rest(order: Order) -> bool:
    """Whether it has ended, or waits for a person."""
    open_incident = any(each.state is IncidentState.OPEN for each in order.incidents)
    match order.state:
        case _O.COMPLETED | _O.REJECTED | _O.EXPIRED | _O.CANCELLED | _O.CONFIRMED:
            return True  # a CONFIRMED one waits for its review: its tasks are done
        case _O.IN_FULFILMENT | _O.PARTLY_SHIPPED:
            return any(parcel.state in _IN_HAND for parcel in order.shipments)
        case _O.SHIPPED | _O.DELIVERED:
            return open_incident or any(
                parcel.state in _IN_HAND and parcel.replaces for parcel in order.shipments
            )
    return False


def _check_money_in_the_end(world: World, order: Order) -> None:
    """The provider keeps of an order's money only the price of the order and money that a person
    has to see to: money in quarantine, and money that the provider would not send back.
    """
    kept_minor = 0
    for payment in order.payments:
        there = world.provider_app.books.find(payment.payment_id)
        assert payment.provider == CASH or payment.state not in (
            PaymentState.CREATED,
            PaymentState.PENDING,
        ), order
        # Whatever became of its parcels, what carriers collect is settled, or a person's to see to.
        settled = payment.state is not PaymentState.PENDING
        assert settled or order.state is not OrderState.COMPLETED, order
        if there is not None:
            assert payment.captured_minor == there.captured_minor, (order, there)
        if payment.state is PaymentState.QUARANTINED:
            # Nobody has looked at it, or all of it goes back: no money is left where nobody looks.
            assert payment.refunded_minor in (0, payment.captured_minor), order
        elif there is not None:
            kept_minor += there.left_minor
    assert all(refund.state is not RefundState.REQUESTED for refund in order.refunds), order
    expected_minor = sum(
        refund.amount_minor
        for refund in order.refunds
        if not _was_sent(world, refund.payment_id, refund.refund_id)
        and order.payment(refund.payment_id).provider != CASH
        and order.payment(refund.payment_id).state is not PaymentState.QUARANTINED
    )
    if order.state in SOLD and order.payment_method != CASH_ON_DELIVERY:
        if any(_was_approved(payment) for payment in order.payments):
            return  # a person has said what it costs
        # What was paid beyond the price has gone back beside it.
        back_minor = sum(
            row.amount_minor for row in order.refund_rows if row.what is not RefundWhat.EXCESS
        )
        expected_minor += order.amounts.total_minor - back_minor
    assert kept_minor == expected_minor, (order, kept_minor, expected_minor)


def _was_sent(world: World, payment_id: str, refund_id: str) -> bool:
    there = world.provider_app.books.find(payment_id)
    return there is not None and any(
        refund.done for refund in there.refunds if refund.refund_id == refund_id
    )


def _was_approved(payment: Payment) -> bool:
    return (
        payment.state in (PaymentState.CAPTURED, PaymentState.RETURNED)
        and payment.captured_minor % max(payment.amount_minor, 1) != 0
    )


def _check_sums(world: World, orders: Sequence[Order]) -> None:
    """The provider has taken no money that is of no order."""
    ours = Counter[str]()
    for order in orders:
        for payment in order.payments:
            if payment.provider != CASH and payment.captured_minor:
                there = world.provider_app.books.find(payment.payment_id)
                assert there is not None
                ours[there.captured_currency] += there.captured_minor
    assert ours == world.provider_app.books.sums()["captured_minor"], orders
