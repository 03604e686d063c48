"""The random commands of the model tests reach every answer there is, by the oracle alone."""

from collections.abc import Sequence
from typing import ClassVar

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.model import Outcome, StockOutcome
from tests.model.machine import OracleMachine, named
from tests.model.oracle import Answer, AnyCommand

QUICK = settings(
    max_examples=40,
    stateful_step_count=30,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

MOVEMENT = """APPLIED, APPLIED again, NOT_FOUND, ALREADY_RELEASED, ALREADY_EXPIRED, NOT_CONFIRMED,
    ID_REUSED, ALREADY_CANCELLED, QUANTITY_EXCEEDED, INVALID"""
REACHABLE = {
    "Reserve": """APPLIED, APPLIED again, ALREADY_RELEASED, ID_REUSED, UNKNOWN_SKU, OUT_OF_STOCK,
        LIMIT_EXCEEDED, INVALID""",
    "Exchange": """APPLIED, APPLIED again, ALREADY_RELEASED, ID_REUSED, UNKNOWN_SKU, NOT_FOUND,
        NOT_CONFIRMED, QUANTITY_EXCEEDED, OUT_OF_STOCK, LIMIT_EXCEEDED, INVALID""",
    "Confirm": """APPLIED, APPLIED again, NOT_FOUND, ALREADY_RELEASED, ALREADY_EXPIRED,
        OUT_OF_STOCK, LIMIT_EXCEEDED, INVALID""",
    "Release": """APPLIED, APPLIED again, ALREADY_CONFIRMED, ALREADY_CANCELLED, ALREADY_EXPIRED,
        INVALID""",
    "Extend": """APPLIED, APPLIED again, NOT_FOUND, ALREADY_RELEASED, ALREADY_EXPIRED,
        ALREADY_CONFIRMED, ALREADY_CANCELLED, INVALID""",
    "Ship": MOVEMENT,
    "Cancel": MOVEMENT,
    "Return": f"{MOVEMENT}, UNKNOWN_SKU",
    "SetStock": """APPLIED, APPLIED again, VERSION_MISMATCH, ON_HAND_BELOW_COMMITTED,
        ADJUSTMENT_ID_REUSED, INVALID""",
    "AdjustStock": """APPLIED, APPLIED again, NOT_FOUND, ON_HAND_BELOW_COMMITTED,
        ADJUSTMENT_ID_REUSED, INVALID""",
    "MoveStock": """APPLIED, APPLIED again, NOT_FOUND, NOT_ENOUGH_UNITS, ADJUSTMENT_ID_REUSED,
        INVALID""",
}


WANTED = {
    f"{command} {answer.strip()}"
    for command, answers in REACHABLE.items()
    for answer in answers.split(",")
}
SEEDS = range(12)


class RecordingMachine(OracleMachine):
    """Notes what happened, over all examples."""

    seen: ClassVar[set[str]] = set()

    def judge(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
        answers = super().judge(commands, now_ms)
        self.seen.update(map(named, commands, answers))
        return answers


def test_random_commands_reach_every_answer_of_every_command() -> None:
    RecordingMachine.seen.clear()
    for number in SEEDS:
        run_state_machine_as_test(seed(number)(RecordingMachine), settings=QUICK)
        if RecordingMachine.seen >= WANTED:
            break
    assert RecordingMachine.seen - {"Expire", "Purge"} == WANTED


def test_the_reachable_answers_name_every_outcome() -> None:
    outcomes = {answer.removesuffix(" again").split()[1] for answer in WANTED}
    assert outcomes == set(Outcome.__members__) | set(StockOutcome.__members__)
