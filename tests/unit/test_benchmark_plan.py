"""The model of how throughput grows."""

import pytest

from benchmarks.document import AuditTotal, Document, Result
from benchmarks.plan import Model, NotFitted, Store, Worker, fitted, most_on, need
from benchmarks.plan_text import plan_text

BATCH_US, SALE_US = 400.0, 8.0


def result(name: str, per_s: float, **costs: float) -> Result:
    return Result(
        name=name,
        title=name,
        per_s=per_s,
        p50_ms=1.0,
        p99_ms=2.0,
        accepted=1,
        refused=0,
        errors=0,
        **costs,  # type: ignore[arg-type]
    )


def batch_per_s(commands: int) -> float:
    """The rate of a store that takes BATCH_US a batch and SALE_US a command."""
    return commands * 1e6 / (BATCH_US + SALE_US * commands)


def document(*without: str) -> Document:
    results = [
        result("raw_100", batch_per_s(100), script_us=7.0),
        result("raw_1000", batch_per_s(1_000), script_us=6.0),
        result("reserve_64", 4_000, server_cpu_us=200.0, store_cpu_us=50.0, load_cpu_us=25.0),
        result("refused_64", 5_000, server_cpu_us=160.0),
        result("apply_hot", 80_000, server_cpu_us=7.0, script_us=6.0),
        result("apply_refused", 90_000, server_cpu_us=6.0, script_us=4.0),
        result("apply_spread", 60_000, server_cpu_us=8.0, script_us=9.0),
    ]
    return Document(
        date="2026-01-02",
        commit="abc",
        machine={"cpus": 2, "cpu": "a cpu", "fsync_ms": 0.4},
        versions={},
        rounds=3,
        workers=1,
        took_s=1,
        results=[one for one in results if one.name not in without],
        ratios=[],
        audit=AuditTotal(True, 1, 1, 0),
        skipped=[],
    )


MODEL = Model(
    hot=Store(BATCH_US, SALE_US, 4.0),
    spread=Store(BATCH_US, 12.0, 4.0),
    workers={"one a call": Worker(200.0, 160.0), "Apply, 1,000 a call": Worker(7.0, 6.0)},
)


def test_the_costs_of_a_store_are_found_again_from_two_sizes_of_batch() -> None:
    model = fitted(document())
    assert model.hot == pytest.approx(MODEL.hot)
    assert model.spread == pytest.approx(MODEL.spread)
    assert dict(model.workers) == dict(MODEL.workers)


def test_a_run_that_lacks_a_benchmark_is_not_planned_with() -> None:
    with pytest.raises(NotFitted, match="raw_100"):
        fitted(document("raw_100"))


def test_a_run_without_cpu_times_is_not_planned_with() -> None:
    broken = document("apply_hot")
    broken.results.append(result("apply_hot", 80_000, script_us=6.0))
    with pytest.raises(NotFitted, match="apply_hot has no server_cpu_us"):
        fitted(broken)


def test_workers_follow_from_cpu_time_and_utilisation() -> None:
    found = need(MODEL, "one a call", peak_per_s=50_000, accepted=0.0, utilisation=0.5)
    assert found.workers == 16  # 50,000 of 160 us are 8 cores, half of the time
    assert found.shards == 1


def test_more_sales_than_a_store_judges_need_more_shards() -> None:
    few = need(MODEL, "Apply, 1,000 a call", 40_000, accepted=1.0, utilisation=0.6)
    many = need(MODEL, "Apply, 1,000 a call", 80_000, accepted=1.0, utilisation=0.6)
    assert (few.shards, many.shards) == (1, 2)


def test_batches_grow_with_the_rate_up_to_the_most_that_is_allowed() -> None:
    batches = [MODEL.hot.batch_at(per_s, accepted=1.0) for per_s in (100, 10_000, 100_000, 10**9)]
    assert batches == sorted(batches)
    assert (batches[0], batches[-1]) == (1.0, 1_000)
    # At 100,000/s a command has 10 us, of which it takes 8: 200 of them make up for a batch's 400.
    assert batches[2] == pytest.approx(200)


def test_cores_are_divided_between_workers_and_shards_as_suits_best() -> None:
    assert most_on(8, of_worker=10.0, of_shard=1_000.0, shards_max=8) == 70.0
    assert most_on(8, of_worker=100.0, of_shard=100.0, shards_max=8) == 400.0
    assert most_on(8, of_worker=100.0, of_shard=100.0, shards_max=1) == 100.0


def test_the_plan_says_that_it_is_a_model_and_what_limits() -> None:
    text = plan_text(document(), peak_per_s=50_000, accepted=0.05, utilisation=0.6)
    assert "This is a model" in text
    assert "worker CPU" in text
    assert "a tenant's one shard" in plan_text(document(), 500_000, 1.0, 0.6)
