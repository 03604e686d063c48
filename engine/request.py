"""A request in a partition's queue: some commands of one caller, and the answers so far."""

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.answers import NOT_JUDGED, Answer, NotJudged
from engine.errors import EngineError
from engine.model import Result, StockResult, StoreCommand, SweepResult
from engine.validation import line_count

Answers = list[Answer]

_ANSWERS = frozenset((Result, StockResult, SweepResult))


class Request:
    """Some commands of one caller, judged together, and the answers to them so far."""

    __slots__ = (
        "_found",
        "_waiting",
        "answers",
        "commands",
        "deadline",
        "lines",
        "must_be_judged",
    )

    def __init__(
        self, commands: Sequence[StoreCommand], deadline: float, answers: "asyncio.Future[Answers]"
    ) -> None:
        self.commands = commands  # the ones still to be judged
        self.deadline = deadline
        self.answers = answers
        self.lines = line_count(commands)
        self.must_be_judged = False  # whether it may not be refused from memory
        self._found: list[Any] = [NOT_JUDGED] * len(commands)
        self._waiting: Sequence[int] = range(len(commands))  # positions of `commands` among all

    def take(self, found: Sequence[Answer | NotJudged | EngineError]) -> bool:
        """Takes answers to `commands`. Returns whether all are there; the caller then has them."""
        if _ANSWERS.issuperset(map(type, found)) and len(found) == len(self._found):
            self._answer(list(found))
            return True
        for position, answer in zip(self._waiting, found, strict=True):
            self._found[position] = answer
        self._waiting = [i for i, answer in enumerate(self._found) if answer is NOT_JUDGED]
        self.commands = [
            command
            for command, answer in zip(self.commands, found, strict=True)
            if answer is NOT_JUDGED
        ]
        if not self._waiting:
            self._answer(self._found)
        return not self._waiting

    def fail(self, failure: BaseException) -> None:
        """Ends the caller's wait with an error."""
        if not self.answers.done():
            self.answers.set_exception(failure)

    def _answer(self, found: list[Any]) -> None:
        failures = [answer for answer in found if isinstance(answer, EngineError)]
        if failures:
            self.fail(failures[0])
        elif not self.answers.done():
            self.answers.set_result(found)
