"""The document that a run of the benchmarks writes, and that all else is drawn from.

It holds what was measured (medians of rounds), on what, how it compares with what must be reached,
and what the audits found.
"""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.kept import Part
from benchmarks.rounds import Audit
from benchmarks.sample import Reading, median_of
from benchmarks.servers import ROOT
from benchmarks.targets import TARGETS

LATEST = ROOT / "benchmarks" / "results" / "latest.json"


class Result(Reading, frozen=True, kw_only=True, omit_defaults=True):
    """A benchmark with the medians of its rounds, and the audit after it."""

    name: str
    title: str
    audit: Audit | None = None


class Ratio(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A figure or ratio beside its bound."""

    name: str
    title: str
    value: float
    at_least: float | None = None
    at_most: float | None = None
    reached: bool | None = None


class AuditTotal(msgspec.Struct, frozen=True):
    """All audits of a run together: of how many benchmarks, and what they found."""

    ok: bool
    benchmarks: int
    reservations: int
    findings: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the benchmarks, its loads `scale` times as large as shipped."""

    date: str
    commit: str
    machine: dict[str, Any]
    versions: dict[str, str]
    rounds: int
    workers: int
    took_s: int
    results: list[Result]
    ratios: list[Ratio]
    audit: AuditTotal
    scale: float = 1.0

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong; bounds that were not reached do not count."""
        return self.audit.ok and not any(result.errors for result in self.results)


def results_of(parts: Iterable[Part]) -> list[Result]:
    """The results of all parts in the order of their benchmarks."""
    found = []
    for part in parts:
        for name, title in part.titles.items():
            readings = [one[name] for one in part.rounds if name in one]
            median = msgspec.structs.asdict(median_of(readings))
            about = {"name": name, "title": title, "audit": part.audits.get(name)}
            found.append(msgspec.convert(median | about, Result))
    return found


def rounds_of(parts: Iterable[Part]) -> list[dict[str, Reading]]:
    """The rounds of all parts together."""
    nth_of_each = zip_longest(*(part.rounds for part in parts), fillvalue={})
    return [dict(ChainMap(*nth)) for nth in nth_of_each]


def ratios_of(rounds: Sequence[Mapping[str, Reading]]) -> list[Ratio]:
    """Each target whose benchmarks were measured, with its value."""
    found = []
    for target in TARGETS:
        value = target.value(rounds)
        if value is not None:
            found.append(
                Ratio(
                    name=target.name,
                    title=target.title,
                    value=round(value, 3),
                    at_least=target.at_least,
                    at_most=target.at_most,
                    reached=target.reached(value),
                )
            )
    return found


def total_of(audits: Mapping[str, Audit]) -> AuditTotal:
    """All audits together."""
    return AuditTotal(
        ok=all(audit.ok for audit in audits.values()),
        benchmarks=len(audits),
        reservations=sum(audit.reservations for audit in audits.values()),
        findings=sum(audit.findings for audit in audits.values()),
    )


def written(document: Document, path: Path) -> None:
    """Writes the document to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed(document) + b"\n")


def packed(document: Document) -> bytes:
    """The document as JSON for people to read, too."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2)


def read(path: Path) -> Document:
    """The document in a file. Raises FileNotFoundError, msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Document)
