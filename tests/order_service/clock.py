"""A clock that stands still until a test moves it."""

START_MS = 2_000_000_000_000


class Clock:
    """Calling it gives the time in milliseconds since the Unix epoch."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, ms: int) -> None:
        """Lets time pass."""
        self.now_ms += ms
