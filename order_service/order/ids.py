"""Ids that grow with time and meet no other's: numbers of 63 bits, 42 of time and 21 of chance.

Their texts have 19 digits, so that they sort as the numbers do, can be read out on the telephone,
and take eight bytes in the database. Those of one process are in the order in which they were made,
also within a millisecond. Two processes make the same one about once in two million times that
both make one in the same millisecond; the database then refuses the second, which is made anew.
"""

import random
from typing import Final

ID_DIGITS: Final = 19
_RANDOM_BITS: Final = 21
_NUMBER_MAX: Final = (1 << 63) - 1


class Ids:
    """A source of ids. `randomness` decides their last part; a seeded one makes them repeatable.

    An id is no secret. The system's own randomness would be a call of the system for each, at which
    Python lets another thread in, such as the one that writes SQLite, and waits for its turn.
    """

    def __init__(self, randomness: random.Random | None = None) -> None:
        self._randomness = randomness or random.Random()
        self._last = 0

    def next(self, now_ms: int, above: str = "") -> str:
        """An id, greater than all before it and than `above`, an id as well."""
        fresh = (now_ms << _RANDOM_BITS) | self._randomness.getrandbits(_RANDOM_BITS)
        self._last = fresh if fresh >> _RANDOM_BITS > self._last >> _RANDOM_BITS else self._last + 1
        made = text_of(self._last)
        # Only where another process, whose clock is ahead, made `above`.
        return made if made > above else self.next((int(above) >> _RANDOM_BITS) + 1)


def least_of(at_ms: int) -> str:
    """A lower bound of all ids made at a moment or later, up to the year 2109."""
    return text_of(min(at_ms << _RANDOM_BITS, _NUMBER_MAX))


def text_of(number: int) -> str:
    """The id of a number."""
    return f"{number:0{ID_DIGITS}}"


def number_of(text: str) -> int:
    """The number of an id; -1, which is none's, for a text that is no id."""
    if len(text) != ID_DIGITS or not text.isascii() or not text.isdecimal():
        return -1
    number = int(text)
    return number if number <= _NUMBER_MAX else -1
