"""The people in a flash sale: Locust users that speak gRPC, and what each does in a visit.

A method's calls are three rows of Locust's statistics: accepted, refused and failed, because they
cost differently and only the accepted ones are held to the SLO. A refusal is an answer; failed is a
call that was not judged in spite of the SDK's retries, or that got an outcome nobody here can get.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import count
from typing import ClassVar, TypeVar

from locust import User, task

from benchmarks.flash_sale.books import Books
from benchmarks.flash_sale.options import PAYMENT_SPREAD
from benchmarks.flash_sale.sale import LATE_BY_S, Sale
from holdfast.errors import HoldfastError
from holdfast.outcomes import Outcome
from holdfast.sync_client import SyncClient
from holdfast.types import Line, Result, State

REQUEST_TYPE = "gRPC"
THINK_SPREAD = (0.5, 1.5)
PAGE_SKUS = 10
REFUSALS = {Outcome.OUT_OF_STOCK, Outcome.LIMIT_EXCEEDED, Outcome.ALREADY_EXPIRED}
"""The outcomes, other than APPLIED, that these users can get if the engine is right."""

Answer = TypeVar("Answer")


class Ending(StrEnum):
    """The end of an accepted reservation."""

    PAID = "paid in time"
    PAID_AND_GREEDY = "paid in time, then asked for more than the limit allows"
    PAID_LATE = "paid after the deadline"
    NEVER_PAID = "never paid: left to expire"
    RELEASED = "thought better of it and released"


BUYER_ENDINGS = {
    Ending.PAID: 80,
    Ending.PAID_AND_GREEDY: 10,
    Ending.PAID_LATE: 5,
    Ending.NEVER_PAID: 5,
}
WAVERER_ENDINGS = {Ending.RELEASED: 70, Ending.NEVER_PAID: 30}
"""Shares in percent."""


class UndeservedError(Exception):
    """An outcome that no user here can get if the engine is right."""


@dataclass
class Shop:
    """The things that the users of a process share: the sale, a few connections, the books.

    `process` is the process's number among Locust's workers, a part of every id it makes.
    """

    sale: Sale
    clients: Sequence[SyncClient]
    process: int
    books: Books = field(default_factory=Books)
    numbers: "count[int]" = field(default_factory=count)

    def opens_in_s(self) -> float:
        """Seconds until T-0; negative once it is past."""
        return self.sale.opens_at_s - time.time()


@dataclass(frozen=True, slots=True)
class Order:
    """The reservation that a buyer asks for in a visit, with its ids."""

    reservation_id: str
    buyer_id: str
    sku: str


class Shopper(User):
    """Someone in the shop; `shop` is set before the first one comes."""

    abstract = True
    shop: ClassVar[Shop]

    def on_start(self) -> None:
        """Takes a connection; who comes before T-0 looks at the page until then."""
        shop = self.shop
        self.client = shop.clients[next(shop.numbers) % len(shop.clients)]
        while (left_s := shop.opens_in_s()) > 0:
            self.look()
            time.sleep(min(left_s, self.wait_time()))

    def wait_time(self) -> float:
        """Seconds until the next visit."""
        return self.shop.sale.think_s * random.uniform(*THINK_SPREAD)

    def look(self) -> None:
        """Reads the stock of the articles on the first page."""
        skus = self.shop.sale.skus[:PAGE_SKUS]
        tenant = self.shop.sale.tenant
        self._measured("GetStock", lambda: self.client.get_stock(*skus, tenant=tenant))

    def shop_for(self, endings: dict[Ending, int]) -> None:
        """One visit: wants an article, and if it can be had, ends as one of `endings`."""
        order = self._order()
        if not self._wanted(order, self.reserve(order)):
            return
        (ending,) = random.choices(list(endings), weights=list(endings.values()))
        match ending:
            case Ending.PAID | Ending.PAID_AND_GREEDY:
                time.sleep(self.shop.sale.payment_s * random.uniform(*PAYMENT_SPREAD))
                confirmed = self.confirm(order)
                if confirmed and confirmed.applied and ending is Ending.PAID_AND_GREEDY:
                    self._ask_beyond_the_limit(order)
            case Ending.PAID_LATE:
                time.sleep(self.shop.sale.ttl_s + LATE_BY_S)
                self._wanted(order, self.confirm(order, reacquire_if_expired=True))
            case Ending.RELEASED:
                time.sleep(self.wait_time())
                self.release(order)
            case Ending.NEVER_PAID:
                pass

    def reserve(self, order: Order, units: int = 1) -> Result | None:
        """Asks for units of an article."""
        sale, line = self.shop.sale, Line(order.sku, units)
        return self._judged(
            "Reserve",
            order,
            lambda: self.client.reserve(
                order.reservation_id,
                [line],
                ttl_ms=sale.ttl_ms,
                buyer_id=order.buyer_id,
                tenant=sale.tenant,
            ),
        )

    def confirm(self, order: Order, reacquire_if_expired: bool = False) -> Result | None:
        """Tells the engine that the payment came."""
        tenant = self.shop.sale.tenant
        return self._judged(
            "Confirm",
            order,
            lambda: self.client.confirm(
                order.reservation_id, reacquire_if_expired=reacquire_if_expired, tenant=tenant
            ),
        )

    def release(self, order: Order) -> Result | None:
        """Gives the units back."""
        tenant = self.shop.sale.tenant
        return self._judged(
            "Release", order, lambda: self.client.release(order.reservation_id, tenant=tenant)
        )

    def _order(self, buyer_id: str = "", sku: str = "") -> Order:
        sale = self.shop.sale
        number = f"{self.shop.process}-{next(self.shop.numbers)}"
        return Order(
            f"{sale.run}-order-{number}",
            buyer_id or f"{sale.run}-buyer-{number}",
            sku or sale.wanted_sku(random.random()),
        )

    def _wanted(self, order: Order, result: Result | None) -> bool:
        """Whether the buyer got what it wanted; if there was none left, the demand is noted."""
        if result is not None and result.outcome is Outcome.OUT_OF_STOCK:
            self.shop.books.refused_units[order.sku] += 1
        return result is not None and result.applied

    def _ask_beyond_the_limit(self, bought: Order) -> None:
        limit = self.shop.sale.limit_per_buyer
        if limit:
            result = self.reserve(self._order(bought.buyer_id, bought.sku), units=limit)
            self.shop.books.beyond_limit += result is not None and result.applied

    def _judged(self, name: str, order: Order, call: Callable[[], Result]) -> Result | None:
        """Makes a call and enters the answer in the books; None if there was none."""
        result: Result | None = None
        try:
            result = self._measured(name, call)
        finally:  # also when Locust ends a user in the middle of a call
            # Read here, after the call: a worker's books are new after each report.
            answered = self.shop.books.answered
            if result is None:
                answered[order.reservation_id] = State.UNSPECIFIED
            elif result.state is not State.UNSPECIFIED:
                answered[order.reservation_id] = result.state
        return result

    def _measured(self, name: str, call: Callable[[], Answer]) -> Answer | None:
        """Makes a call and tells Locust how long it took; None if it ended in an error."""
        answer: Answer | None = None
        error: Exception | None = None
        row = name
        started_at_s, started_s = time.time(), time.perf_counter()
        try:
            answer = call()
        except HoldfastError as problem:
            error = problem
        took_ms = (time.perf_counter() - started_s) * 1_000
        if isinstance(answer, Result) and not answer.applied:
            row = f"{name} refused"
            if answer.outcome not in REFUSALS:
                error = UndeservedError(f"{answer.outcome.name} {answer.detail}")
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=f"{name} failed" if error else row,
            response_time=took_ms,
            response_length=0,
            exception=error,
            context={},
            start_time=started_at_s,
        )
        return answer


class Buyer(Shopper):
    """Wants an article and means to pay for it."""

    weight = 6

    @task
    def buy(self) -> None:
        """Reserves, pays, confirms."""
        self.shop_for(BUYER_ENDINGS)


class Waverer(Shopper):
    """Takes an article and abandons it."""

    weight = 1

    @task
    def waver(self) -> None:
        """Reserves, then releases or lets the deadline pass."""
        self.shop_for(WAVERER_ENDINGS)


class Browser(Shopper):
    """Looks at what is left."""

    weight = 3

    @task
    def browse(self) -> None:
        """Reads the page."""
        self.look()
