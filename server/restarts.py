"""How soon a process that died is started again: a worker, or the server's own store."""

from typing import Final

from holdfast.retry import backoff

RESTART_S_MIN: Final = 0.05
RESTART_S_MAX: Final = 5.0


def restart_s(deaths: int) -> float:
    """The pause after this many deaths in a row, each soon after its start."""
    return backoff(deaths, RESTART_S_MIN, RESTART_S_MAX)
