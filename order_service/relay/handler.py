"""Handlers of tasks: how a room declares one, and how it says that a task could not be done."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

from holdfast.errors import HoldfastError
from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Task
from order_service.order.tasks import P, TaskKind, Todo

Room = TypeVar("Room")
T = TypeVar("T")

Method = Callable[[Room, Order, T], Awaitable[Decide | None]]

Handler = Callable[[Order, Task], Awaitable[Decide | None]]
"""Does a task outside, with no transaction open, and returns the decision that follows from it.

None: nothing of the order changes, the task is done. It may be called again for the same task, also
while an earlier call still runs in another process. Raises TryLater, NotHere, GiveUp.
"""

_KIND = "kind_of_task"


@dataclass(frozen=True)
class Learned:
    """A decision that has its effect also where its task has gone meanwhile.

    `learn` brings the order to what an outside has said or done, which stays true whoever took the
    task over, gave it up or dropped it. `then` is only for who had the task to its end.
    """

    learn: Decide
    then: Decide = lambda _draft: None

    def __call__(self, draft: Draft) -> None:
        """Makes both."""
        self.learn(draft)
        self.then(draft)


class TryLater(Exception):
    """Not done this time: another attempt after a pause, until there were too many.

    Raise it for what can pass by itself, such as an outside that does not answer. `after_ms` is
    the pause that the outside asked for; None leaves it to the back-off. The reason is kept with
    the task (`last_error`) and shown to operators: it is never personal. Anything else that a
    handler raises counts as this, and only the name of its type is kept.
    """

    def __init__(self, reason: str, after_ms: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_ms = after_ms


class NotHere(TryLater):
    """Cannot be done by this process, which is set up otherwise than others may be.

    It is left to them at once, and tried here again after a pause, until there were too many
    attempts. Raise it for what a setting lacks: a provider, a carrier, a receiver.
    """


class GiveUp(Exception):
    """Cannot be done, however often and by whomever it is tried: off to the dead-letter list.

    Raise it for what is certain wherever it is asked, never for what this process lacks.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def handles(payload: type[P]) -> Callable[[Method[Room, Todo[P]]], Method[Room, Task]]:
    """Makes a method the `Handler` of the tasks with a payload, which it gets read.

    A HoldfastError, because the engine did not answer, has the task tried later.
    """

    def declare(method: Method[Room, Todo[P]]) -> Method[Room, Task]:
        @wraps(method)
        async def handle(room: Room, order: Order, task: Task) -> Decide | None:
            try:
                return await method(room, order, Todo(task, payload.of(task)))
            except HoldfastError as error:
                # Its text may name a value; the reason does not.
                reason = f"the engine says {error.reason or error.code.name}"
                raise TryLater(reason, error.retry_after_ms) from error

        setattr(handle, _KIND, payload.kind)
        return handle

    return declare


def handlers_of(*rooms: object) -> dict[TaskKind, Handler]:
    """The handlers that objects have declared by `handles`, by the kinds of their tasks."""
    found: dict[TaskKind, Handler] = {}
    for room in rooms:
        for name, method in vars(type(room)).items():
            kind = getattr(method, _KIND, None)
            if kind is not None:
                assert kind not in found, f"two do {kind}"
                found[kind] = getattr(room, name)
    return found
