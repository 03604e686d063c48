"""What tasks of fulfilment carry: names and numbers in JSON, never anything personal."""

import json
from typing import Any

from order_service.order.model import Task


def payload_of(task: Task) -> dict[str, Any]:
    """All that a task carries."""
    carried: dict[str, Any] = json.loads(task.payload) if task.payload else {}
    return carried


def word_of(task: Task, name: str) -> str:
    """One of the texts that a task carries."""
    return str(payload_of(task)[name])
