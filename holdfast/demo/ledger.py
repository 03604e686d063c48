"""What the answers say: the client's own account of every unit, kept apart from the engine's.

The ledger sees each command twice: when it is `sent` and when it is `answered`. From that alone it
knows what every stock level has to be at the end, and judges:

- **Oversold.** A unit is promised from the moment its answer arrives (a reservation that does not
  lapse during the demo, or a confirmation) until the moment a command that gives it back is sent.
  In between it certainly belongs to somebody. If more units of a SKU are promised at any moment
  than there were to begin with, returned ones included, some unit was sold twice; the largest
  excess of each SKU counts, even if a later cancellation would cover it up.
- **Undersold.** An order still refused at the end, when nothing moves any more, although all its
  lines fit into what is left: units that could have been sold and were not. `undersold_units`
  computes it for given levels, the ledger's own and the engine's. A refusal is wrong at once if
  even everything that anybody has asked for so far, the refused order included, fits into the
  initial stock; that is an unexpected answer.
- **Effects.** A command that was applied afresh twice under one id is a double effect; an answer
  that the state of the reservation does not allow is an unexpected answer.

Pure: no I/O, no clock. Quantities are units.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from holdfast.commands import (
    Cancel,
    Command,
    Confirm,
    LineLike,
    Release,
    Reserve,
    Return,
    Ship,
)
from holdfast.demo.order_log import Order
from holdfast.outcomes import Outcome
from holdfast.types import Disposition, Result, State, StockLevel


class ExpectedLevel(NamedTuple):
    """What the level of a SKU has to be, by the answers."""

    on_hand: int
    reserved: int
    confirmed: int
    damaged: int

    @property
    def available(self) -> int:
        """What can be reserved."""
        return self.on_hand - self.reserved - self.confirmed


@dataclass(slots=True)
class Account:
    """One order as its buyer knows it.

    `accepted`: its Reserve was applied at some time. `wanting`: its last Reserve, or its Confirm
    after expiry, was refused for lack of stock, so it would take units that come back. `lapses`:
    it was reserved with a short time to live.
    """

    order: Order
    units: dict[str, int]
    state: State = State.UNSPECIFIED
    accepted: bool = False
    wanting: bool = False
    lapses: bool = False
    promised: bool = False
    shipped: Counter[str] = field(default_factory=Counter)
    cancelled: Counter[str] = field(default_factory=Counter)
    restocked: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)

    @property
    def is_sold(self) -> bool:
        """Whether it has been confirmed; cancelling it later does not undo that."""
        return self.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED)

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
        self.accounts = {order.order_id: Account(order, order.units_by_sku()) for order in orders}
        self.unexpected_answers: list[str] = []
        self.double_effects: list[str] = []
        self._asked: Counter[str] = Counter()
        self._promised: Counter[str] = Counter()
        self._restocked: Counter[str] = Counter()
        self._peak_excess: dict[str, int] = defaultdict(int)
        self._asked_for: set[str] = set()
        self._in_effect: set[str] = set()

    def sent(self, command: Command) -> None:
        """Notes a command before it leaves, once however often it is sent."""
        account = self.accounts[command.reservation_id]
        match command:
            case Reserve() if command.reservation_id not in self._asked_for:
                self._asked_for.add(command.reservation_id)
                self._asked.update(account.units)
                account.lapses = command.ttl_ms > 0
            case Release() if account.promised:
                account.promised = False
                self._promised.subtract(account.units)
            case Cancel() if account.promised:
                self._promised.subtract(_units_meant(account, command.lines))
            case Return(disposition=Disposition.RESELLABLE):
                self._restocked.update(_units_of(command.lines))

    def answered(self, command: Command, answers: Sequence[Result]) -> Result:
        """Notes the answers to one command, and gives the one that counts.

        Several answers are those of copies that were under way together. The command is in effect
        if any of them says so: a refusal is not remembered, so the copy that was judged later may
        have been applied. Once it is in effect, every later answer has to be a replay.
        """
        account = self.accounts[command.reservation_id]
        answer = next((one for one in answers if one.applied), answers[0])
        self._check(command, account, answers)
        if answer.applied and _effect(command) not in self._in_effect:
            self._in_effect.add(_effect(command))
            self._take_effect(account, command, answer)
        elif answer.outcome is Outcome.OUT_OF_STOCK:
            account.wanting = True
            self._judge_refusal(account, command, answer)
        account.state = answer.state
        return answer

    def accepted_orders(self) -> int:
        """How many orders have been accepted so far."""
        return sum(account.accepted for account in self.accounts.values())

    def wanting(self) -> list[Account]:
        """The orders that would take units that come back, in the log's order."""
        return [account for account in self.accounts.values() if account.wanting]

    def levels(self) -> dict[str, ExpectedLevel]:
        """What every stock level has to be now, by the answers."""
        reserved: Counter[str] = Counter()
        confirmed: Counter[str] = Counter()
        gone: Counter[str] = Counter()
        damaged: Counter[str] = Counter()
        for account in self.accounts.values():
            if account.state is State.RESERVED:
                reserved.update(account.units)
            elif account.is_sold:
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
        two of them. Only meaningful when no command is under way.
        """
        left = dict(available)
        undersold = 0
        for account in self.wanting():
            if all(left.get(sku, 0) >= quantity for sku, quantity in account.units.items()):
                for sku, quantity in account.units.items():
                    left[sku] -= quantity
                    undersold += quantity
        return undersold

    def _take_effect(self, account: Account, command: Command, answer: Result) -> None:
        match command:
            case Reserve():
                account.accepted = True
                account.wanting = False
                if answer.state is State.RESERVED and not account.lapses:
                    self._promise(account)
            case Confirm():
                account.wanting = False
                self._promise(account)
            case Ship():
                account.shipped.update(_units_meant(account, command.lines))
            case Cancel():
                account.cancelled.update(_units_meant(account, command.lines))
            case Return():
                resellable = command.disposition is Disposition.RESELLABLE
                back = account.restocked if resellable else account.damaged
                back.update(_units_of(command.lines))

    def _promise(self, account: Account) -> None:
        if account.promised:
            return
        account.promised = True
        for sku, quantity in account.units.items():
            self._promised[sku] += quantity
            excess = self._promised[sku] - self._restocked[sku] - self.stock[sku]
            if excess > self._peak_excess[sku]:
                self._peak_excess[sku] = excess

    def _judge_refusal(self, account: Account, command: Command, answer: Result) -> None:
        if not answer.shortages or any(
            short.available >= short.requested for short in answer.shortages
        ):
            self._unexpected(command, f"OUT_OF_STOCK without a short line: {answer.shortages}")
        if all(self._asked[sku] <= self.stock[sku] for sku in account.units):
            self._unexpected(command, "OUT_OF_STOCK although all that was asked for so far fits")

    def _check(self, command: Command, account: Account, answers: Sequence[Result]) -> None:
        in_effect = _effect(command) in self._in_effect
        allowed = {Outcome.APPLIED} if in_effect else _outcomes_allowed(command, account)
        for answer in answers:
            if answer.outcome not in allowed:
                self._unexpected(command, f"{answer.outcome.name} {answer.detail}".rstrip())
        if in_effect + sum(answer.applied and not answer.replayed for answer in answers) > 1:
            self.double_effects.append(f"{_effect(command)} was applied more than once")

    def _unexpected(self, command: Command, problem: str) -> None:
        self.unexpected_answers.append(f"{_effect(command)}: {problem}")


def _outcomes_allowed(command: Command, account: Account) -> set[Outcome]:
    """How a command that is not in effect yet may be answered."""
    match command:
        case Reserve() | Confirm(reacquire_if_expired=True):
            return {Outcome.APPLIED, Outcome.OUT_OF_STOCK}
        case Confirm() if account.lapses:
            return {Outcome.ALREADY_EXPIRED}
        case _:
            return {Outcome.APPLIED}


def _effect(command: Command) -> str:
    """Names what a command does once: its kind, its reservation and, if it has one, its own id."""
    match command:
        case Ship():
            own_id = f" {command.shipment_id}"
        case Cancel():
            own_id = f" {command.cancellation_id}"
        case Return():
            own_id = f" {command.return_id}"
        case _:
            own_id = ""
    return f"{type(command).__name__} {command.reservation_id}{own_id}"


def _units_meant(account: Account, lines: Sequence[LineLike]) -> dict[str, int]:
    """The units that a Ship or Cancel is about: its lines, or without any all that is left."""
    return _units_of(lines) if lines else account.unsent_units()


def _units_of(lines: Sequence[LineLike]) -> dict[str, int]:
    units: dict[str, int] = defaultdict(int)
    for line in lines:
        units[line[0]] += line[1]
    return units
