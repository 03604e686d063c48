"""A story: what everybody does in a shop, one thing after another, and what must hold after each.

The rules are in `buying.py`, `shipping.py` and `trouble.py`. In the end everything goes well again
and all that is to be done is done; then every order is at rest and the books are sound.
"""

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from typing import Any, ClassVar, TypeVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant

from holdfast.order.v1 import order_pb2
from order_service.order.model import Order
from order_service.order.states import OrderState
from tests.order_service.model import requests
from tests.order_service.model.ends import LAST, check_closing, check_end, check_now
from tests.order_service.model.process import Process
from tests.order_service.model.staff import finish
from tests.order_service.model.stage import Stage
from tests.order_service.model.world import World
from tests.order_service.sound import assert_books_sound
from tests.serving import assert_sound

T = TypeVar("T")

STEP_S_MAX = 60.0
APPLIED = order_pb2.ORDER_OUTCOME_APPLIED
PROCESSES = st.sampled_from((0, 1))
_ENDS = frozenset({OrderState.COMPLETED, OrderState.REJECTED, OrderState.CANCELLED})


class Story(RuleBasedStateMachine):
    """A shop with two order services. `stage` and `database_url` are its subclass's."""

    stage: ClassVar[Stage]

    @classmethod
    def database_url(cls) -> str:
        """The URL of a database with nothing in it."""
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, Any] = {}
        """The orders that were sent, by key."""
        self.placed: dict[str, str] = {}
        """Ids of the orders that were answered, by key."""
        self.orders: list[Order] = []
        """All orders, as they were after the last step."""
        self.misbehaviour: dict[str, Any] = {}
        """Misbehaviour of the provider for some time."""
        self.staff_finish = True
        """Whether staff leave nothing undone in the end."""
        self.letters_come = True
        """Whether the letters that are under way in the end still come."""
        self.world = self.run(self._world())

    async def _world(self) -> World:
        world = World(self.stage, self.database_url())
        await world.open()
        return world

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine to its end, within the bound of a step, and returns its result."""
        return self.stage.loop.run_until_complete(asyncio.wait_for(doing, STEP_S_MAX))

    def process(self, number: int) -> Process:
        """A process that is awake, best the one of this number."""
        processes = self.world.processes
        return next(it for it in (processes[number], *processes) if it.is_awake)

    def ask(self, number: int, request: Any) -> Any:
        """The answer to a request, and what it is counted as; None where there is none."""
        answer = self.run(self.process(number).ask(request))
        name = type(request).__name__.removesuffix("Request")
        if answer is None:
            event(f"{name} not answered")
        else:
            event(f"{name} {order_pb2.OrderOutcome.Name(answer.outcome)}")
        return answer

    def orders_in(self, *states: OrderState) -> list[Order]:
        """The orders in some states."""
        return [order for order in self.orders if order.state in states]

    def one_of(self, data: st.DataObject, things: Sequence[T]) -> T:
        """One of some things, drawn by its place."""
        return things[data.draw(st.integers(0, len(things) - 1))]

    @invariant()
    def all_is_right_so_far(self) -> None:
        self.run(self.world.letters_posted())
        before = {order.order_id: order for order in self.orders}
        self.orders = self.run(self.world.orders())
        self.run(check_now(self.world, self.orders))
        for order in self.orders:
            earlier = before.pop(order.order_id, order)
            assert earlier.state not in _ENDS or order.state is earlier.state, order
            assert order.version >= earlier.version, order
            check_closing(self.world, earlier, order)
        assert not before, f"orders are lost: {before}"
        known = {order.order_key: order.order_id for order in self.orders}
        assert self.placed.items() <= known.items()

    def teardown(self) -> None:
        failed = sys.exc_info()[0] is not None
        try:
            if not failed:
                self.run(self._end())
        finally:
            self.run(self.world.close())

    async def _end(self) -> None:
        world = self.world
        await world.calm_down()
        for letter in list(world.letters if self.letters_come else ()):
            await world.deliver(letter, world.processes[0])
        # Money that comes when nobody asks for it any more is found on the statements.
        for day in world.days():
            await world.processes[0].ask(requests.reconcile(day))
        await world.calm_down()
        orders = await world.orders()
        await check_end(world, orders)
        if self.staff_finish:
            await finish(world)
            orders = await world.orders()
            await check_end(world, orders)
            assert all(order.state in LAST for order in orders), orders
        await check_now(world, orders)
        for order in orders:
            event(f"ends {order.state}, {order.payment_method}")
            for incident in order.incidents:
                event(f"ends with a {incident.kind} {incident.state}")
            for payment in order.payments:
                event(f"ends with a payment {payment.state}, the order {order.state}")
        books = world.processes[0].app.orders
        await assert_books_sound(books, world.engine, world.provider, tenant=world.tenant)
        await assert_sound(world.engine)
