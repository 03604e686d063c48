"""A process's sign of life: an empty line on its standard output every second, for its starter.

That one counts looks at which there was none. Counting looks, and not time, passes for a starter
that was stopped, too.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from serving.processes import ChildProcess

STDOUT: Final = 1
BEAT_S: Final = 1.0
LOOK_S: Final = 1.0
SILENT_LOOKS_MAX: Final = 10
OUTPUT_BYTES_MAX: Final = 65_536
# The event loop itself keeps no task alive.
_HEARTS: Final[set["asyncio.Task[None]"]] = set()


def begin_to_beat(is_well: Callable[[], bool]) -> None:
    """Begins to write, as long as this process lives; not while it is not well."""
    _HEARTS.add(asyncio.create_task(_beat(is_well)))


async def _beat(is_well: Callable[[], bool]) -> None:
    os.set_blocking(STDOUT, False)
    while True:
        if is_well():
            with suppress(BlockingIOError, BrokenPipeError):  # a starter that hangs, or is gone
                os.write(STDOUT, b"\n")
        await asyncio.sleep(BEAT_S)


async def hangs(child: ChildProcess, look_s: float = LOOK_S, *, beats: bool = False) -> bool:
    """Waits for a child's silence: whether it hangs; if not, it has ended.

    It hangs when it has written no line at `SILENT_LOOKS_MAX` looks, `look_s` apart; unless it
    `beats` for sure, it must have written one before, since it was ready.
    """
    assert child.stdout is not None
    output = child.stdout.fileno()
    os.set_blocking(output, False)
    has_written, silent_looks = beats or child.wrote_more, 0
    while silent_looks < SILENT_LOOKS_MAX:
        await asyncio.sleep(look_s)
        try:
            if not os.read(output, OUTPUT_BYTES_MAX):
                return False
            has_written, silent_looks = True, 0
        except BlockingIOError:
            silent_looks += has_written
    return True
