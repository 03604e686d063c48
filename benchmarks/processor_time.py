"""CPU time of running processes, as Linux counts it; elsewhere 0."""

import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
# clock_getcpuclockid(3): a process's clock, ended threads and all, counted by the scheduler.
_CLOCK_SCHEDULED = 2
_PID_BITS = 28


class _Stat(NamedTuple):
    name: str
    parent: int


def parsed(stat: str) -> _Stat:
    """The fields of /proc/PID/stat; the name is in brackets and may have any character in it."""
    name, _, rest = stat.partition("(")[2].rpartition(")")
    return _Stat(name, int(rest.split()[1]))


def _stat(pid: int) -> _Stat | None:
    try:
        return parsed((_PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_s(pids: Iterable[int]) -> float:
    """The CPU seconds that these processes have used so far; one that is gone counts as 0."""
    return sum(_cpu_s(pid) for pid in pids if pid < 2**_PID_BITS)


def _cpu_s(pid: int) -> float:
    try:
        return time.clock_gettime(~pid << 3 | _CLOCK_SCHEDULED)
    except OSError:
        return 0.0


def family(pid: int) -> dict[int, str]:
    """A process and all below it, by process id, with their names."""
    everyone = {int(path.name): _stat(int(path.name)) for path in _PROC.glob("[0-9]*")}
    found, unseen = {}, [pid]
    while unseen:
        one = unseen.pop()
        stat = everyone.get(one)
        if stat is None:
            continue
        found[one] = stat.name
        unseen += [child for child, other in everyone.items() if other and other.parent == one]
    return found
