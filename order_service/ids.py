"""Ids that grow with time and meet no other's: 9 characters of time, 7 of chance, in base32.

Those of one process are in the order in which they were made, also within a millisecond.
"""

import random

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_CHARACTERS = 16
_RANDOM_BITS = 35
_TIME_MS_MAX = (1 << 5 * _CHARACTERS - _RANDOM_BITS) - 1


class Ids:
    """A source of ids. `randomness` decides their last part; a seeded one makes them repeatable."""

    def __init__(self, randomness: random.Random | None = None) -> None:
        self._randomness = randomness or random.SystemRandom()
        self._last = 0

    def next(self, now_ms: int, above: str = "") -> str:
        """An id of 16 characters, greater than all before it and than `above`, an id as well."""
        fresh = (now_ms << _RANDOM_BITS) | self._randomness.getrandbits(_RANDOM_BITS)
        self._last = fresh if fresh >> _RANDOM_BITS > self._last >> _RANDOM_BITS else self._last + 1
        made = _text(self._last)
        # Only where another process, whose clock is ahead, made `above`.
        return made if made > above else self.next(_time_of(above) + 1)


def least_of(at_ms: int) -> str:
    """What is smaller than every id that is made at a moment or later, up to the year 3084."""
    return _text(min(at_ms, _TIME_MS_MAX) << _RANDOM_BITS)


def _time_of(made: str) -> int:
    number = 0
    for character in made:
        number = number << 5 | _ALPHABET.index(character)
    return number >> _RANDOM_BITS


def _text(number: int) -> str:
    return "".join([_PAIRS[number >> shift & 1023] for shift in range(70, -10, -10)])
