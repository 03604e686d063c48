"""A question before what cannot be undone: only where a person sits, never in a script."""

import sys
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.failures import Failure

Yes = Annotated[bool, Parameter(name="--yes", negative=(), help="Do it without asking first.")]


def make_sure(question: str, *, yes: bool) -> None:
    """Asks a person at a terminal. Raises Failure unless the answer is yes."""
    if yes or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failure("nothing was done", reason="NOT_CONFIRMED")
