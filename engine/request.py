"""Requests: some commands of one caller, judged together, and who waits for their answers."""

import asyncio
from collections.abc import Sequence
from typing import Any

from engine.answers import CUT, NOT_JUDGED, Answer, NotJudged
from engine.errors import EngineError
from engine.model import Result, StockResult, StoreCommand, SweepResult
from engine.validation import line_count

Answers = list[Answer | EngineError]

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
    )

    def __init__(
        self, commands: Sequence[StoreCommand], deadline: float, answers: "asyncio.Future[Answers]"
    ) -> None:
        self.commands = commands  # the ones still to be judged
        self.deadline = deadline
        self.answers = answers
        self.lines = line_count(commands)
        self._found: list[Any] = [NOT_JUDGED] * len(commands)
        self._waiting: Sequence[int] = range(len(commands))  # positions of `commands` among all

    def take(self, found: Sequence[Answer | NotJudged | EngineError]) -> bool:
        """Takes answers to `commands`. Returns whether all are there; the caller then has them."""
        if _ANSWERS.issuperset(map(type, found)) and len(found) == len(self._found):
            self._answer(list(found))
            return True
        for position, answer in zip(self._waiting, found, strict=True):
            self._found[position] = NOT_JUDGED if answer is CUT else answer
        self._waiting = [i for i, answer in enumerate(self._found) if answer is NOT_JUDGED]
        self.commands = [
            command
            for command, answer in zip(self.commands, found, strict=True)
            if isinstance(answer, NotJudged)
        ]
        if not self._waiting:
            self._answer(self._found)
        return not self._waiting

    @property
    def has_answers(self) -> bool:
        """Whether some of the commands have been judged."""
        return len(self._waiting) < len(self._found)

    def fail(self, failure: BaseException) -> None:
        """Ends the caller's wait: with an error, or as the answer to what has none, if some have.

        Part of a request can be in effect while the rest waits, and the caller must hear of it.
        """
        if self.answers.done():
            return
        if isinstance(failure, EngineError) and self.has_answers:
            self._answer([failure if it is NOT_JUDGED else it for it in self._found])
        else:
            self.answers.set_exception(failure)

    def _answer(self, found: list[Any]) -> None:
        """Gives the caller the answers; an error instead, if that is all there is."""
        if self.answers.done():
            return
        if isinstance(found[0], EngineError) and all(isinstance(it, EngineError) for it in found):
            self.answers.set_exception(found[0])
        else:
            self.answers.set_result(found)
