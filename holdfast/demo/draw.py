"""A draw with weights, from a generator that is passed in."""

import random
from collections.abc import Mapping
from typing import TypeVar

Choice = TypeVar("Choice")


def weighted(rng: random.Random, weights: Mapping[Choice, int]) -> Choice:
    """One key of `weights`, drawn in proportion to its weight."""
    return rng.choices(list(weights), list(weights.values()))[0]
