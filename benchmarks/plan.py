"""A model of how throughput grows, fitted to measured service times; see benchmarks/README.md.

A command costs a worker CPU time, and it costs the store time: its share of what a batch costs
(call, journal, fsync) and what it costs itself. A worker is one core's worth of CPU, a shard one
store, which judges one batch at a time. Both are planned to be busy only for a share of the time.
"""

import math
from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.document import Document, Result
from engine.model import BATCH_COMMANDS_MAX

US = 1_000_000
PEAK_PER_S = 50_000.0
ACCEPTED = 0.05
UTILISATION = 0.6

# How calls may come, and the benchmarks that measure a sale and a refusal of that kind.
WAYS = {
    "one a call": ("reserve_64", "refused_64"),
    "Apply, 1,000 a call": ("apply_hot", "apply_refused"),
}
NEEDED = {*WAYS["one a call"], *WAYS["Apply, 1,000 a call"], "raw_100", "raw_1000", "apply_spread"}


class NotFitted(Exception):
    """The document lacks what the model is fitted to; the message names it."""


class Store(NamedTuple):
    """What the store takes, in microseconds: for a batch, and in it for a sale and a refusal."""

    batch_us: float
    sale_us: float
    refusal_us: float

    def command_us(self, accepted: float) -> float:
        """For a command of which a share is accepted, the batch apart."""
        return accepted * self.sale_us + (1 - accepted) * self.refusal_us

    def most_per_s(self, accepted: float) -> float:
        """Commands per second in batches as large as they may be."""
        return US / (self.command_us(accepted) + self.batch_us / BATCH_COMMANDS_MAX)

    def batch_at(self, per_s: float, accepted: float) -> float:
        """The batch that forms at a rate: what comes while the one before it is judged."""
        left_us = US / per_s - self.command_us(accepted)
        if left_us * BATCH_COMMANDS_MAX <= self.batch_us:
            return BATCH_COMMANDS_MAX
        return max(1.0, self.batch_us / left_us)


class Worker(NamedTuple):
    """What a sale and a refusal cost a worker, in CPU microseconds."""

    sale_us: float
    refusal_us: float

    def most_per_s(self, accepted: float) -> float:
        """Commands per second of a worker that has a core to itself."""
        return US / (accepted * self.sale_us + (1 - accepted) * self.refusal_us)


class Model(NamedTuple):
    """The fitted costs: of a store for one hot SKU and for many, of a worker by way of calls."""

    hot: Store
    spread: Store
    workers: Mapping[str, Worker]


class Need(NamedTuple):
    """What a peak needs: workers, shards, and the batch that then forms in each shard."""

    workers: int
    shards: int
    batch: float


def fitted(document: Document) -> Model:
    """The model of a run. Raises NotFitted."""
    results = {result.name: result for result in document.results}
    missing = NEEDED - results.keys()
    if missing:
        raise NotFitted(f"not measured: {', '.join(sorted(missing))}")
    batch_us, sale_us = _line(results["raw_100"], 100, results["raw_1000"], 1_000)
    # The scripts' own times say how much dearer a sale of another kind is than one of the hot SKU.
    dearer = _known(results, "apply_spread", "script_us") / _known(
        results, "apply_hot", "script_us"
    )
    refusal_us = _known(results, "apply_refused", "script_us")
    return Model(
        Store(batch_us, sale_us, refusal_us),
        Store(batch_us, sale_us * dearer, refusal_us),
        {
            way: Worker(*(_known(results, name, "server_cpu_us") for name in names))
            for way, names in WAYS.items()
        },
    )


def need(model: Model, way: str, peak_per_s: float, accepted: float, utilisation: float) -> Need:
    """What a peak over many SKUs needs, workers and stores busy for `utilisation` of the time."""
    of_worker = model.workers[way].most_per_s(accepted) * utilisation
    of_shard = model.spread.most_per_s(accepted) * utilisation
    shards = math.ceil(peak_per_s / of_shard)
    batch = model.spread.batch_at(peak_per_s / shards, accepted)
    return Need(math.ceil(peak_per_s / of_worker), shards, batch)


def most_on(cores: int, of_worker: float, of_shard: float, shards_max: int) -> float:
    """The most that so many cores do, divided among workers and shards as suits best."""
    return max(
        min((cores - shards) * of_worker, shards * of_shard)
        for shards in range(1, min(cores - 1, shards_max) + 1)
    )


def bound_per_s(result: Result, cores: int) -> float:
    """The most to be expected where server, store and load share so many cores."""
    server_us = result.server_cpu_us or 0.0
    all_us = server_us + (result.store_cpu_us or 0.0) + (result.load_cpu_us or 0.0)
    return min(cores * US / all_us, US / server_us)


def _line(small: Result, few: int, large: Result, many: int) -> tuple[float, float]:
    """What a batch and what each of its commands takes, from batches of two sizes."""
    small_us, large_us = US * few / small.per_s, US * many / large.per_s
    command_us = (large_us - small_us) / (many - few)
    return max(0.0, small_us - few * command_us), command_us


def _known(results: Mapping[str, Result], name: str, figure: str) -> float:
    value: float | None = getattr(results[name], figure)
    if not value:
        raise NotFitted(f"{name} has no {figure}; CPU times are known on Linux only")
    return value
