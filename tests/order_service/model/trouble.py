"""Trouble of all kinds: links break, processes stop and die, time passes while nothing is done."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from tests.order_service.model.links import Breakage
from tests.order_service.model.process import Process
from tests.order_service.model.story import PROCESSES, Story

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
STEPS_MAX = 8
CALLS_MAX = 3
PASSED_MS = st.sampled_from(
    (
        SECOND_MS,
        6 * SECOND_MS,
        11 * SECOND_MS,
        MINUTE_MS,
        16 * MINUTE_MS,
        18 * MINUTE_MS,
        3 * HOUR_MS,
        DAY_MS,
        4 * DAY_MS,
    )
)


class Trouble(Story):
    """The rules of time, and of what goes wrong with it."""

    @rule(number=PROCESSES)
    def a_process_works(self, number: int) -> None:
        self.run(self.process(number).work())

    @rule(number=PROCESSES, tasks=st.integers(1, 3))
    def a_process_does_some_tasks(self, number: int, tasks: int) -> None:
        self.run(self.process(number).work(tasks))

    @rule(ms=PASSED_MS)
    def time_passes_and_all_work(self, ms: int) -> None:
        awake = [process for process in self.world.processes if process.is_awake]
        self._behave()
        self.run(self.world.pass_time(ms, awake))

    @rule(ms=PASSED_MS)
    def time_passes_and_nobody_works(self, ms: int) -> None:
        self.run(self.world.pass_time(ms))
        self._behave()

    def _behave(self) -> None:
        self.misbehaviour = {}
        self.world.misbehave()

    @rule()
    def the_engine_forgets_what_is_old(self) -> None:
        self.world.forget_what_is_old()

    @rule(wrong=st.sampled_from(({"down": "refuse"}, {"refuse_refund": 1.0})))
    def the_provider_misbehaves_until_the_clock_moves(self, wrong: dict[str, Any]) -> None:
        self.misbehaviour = wrong
        self.world.misbehave(**wrong)

    @rule(
        number=PROCESSES,
        name=st.sampled_from(("database", "engine", "provider", "carrier")),
        breakage=st.sampled_from(Breakage),
        calls=st.integers(1, CALLS_MAX),
    )
    def a_link_breaks(self, number: int, name: str, breakage: Breakage, calls: int) -> None:
        getattr(self.world.processes[number].links, name).break_for(calls, breakage)

    @precondition(lambda self: not any(it.brake.is_on for it in self.world.processes))
    @rule(number=PROCESSES, steps=st.integers(0, STEPS_MAX))
    def a_process_is_about_to_stop(self, number: int, steps: int) -> None:
        self.world.processes[number].brake.stop_after(steps)

    @precondition(lambda self: self.stopped())
    @rule()
    def a_stopped_process_goes_on(self) -> None:
        for process in self.stopped():
            self.run(process.go_on())

    def stopped(self) -> list[Process]:
        """The processes that have stopped."""
        return [process for process in self.world.processes if not process.is_awake]

    @rule(number=PROCESSES)
    def a_process_dies_and_another_begins(self, number: int) -> None:
        self.run(self.world.replace(self.world.processes[number]))
