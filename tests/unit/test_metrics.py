"""The counts of a server process, and those still there when another process goes on."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from engine.errors import StoreFull
from engine.model import Outcome, StockOutcome
from engine.scripts import Kind
from server.metrics import ServerMetrics, counted_in_files, forget_gauges

COMMANDS = "holdfast_commands_total"


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> ServerMetrics:
    return ServerMetrics(registry)


def commands(registry: CollectorRegistry) -> dict[tuple[str, str, str], float]:
    """The number of commands counted, by kind, outcome and whether they were replayed."""
    return {
        (sample.labels["kind"], sample.labels["outcome"], sample.labels["replayed"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == COMMANDS
    }


def test_a_batch_is_counted_by_kind_outcome_and_replay(
    registry: CollectorRegistry, metrics: ServerMetrics
) -> None:
    kinds = [Kind.RESERVE, Kind.RESERVE, Kind.RESERVE, Kind.CONFIRM, Kind.SET_STOCK]
    outcomes = [Outcome.APPLIED, -Outcome.APPLIED, Outcome.OUT_OF_STOCK, Outcome.APPLIED]
    metrics.batch(kinds, [*outcomes, StockOutcome.VERSION_MISMATCH], 0.0003)
    metrics.batch([Kind.RESERVE], [Outcome.APPLIED], 0.004)
    assert commands(registry) == {
        ("reserve", "APPLIED", "false"): 2,
        ("reserve", "APPLIED", "true"): 1,
        ("reserve", "OUT_OF_STOCK", "false"): 1,
        ("confirm", "APPLIED", "false"): 1,
        ("set_stock", "VERSION_MISMATCH", "false"): 1,
    }
    assert registry.get_sample_value("holdfast_batch_commands_sum") == 6
    assert registry.get_sample_value("holdfast_batch_commands_bucket", {"le": "1.0"}) == 1
    assert registry.get_sample_value("holdfast_batch_seconds_bucket", {"le": "0.0005"}) == 1
    assert registry.get_sample_value("holdfast_batch_seconds_count") == 2


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_command_has_a_name_in_the_metrics(
    registry: CollectorRegistry, metrics: ServerMetrics, kind: Kind
) -> None:
    metrics.batch([kind], [1], 0.001)
    if kind in (Kind.EXPIRE, Kind.PURGE):
        assert commands(registry) == {}
        count, labels = "holdfast_sweep_seconds_count", {"kind": kind.name.lower()}
        assert registry.get_sample_value(count, labels) == 1
        assert registry.get_sample_value("holdfast_batch_seconds_count") == 0
    else:
        assert commands(registry) == {(kind.name.lower(), "APPLIED", "false"): 1}


def test_a_call_is_counted_by_method_and_how_it_ended(
    registry: CollectorRegistry, metrics: ServerMetrics
) -> None:
    calls = metrics.calls.of_method("Reserve")
    calls.answered(0.0004)
    calls.answered(0.3)
    calls.failed("RESOURCE_EXHAUSTED", "OVERLOADED", 0.02)
    ok = {"method": "Reserve", "code": "OK"}
    value = registry.get_sample_value
    assert value("holdfast_call_seconds_bucket", ok | {"le": "0.0005"}) == 1
    assert value("holdfast_call_seconds_sum", ok) == pytest.approx(0.3004)
    failed = {"method": "Reserve", "code": "RESOURCE_EXHAUSTED"}
    assert value("holdfast_call_seconds_count", failed) == 1
    reason = {"method": "Reserve", "reason": "OVERLOADED"}
    assert value("holdfast_call_errors_total", reason) == 1


def test_a_failed_batch_is_counted_by_what_went_wrong(
    registry: CollectorRegistry, metrics: ServerMetrics
) -> None:
    metrics.batch_failed(StoreFull("OOM"))
    labels = {"failure": "StoreFull"}
    assert registry.get_sample_value("holdfast_failed_batches_total", labels) == 1


def test_whoever_has_a_workers_number_next_goes_on_where_it_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    for worker in (1, 2, 1):
        count_a_batch(worker)
    whole = CollectorRegistry()
    MultiProcessCollector(whole, str(tmp_path))  # type: ignore[no-untyped-call]
    assert commands(whole) == {("reserve", "APPLIED", "false"): 9}
    assert whole.get_sample_value("holdfast_batch_commands_count") == 3
    assert whole.get_sample_value("holdfast_serving") == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{kind}_{worker}.db"
        for kind in ("counter", "histogram", "gauge_livesum")
        for worker in (1, 2)
    }


def test_what_was_so_while_a_worker_lived_is_forgotten_and_what_it_counted_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    for worker in (1, 2):
        count_a_batch(worker)
    whole = CollectorRegistry()
    MultiProcessCollector(whole, str(tmp_path))  # type: ignore[no-untyped-call]
    forget_gauges(str(tmp_path), 1)
    assert whole.get_sample_value("holdfast_serving") == 1
    assert commands(whole) == {("reserve", "APPLIED", "false"): 6}


def count_a_batch(worker: int) -> None:
    """Lives the life of the worker of a number."""
    with counted_in_files(worker):
        metrics = ServerMetrics(CollectorRegistry())
        metrics.batch([Kind.RESERVE] * 3, [Outcome.APPLIED] * 3, 0.001)
        metrics.serving(True)
    values.ValueClass.close_all_files()
