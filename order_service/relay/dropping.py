"""Taking a dead task off its order's list without doing it."""

from order_service.order.draft import Draft


class TaskNotFound(Exception):
    """There is no such task; it may have been done meanwhile."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id


class TaskNotDead(Exception):
    """The task will still be done, so it cannot be dropped."""

    def __init__(self, task_id: str) -> None:
        super().__init__(task_id)
        self.task_id = task_id


def drop(draft: Draft, task_id: str, why: str) -> None:
    """Drops a task, and writes so in the history. Raises TaskNotFound, TaskNotDead."""
    task = next((task for task in draft.order.tasks if task.task_id == task_id), None)
    if task is None:
        raise TaskNotFound(task_id)
    if not task.dead:
        raise TaskNotDead(task_id)
    draft.done(task)
    draft.note(f"task {task.kind} {task_id} was dropped: {why}")
