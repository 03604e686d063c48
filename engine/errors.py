"""The reasons why the engine could not judge a command. A business answer is never one of them."""


class EngineError(Exception):
    """A command that was not judged, or whose answer was lost."""


class StoreUnreachable(EngineError):
    """The store did not answer. Whether the command was applied is not known."""


class StoreRefuses(EngineError):
    """The store refuses commands for now, such as while loading; nothing was changed.

    `code` is the first word of its error, such as LOADING (see engine/causes.py).
    """

    def __init__(self, code: str, said: str = "") -> None:
        super().__init__(f"{code} {said}".strip())
        self.code = code


class StoreFull(EngineError):
    """The store is at its maxmemory: no command that takes stock can be judged."""


class StoreWentBack(EngineError):
    """The store has another epoch or a lower sequence than was seen: it lost answers it gave."""

    def __init__(self, tenant: str) -> None:
        super().__init__(
            f"the store of tenant {tenant} went back in time; restore its data, or accept it as it "
            "is: holdfast server accept-store"
        )
        self.tenant = tenant


class StoreCorrupt(EngineError):
    """The store holds something that the engine did not write; nothing was changed."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key


class Overloaded(EngineError):
    """More is queued than can be judged in time; try again after `retry_after_ms`."""

    def __init__(self, retry_after_ms: int) -> None:
        super().__init__(f"overloaded; try again in {retry_after_ms} ms")
        self.retry_after_ms = retry_after_ms


class DeadlinePassed(EngineError):
    """The caller's deadline passed before there was an answer."""


class Draining(EngineError):
    """The engine is stopping and takes nothing new."""
