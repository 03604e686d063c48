"""How long a task that failed waits for its next attempt."""

import random

from holdfast.retry import backoff

PAUSE_MS_MIN = 1_000
PAUSE_MS_MAX = 600_000


def pause_ms(attempts: int, randomness: random.Random) -> int:
    """The pause after so many failed attempts: 1 s, 2, 4 and so on up to 10 min.

    Half of it is left to chance, so that what failed together does not come back together.
    """
    chance = randomness.random()
    return int(backoff(attempts, PAUSE_MS_MIN, PAUSE_MS_MAX, spread=0.5, chance=chance))
