"""The parts of a run that are finished, kept in a file, so that a run that broke off can go on."""

import hashlib
import subprocess
from pathlib import Path

import msgspec

from benchmarks.rounds import Audit
from benchmarks.sample import Reading
from benchmarks.servers import ROOT


class Part(msgspec.Struct, frozen=True):
    """Benchmarks that were measured beside one another: the readings of each round, the audits.

    `titles` has those that were to be measured by their names, in the order of the tables.
    """

    titles: dict[str, str]
    rounds: list[dict[str, Reading]]
    audits: dict[str, Audit]


class Kept(msgspec.Struct):
    """A run so far. `of` is the code and the options that it was begun with.

    `took_s` counts what led to the parts that are finished; `scale` is the size of loads, 0 until
    it is known.
    """

    of: str
    begun: str
    scale: float = 0.0
    took_s: float = 0.0
    parts: dict[str, Part] = msgspec.field(default_factory=dict)

    def keep(self, name: str, part: Part, took_s: float, path: Path) -> None:
        """Adds a part, and writes what there is by now."""
        self.parts[name] = part
        self.took_s = took_s
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(self))


def beside(document: Path) -> Path:
    """Where the parts of a document are kept until it is whole."""
    return document.with_suffix(".unfinished.json")


def kept_in(path: Path, of: str) -> Kept | None:
    """The run that broke off, if it was of the same code with the same options."""
    try:
        kept = msgspec.json.decode(path.read_bytes(), type=Kept)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return kept if kept.of == of else None


def code() -> str:
    """A name for the code that is measured: its commit, and what differs from it."""
    parts = (("rev-parse", "HEAD"), ("diff", "HEAD", "--", "*.py", "*.lua", "*.proto", "*.txt"))
    try:
        said = [subprocess.check_output(["git", *words], cwd=ROOT) for words in parts]
    except (OSError, subprocess.CalledProcessError):
        return "not a checkout"
    return hashlib.sha256(b"\n".join(said)).hexdigest()[:12]
