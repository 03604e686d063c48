"""The demo's own account of every unit, by the answers, kept apart from the servers'.

It sees each request and each answer. From that alone it knows what every stock level has to
be at the end, and judges:

- **Oversold.** A unit is promised from the moment it is known to be somebody's (the order was
  reserved and cannot expire during the demo, or was paid and is effective) until the moment a
  request that gives it back is sent. If more units of a SKU are promised at any moment than there
  were to begin with, returned ones included, some unit was sold twice; the largest excess of each
  SKU counts, even if a later cancellation would cover it up.
- **Undersold.** An order still refused at the end, when nothing moves any more, although all its
  lines fit into what is left: units that could have been sold and were not. `undersold_units`
  computes it for given levels, the ledger's own and the engine's. A refusal is wrong at once if
  even everything that anybody has asked for so far, the refused order included, fits into the
  initial stock.

Pure: no I/O, no clock. Quantities are units.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NamedTuple

from holdfast.demo.money import KEEPS_ITS_MONEY
from holdfast.demo.order_log import Order
from holdfast.order.v1 import order_pb2
from holdfast.types import Disposition, StockLevel


class ExpectedLevel(NamedTuple):
    """The level that a SKU has to have, by the answers."""

    on_hand: int
    reserved: int
    confirmed: int
    damaged: int

    @property
    def available(self) -> int:
        """Units that can be reserved."""
        return self.on_hand - self.reserved - self.confirmed


class Standing(Enum):
    """The hold of an order on the stock."""

    NOTHING = auto()
    RESERVED = auto()
    SOLD = auto()
    """Confirmed, as far as its units have not left the warehouse."""


_S = order_pb2.Order
STATES = {
    Standing.NOTHING: frozenset({_S.REJECTED, _S.EXPIRED, _S.CANCELLED}),
    Standing.RESERVED: frozenset({_S.AWAITING_PAYMENT}),
    Standing.SOLD: KEEPS_ITS_MONEY,
}
"""Where an order has to be at the end, by what it has of the stock."""
DELIVERED = frozenset({_S.DELIVERED, _S.COMPLETED})


@dataclass(slots=True)
class Account:
    """One order of the log as its buyer knows it.

    `attempt` counts how often it was placed; `order_id` is that of the last time, "" before. It was
    `accepted` if its stock was reserved at some time, `sold` if it was effective at some time. It
    is `wanting` if there was no stock for it the last time: it would take units that come back.
    `lapses`: its reservation may expire during the demo, without an answer that says so.
    """

    order: Order
    units: dict[str, int]
    attempt: int = 0
    order_id: str = ""
    standing: Standing = Standing.NOTHING
    accepted: bool = False
    wanting: bool = False
    lapses: bool = False
    expired: bool = False
    sold: bool = False
    promised: bool = False
    shipped: Counter[str] = field(default_factory=Counter)
    cancelled: Counter[str] = field(default_factory=Counter)
    restocked: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)

    def unsent_units(self) -> dict[str, int]:
        """Units of each SKU that are neither shipped nor cancelled."""
        left = {
            sku: quantity - self.shipped[sku] - self.cancelled[sku]
            for sku, quantity in self.units.items()
        }
        return {sku: quantity for sku, quantity in left.items() if quantity}

    def returnable_units(self, sku: str) -> int:
        """Units of `sku` that were shipped and have not come back."""
        return self.shipped[sku] - self.restocked[sku] - self.damaged[sku]


class Ledger:
    """The account of one replay over `orders`, beginning with `stock` units of each SKU."""

    def __init__(self, stock: Mapping[str, int], orders: Iterable[Order]) -> None:
        self.stock = dict(stock)
        self.accounts = [Account(order, order.units_by_sku()) for order in orders]
        self._asked: Counter[str] = Counter()
        self._promised: Counter[str] = Counter()
        self._restocked: Counter[str] = Counter()
        self._peak_excess: dict[str, int] = defaultdict(int)

    def places(self, account: Account, *, lapses: bool) -> None:
        """Notes that an order is about to be placed, perhaps again."""
        if account.attempt == 0:
            self._asked.update(account.units)
        account.attempt += 1
        account.lapses = lapses

    def reserved(self, account: Account, order_id: str) -> None:
        """Notes that the stock of an order is reserved."""
        account.order_id = order_id
        account.standing = Standing.RESERVED
        account.accepted = True
        account.wanting = False
        if not account.lapses:
            self._promise(account)

    def refused(self, account: Account, order_id: str) -> bool:
        """Notes that there was too little stock; returns whether that can be."""
        account.order_id = order_id
        account.wanting = True
        return any(self._asked[sku] > self.stock[sku] for sku in account.units)

    def expired(self, account: Account) -> None:
        """Notes that an order was not paid in time and lost its stock."""
        account.standing = Standing.NOTHING
        account.expired = True

    def lost(self, account: Account) -> None:
        """Notes that an order was paid after it had expired, when its stock was gone."""
        account.standing = Standing.NOTHING
        account.wanting = True

    def sold(self, account: Account) -> None:
        """Notes that an order is paid and effective."""
        account.standing = Standing.SOLD
        account.sold = True
        self._promise(account)

    def gives_back(self, account: Account) -> None:
        """Notes that a request that cancels an order is about to be sent."""
        if account.promised:
            account.promised = False
            self._promised.subtract(account.units)

    def gave_back(self, account: Account) -> None:
        """Notes that an order is cancelled."""
        if account.standing is Standing.SOLD:
            account.cancelled.update(account.units)
        account.standing = Standing.NOTHING

    def shipped(self, account: Account, units: Mapping[str, int]) -> None:
        """Notes that a parcel of an order has left."""
        account.shipped.update(units)

    def sends_back(self, sku: str, units: int, disposition: Disposition) -> None:
        """Notes that the return of units is about to be sent."""
        if disposition is Disposition.RESELLABLE:
            self._restocked[sku] += units

    def sent_back(self, account: Account, sku: str, units: int, disposition: Disposition) -> None:
        """Notes that units of an order have come back."""
        resellable = disposition is Disposition.RESELLABLE
        (account.restocked if resellable else account.damaged)[sku] += units

    def accepted_orders(self) -> int:
        """The number of orders accepted so far."""
        return sum(account.accepted for account in self.accounts)

    def wanting(self) -> list[Account]:
        """The orders that would take units that come back, in the log's order."""
        return [account for account in self.accounts if account.wanting]

    def levels(self) -> dict[str, ExpectedLevel]:
        """The stock level that every SKU has to have now, by the answers."""
        reserved: Counter[str] = Counter()
        confirmed: Counter[str] = Counter()
        gone: Counter[str] = Counter()
        damaged: Counter[str] = Counter()
        for account in self.accounts:
            if account.standing is Standing.RESERVED:
                reserved.update(account.units)
            elif account.standing is Standing.SOLD:
                confirmed.update(account.unsent_units())
            gone.update(account.shipped)
            gone.subtract(account.restocked)
            damaged.update(account.damaged)
        return {
            sku: ExpectedLevel(units - gone[sku], reserved[sku], confirmed[sku], damaged[sku])
            for sku, units in self.stock.items()
        }

    def differences(self, levels: Iterable[StockLevel]) -> list[str]:
        """Every way in which the engine's `levels` are not what the answers say."""
        found = {level.sku: level for level in levels}
        differences = [f"SKU {sku}: a level that nobody set" for sku in found.keys() - self.stock]
        for sku, expected in self.levels().items():
            level = found.get(sku)
            if level is None:
                differences.append(f"SKU {sku}: the level is gone")
                continue
            for name in (*ExpectedLevel._fields, "available"):
                want, have = getattr(expected, name), getattr(level, name)
                if want != have:
                    differences.append(f"SKU {sku}: {name} is {have:,}, by the answers {want:,}")
        return differences

    def oversold_units(self) -> int:
        """Units that were promised to two buyers: the peak excess of every SKU, summed."""
        return sum(self._peak_excess.values())

    def undersold_units(self, available: Mapping[str, int]) -> int:
        """Units of the refused orders that `available` units of each SKU could fill.

        Orders are filled in the log's order, each whole or not at all, so that no unit counts for
        two of them. Only meaningful when nothing is under way.
        """
        left = dict(available)
        undersold = 0
        for account in self.wanting():
            if fits(account.units, left):
                for sku, quantity in account.units.items():
                    left[sku] -= quantity
                    undersold += quantity
        return undersold

    def fitting(self) -> list[Account]:
        """The wanting orders that would fit into what is left, if each were alone."""
        left = {sku: level.available for sku, level in self.levels().items()}
        return [account for account in self.wanting() if fits(account.units, left)]

    def _promise(self, account: Account) -> None:
        if account.promised:
            return
        account.promised = True
        for sku, quantity in account.units.items():
            self._promised[sku] += quantity
            excess = self._promised[sku] - self._restocked[sku] - self.stock[sku]
            if excess > self._peak_excess[sku]:
                self._peak_excess[sku] = excess


def fits(units: Mapping[str, int], left: Mapping[str, int]) -> bool:
    """Whether there is enough of every SKU."""
    return all(left.get(sku, 0) >= quantity for sku, quantity in units.items())


def order_differences(
    accounts: Iterable[Account], orders: Mapping[str, order_pb2.Order]
) -> list[str]:
    """Every way in which the orders are not what the answers say."""
    found = []
    for account in accounts:
        if account.order_id not in orders:
            found.append(f"order {account.order.number}: it is not there")
            continue
        order = orders[account.order_id]
        state = _S.State.Name(order.state)
        if order.state not in STATES[account.standing]:
            found.append(f"order {order.order_id}: {state}, by the answers {account.standing.name}")
        shipped: Counter[str] = Counter()
        for line in order.lines:
            shipped[line.sku] += line.shipped
        if +shipped != +account.shipped:
            found.append(f"order {order.order_id}: shipped {+shipped}, sent {+account.shipped}")
        is_all_there = account.standing is Standing.SOLD and not account.unsent_units()
        if is_all_there != (order.state in DELIVERED):
            found.append(f"order {order.order_id}: {state}, all of it sent: {is_all_there}")
    return found
