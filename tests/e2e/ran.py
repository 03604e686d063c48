"""How a command of `holdfast` ended, for tests that run it in their own process."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple


class Ran(NamedTuple):
    """How a command ended and what it printed."""

    exit_status: int
    out: str
    err: str

    def json(self) -> Any:
        """The one document on stdout."""
        return json.loads(self.out)

    def error(self) -> Any:
        """The one document on stderr."""
        return json.loads(self.err)["error"]


Holdfast = Callable[..., Ran]
"""Runs a command; the words of its line are split at spaces."""
