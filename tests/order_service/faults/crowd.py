"""Many buyers at once, and what they were answered is held against what is on disk."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from holdfast.orders import OrderClient
from order_service.order.model import Order
from order_service.order.states import OrderState, PaymentState, ShipmentState
from tests.http import Http
from tests.order_service.faults.shop import PRICE_MINOR, QUANTITY, Walk
from tests.order_service.processes import OrderServer
from tests.waiting import eventually

BUYERS, AT_A_TIME = 36, 12
# One buyer in this many leaves when a call is not answered, and does not ask again.
IMPATIENT = 4
CALL_MS_MAX = 3_000
PAID_MINOR = PRICE_MINOR * QUANTITY
_S = ShipmentState


class _Gone(Exception):
    """A buyer has had enough."""


class Crowd:
    """Buyers of a shop. `serves` has to be called whenever another process serves them."""

    def __init__(self, tenant: str, sandbox_url: str) -> None:
        self.walks = [
            Walk(f"cart-{number}", sandbox_url, lambda: self.client, self._post)
            for number in range(BUYERS)
        ]
        self.client: OrderClient
        self.answered: dict[str, int] = dict.fromkeys((walk.name for walk in self.walks), 0)
        """The number of each buyer's steps that were answered."""
        self._tenant = tenant
        self._callbacks_url = ""
        self._clients: list[OrderClient] = []
        self._http = Http()

    async def serves(self, server: OrderServer) -> None:
        """An order service is there."""
        self.client = OrderClient(
            server.target, tenant=self._tenant, timeout_ms=CALL_MS_MAX, attempts_max=1
        )
        self._clients.append(self.client)
        self._callbacks_url = server.callbacks_url

    async def close(self) -> None:
        """Ends all connections."""
        await asyncio.gather(*(client.close() for client in self._clients))
        await self._http.aclose()

    @property
    def troubles(self) -> int:
        """The number of calls that were answered with an error, or not answered."""
        return sum(len(walk.troubles) for walk in self.walks)

    async def buy(self) -> None:
        """All of them buy, and the warehouse ships."""
        places = asyncio.Semaphore(AT_A_TIME)

        async def buy(number: int, walk: Walk) -> None:
            async with places:
                await self._buy(walk, is_impatient=number % IMPATIENT == 0)

        async with asyncio.TaskGroup() as group:
            for number, walk in enumerate(self.walks):
                group.create_task(buy(number, walk))

    async def is_so_far(self, share: float) -> None:
        """Waits until a share of everything was answered."""
        wanted = share * sum(len(_steps_of(walk)) for walk in self.walks)

        await eventually(lambda: sum(self.answered.values()) >= wanted, f"{share:.0%} answered")

    async def _buy(self, walk: Walk, *, is_impatient: bool) -> None:
        async def leave() -> None:
            if is_impatient and walk.troubles:
                raise _Gone

        for step in _steps_of(walk):
            try:
                await walk.do(step, leave)
            except _Gone:
                return
            self.answered[walk.name] += 1

    async def _post(self, body: bytes, headers: dict[str, str]) -> int:
        answer = await self._http.post(
            f"{self._callbacks_url}/callbacks/sandbox", content=body, headers=headers
        )
        return answer.status_code

    def check(self, orders: Sequence[Order]) -> None:
        """Checks that answered orders are there, once, and none that nobody has asked for."""
        known = {order.order_key: order for order in orders}
        assert len(known) == len(orders), "an order is there twice"
        for walk in self.walks:
            order, answered = known.pop(walk.name, None), self.answered[walk.name]
            done = _done(order) if order else 0
            begun = answered + 1 if walk.troubles and answered < _STEPS else answered
            assert answered <= done <= begun, (walk.name, answered, order)
            if order is None:
                continue
            assert walk.order_id in ("", order.order_id)
            assert not order.refunds
            assert len(order.payments) <= 1
            assert len(order.shipments) <= 1
            assert all(payment.captured_minor in (0, PAID_MINOR) for payment in order.payments)
        assert not known, "an order is of nobody"


def _steps_of(walk: Walk) -> list[Callable[[], Awaitable[None]]]:
    return walk.steps()[:_STEPS]


_PICKED = frozenset({_S.PICKED, _S.PACKED, _S.LABELLED, _S.SHIPPED})
_PACKED = _PICKED - {_S.PICKED}
_DONE: tuple[Callable[[Order], Any], ...] = (
    lambda order: order.state is not OrderState.RESERVING,
    lambda order: order.payments,
    lambda order: order.payments[0].state is PaymentState.CAPTURED,
    lambda order: order.shipments and order.shipments[0].state in _PICKED,
    lambda order: order.shipments[0].state in _PACKED,
    lambda order: order.shipments[0].state is _S.SHIPPED,
)
"""By what a step is seen on an order, for each that buyers and warehouse make."""
_STEPS = len(_DONE)


def _done(order: Order) -> int:
    """The number of steps that were made with an order."""
    done = 0
    while done < _STEPS and _DONE[done](order):
        done += 1
    return done
