"""How a handler says that a task could not be done.

A reason is kept with the task (`last_error`) and shown to operators: it is never personal. Anything
else that a handler raises counts as `TryLater`, and only the name of its type is kept.
"""


class TryLater(Exception):
    """Not done this time: another attempt after a pause, until there were too many.

    Raise it for what can pass by itself, such as an outside that does not answer. `after_ms` is
    the pause that the outside asked for; None leaves it to the back-off.
    """

    def __init__(self, reason: str, after_ms: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_ms = after_ms


class GiveUp(Exception):
    """Cannot be done, however often it is tried: off to the dead-letter list, for a person."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
