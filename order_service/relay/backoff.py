"""How long a task that failed waits for its next attempt."""

import random

PAUSE_MS_MIN = 1_000
PAUSE_MS_MAX = 600_000


def pause_ms(attempts: int, randomness: random.Random) -> int:
    """The pause after so many failed attempts: 1 s, 2, 4 and so on up to 10 min.

    Half of it is left to chance, so that what failed together does not come back together.
    """
    doublings = min(attempts - 1, PAUSE_MS_MAX.bit_length())
    full_ms = min(PAUSE_MS_MIN << doublings, PAUSE_MS_MAX)
    return full_ms // 2 + randomness.randint(0, full_ms // 2)
