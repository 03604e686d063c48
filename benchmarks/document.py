"""The document that a run of the benchmarks writes, and that all else is drawn from.

It holds what was measured (medians of rounds), on what, how it compares with what must be reached,
and what the audits found.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.orders.loads import OrdersBenchmark
from benchmarks.rounds import Audit, Measurements
from benchmarks.sample import Reading, median_of
from benchmarks.scenarios import Benchmark
from benchmarks.servers import ROOT
from benchmarks.targets import TARGETS

LATEST = ROOT / "benchmarks" / "results" / "latest.json"

Named = Benchmark | OrdersBenchmark


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
    """One run of the benchmarks."""

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

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong; bounds that were not reached do not count."""
        return self.audit.ok and not any(result.errors for result in self.results)


def results_of(benchmarks: Sequence[Named], measured: Measurements) -> list[Result]:
    """The results in the order of the benchmarks."""
    found = []
    for benchmark in benchmarks:
        readings = [one[benchmark.name] for one in measured.rounds if benchmark.name in one]
        median = msgspec.structs.asdict(median_of(readings))
        about = {
            "name": benchmark.name,
            "title": benchmark.title,
            "audit": measured.audits.get(benchmark.name),
        }
        found.append(msgspec.convert(median | about, Result))
    return found


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
