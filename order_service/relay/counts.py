"""What a relay counts, as plain values."""

from collections import Counter

from order_service.order.tasks import TaskKind
from order_service.storage.tasks import Queue


class RelayCounts:
    """By kind of task: what this process has done, and what was to be done when last looked."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        """Attempts that failed."""
        self.buried: Counter[str] = Counter()
        """Tasks that went to the dead-letter list."""
        self.queues: dict[TaskKind, Queue] = {}
        """Of all processes together; without what is due later."""
