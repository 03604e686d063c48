"""The reports of the embedded store to its owner: events while it lives, errors when it cannot."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any


class StoreEvent(StrEnum):
    """The events of a store, each with its details."""

    LOADING = "store_loading"
    """The store reads its data: pid, loaded_percent."""
    READY = "store_ready"
    """The store answers: pid, binary."""
    EXITED = "store_exited"
    """The store died unasked and is started again after restart_seconds: pid, exit_code (negative:
    the signal that killed it), log_tail. pid and exit_code are None if it was not launched."""
    ORPHAN_FOUND = "store_orphan_found"
    """A store outlived its killed owner, and is asked to end before a new one starts: pid."""
    KILLED = "store_killed"
    """The store did not end when asked and was killed: pid."""


OnEvent = Callable[[str, dict[str, Any]], None]

# Last words of a store, and what to do then. The first row found in its log is the advice.
ADVICE = {
    "reading the append only file": (
        "Its data is damaged before the end. Restore the directory from a backup; the repair that "
        "the log may offer drops every answer after the damage."
    ),
    "handle RDB format version": (
        "Its data was written by a newer server. Put that server, or a newer one, on PATH."
    ),
    "No space left on device": "Free space on the disk of the directory and start again.",
    "Permission denied": "Give this user the right that the log names and start again.",
}
ADVICE_DEFAULT = "Mend what the log says and start again."


class StoreStartFailed(Exception):
    """The store was not started: nothing runs, no directory is claimed, no data was changed."""

    @classmethod
    def after_exit(cls, exit_code: int | None, data_dir: Path, log_tail: str) -> "StoreStartFailed":
        """The error of a store that exited while it started; its last words decide the advice.

        `exit_code` is None if there was no process at all.
        """
        advice = next((row for said, row in ADVICE.items() if said in log_tail), ADVICE_DEFAULT)
        indented = "".join(f"\n  {line}" for line in log_tail.splitlines())
        how = "was not launched" if exit_code is None else f"exited with code {exit_code}"
        return cls(f"the store in {data_dir} {how}. Its last words:{indented}\n{advice}")


class StoreBinaryMissing(StoreStartFailed):
    """There is no Valkey or Redis on this machine that Holdfast can use."""


class DataDirectoryInUse(StoreStartFailed):
    """Another process has the data directory."""
