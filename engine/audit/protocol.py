"""The words of the audit: it asks, its runner fetches the answers, and it yields findings.

The audit itself does no I/O. It is a generator that yields an `Ask` and is sent the answers, so the
server runs it on its event loop and a test runs it on a plain connection, with the same rules.
"""

from collections.abc import Generator, Iterator
from typing import Any

import msgspec

from engine.records import pairs

ROWS_PER_PAGE = 200
# A scan may give a row again when its hash shrinks, and sums would count it twice. So many names
# are noted; of a larger hash the rest may be counted again, which then does not settle.
NAMES_NOTED_MAX = 2_000_000


class Ask(msgspec.Struct, frozen=True):
    """Commands for the store, sent together; `atomic` if nothing may come between them."""

    commands: list[tuple[Any, ...]]
    atomic: bool = False


class Progress(msgspec.Struct, frozen=True):
    """How far the pass is, in reservations."""

    checked: int
    total: int


class Finding(msgspec.Struct, frozen=True):
    """A row that breaks an invariant."""

    invariant: str
    row: str
    detail: str


class Summary(msgspec.Struct):
    """Counts of what was checked. `unsettled` rows changed in every pass and were not proven."""

    levels: int = 0
    reservations: int = 0
    buyers: int = 0
    journal_entries: int = 0
    findings: int = 0
    unsettled: int = 0

    def found(self, invariant: str, row: str, detail: str) -> Finding:
        """Counts a finding, and returns it to be yielded."""
        self.findings += 1
        return Finding(invariant, row, detail)

    @property
    def ok(self) -> bool:
        """Whether no invariant is broken and every row could be checked."""
        return not self.findings and not self.unsettled


Steps = Generator[Ask | Progress | Finding, Any, None]


def pages(
    command: str, key: str, rows: int = ROWS_PER_PAGE
) -> Iterator[Generator[Ask, Any, list[tuple[bytes, bytes]]]]:
    """The pages of a scan, about `rows` pairs each, no row twice. A page is a generator that asks
    for itself.
    """
    cursor = -1
    noted: set[int] = set()

    def is_new(name: bytes) -> bool:
        noted_before = len(noted)
        if noted_before >= NAMES_NOTED_MAX:
            return hash(name) not in noted
        noted.add(hash(name))
        return len(noted) > noted_before

    def page() -> Generator[Ask, Any, list[tuple[bytes, bytes]]]:
        nonlocal cursor
        ((after, flat),) = yield Ask([(command, key, max(cursor, 0), "COUNT", rows)])
        cursor = int(after)
        return [(name, value) for name, value in pairs(flat) if is_new(name)]

    while cursor:
        yield page()


def shown(name: bytes) -> str:
    """The name of a row for a person, also of one that is not UTF-8: another program wrote it."""
    return name.decode("utf-8", "backslashreplace")
