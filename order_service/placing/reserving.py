"""Reserves an order's stock in the engine: the one place where placing speaks to it.

The reservation has the order's id, so that trying again never takes units twice.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import OUTCOMES, Outcome
from holdfast.types import Result, State, StockLevel
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import DEFAULT_LOCATION
from order_service.engine_clock import EngineClock
from order_service.order.model import Order
from order_service.order.refusals import RefusalReason
from order_service.order.states import OrderState
from order_service.payment.methods import MINUTE_MS, Method, Methods
from order_service.placing.claims import Waiting, WaitingRules, claims_on
from order_service.placing.shortage import Shortage, less_claims, plan, units_of
from order_service.placing.sourcing import Origin, Stock, Take, origins_of
from order_service.relay.handler import TryLater

TIMEOUT_MS: Final = 2_000
"""For how long the engine is waited for; then the order's task goes on."""
ATTEMPTS_MAX: Final = 8
"""How often other warehouses or fewer units are tried while others take the stock."""
SKUS_PER_READ: Final = 1_000

_HELD: Final = frozenset({State.RESERVED, State.CONFIRMED})


@dataclass(frozen=True, slots=True)
class Reserved:
    """The units that are reserved, and until when by our clock. They may be fewer than were
    ordered, where the buyer takes what there is.
    """

    takes: Sequence[Take]
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class Short:
    """There is too little; nothing is reserved. An order that waits for more does so `waits_ms`."""

    shortages: Sequence[Shortage]
    waits_ms: int = WaitingRules().waits_ms


@dataclass(frozen=True, slots=True)
class Declined:
    """The engine refuses the order, however much there is; nothing is reserved."""

    reason: RefusalReason
    detail: str


StockAnswer = Reserved | Short | Declined

_NOT_ITS_OWN: Final = Declined(
    RefusalReason.OUT_OF_STOCK, "its reservation is not its own any more"
)
_TOO_LATE: Final = Declined(
    RefusalReason.OUT_OF_STOCK,
    "its stock was reserved, and is not any more: that became known too late. Place a new order",
)


