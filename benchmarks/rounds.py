"""Rounds: every benchmark once each, forwards and backwards in turn, then the audit.

Each load is sent by a process of its own, and what it cost while it lasted is noted.

What drifts while a run lasts (a machine that warms up, a store that grows) then falls on both sides
of each comparison.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from msgspec.json import encode
from msgspec.structs import replace

from benchmarks.loads import Load, RawBatches, Sales, SdkLoad
from benchmarks.processor_time import cpu_s
from benchmarks.sample import APPLIED, OUT_OF_STOCK, Reading, Sample, Used, reading_of
from benchmarks.scenarios import Benchmark
from benchmarks.servers import LoadFailed, output_of
from benchmarks.stage import Stage
from holdfast.types import AuditSummary

UNITS = 1_000_000_000
LIMIT_PER_BUYER = 5
SETTING_UP = 32
STORE_USERS = ("holdfast", "naive", "raw")

Tell = Callable[[str], None]


class Audit(msgspec.Struct, frozen=True):
    """The result of an audit of a benchmark's tenant.

    `reservations` are the store's, `answered` those of the answers to the loads; `findings` are
    rows that break an invariant or could not be proven.
    """

    reservations: int
    answered: int = msgspec.field(name="told")
    findings: int

    @property
    def ok(self) -> bool:
        """Whether every row is right, and the store has as many reservations as the answers."""
        return not self.findings and self.reservations == self.answered


class Measurements:
    """The readings of all rounds so far, and the audit of each benchmark, by its name."""

    def __init__(self, stage: Stage, tell: Tell) -> None:
        self.rounds: list[dict[str, Reading]] = []
        self.audits: dict[str, Audit] = {}
        self._stage = stage
        self.tell = tell
        self._answered: Counter[str] = Counter()

    def measure(self, benchmarks: Sequence[Benchmark], rounds: int) -> None:
        """Runs benchmarks for a number of rounds; after its last run each is audited.

        Raises LoadFailed.
        """
        stock_up(self._stage, benchmarks)
        for number in range(rounds):
            if number == len(self.rounds):
                self.rounds.append({})
            for benchmark in benchmarks[:: -1 if number % 2 else 1]:
                self.tell(f"round {number + 1} of {rounds}: {benchmark.title}")
                self._run(benchmark, number)
                if number == rounds - 1 and benchmark.tenant:
                    self._audit(benchmark)

    def _run(self, benchmark: Benchmark, number: int) -> None:
        reading, reservations = run(benchmark, self._stage, f"{benchmark.name}.{number}")
        self.rounds[number][benchmark.name] = reading
        self._answered[benchmark.tenant] += reservations

    def _audit(self, benchmark: Benchmark) -> None:
        found = audit(self._stage, benchmark.tenant)
        self.audits[benchmark.name] = Audit(
            found.reservations, self._answered[benchmark.tenant], found.findings + found.unsettled
        )


def stock_up(stage: Stage, benchmarks: Sequence[Benchmark]) -> None:
    """Gives each benchmark's tenant what it sells; none of it where it is to be sold out."""
    levels = {
        (benchmark.tenant, f"SKU-{number}"): 0 if benchmark.expected == OUT_OF_STOCK else UNITS
        for benchmark in benchmarks
        if benchmark.tenant
        for number in range(benchmark.skus)
    }
    with stage.client() as client, ThreadPoolExecutor(SETTING_UP) as threads:
        for _ in threads.map(
            lambda key: client.set_stock(
                key[1], levels[key], limit_per_buyer=LIMIT_PER_BUYER, tenant=key[0]
            ),
            levels,
        ):
            pass


def run(benchmark: Benchmark, stage: Stage, prefix: str) -> tuple[Reading, int]:
    """Runs it with ids that begin with `prefix`; the number of reservations that it made,
    by the answers to its load.

    Raises LoadFailed.
    """
    before = _used(benchmark, stage)
    sample = msgspec.json.decode(output_of(*command(benchmark, stage, prefix)), type=Sample)
    after = _used(benchmark, stage)
    accepted = sample.outcomes.get(APPLIED, 0) + sample.warm_up
    confirmed = isinstance(benchmark.load, Load) and benchmark.load.confirmed
    made = accepted // 2 if confirmed else accepted
    return reading_of(sample, benchmark.expected, after.since(before)), made


def audit(stage: Stage, tenant: str) -> AuditSummary:
    """Proves the invariants of a tenant."""
    with stage.client() as client:
        for event in client.audit(tenant=tenant):
            if isinstance(event, AuditSummary):
                return event
    raise LoadFailed(f"the audit of {tenant} ended without a summary")


def command(benchmark: Benchmark, stage: Stage, prefix: str) -> tuple[str, ...]:
    """The module that sends a benchmark's load, and its arguments."""
    target = {"holdfast": stage.holdfast, "echo": stage.echo, "naive": stage.naive}
    ours = {"tenant": benchmark.tenant, "prefix": prefix}
    match benchmark.load:
        case Load() as load:
            given: Any = replace(load, target=target[benchmark.subject], **ours)
            return ("benchmarks.load", encode(given).decode())
        case RawBatches() as load:
            given = replace(load, socket=str(stage.store_socket), **ours)
            return ("benchmarks.peers.raw_script", encode(given).decode())
        case SdkLoad() as load:
            given = replace(load, target=stage.holdfast, prefix=prefix)
            return ("benchmarks.sdk_load", encode(given).decode())
        case Sales(sales=sales, way=way, with_pgbench=True):
            about = (stage.postgres.dsn, stage.postgres.pgbench, way, str(sales))
            return ("benchmarks.peers.postgres_pgbench", *about)
        case Sales(sales=sales, way=way):
            about = (stage.postgres.dsn, way, str(sales), prefix)
            return ("benchmarks.peers.postgres_load", *about)


def _used(benchmark: Benchmark, stage: Stage) -> Used:
    server = stage.processes.get(benchmark.subject, frozenset())
    if benchmark.subject not in STORE_USERS:
        return Used(cpu_s(server), 0.0, 0.0, 0)
    store_cpu_s = cpu_s(stage.processes["store"])
    with stage.store() as store:
        stats: Any = store.info("commandstats")
    script_us = stats.get("cmdstat_evalsha", {"usec": 0})["usec"]
    # A batch that changed anything writes one entry of the journal.
    batches = stats.get("cmdstat_xadd", {"calls": 0})["calls"]
    return Used(cpu_s(server), store_cpu_s, script_us / 1e6, batches)
