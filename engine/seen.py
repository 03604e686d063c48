"""How far a tenant's store has been seen, and the memory of it outside of the store.

A store that was emptied, or put back to an older copy of itself, cannot tell so. Its epoch and the
number of changes in it are therefore remembered elsewhere, in a place that every process which
serves the tenant reads and writes (`Place`); `seen_files` is the place on one machine. A store that
is behind its memory is refused until a person accepts it.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class Seen(NamedTuple):
    """How far a partition's store has been seen to be: its epoch, and the changes in it.

    `accepted` counts how often a person has accepted a store that was behind: what was seen before
    does not count any more.
    """

    epoch: str = ""
    sequence: int = 0
    accepted: int = 0

    def lost_by(self, now: "Seen") -> bool:
        """Whether a store that is at `now` has lost something of what was seen here."""
        return bool(self.epoch) and (now.epoch != self.epoch or now.sequence < self.sequence)


NOTHING_SEEN = Seen()


def latest_of(many: Iterable[Seen]) -> Seen:
    """The furthest of what several processes have seen of one store."""
    return max(many, key=lambda seen: (seen.accepted, bool(seen.epoch), seen.sequence))


class Acceptance(NamedTuple):
    """A store that was accepted as it is: how far it had been seen, and where it is now."""

    tenant: str
    before: Seen
    after: Seen
    reason: str


class Place(Protocol):
    """Where it is remembered how far stores have been seen.

    Several processes may share one, also those of other machines if it lies where they all reach
    it. Its methods are called on the event loop, `note` for every batch: they must be quick.
    """

    def latest(self, tenant: str) -> Seen:
        """How far any process has seen a tenant's store."""

    def note(self, tenant: str, seen: Seen) -> None:
        """Remembers how far this process has seen it, before an answer leaves."""

    def tenants(self) -> list[str]:
        """The tenants whose store any process has seen."""

    def accept(self, acceptance: Acceptance) -> None:
        """Remembers that a person accepted a store, in front of all that was seen before."""

    def sync(self) -> None:
        """Brings what was noted to where it survives a crash of the machine, too. May block."""

    def close(self) -> None:
        """Gives the place back."""


class OneProcess:
    """A place that lasts as long as its process."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    def latest(self, tenant: str) -> Seen:
        """How far this process has seen a tenant's store."""
        return self._seen.get(tenant, NOTHING_SEEN)

    def note(self, tenant: str, seen: Seen) -> None:
        """Remembers how far it is."""
        self._seen[tenant] = seen

    def tenants(self) -> list[str]:
        """The tenants seen."""
        return list(self._seen)

    def accept(self, acceptance: Acceptance) -> None:
        """Forgets what was seen before."""
        self._seen[acceptance.tenant] = acceptance.after

    def sync(self) -> None:
        """Does nothing: it does not outlive its process."""

    def close(self) -> None:
        """Does nothing."""
