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
from benchmarks.stage import SECOND, Engine, Stage
from holdfast.types import AuditSummary

UNITS = 1_000_000_000
LIMIT_PER_BUYER = 5
SETTING_UP = 32
# Whose store those without one of their own use.
STORE_OF = {"holdfast": "holdfast", SECOND: SECOND, "naive": "holdfast", "raw": "holdfast"}

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
    """The readings of the rounds of a part, and the audit of each benchmark, by its name."""

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
            for benchmark in benchmarks[:: -1 if number % 2 else 1]:
                self.tell(f"round {number + 1} of {rounds}: {benchmark.title}")
                self.run(benchmark, number)
                if number == rounds - 1 and benchmark.tenant:
                    self._audit(benchmark)

    def run(self, benchmark: Benchmark, number: int) -> None:
        """Runs one benchmark in a round. Raises LoadFailed."""
        reading, reservations = run(benchmark, self._stage, f"{benchmark.name}.{number}")
        self.note(number, {benchmark.name: reading})
        self._answered[benchmark.tenant] += reservations

    def note(self, number: int, readings: dict[str, Reading]) -> None:
        """Adds readings to a round."""
        while len(self.rounds) <= number:
            self.rounds.append({})
        self.rounds[number] |= readings

    def _audit(self, benchmark: Benchmark) -> None:
        engine = engine_of(self._stage, benchmark)
        found = [audit(engine, tenant) for tenant in benchmark.tenants]
        self.audits[benchmark.name] = Audit(
            sum(one.reservations for one in found),
            self._answered[benchmark.tenant],
            sum(one.findings + one.unsettled for one in found),
        )


def engine_of(stage: Stage, benchmark: Benchmark) -> Engine:
    """The engine whose store a benchmark uses. Raises KeyError if it uses none."""
    return stage.engines[STORE_OF[benchmark.subject]]


def stock_up(stage: Stage, benchmarks: Sequence[Benchmark]) -> None:
    """Gives each benchmark's tenant what it sells; none of it where it is to be sold out."""
    for benchmark in benchmarks:
        keys = [
            (tenant, f"SKU-{number}")
            for tenant in benchmark.tenants
            for number in range(benchmark.skus)
        ]
        level = 0 if benchmark.expected == OUT_OF_STOCK else UNITS
        if keys:
            _set_stock(engine_of(stage, benchmark), keys, level)


def _set_stock(engine: Engine, keys: Sequence[tuple[str, str]], level: int) -> None:
    with engine.client() as client, ThreadPoolExecutor(SETTING_UP) as threads:
        for _ in threads.map(
            lambda key: client.set_stock(
                key[1], level, limit_per_buyer=LIMIT_PER_BUYER, tenant=key[0]
            ),
            keys,
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


def audit(engine: Engine, tenant: str) -> AuditSummary:
    """Proves the invariants of a tenant."""
    with engine.client() as client:
        for event in client.audit(tenant=tenant):
            if isinstance(event, AuditSummary):
                return event
    raise LoadFailed(f"the audit of {tenant} ended without a summary")


def command(benchmark: Benchmark, stage: Stage, prefix: str) -> tuple[str, ...]:
    """The module that sends a benchmark's load, and its arguments."""
    target = stage.targets.get(benchmark.subject, "")
    ours = {"tenant": benchmark.tenant, "prefix": prefix}
    match benchmark.load:
        case Load() as load:
            given: Any = replace(load, target=target, **ours)
            return ("benchmarks.load", encode(given).decode())
        case RawBatches() as load:
            given = replace(load, socket=str(stage.holdfast.store_socket), **ours)
            return ("benchmarks.peers.raw_script", encode(given).decode())
        case SdkLoad() as load:
            given = replace(load, target=target, **ours)
            return ("benchmarks.sdk_load", encode(given).decode())
        case Sales(sales=sales, way=way, with_pgbench=True):
            about = (stage.postgres.dsn, stage.postgres.pgbench, way, str(sales))
            return ("benchmarks.peers.postgres_pgbench", *about)
        case Sales(sales=sales, way=way):
            about = (stage.postgres.dsn, way, str(sales), prefix)
            return ("benchmarks.peers.postgres_load", *about)


def _used(benchmark: Benchmark, stage: Stage) -> Used:
    server = stage.processes.get(benchmark.subject, frozenset())
    if benchmark.subject not in STORE_OF:
        return Used(cpu_s(server), 0.0, 0.0, 0)
    engine = engine_of(stage, benchmark)
    store_cpu_s = cpu_s(engine.stores)
    with engine.store() as store:
        stats: Any = store.info("commandstats")
    script_us = stats.get("cmdstat_evalsha", {"usec": 0})["usec"]
    # A batch that changed anything writes one entry of the journal.
    batches = stats.get("cmdstat_xadd", {"calls": 0})["calls"]
    return Used(cpu_s(server), store_cpu_s, script_us / 1e6, batches)
