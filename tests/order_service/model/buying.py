"""Steps of buyers, of the provider with their money, and of its letters on their way."""

from enum import Enum
from typing import Any

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from holdfast.order.v1 import order_pb2
from order_service.order.model import Order, Payment
from order_service.order.states import OrderState, PaymentState, RefundState
from tests.order_service.model import requests
from tests.order_service.model.story import APPLIED, PROCESSES, Story
from tests.order_service.model.world import PRICES_MINOR, WAREHOUSES

ORDERS_MAX = 8
PAYMENTS_MAX = 4
A_MOMENT_MS = 1_000
UNITS_MAX = 6
PLACES = [(sku, location) for sku in PRICES_MINOR for location in WAREHOUSES]
BASKETS = st.fixed_dictionaries({}, optional=dict.fromkeys(PRICES_MINOR, st.integers(1, 3))).filter(
    bool
)
POLICIES = st.sampled_from(
    (
        order_pb2.SHORTAGE_POLICY_ALL_OR_NOTHING,
        order_pb2.SHORTAGE_POLICY_SHIP_AVAILABLE,
        order_pb2.SHORTAGE_POLICY_WAIT,
    )
)
METHODS = st.sampled_from((requests.CARD, requests.CARD, requests.TRANSFER, requests.AT_THE_DOOR))
_O = OrderState


class Luck(Enum):
    """How a buyer pays."""

    RIGHT = "in the right amount"
    LOST = "and the letter is lost"
    TWICE = "twice"
    WRONG = "a wrong amount"
    FOREIGN = "in another currency"
    DECLINED = "and the bank says no"

    @property
    def misbehaviour(self) -> dict[str, float]:
        """The provider's part in it."""
        share = {
            Luck.LOST: "lose",
            Luck.TWICE: "pay_twice",
            Luck.WRONG: "wrong_amount",
            Luck.DECLINED: "decline",
        }.get(self)
        return {share: 1.0} if share else {}


LUCK = st.sampled_from((Luck.RIGHT, Luck.RIGHT, *Luck))