class Reserving:
    """Reserves stock for orders, through one client of the engine that all share."""

    def __init__(
        self,
        engine: Client,
        catalogue: Catalogue,
        methods: Methods,
        clock: EngineClock,
        waiting_rules: WaitingRules = WaitingRules(),  # noqa: B008 - it is frozen
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._catalogue = catalogue
        self._methods = methods
        self.waiting_rules = waiting_rules

    def only_location(self, tenant: str) -> str:
        """The warehouse that all orders of a shop come from; "" where there are several."""
        warehouses = self._catalogue.assortment(tenant).warehouses
        if not warehouses:
            return DEFAULT_LOCATION
        return warehouses[0].location if len(warehouses) == 1 else ""

    def open_locations(self, tenant: str) -> frozenset[str]:
        """The locations that a shop's orders may come from."""
        warehouses = self._catalogue.assortment(tenant).warehouses
        return frozenset(each.location for each in warehouses) or frozenset({DEFAULT_LOCATION})

    async def limits(self, tenant: str, skus: Iterable[str]) -> dict[str, int]:
        """The most units that a buyer may have, by SKU; what has no limit is missing."""
        return limits_in(await self.levels(tenant, skus))

    async def levels(self, tenant: str, skus: Iterable[str]) -> list[StockLevel]:
        """The stock of any number of articles, at all locations."""
        wanted = list(dict.fromkeys(skus))
        found: list[StockLevel] = []
        for start in range(0, len(wanted), SKUS_PER_READ):
            chunk = wanted[start : start + SKUS_PER_READ]
            found += await self._engine.get_stock(*chunk, tenant=tenant, timeout_ms=TIMEOUT_MS)
        return found

    async def reserve(self, order: Order, earlier: Sequence[Waiting] = ()) -> StockAnswer:
        """Reserves the units of an order, as far as its buyer wants that and the orders that wait
        and came `earlier` leave enough.

        Raises HoldfastError where the engine does not answer, TryLater where the stock changed with
        every attempt; then the units may be reserved, and the same call finds out.
        """
        origins = origins_of(self._catalogue.assortment(order.tenant), order.delivery)
        looks_first = len(origins) > 1 or bool(earlier)
        planned: list[Take] | list[Shortage]
        planned = [Take(*unit, origins[0].location) for unit in units_of(order).items()]
        if looks_first:
            planned = plan(order, await self._stock(order, earlier, origins), origins)
            known = await self._without_reserving(order, planned)
            if known is not None:
                return known
        for _ in range(ATTEMPTS_MAX):
            takes = [take for take in planned if isinstance(take, Take)]
            if not takes:
                return self._short(planned)
            asked_at_ms = self._clock.now_ms()
            result = await self._engine.reserve(
                order.reservation_id,
                takes,
                ttl_ms=self._ttl_ms(order),
                buyer_id=order.buyer_id,
                tenant=order.tenant,
                timeout_ms=TIMEOUT_MS,
            )
            if result.applied:
                # The reservation may be an old one: its state is the present one.
                due_at_ms = self._clock.due_here_ms(result, asked_at_ms)
                return self._adopted(order, result.state, Reserved(takes, due_at_ms))
            if result.outcome is Outcome.ID_REUSED:
                own = await self._own(order)
                if own is None:
                    raise TryLater("its reservation has just left the engine")
                return own
            if result.outcome is Outcome.OUT_OF_STOCK and not looks_first:
                stock = _stock_seen(takes, result)
            elif result.outcome in (Outcome.OUT_OF_STOCK, Outcome.UNKNOWN_SKU):
                stock = await self._stock(order, earlier, origins)
            else:
                return _declined(result)
            planned = plan(order, stock, origins)
        raise TryLater("the stock changed with every attempt")

    async def look(self, order: Order, earlier: Sequence[Waiting]) -> StockAnswer | None:
        """The answer that `reserve` would give; None if there is stock for the order."""
        origins = origins_of(self._catalogue.assortment(order.tenant), order.delivery)
        planned = plan(order, await self._stock(order, earlier, origins), origins)
        return await self._without_reserving(order, planned)

    async def _without_reserving(
        self, order: Order, planned: Sequence[Take] | Sequence[Shortage]
    ) -> StockAnswer | None:
        short = self._short(planned)
        if not short.shortages:
            return None
        # What an earlier attempt has reserved for it is not available to anybody, either.
        return await self._own(order) or short

    def _short(self, planned: Sequence[Take] | Sequence[Shortage]) -> Short:
        shortages = [each for each in planned if isinstance(each, Shortage)]
        return Short(shortages, self.waiting_rules.waits_ms)

    def _ttl_ms(self, order: Order) -> int:
        """The time for which its stock is kept: the time to pay, longer for an order that has
        waited, as nobody knows when its turn comes.
        """
        method = method_of(self._methods, order)
        due_ms = method.due_ms
        if order.state is OrderState.BACKORDERED and not self._is_sold_at_once(order):
            due_ms = max(due_ms, self.waiting_rules.pay_within_ms)
        return due_ms + method.grace_ms

    async def _stock(
        self, order: Order, earlier: Sequence[Waiting], origins: Sequence[Origin]
    ) -> Stock:
        """The stock that the order may have, by SKU and location."""
        wanted = units_of(order)
        skus = [*wanted, *(sku for waiting in earlier for sku in waiting.units)]
        levels = await self.levels(order.tenant, skus)
        stock: dict[str, dict[str, int]] = {sku: {} for sku in wanted}
        for level in levels:
            if level.sku in stock:
                stock[level.sku][level.location] = level.available
        claims = claims_on(earlier, free_in(levels, {origin.location for origin in origins}))
        return less_claims(stock, claims, origins)

    async def _own(self, order: Order) -> StockAnswer | None:
        """The reservation of an earlier attempt whose answer was lost; None if there is none."""
        asked_at_ms = self._clock.now_ms()
        try:
            found = await self._engine.get_reservation(
                order.reservation_id, tenant=order.tenant, timeout_ms=TIMEOUT_MS
            )
        except HoldfastError as error:
            if error.reason is Reason.RESERVATION_NOT_FOUND:
                return None
            raise
        takes = [Take(line.sku, line.quantity, line.location) for line in found.lines]
        due_at_ms = self._clock.due_here_ms(found, asked_at_ms)
        return self._adopted(order, found.state, Reserved(takes, due_at_ms))

    def _adopted(self, order: Order, state: State, reserved: Reserved) -> StockAnswer:
        """The answer that follows from a reservation which the engine has for an order.

        One that has expired can be sold but not reserved again. So an order that is sold at once
        goes on: Confirm takes the stock again, or says that it is gone. One that its buyer would
        have to pay first ends, because nothing would be kept for it meanwhile.
        """
        units = units_of(order)
        if any(take.quantity > units.get(take.sku, 0) for take in reserved.takes):
            return _NOT_ITS_OWN
        expired = state is State.EXPIRED
        if state in _HELD or (expired and self._is_sold_at_once(order)):
            return reserved
        return _TOO_LATE if expired else _NOT_ITS_OWN

    def _is_sold_at_once(self, order: Order) -> bool:
        return order.costs_nothing or method_of(self._methods, order).sold_at_once


def free_in(levels: Iterable[StockLevel], locations: Container[str]) -> dict[str, int]:
    """The units by SKU that can be reserved at some locations."""
    free: dict[str, int] = {}
    for level in levels:
        if level.location in locations:
            free[level.sku] = free.get(level.sku, 0) + level.available
    return free


def limits_in(levels: Iterable[StockLevel]) -> dict[str, int]:
    """The limits of a buyer by SKU: the strictest of its locations counts for all of them."""
    limits: dict[str, int] = {}
    for level in levels:
        if level.limit_per_buyer:
            limits[level.sku] = min(
                level.limit_per_buyer, limits.get(level.sku, level.limit_per_buyer)
            )
    return limits


def method_of(methods: Methods, order: Order) -> Method:
    """The method of an order; one that is no longer offered has the time that most have."""
    return methods.get(order.payment_method) or Method("", 15 * MINUTE_MS)


def _stock_seen(takes: Sequence[Take], result: Result) -> Stock:
    """The stock at one location that follows from a refusal.

    A SKU that the refusal does not name as short is taken to be there in the quantity asked for."""
    stock = {take.sku: {take.location: take.quantity} for take in takes}
    for short in result.shortages:
        stock[short.sku] = {short.location: short.available}
    return stock


def _declined(result: Result) -> Declined:
    reason = (
        RefusalReason.LIMIT_EXCEEDED
        if result.outcome is Outcome.LIMIT_EXCEEDED
        else RefusalReason.OUT_OF_STOCK
    )
    return Declined(reason, result.detail or OUTCOMES[result.outcome].message)
