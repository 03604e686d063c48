"""CPU time of running processes, as Linux counts it; elsewhere 0."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class _Stat(NamedTuple):
    name: str
    parent: int
    cpu_s: float


def parsed(stat: str) -> _Stat:
    """The fields of /proc/PID/stat; the name is in brackets and may have any character in it."""
    name, _, rest = stat.partition("(")[2].rpartition(")")
    fields = rest.split()
    ticks = int(fields[11]) + int(fields[12])
    return _Stat(name, int(fields[1]), ticks / _TICKS_PER_S)


def _stat(pid: int) -> _Stat | None:
    try:
        return parsed((_PROC / str(pid) / "stat").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None


def cpu_s(pids: Iterable[int]) -> float:
    """The CPU seconds that these processes have used so far; one that is gone counts as 0."""
    return sum(stat.cpu_s for pid in pids if (stat := _stat(pid)))


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
