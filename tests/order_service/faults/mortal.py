"""A process that dies at its n-th step: before or after a commit, or a call to the outside.

What is dead does nothing any more: whatever of it still runs dies at its next step.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import Callable
from typing import Any

from order_service.relay.relay import take_turn
from order_service.relay.self_watch import SelfWatch

# A call that only reads is no step: a death there is the same as after the step before. Nor is one
# that closes: the kernel closes all that a dead process has left open.
_NO_STEPS = frozenset(
    {
        "database.read",
        "database.look",
        "database.now_ms",
        "database.close",
        "engine.get_stock",
        "engine.get_reservation",
        "engine.close",
        "provider.query",
        "provider.aclose",
        "carrier.aclose",
    }
)
# The relay looks for tasks, and the service whether it can write, as often as they like: counted,
# the n-th step would be another one in each run.
_LOOKS = (take_turn.__name__, SelfWatch._write_and_undo.__name__)


class Died(BaseException):
    """The process is no more. Nothing of ours may catch it."""


Place = int | str
"""A step: the n-th of all (from 1), or one by its name. 0 is none."""


class Life:
    """Counts steps, and ends at one of them."""

    def __init__(self, dies_at: Place = 0) -> None:
        self.dies_at = dies_at
        self.steps: list[str] = []
        """Their names; the second time that one is passed it has a 2 behind it, and so on."""
        self.dead = asyncio.Event()
        self._passed = Counter[str]()

    def step(self, name: str) -> None:
        """Passes a step. Raises Died."""
        if not name.endswith(_LOOKS):
            self._passed[name] += 1
            times = self._passed[name]
            self.steps.append(name if times == 1 else f"{name} {times}")
            if self.dies_at in (len(self.steps), self.steps[-1]):
                self.dead.set()
        if self.dead.is_set():
            raise Died(name)


class Mortal:
    """Stands in for something that is asked for I/O: a step before each call, and one after it."""

    def __init__(self, thing: Any, life: Life, name: str) -> None:
        self._thing = thing
        self._life = life
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        value = getattr(self._thing, attribute)
        name = f"{self._name}.{attribute}"
        if name in _NO_STEPS or not asyncio.iscoroutinefunction(value):
            return value
        return self._stepped(value, name)

    def _stepped(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        async def stepped(*arguments: Any, **named: Any) -> Any:
            what = getattr(arguments[0], "func", arguments[0]) if arguments else None
            step = f"{name} {what.__name__}" if callable(what) else name
            self._life.step(f"before {step}")
            result = await function(*arguments, **named)
            self._life.step(f"after {step}")
            return result

        return stepped
