"""A process whose relay dies between the effect of a task and its commit.

`python -m tests.order_service.relay.dying DATABASE_URL EFFECTS`: places order A with a task, whose
handler writes the task's id to the file EFFECTS; then the process ends at once, in the middle of
the transaction.
"""

import asyncio
import os
import sys
import time
from pathlib import Path

from order_service.order.draft import Decide, Draft
from order_service.order.model import Order, Task
from order_service.order.tasks import TaskKind
from order_service.storage.database import open_database
from tests.order_service.relay.world import Process, place, sends
from tests.order_service.samples import A

EXIT_CODE = 9


async def main(database_url: str, effects: Path) -> None:
    """Dies."""

    async def capture(_: Order, task: Task) -> Decide:
        with effects.open("a") as file:
            file.write(task.task_id + "\n")
        return die

    def die(_: Draft) -> None:
        os._exit(EXIT_CODE)

    database = open_database(database_url)
    dying = Process(database, lambda: time.time_ns() // 1_000_000, {TaskKind.CONFIRM: capture})
    async with dying.running():
        await place(dying.orders, A, sends(TaskKind.CONFIRM))
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