class Buying(Story):
    """The rules of buyers."""

    @initialize(
        data=st.data(),
        units=st.fixed_dictionaries(dict.fromkeys(PLACES, st.integers(0, UNITS_MAX))),
        sold=st.integers(0, 2),
        staff_finish=st.booleans(),
        letters_come=st.booleans(),
    )
    def the_shop_opens(
        self,
        data: st.DataObject,
        units: dict[tuple[str, str], int],
        sold: int,
        staff_finish: bool,
        letters_come: bool,
    ) -> None:
        self.staff_finish, self.letters_come = staff_finish, letters_come
        for place, count in units.items():
            if count:
                self.run(self.world.restock(*place, count))
        for number in range(sold):
            self.an_order_is_placed_and_paid(data, number, data.draw(BASKETS), Luck.RIGHT)

    @precondition(lambda self: len(self.sent) < ORDERS_MAX)
    @rule(
        number=PROCESSES,
        units=BASKETS,
        method=METHODS,
        policy=POLICIES,
        remark=st.sampled_from(("", "", "another address")),
    )
    def an_order_is_placed(self, number: int, units: dict[str, int], **about: Any) -> None:
        key = f"cart-{len(self.sent)}"
        self.sent[key] = requests.place(key, units, **about)
        self._send(number, key)

    @precondition(lambda self: len(self.sent) < ORDERS_MAX)
    @rule(data=st.data(), number=PROCESSES, units=BASKETS, luck=LUCK)
    def an_order_is_placed_and_paid(
        self, data: st.DataObject, number: int, units: dict[str, int], luck: Luck
    ) -> None:
        self.an_order_is_placed(
            number, units, method=requests.CARD, policy=data.draw(POLICIES), remark=""
        )
        self.orders = self.run(self.world.orders())
        if self.orders_in(_O.AWAITING_PAYMENT):
            self.an_order_is_paid(data, number, luck)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), number=PROCESSES)
    def an_order_is_sent_again(self, data: st.DataObject, number: int) -> None:
        self._send(number, self.one_of(data, sorted(self.sent)))

    def _send(self, number: int, key: str) -> None:
        answer = self.ask(number, self.sent[key])
        if answer is not None and answer.order.order_id:
            known = self.placed.setdefault(key, answer.order.order_id)
            assert answer.order.order_id == known

    @precondition(lambda self: self.payable())
    @rule(data=st.data(), number=PROCESSES, key=st.integers(1, PAYMENTS_MAX), method=METHODS)
    def a_buyer_begins_to_pay(
        self, data: st.DataObject, number: int, key: int, method: str
    ) -> None:
        order = self.one_of(data, self.payable())
        self.ask(
            number, requests.pay(order, f"try-{key}", data.draw(st.sampled_from(("", method))))
        )

    def payable(self) -> list[Order]:
        """The orders that somebody may try to pay, rightly or not."""
        waiting = self.orders_in(_O.AWAITING_PAYMENT)
        return waiting or self.orders_in(_O.EXPIRED, _O.CONFIRMED, _O.CANCELLED)

    @precondition(lambda self: self.at_the_provider())
    @rule(data=st.data(), luck=LUCK)
    def a_buyer_pays(self, data: st.DataObject, luck: Luck) -> None:
        self._pay(self.one_of(data, self.at_the_provider()), luck)

    @precondition(lambda self: self.orders_in(_O.AWAITING_PAYMENT))
    @rule(data=st.data(), number=PROCESSES, luck=LUCK)
    def an_order_is_paid(self, data: st.DataObject, number: int, luck: Luck) -> None:
        order = self.one_of(data, self.orders_in(_O.AWAITING_PAYMENT))
        answer = self.ask(number, requests.pay(order, "try-1", requests.CARD))
        if answer is None or answer.outcome != APPLIED:
            return
        self.orders = self.run(self.world.orders())
        for payment in self.at_the_provider():
            if payment.payment_id == answer.payment.payment_id:
                self._pay(payment, luck)
                self.all_letters_come(number)
                self.run(self.process(number).work())

    @precondition(lambda self: self.waiting_for_money())
    @rule(data=st.data(), luck=LUCK, down=st.sampled_from(("", "refuse")))
    def a_buyer_pays_at_the_last_moment(self, data: st.DataObject, luck: Luck, down: str) -> None:
        order, payment = self.one_of(data, self.waiting_for_money())
        awake = [process for process in self.world.processes if process.is_awake]
        left_ms = order.payment_due_at_ms - self.world.clock() - A_MOMENT_MS
        self.run(self.world.pass_time(max(left_ms, 0), awake))
        self.orders = self.run(self.world.orders())
        if not any(payment.payment_id == each.payment_id for _, each in self.waiting_for_money()):
            return
        self._pay(payment, luck)
        self.world.misbehave(down=down)
        self.run(self.world.pass_time(2 * A_MOMENT_MS, awake))
        self.world.misbehave(**self.misbehaviour)

    def waiting_for_money(self) -> list[tuple[Order, Payment]]:
        """The orders that can still be paid, and their attempts that nobody has paid."""
        payable = self.at_the_provider()
        return [
            (order, payment)
            for order in self.orders_in(_O.AWAITING_PAYMENT)
            for payment in order.payments
            if payment in payable
        ]

    def _pay(self, payment: Payment, luck: Luck) -> None:
        about = {"currency": "EUR"} if luck is Luck.FOREIGN else {}
        self.world.misbehave(**self.misbehaviour, **luck.misbehaviour)
        self.run(self.world.at_the_provider("pay", payment.payment_id, **about))
        self.world.misbehave(**self.misbehaviour)
        event(f"paid {luck.value}, the payment is {payment.state}")

    def at_the_provider(self) -> list[Payment]:
        """The payments that a buyer can pay, however late that is."""
        books = self.world.provider_app.books
        return [
            payment
            for order in self.orders
            for payment in order.payments
            if (there := books.find(payment.payment_id)) and there.captured_minor == 0
        ]

    @precondition(lambda self: self.world.letters)
    @rule(data=st.data(), number=PROCESSES, copies=st.integers(1, 2))
    def a_letter_comes(self, data: st.DataObject, number: int, copies: int) -> None:
        letter = self.one_of(data, self.world.letters)
        for _ in range(copies):
            self.run(self.world.deliver(letter, self.process(number)))

    @precondition(lambda self: self.world.letters)
    @rule(number=PROCESSES)
    def all_letters_come(self, number: int) -> None:
        for letter in list(self.world.letters):
            self.run(self.world.deliver(letter, self.process(number)))

    @precondition(lambda self: self.world.letters)
    @rule(data=st.data(), number=PROCESSES)
    def a_letter_is_damaged_on_its_way(self, data: st.DataObject, number: int) -> None:
        letter = self.one_of(data, self.world.letters)
        self.run(self.world.deliver(letter, self.process(number), damaged=True))

    @precondition(lambda self: self.world.letters)
    @rule()
    def all_letters_are_lost(self) -> None:
        self.world.letters.clear()

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), number=PROCESSES)
    def an_order_is_cancelled(self, data: st.DataObject, number: int) -> None:
        order = self.one_of(data, self.orders)
        answer = self.ask(number, requests.cancel(order))
        if answer is not None and answer.outcome == APPLIED:
            assert self.run(self.world.orders())[self.orders.index(order)].state is _O.CANCELLED

    @precondition(lambda self: self.with_money())
    @rule(
        data=st.data(),
        number=PROCESSES,
        key=st.integers(1, 3),
        hundredths=st.sampled_from((0, 1, 50, 100, 101)),
    )
    def money_is_asked_back(
        self, data: st.DataObject, number: int, key: int, hundredths: int
    ) -> None:
        order = self.one_of(data, self.with_money())
        amount_minor = order.captured_minor * hundredths // 100
        answer = self.ask(number, requests.refund(order, f"scratch-{key}", amount_minor))
        if answer is not None and answer.outcome == APPLIED and amount_minor:
            assert sum(refund.amount_minor for refund in answer.refunds) == amount_minor

    def with_money(self) -> list[Order]:
        """The orders for which money came."""
        return [order for order in self.orders if order.captured_minor]

    @precondition(lambda self: self.quarantined())
    @rule(data=st.data(), number=PROCESSES, approve=st.booleans())
    def a_wrong_amount_is_looked_at(self, data: st.DataObject, number: int, approve: bool) -> None:
        payment = self.one_of(data, self.quarantined())
        self.ask(number, requests.resolve_quarantined(payment, approve=approve))

    @precondition(lambda self: self.quarantined())
    @rule(data=st.data(), number=PROCESSES, looked_at=st.booleans())
    def who_paid_a_wrong_amount_pays_more(
        self, data: st.DataObject, number: int, looked_at: bool
    ) -> None:
        payment = self.one_of(data, self.quarantined())
        if looked_at:
            self.ask(number, requests.resolve_quarantined(payment, approve=False))
        more_minor = max(payment.amount_minor - payment.captured_minor, 1)
        about = {"amount_minor": more_minor, "currency": payment.captured_currency}
        self.run(self.world.at_the_provider("pay", payment.payment_id, **about))
        if looked_at:
            self.all_letters_come(number)  # most likely before the money is on its way back

    def quarantined(self) -> list[Payment]:
        """The payments that wait for a person."""
        return [
            payment
            for order in self.orders
            for payment in order.payments
            if payment.state is PaymentState.QUARANTINED
        ]

    @precondition(lambda self: self.refused_refunds())
    @rule(data=st.data(), number=PROCESSES)
    def a_refused_refund_is_paid_back_by_hand(self, data: st.DataObject, number: int) -> None:
        refund_id = self.one_of(data, self.refused_refunds())
        self.ask(number, requests.settle(refund_id))

    @precondition(lambda self: self.refused_refunds())
    @rule(data=st.data(), number=PROCESSES)
    def a_refused_refund_is_tried_again(self, data: st.DataObject, number: int) -> None:
        refund_id = self.one_of(data, self.refused_refunds())
        self.ask(number, requests.retry(refund_id))

    def refused_refunds(self) -> list[str]:
        """The refunds that the provider would not do."""
        return [
            refund.refund_id
            for order in self.orders
            for refund in order.refunds
            if refund.state is RefundState.FAILED
        ]

    @rule(number=PROCESSES)
    def the_day_is_reconciled(self, number: int) -> None:
        self.run(self.process(number).ask(requests.reconcile(self.world.days()[-1])))
