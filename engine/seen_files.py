"""The memory of how far stores have been seen, in a directory that outlives the processes.

Each process has a file of its own there, which nobody else writes: the lowest number that no living
process has. It has a slot a tenant; noting a batch writes eight bytes into the page cache, which
outlives the process, and a sync every second outlives the machine. All processes read all files, so
what one has seen, and what a person has accepted through one, counts for all of them and for those
that come after them.
"""

import fcntl
import json
import os
import struct
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Final

from engine.seen import NOTHING_SEEN, Acceptance, Seen, latest_of

_SLOT: Final = struct.Struct("<QQ32s64s16x")  # sequence, accepted, epoch, tenant
_SEQUENCE: Final = struct.Struct("<Q")
_HEAD: Final = b"holdfast seen 1\n".ljust(_SLOT.size, b"\0")
ACCEPTED: Final = "accepted.jsonl"
"""The file of all acceptances, one a line, for people."""


class SeenUnusable(Exception):
    """The directory cannot be used; the message says why."""


class _File:
    """One process's file, as any process reads it."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.inode = os.fstat(descriptor).st_ino
        self.slots: dict[str, int] = {}  # tenant -> the offset of its slot
        self.end = len(_HEAD)

    def read_on(self) -> None:
        """Learns of the slots that were added since the last time."""
        size = os.fstat(self.descriptor).st_size
        if size < self.end + _SLOT.size:
            return
        data = os.pread(self.descriptor, size - self.end, self.end)
        for start in range(0, len(data) - _SLOT.size + 1, _SLOT.size):
            tenant = _SLOT.unpack_from(data, start)[3].rstrip(b"\0").decode("ascii", "replace")
            if tenant:  # else it was not on disk yet when the machine crashed
                self.slots[tenant] = self.end
            self.end += _SLOT.size

    def seen(self, tenant: str) -> Seen:
        """How far its process has seen a tenant's store."""
        offset = self.slots.get(tenant)
        if offset is None:
            return NOTHING_SEEN
        slot = os.pread(self.descriptor, _SLOT.size, offset)
        sequence, accepted, epoch, _ = _SLOT.unpack(slot)
        return Seen(epoch.rstrip(b"\0").decode("ascii", "replace"), sequence, accepted)


class SeenFiles:
    """The files of a directory, one of them this process's own. Raises SeenUnusable.

    `on_problem` is told why something could not be remembered; what it was is in effect already.
    """

    def __init__(self, directory: Path, on_problem: Callable[[str], None]) -> None:
        self._directory = directory
        self._on_problem = on_problem
        self._files: dict[str, _File] = {}
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._own = self._claimed()
            self._read_on()
        except OSError as error:
            raise SeenUnusable(f"{directory} cannot be used: {error}") from error
        self._noted: dict[str, Seen] = {}
        self._is_dirty = False

    def latest(self, tenant: str) -> Seen:
        """How far any process has seen a tenant's store."""
        self._read_on()
        return latest_of([file.seen(tenant) for file in self._files.values()])

    def note(self, tenant: str, seen: Seen) -> None:
        """Remembers how far this process has seen it."""
        known = self._noted.get(tenant)
        try:
            if known is not None and known._replace(sequence=seen.sequence) == seen:
                offset = self._own.slots[tenant]
                os.pwrite(self._own.descriptor, _SEQUENCE.pack(seen.sequence), offset)
            else:
                self._write(tenant, seen)
        except OSError as error:
            self._on_problem(f"how far the store was seen is not remembered: {error}")
            return
        self._noted[tenant] = seen
        self._is_dirty = True

    def tenants(self) -> list[str]:
        """The tenants whose store any process has seen."""
        self._read_on()
        return sorted(set().union(*(file.slots for file in self._files.values())))

    def accept(self, acceptance: Acceptance) -> None:
        """Remembers an acceptance, and writes it down for people, with its reason."""
        line = {
            "at_ms": time.time_ns() // 1_000_000,
            "tenant": acceptance.tenant,
            "reason": acceptance.reason,
            "seen": acceptance.before._asdict(),
            "accepted": acceptance.after._asdict(),
        }
        with (self._directory / ACCEPTED).open("a", encoding="utf-8") as book:
            book.write(json.dumps(line) + "\n")
            book.flush()
            os.fsync(book.fileno())
        self.note(acceptance.tenant, acceptance.after)
        self.sync()

    def sync(self) -> None:
        """Brings what was noted onto the disk."""
        if self._is_dirty:
            os.fsync(self._own.descriptor)  # if it fails, the next one tries again
            self._is_dirty = False

    def close(self) -> None:
        """Gives its own file to the next process."""
        self.sync()
        for file in self._files.values():
            os.close(file.descriptor)
        self._files.clear()

    def _write(self, tenant: str, seen: Seen) -> None:
        """Writes a whole slot, a new one if the tenant has none in this file."""
        name, epoch = tenant.encode("ascii"), seen.epoch.encode("ascii")
        slot = _SLOT.pack(seen.sequence, seen.accepted, epoch, name)
        offset = self._own.slots.get(tenant, self._own.end)
        os.pwrite(self._own.descriptor, slot, offset)
        if offset == self._own.end:
            self._own.slots[tenant] = offset
            self._own.end += _SLOT.size

    def _claimed(self) -> _File:
        """The first file that no living process has; it is this one's as long as it is open."""
        for number in count(1):
            path = self._directory / f"{number}.seen"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            own = self._opened(path, descriptor)
            os.pwrite(descriptor, _HEAD, 0)
            return own
        raise AssertionError("numbers do not end")

    def _read_on(self) -> None:
        """Learns of new files, and of new slots in all."""
        with os.scandir(self._directory) as entries:
            found = {e.name: e.inode() for e in entries if e.name.endswith(".seen")}
        for name, inode in found.items():
            known = self._files.get(name)
            if known is not None and inode != known.inode and known is not self._own:
                os.close(known.descriptor)  # it was moved away, and another process began anew
                del self._files[name]
            if name not in self._files:
                path = self._directory / name
                self._opened(path, os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        for file in self._files.values():
            file.read_on()

    def _opened(self, path: Path, descriptor: int) -> _File:
        head = os.pread(descriptor, len(_HEAD), 0)
        # It ends early, or in zeros, if it was not on disk yet when the machine crashed.
        if not _HEAD.startswith(head.rstrip(b"\0")):
            os.close(descriptor)
            raise SeenUnusable(
                f"{path} was not written by this version of Holdfast; move it away if you know "
                "that the store has not gone back"
            )
        file = self._files[path.name] = _File(path, descriptor)
        return file
