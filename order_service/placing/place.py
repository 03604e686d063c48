"""Places orders: makes an order of a request and reserves its stock, or says why not."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple

import structlog
from sqlalchemy import Connection

from holdfast.errors import HoldfastError
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article
from order_service.order.contradictions import contradictions, doubts
from order_service.order.fields import is_id
from order_service.order.model import Order
from order_service.order.refusals import InvalidField, RefusalReason, Refused
from order_service.order.states import OrderState
from order_service.payment.methods import Methods
from order_service.placing.decisions import apply_stock_answer, new_order, record, refusal_of
from order_service.placing.queue import StockDesk
from order_service.placing.reserving import Short
from order_service.placing.shortage import Shortage, missing, shortages_text
from order_service.placing.validation import (
    Checked,
    PlaceOrder,
    articles_of,
    check_sums,
    checked_fields,
)
from order_service.relay.handler import TryLater
from order_service.storage.batch import Recorded
from order_service.storage.database import Conflict
from order_service.storage.load import ids_of_keys, load_orders
from order_service.storage.orders import Orders

_SHORT: Final = frozenset({OrderState.REJECTED, OrderState.BACKORDERED})

log = structlog.get_logger()


class Placed(NamedTuple):
    """An order that was placed, and what came of it."""

    order: Order
    replayed: bool
    """Whether it had been placed before; then it is as it is now."""
    shortages: Sequence[Shortage] = ()
    """The articles of which there was too little. For an order that is refused or waits they are
    only in the first answer, for one that ships what there is also in replayed ones.
    """

    @property
    def refusal(self) -> RefusalReason | None:
        """OUT_OF_STOCK or LIMIT_EXCEEDED for an order that was rejected, else None."""
        return refusal_of(self.order)

    @property
    def findings(self) -> list[str]:
        """Sentences on parts of its delivery that do not go together, or may be missing."""
        delivery = self.order.delivery
        return [*contradictions(delivery), *doubts(delivery)]

    @property
    def detail(self) -> str:
        """For a person: why it was rejected, or what is otherwise than was asked for."""
        short = shortages_text(self.shortages)
        if self.refusal is not None:
            return self.order.closed_reason.partition(": ")[2]
        if self.order.state is OrderState.BACKORDERED:
            until = datetime.fromtimestamp(self.order.waits_until_at_ms / 1_000, UTC)
            return f"it waits for stock until {until:%Y-%m-%d %H:%M} UTC{short and f': {short}'}"
        return short and f"{short}; it is for what there is"


class Placing:
    """Takes orders. `default_country` is that of deliveries that name none; "": they must."""

    def __init__(
        self,
        orders: Orders,
        desk: StockDesk,
        catalogue: Catalogue,
        methods: Methods,
        default_country: str = "",
    ) -> None:
        self._default_country = default_country
        self._orders = orders
        self._desk = desk
        self._catalogue = catalogue
        self._methods = methods

    async def place(self, request: PlaceOrder, actor: str) -> Placed:
        """Takes an order once per tenant, source and key, and reserves its stock (O1, O2, O17).

        Where the engine does not answer in time, the order stays RESERVING and is finished by its
        task. Raises InvalidField, Refused (ORDER_KEY_REUSED, UNKNOWN_ARTICLE, PRICE_MISMATCH,
        AMOUNT_MISMATCH), Conflict, StorageUnavailable, Overloaded.
        """
        try:
            checked = checked_fields(request, self._methods, self._default_country)
            check_sums(request.lines, request.amounts)
        except (InvalidField, Refused):
            # An order that was placed is placed, whatever is offered and required by now.
            known = await self._find(request) if _has_key(request) else None
            if known is None or known.fingerprint != request.fingerprint():
                raise
            return _replayed(request, known)
        try:
            articles = await self._articles_of(request)
        except Refused:
            # An order that was placed is placed, whatever the catalogue has become.
            known = await self._find(request)
            if known is None:
                raise
            return _replayed(request, known)
        placed = await self._recorded(request, checked, articles, actor)
        if placed.replayed:
            return _replayed(request, placed.order)
        try:
            return await self._settled(request, placed.order, actor)
        except (HoldfastError, TryLater) as error:
            # Its text may name a value; the order's task tries again, and finds out.
            log.warning("stock was not reserved at once", problem=type(error).__name__)
            return Placed(placed.order, replayed=False)

    async def _recorded(
        self, request: PlaceOrder, checked: Checked, articles: Sequence[Article], actor: str
    ) -> Recorded:
        decide = partial(record, remark=checked.remark)
        try:
            order = self._new_order(request, checked, articles)
            return await self._orders.place(order, decide, actor)
        except Conflict:
            # Another process has made the same id, which can happen once (ids.py).
            order = self._new_order(request, checked, articles)
            return await self._orders.place(order, decide, actor)

    async def _settled(self, request: PlaceOrder, order: Order, actor: str) -> Placed:
        answer = await self._desk.reserve(order)
        settled = await self._orders.change(
            order.order_id,
            partial(apply_stock_answer, answer=answer, methods=self._methods),
            actor,
            known=order,
        )
        if isinstance(answer, Short) and settled.state in _SHORT:
            return Placed(settled, replayed=False, shortages=answer.shortages)
        return Placed(settled, replayed=False, shortages=missing(request, settled))

    def _new_order(
        self, request: PlaceOrder, checked: Checked, articles: Sequence[Article]
    ) -> Order:
        now_ms = self._orders.clock_ms()
        order_id = self._orders.ids.next(now_ms)
        location = self._desk.reserving.only_location(request.tenant)
        contracts = self._catalogue.assortment(request.tenant).contracts
        return new_order(request, checked, articles, location, order_id, now_ms, contracts)

    async def _articles_of(self, request: PlaceOrder) -> list[Article]:
        """The articles of the lines, by the catalogue as it is now. Raises Refused."""
        try:
            return articles_of(request, self._catalogue.assortment(request.tenant).articles)
        except Refused:
            await self._catalogue.refresh()
            return articles_of(request, self._catalogue.assortment(request.tenant).articles)

    async def _find(self, request: PlaceOrder) -> Order | None:
        key = request.key

        def find(connection: Connection) -> Order | None:
            found = ids_of_keys(connection, [key])
            return load_orders(connection, list(found.values())).get(found.get(key, ""))

        return await self._orders.read(find)


def _has_key(request: PlaceOrder) -> bool:
    """Whether an order may have been placed under the request's key."""
    has_channel = not request.channel or is_id(request.channel)
    return bool(is_id(request.tenant) and is_id(request.order_key) and has_channel)


def _replayed(request: PlaceOrder, order: Order) -> Placed:
    """The order that was placed under the request's key before. Raises Refused ORDER_KEY_REUSED."""
    if order.fingerprint != request.fingerprint():
        raise Refused(
            RefusalReason.ORDER_KEY_REUSED,
            order_key=request.order_key,
            source=f"{request.source} {request.channel}".rstrip(),
            order_id=order.order_id,
        )
    return Placed(order, replayed=True, shortages=missing(request, order))
