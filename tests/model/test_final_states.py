"""The promises of the contract, whatever happens: a reservation ends once, no count is negative,
only some commands touch on hand, and as many win as there are units.

All but the last are checked on the oracle, so that it cannot agree with the engine on something
that the contract forbids.
"""

from collections.abc import Sequence

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from engine.model import (
    AdjustStock,
    Cancel,
    Expire,
    Line,
    MoveStock,
    Reserve,
    Return,
    SetStock,
    Ship,
    State,
)
from tests.model.machine import OracleMachine, named
from tests.model.oracle import Answer, AnyCommand
from tests.model.side_by_side import SideBySide
from tests.partition import Partition

T0 = 1_700_000_000_000

# None: not made yet, or purged. EXPIRED is the one end that can be undone, by Confirm.
NEXT_STATES: dict[State | None, set[State | None]] = {
    None: {State.RESERVED, State.RELEASED},
    State.RESERVED: {State.CONFIRMED, State.RELEASED, State.EXPIRED},
    State.CONFIRMED: {State.FULFILLED, State.CANCELLED},
    State.EXPIRED: {State.CONFIRMED, None},
    State.RELEASED: {None},
    State.FULFILLED: {None},
    State.CANCELLED: {None},
}


class PromisingMachine(OracleMachine):
    """Judges commands one by one and looks at what each has done."""

    def judge(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        answers = []
        for command in commands:
            self.judge_one(Expire(1), now_ms)
            answers.append(self.judge_one(command, now_ms))
        return answers

    def judge_one(self, command: AnyCommand, now_ms: int) -> Answer:
        states, on_hand = self.states(), self.on_hand()
        [answer] = self.oracle.run([command], now_ms)
        happened = named(command, answer)
        states_after = self.states()
        for reservation_id in states | states_after:
            state, after = states.get(reservation_id), states_after.get(reservation_id)
            assert after == state or after in NEXT_STATES[state], (happened, state, after)
        if not isinstance(command, SetStock | AdjustStock | MoveStock | Ship | Cancel | Return):
            assert self.on_hand() == on_hand, happened
        for level in self.oracle.levels().values():
            counts = (level.reserved, level.confirmed, level.damaged, level.incoming)
            assert min(counts) >= 0, happened
            assert level.reserved + level.confirmed <= level.on_hand, happened
        assert all(units > 0 for units in self.oracle.buyers().values()), happened
        return answer

    def states(self) -> dict[str, State]:
        return {name: row.state for name, row in self.oracle.reservations().items()}

    def on_hand(self) -> dict[tuple[str, str], int]:
        return {place: level.on_hand for place, level in self.oracle.levels().items()}


def test_the_oracle_keeps_what_the_contract_promises() -> None:
    run_state_machine_as_test(
        PromisingMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=30,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    on_hand=st.integers(0, 12),
    batches=st.lists(st.lists(st.integers(1, 20), min_size=1, max_size=8), max_size=5),
)
def test_as_many_buyers_win_as_there_are_units_or_buyers(
    partition: Partition, on_hand: int, batches: list[list[int]]
) -> None:
    both = SideBySide(partition)
    both.run([SetStock("TEA", on_hand)], T0)
    winners, buyers = set(), set()
    for numbers in batches:
        commands = [Reserve(f"order-{number}", [Line("TEA", 1)]) for number in numbers]
        answers = both.run(commands, T0)
        buyers |= set(numbers)
        winners |= {
            number
            for number, command, answer in zip(numbers, commands, answers, strict=True)
            if named(command, answer).startswith("Reserve APPLIED")
        }
    assert len(winners) == min(on_hand, len(buyers))
    both.compare_state()
