"""The oracle under random use, alone or with the engine beside it.

`OracleMachine` draws commands and moves the clock; `EngineMachine` gives the same to the engine
and compares every answer and the whole state after it.
"""

from collections.abc import Sequence

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from engine.model import Confirm, Line, Purge, Reservation, Reserve, Ship, State, SweepResult
from tests.model.commands import (
    BUYERS,
    DAY_MS,
    RESERVATION_COMMANDS,
    SECOND_MS,
    batches,
    one_from,
    opening_stock,
)
from tests.model.oracle import Answer, AnyCommand, Oracle
from tests.model.side_by_side import SideBySide
from tests.partition import Partition

START_MS = 1_700_000_000_000
EARLIER_MAX = 16
RETENTIONS_MS = (DAY_MS - 1, DAY_MS, 30 * DAY_MS - 1, 30 * DAY_MS, 30 * DAY_MS)


def named(command: AnyCommand, answer: Answer) -> str:
    """The event in short: `Confirm OUT_OF_STOCK`, `Ship APPLIED again`, `Purge`."""
    if isinstance(answer, SweepResult):
        return type(command).__name__
    again = " again" if answer.replayed else ""
    return f"{type(command).__name__} {answer.outcome.name}{again}"


class OracleMachine(RuleBasedStateMachine):
    """Draws batches of commands, lets time pass, and judges with the oracle.

    The rules are the ways in which a batch may come; their names say which.
    """

    def __init__(self) -> None:
        super().__init__()
        self.oracle = Oracle()
        self.now_ms = START_MS
        self.earlier: list[AnyCommand] = []

    def judge(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        """Judges one batch; returns the answers. A subclass may judge with more than the oracle."""
        return self.oracle.run(commands, now_ms)

    def send(self, commands: Sequence[AnyCommand], now_ms: int) -> None:
        """Judges one batch, of which any command may come again."""
        for command, answer in zip(commands, self.judge(commands, now_ms), strict=True):
            event(named(command, answer))
        self.earlier = [*self.earlier, *commands][-EARLIER_MAX:]

    def send_some(self, data: st.DataObject, now_ms: int) -> None:
        """Draws one batch for this time and judges it."""
        self.send(data.draw(batches(now_ms, self.oracle.reservations(), self.earlier)), now_ms)

    def in_state(self, state: State) -> list[Reservation]:
        """The reservations in a state; one past its deadline is RESERVED until the next batch."""
        return [r for r in self.oracle.reservations().values() if r.state is state]

    @initialize(commands=opening_stock())
    def the_shop_opens(self, commands: list[AnyCommand]) -> None:
        self.send(commands, self.now_ms)

    @rule(data=st.data())
    def commands_come(self, data: st.DataObject) -> None:
        self.send_some(data, self.now_ms)

    @rule(data=st.data(), passed_ms=one_from(1, 499, 1_000, 1_001, 60_000, 900_000, DAY_MS))
    def time_passes(self, data: st.DataObject, passed_ms: int) -> None:
        self.now_ms += passed_ms
        self.send_some(data, self.now_ms)

    @rule(reserve=RESERVATION_COMMANDS[Reserve], ship=RESERVATION_COMMANDS[Ship])
    def an_order_is_shipped_at_once(self, reserve: Reserve, ship: Ship) -> None:
        ship = Ship(reserve.reservation_id, ship.shipment_id, ship.lines)
        self.send([reserve, Confirm(reserve.reservation_id), ship], self.now_ms)

    @precondition(lambda self: self.in_state(State.RESERVED))
    @rule(data=st.data(), offset_ms=one_from(-1, 0, 0, 1))
    def a_deadline_comes(self, data: st.DataObject, offset_ms: int) -> None:
        reserved = data.draw(st.sampled_from(self.in_state(State.RESERVED)))
        self.now_ms = max(self.now_ms, reserved.expires_at_ms + offset_ms)
        self.send_some(data, self.now_ms)

    @rule(data=st.data(), behind_ms=one_from(1, 1_000, DAY_MS))
    def commands_come_with_a_clock_behind(self, data: st.DataObject, behind_ms: int) -> None:
        self.send_some(data, self.now_ms - behind_ms)

    @precondition(lambda self: self.in_state(State.EXPIRED))
    @rule(data=st.data(), buyer_id=BUYERS)
    def the_next_in_line_comes_before_a_late_confirm(
        self, data: st.DataObject, buyer_id: str
    ) -> None:
        late = data.draw(st.sampled_from(self.in_state(State.EXPIRED)))
        line = data.draw(st.sampled_from(late.lines))
        available = self.oracle.levels()[line.sku, line.location].available
        all_of_it = [Line(line.sku, max(1, available), line.location)]
        next_in_line = Reserve(f"after-{late.reservation_id}", all_of_it, buyer_id=buyer_id)
        late_confirm = Confirm(late.reservation_id, reacquire_if_expired=True)
        self.send([next_in_line, late_confirm], self.now_ms)

    @precondition(lambda self: any(level.available for level in self.oracle.levels().values()))
    @rule(data=st.data(), buyers=st.lists(BUYERS, min_size=2, max_size=3), more=st.integers(0, 2))
    def some_come_for_what_has_just_lapsed(
        self, data: st.DataObject, buyers: list[str], more: int
    ) -> None:
        on_sale = [level for level in self.oracle.levels().values() if level.available]
        level = data.draw(st.sampled_from(on_sale))
        for number, buyer_id in enumerate(buyers):
            held = [Line(level.sku, 1, level.location)]
            self.send([Reserve(f"held-{number}", held, SECOND_MS, buyer_id)], self.now_ms)
        self.now_ms += SECOND_MS
        wanted = [Line(level.sku, max(1, level.available - more), level.location)]
        first = Reserve("first", wanted, buyer_id=data.draw(BUYERS))
        others = batches(self.now_ms, self.oracle.reservations(), self.earlier)
        self.send([first, *data.draw(others)], self.now_ms)

    @rule(limit=st.integers(1, 3), passed_ms=one_from(0, 0, *RETENTIONS_MS))
    def what_is_old_is_purged(self, limit: int, passed_ms: int) -> None:
        self.now_ms += passed_ms
        # Until nothing is left: which rows go first is the engine's own affair.
        while self.judge([Purge(limit)], self.now_ms) == [SweepResult(limit, more=True)]:
            pass


class EngineMachine(OracleMachine):
    """The engine beside the oracle: same commands, same clock, same answers, same state."""

    def __init__(self, side_by_side: SideBySide) -> None:
        super().__init__()
        self.side_by_side = side_by_side
        self.oracle = side_by_side.oracle

    def judge(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        return self.side_by_side.run(commands, now_ms)

    @invariant()
    def states_are_the_same(self) -> None:
        self.side_by_side.compare_state()


def machine_of(
    partition: Partition, side_by_side: type[SideBySide] = SideBySide
) -> type[EngineMachine]:
    """A machine that starts every story with the partition emptied."""

    class MachineOfPartition(EngineMachine):
        def __init__(self) -> None:
            super().__init__(side_by_side(partition))

    return MachineOfPartition
