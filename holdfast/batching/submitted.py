"""A command on its way: what was submitted, until when, and where its answer goes."""

import asyncio

import grpc

from holdfast.errors import HoldfastError
from holdfast.wire import Answer


class Submitted:
    """One command of one caller, packed as an ApplyRequest of its own.

    `deadline_s` is in the time of `time.monotonic`. The future `answer` never fails: an error is an
    answer, too, so that nobody has to fetch it who has gone away.
    """

    __slots__ = ("answer", "attempts", "deadline_s", "lines", "packed", "reservation_id", "tenant")

    def __init__(
        self,
        tenant: str,
        reservation_id: str,
        packed: bytes,
        lines: int,
        deadline_s: float,
        answer: "asyncio.Future[Answer]",
    ) -> None:
        self.tenant = tenant
        self.reservation_id = reservation_id
        self.packed = packed
        self.lines = lines
        self.deadline_s = deadline_s
        self.answer = answer
        self.attempts = 0

    @property
    def open(self) -> bool:
        """Whether somebody still waits for the answer."""
        return not self.answer.done()

    def end(self, found: Answer) -> None:
        """Tells the caller, if one still waits."""
        if not self.answer.done():
            self.answer.set_result(found)


def closed() -> HoldfastError:
    """The error of a call whose client was closed."""
    return HoldfastError(None, grpc.StatusCode.CANCELLED, "the client was closed", {})
