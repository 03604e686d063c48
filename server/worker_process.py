"""A worker as its supervisor sees it."""

from asyncio.subprocess import Process
from collections.abc import Mapping

from serving.child_process import ChildProcess, exec_module


class WorkerProcess(ChildProcess):
    """A running worker. `number` tells it from those that are alive beside it."""

    def __init__(self, number: int, process: Process) -> None:
        super().__init__(process)
        self.number = number

    @classmethod
    async def launched(cls, number: int, environment: Mapping[str, str]) -> "WorkerProcess":
        """Starts one. OSError if no process can be made.

        Its standard input ends when the supervisor does, which it takes as a wish to stop.
        """
        arguments = ("server", "--worker", str(number))
        return cls(number, await exec_module(*arguments, environment=environment))
