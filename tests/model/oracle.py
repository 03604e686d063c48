"""The rules of the engine a second time, written to be read: what each command answers and changes.

The engine keeps counts and moves them; the oracle keeps only reservations, and derives the
reserved, confirmed and buyers' units from them whenever it needs them. Nothing here is shared with
the engine but the types of `engine.model`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from engine.model import (
    AdjustStock,
    Cancel,
    Command,
    Confirm,
    Expire,
    Extend,
    MoveStock,
    Outcome,
    Purge,
    Release,
    Reservation,
    Reserve,
    Result,
    Return,
    SetStock,
    Ship,
    Shortage,
    State,
    StockCommand,
    StockLevel,
    StockOutcome,
    StockResult,
    SweepResult,
)
from tests.model import exchanges
from tests.model.bounds import UNITS_MAX, broken_field
from tests.model.movements import content_of, identity, left_for, move_units, place_after
from tests.model.moves import content_of_move, move_between, places_of
from tests.model.records import (
    MOVE_RETENTION_MS,
    SETTING_RETENTION_MS,
    Adjustment,
    Held,
    HeldLine,
    Level,
    Movement,
    Place,
    summed,
)

Answer = Result | StockResult | SweepResult
AnyCommand = Command | StockCommand | Expire | Purge

TTL_MS_DEFAULT = 15 * 60 * 1_000
TTL_MS_MAX = 7 * 24 * 3_600 * 1_000
MOVEMENTS_MAX = 1_000


class Oracle:
    """One tenant's partition, in memory."""

    def __init__(self) -> None:
        self._held: dict[str, Held] = {}
        self._levels: dict[Place, Level] = {}
        self._adjustments: dict[str, Adjustment] = {}
        self._now_ms = 0
        self._written_at_ms = 0
        self.expired = 0  # reservations, by the last batch

    def run(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        """Judges a batch in order, each command alone, and answers each."""
        self._now_ms = max(now_ms, self._written_at_ms)
        # A batch of which nothing is within its bounds does not reach the store.
        is_judged = not all(broken_field(command) for command in commands)
        self.expired = self._expire_what_is_due() if is_judged else 0
        answers = [self._judge(command) for command in commands]
        if self.expired or any(changed_something(answer) for answer in answers):
            self._written_at_ms = self._now_ms
        return answers

    def has_exchanges(self) -> bool:
        """Whether a reservation was made in exchange for units of another."""
        return any(held.exchange for held in self._held.values())

    def has_seen(self, now_ms: int) -> None:
        """Learns of a time that a batch has written: none after it is earlier."""
        self._written_at_ms = max(self._written_at_ms, now_ms)

    def reservations(self) -> dict[str, Reservation]:
        """Every reservation and tombstone, by id."""
        return {key: held.shown(key) for key, held in self._held.items()}

    def levels(self) -> dict[Place, StockLevel]:
        """Every stock level, by SKU and location."""
        return {place: self._level(place) for place in self._levels}

    def buyers(self) -> dict[tuple[str, str], int]:
        """Units by buyer and SKU: reserved, confirmed, and shipped without having come back."""
        units: Counter[tuple[str, str]] = Counter()
        for held in self._held.values():
            if held.buyer_id and held.state in (State.RESERVED, State.CONFIRMED, State.FULFILLED):
                for (sku, _), line in held.lines.items():
                    exchanged = line.exchanged_for()
                    units[held.buyer_id, sku] += (
                        line.quantity - line.cancelled - line.returned - exchanged
                    )
        return {key: count for key, count in units.items() if count}

    def _judge(self, command: AnyCommand) -> Answer:
        match command:
            case Expire():
                # The batch began by expiring all that was due; this tells how many.
                return SweepResult(self.expired, more=False)
            case Purge():
                return self._purge(command)
            case SetStock() | AdjustStock() | MoveStock():
                return self._judge_stock(command)
            case _:
                return self._judge_reservation(command)

    def _judge_reservation(self, command: Command) -> Result:
        if field := broken_field(command):
            return Result(Outcome.INVALID, detail=field)
        held = self._held.get(command.reservation_id)
        match command:
            case Reserve():
                return self._reserve(command, held)
            case Release():
                return self._release(command, held)
        if held is None:
            return Result(Outcome.NOT_FOUND)
        if held.state is State.RELEASED:
            return held.answer(Outcome.ALREADY_RELEASED)
        match command:
            case Confirm():
                return self._confirm(command, held)
            case Extend():
                return self._extend(command, held)
            case Ship() | Cancel() | Return():
                return self._move(command, held)

    def _judge_stock(self, command: StockCommand) -> StockResult:
        if field := broken_field(command):
            return StockResult(StockOutcome.INVALID, detail=field)
        match command:
            case SetStock():
                return self._set_stock(command)
            case AdjustStock():
                return self._adjust_stock(command)
            case MoveStock():
                return self._move_stock(command)

    def _reserve(self, command: Reserve, held: Held | None) -> Result:
        lines = summed(command.lines)
        ttl_ms = command.ttl_ms or TTL_MS_DEFAULT
        exchange = exchanges.content_of(command)
        if held is not None:
            if not held.lines:
                return held.answer(Outcome.ALREADY_RELEASED)
            before = (held.quantities(), held.ttl_ms, held.buyer_id, held.exchange)
            is_same = before == (lines, ttl_ms, command.buyer_id, exchange)
            return held.replay() if is_same else held.answer(Outcome.ID_REUSED)
        if any(place not in self._levels for place in lines):
            return Result(Outcome.UNKNOWN_SKU)
        if exchange and (refused := exchanges.refusal(exchange, command.buyer_id, self._held)):
            return Result(refused)
        if shortages := self._shortages(lines):
            return Result(Outcome.OUT_OF_STOCK, shortages=shortages)
        held = Held(
            state=State.RESERVED,
            lines={place: HeldLine(units) for place, units in lines.items()},
            buyer_id=command.buyer_id,
            ttl_ms=ttl_ms,
            created_at_ms=self._now_ms,
            expires_at_ms=self._now_ms + ttl_ms,
            updated_at_ms=self._now_ms,
            exchange=exchange,
        )
        if not self._exchange_within_limits(held):
            return Result(Outcome.LIMIT_EXCEEDED)
        self._held[command.reservation_id] = held
        return held.answer(Outcome.APPLIED)

    def _confirm(self, command: Confirm, held: Held) -> Result:
        if held.state in (State.CONFIRMED, State.FULFILLED, State.CANCELLED):
            return held.replay()
        if held.state is State.EXPIRED:
            if not command.reacquire_if_expired:
                return held.answer(Outcome.ALREADY_EXPIRED)
            if shortages := self._shortages(held.quantities()):
                return held.answer(Outcome.OUT_OF_STOCK, shortages=shortages)
            if not self._exchange_within_limits(held):
                return held.answer(Outcome.LIMIT_EXCEEDED)
            held.turn(State.CONFIRMED, self._now_ms)
            return held.answer(Outcome.APPLIED)
        held.turn(State.CONFIRMED, self._now_ms)
        self._counts_changed(held.lines)
        return held.answer(Outcome.APPLIED)

    def _release(self, command: Release, held: Held | None) -> Result:
        if held is None:
            tombstone = self._held[command.reservation_id] = Held.tombstone(self._now_ms)
            return tombstone.answer(Outcome.APPLIED)
        if held.state is State.RELEASED:
            return held.replay()
        if held.state in (State.CONFIRMED, State.FULFILLED):
            return held.answer(Outcome.ALREADY_CONFIRMED)
        if held.state is State.CANCELLED:
            return held.answer(Outcome.ALREADY_CANCELLED)
        if held.state is State.EXPIRED:
            return held.answer(Outcome.ALREADY_EXPIRED)
        held.turn(State.RELEASED, self._now_ms)
        self._undo_exchange(held, held.quantities())
        return held.answer(Outcome.APPLIED)

    def _extend(self, command: Extend, held: Held) -> Result:
        if held.state is State.EXPIRED:
            return held.answer(Outcome.ALREADY_EXPIRED)
        if held.state in (State.CONFIRMED, State.FULFILLED):
            return held.answer(Outcome.ALREADY_CONFIRMED)
        if held.state is State.CANCELLED:
            return held.answer(Outcome.ALREADY_CANCELLED)
        if command.expires_at_ms == held.expires_at_ms:
            return held.replay()
        if not self._now_ms < command.expires_at_ms <= self._now_ms + TTL_MS_MAX:
            return held.answer(Outcome.INVALID, detail="expires_at_ms")
        held.expires_at_ms = command.expires_at_ms
        held.updated_at_ms = self._now_ms
        return held.answer(Outcome.APPLIED)

    def _move(self, command: Movement, held: Held) -> Result:
        if held.state is State.EXPIRED:
            return held.answer(Outcome.ALREADY_EXPIRED)
        if held.state is State.RESERVED:
            return held.answer(Outcome.NOT_CONFIRMED)
        movement, content = identity(command), content_of(command)
        if movement in held.movements:
            is_same = held.movements[movement] == content
            return held.replay() if is_same else held.answer(Outcome.ID_REUSED)
        if held.state is State.CANCELLED:
            return held.answer(Outcome.ALREADY_CANCELLED)
        left = left_for(command, held)
        moved = summed(command.lines) or left
        if not moved or any(units > left.get(place, 0) for place, units in moved.items()):
            return held.answer(Outcome.QUANTITY_EXCEEDED)
        if len(held.movements) >= MOVEMENTS_MAX:
            return held.answer(Outcome.INVALID, detail="movements")
        after = {place: place_after(command, place) for place in moved}
        if any(place not in self._levels for place in after.values()):
            return held.answer(Outcome.UNKNOWN_SKU)
        held.movements[movement] = content
        for place, units in moved.items():
            move_units(command, units, held.lines[place], self._levels[after[place]])
        if isinstance(command, Cancel):
            self._undo_exchange(held, moved)
        else:
            self._counts_changed({*after.values()})
        held.updated_at_ms = self._now_ms
        lines = held.lines.values()
        if held.state is State.CONFIRMED and not any(line.unshipped for line in lines):
            is_shipped = any(line.shipped for line in lines)
            held.turn(State.FULFILLED if is_shipped else State.CANCELLED, self._now_ms)
        return held.answer(Outcome.APPLIED)

    def _set_stock(self, command: SetStock) -> StockResult:
        place = (command.sku, command.location)
        level = self._levels.get(place)
        asked = (command.on_hand, command.safety_stock, command.limit_per_buyer)
        known = self._adjustments.get(f"={command.setting_id}")
        if known is not None:
            if known.content != (place, asked):
                return self._stock_answer(StockOutcome.ADJUSTMENT_ID_REUSED, place)
            return self._stock_answer(StockOutcome.APPLIED, place, replayed=True)
        version = level.version if level else 0
        before = (level.on_hand, level.safety_stock, level.limit_per_buyer) if level else (0, 0, 0)
        settings = tuple(
            is_now if wanted is None else wanted
            for wanted, is_now in zip(asked, before, strict=True)
        )
        if command.expected_version not in (None, version):
            return self._stock_answer(StockOutcome.VERSION_MISMATCH, place)
        if settings[0] < self._committed(place):
            return self._stock_answer(StockOutcome.ON_HAND_BELOW_COMMITTED, place)
        if command.setting_id:
            used = Adjustment((place, asked), self._now_ms, SETTING_RETENTION_MS)
            self._adjustments[f"={command.setting_id}"] = used
        if level is None:
            self._levels[place] = Level(*settings)
        elif settings == before:
            return self._stock_answer(StockOutcome.APPLIED, place, replayed=True)
        else:
            level.on_hand, level.safety_stock, level.limit_per_buyer = settings
            level.version += 1
        return self._stock_answer(StockOutcome.APPLIED, place)

    def _adjust_stock(self, command: AdjustStock) -> StockResult:
        place = (command.sku, command.location)
        content = (command.sku, command.location, command.delta, command.reason)
        known = self._adjustments.get(command.adjustment_id)
        if known is not None:
            if known.content != content:
                return self._stock_answer(StockOutcome.ADJUSTMENT_ID_REUSED, place)
            return self._stock_answer(StockOutcome.APPLIED, place, replayed=True)
        level = self._levels.get(place)
        if level is None:
            return StockResult(StockOutcome.NOT_FOUND)
        on_hand = level.on_hand + command.delta
        if on_hand < self._committed(place):
            return self._stock_answer(StockOutcome.ON_HAND_BELOW_COMMITTED, place)
        if on_hand > UNITS_MAX:
            return self._stock_answer(StockOutcome.INVALID, place, detail="delta")
        level.on_hand = on_hand
        level.version += 1
        self._adjustments[command.adjustment_id] = Adjustment(content, self._now_ms)
        return self._stock_answer(StockOutcome.APPLIED, place)

    def _move_stock(self, command: MoveStock) -> StockResult:
        key, content = f">{command.move_id}", content_of_move(command)
        known = self._adjustments.get(key)
        if known is None:
            outcome = move_between(command, self._levels, self._level)
        else:
            is_same = known.content == content
            outcome = StockOutcome.APPLIED if is_same else StockOutcome.ADJUSTMENT_ID_REUSED
        if known is None and outcome is StockOutcome.APPLIED:
            self._counts_changed({place for place in places_of(command) if place})
            self._adjustments[key] = Adjustment(content, self._now_ms, MOVE_RETENTION_MS)
        gives, takes = (
            self._level(place) if place in self._levels else None for place in places_of(command)
        )
        is_replay = known is not None and outcome is StockOutcome.APPLIED
        detail = "units" if outcome is StockOutcome.INVALID else ""
        return StockResult(outcome, gives, is_replay, detail, takes)

    def _expire_what_is_due(self) -> int:
        due = [
            held
            for held in self._held.values()
            if held.state is State.RESERVED and held.expires_at_ms <= self._now_ms
        ]
        for held in due:
            held.turn(State.EXPIRED, self._now_ms)
            self._undo_exchange(held, held.quantities())
        return len(due)

    def _purge(self, command: Purge) -> SweepResult:
        rows: list[tuple[dict[str, Held] | dict[str, Adjustment], str]] = [
            (table, key)
            for table in (self._held, self._adjustments)
            for key, row in table.items()
            if row.retention_is_over(self._now_ms)
        ]
        for table, key in rows[: command.limit]:
            del table[key]
        handled = min(command.limit, len(rows))
        return SweepResult(handled, more=handled == command.limit)

    def _shortages(self, lines: dict[Place, int]) -> tuple[Shortage, ...]:
        """Every line that asks for more than is available."""
        available = {place: self._level(place).available for place in lines}
        return tuple(
            Shortage(*place, requested=units, available=available[place])
            for place, units in lines.items()
            if units > available[place]
        )

    def _passes_a_limit(self, lines: dict[Place, int], buyer_id: str) -> bool:
        """Whether the buyer would have more of a SKU than its limit; nobody may have any."""
        units_of_now = self.buyers()
        for sku, _ in lines:
            limit = self.limit(sku)
            asked = sum(units for (other, _), units in lines.items() if other == sku)
            units_after = units_of_now.get((buyer_id, sku), 0) + asked
            if limit and (not buyer_id or units_after > limit):
                return True
        return False

    def limit(self, sku: str) -> int:
        """The strictest limit of any place of a SKU; 0 if it has none."""
        limits = [level.limit_per_buyer for (name, _), level in self._levels.items() if name == sku]
        return min((limit for limit in limits if limit), default=0)

    def _reserved(self, place: Place) -> int:
        return sum(
            held.lines[place].quantity
            for held in self._held.values()
            if held.state is State.RESERVED and place in held.lines
        )

    def _confirmed(self, place: Place) -> int:
        return sum(
            held.lines[place].unshipped
            for held in self._held.values()
            if held.state is State.CONFIRMED and place in held.lines
        )

    def _committed(self, place: Place) -> int:
        return self._reserved(place) + self._confirmed(place)

    def _exchange_within_limits(self, held: Held) -> bool:
        """Has the units of an exchange stop counting, unless the buyer passes a limit even so."""
        places = exchanges.exchange(held, self._held)
        if self._passes_a_limit(held.quantities(), held.buyer_id):
            exchanges.undo(held, self._held, {})
            return False
        self._other_changed(held, places)
        self._counts_changed({*held.lines, *places})
        return True

    def _undo_exchange(self, held: Held, moved: dict[Place, int]) -> None:
        places = exchanges.undo(held, self._held, moved)
        self._other_changed(held, places)
        self._counts_changed({*moved, *places})

    def _other_changed(self, held: Held, places: Sequence[Place]) -> None:
        if held.exchange and places:
            self._held[held.exchange.other_id].updated_at_ms = self._now_ms

    def _counts_changed(self, places: Iterable[Place]) -> None:
        for place in places:
            self._levels[place].version += 1

    def _level(self, place: Place) -> StockLevel:
        level = self._levels[place]
        return StockLevel(
            *place,
            on_hand=level.on_hand,
            reserved=self._reserved(place),
            confirmed=self._confirmed(place),
            damaged=level.damaged,
            safety_stock=level.safety_stock,
            limit_per_buyer=level.limit_per_buyer,
            version=level.version,
            incoming=level.incoming,
        )

    def _stock_answer(
        self, outcome: StockOutcome, place: Place, *, replayed: bool = False, detail: str = ""
    ) -> StockResult:
        level = self._level(place) if place in self._levels else None
        return StockResult(outcome, level, replayed, detail)


def changed_something(answer: Answer) -> bool:
    """Whether the command that was answered so wrote anything."""
    if isinstance(answer, SweepResult):
        return answer.handled > 0
    return answer.outcome.name == "APPLIED" and not answer.replayed
