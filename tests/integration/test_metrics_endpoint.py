"""The metrics of a lone server, as Prometheus reads them."""

import os
import signal
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from holdfast.client import Client
from server.metrics_table import METRICS
from tests.scrape import scraped, value
from tests.serving import Server, serve
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose metrics can be read."""
    directory = tmp_path_factory.mktemp("measured")
    with serve(directory, HOLDFAST_METRICS_LISTEN="127.0.0.1:0") as server:
        yield server


async def test_it_shows_the_metrics_of_the_table_and_no_others(server: Server) -> None:
    shown = {(family.name, family.type, family.documentation) for family in scraped(server)}
    assert shown == {(row.name.removesuffix("_total"), row.type, row.help) for row in METRICS}


async def test_it_counts_commands_batches_and_that_it_serves(server: Server) -> None:
    async with Client(server.target) as client:
        await client.set_stock("A", 1)
        for _ in range(2):
            assert (await client.reserve("r1", [("A", 1)])).applied
        assert not (await client.reserve("r2", [("A", 1)])).applied
    count = "holdfast_commands_total"
    assert value(server, count, kind="set_stock", outcome="APPLIED") == 1
    for replayed, outcome in (("false", "APPLIED"), ("true", "APPLIED"), ("false", "OUT_OF_STOCK")):
        labels = {"kind": "reserve", "outcome": outcome, "replayed": replayed}
        assert value(server, count, **labels) == 1
    assert value(server, "holdfast_batch_seconds_count") == 4
    assert value(server, "holdfast_call_seconds_count", method="SetStock", code="OK") == 1
    assert value(server, "holdfast_batch_commands_sum") == 4
    assert value(server, "holdfast_serving") == value(server, "holdfast_workers") == 1
    assert value(server, "holdfast_build_info", version=version("holdfast")) == 1


async def test_it_times_the_sweeps_of_a_shop_where_something_is_due(server: Server) -> None:
    async with Client(server.target) as client:
        await client.set_stock("DUE", 1)
        assert (await client.reserve("due", [("DUE", 1)], ttl_ms=1_000)).applied
    await eventually(lambda: value(server, "holdfast_sweep_seconds_count", kind="expire"))
    assert value(server, "holdfast_sweep_seconds_bucket", kind="expire", le="5.0") > 0


async def test_it_counts_that_its_store_died_and_is_back(server: Server) -> None:
    os.kill(server.logged("store_ready")[-1]["pid"], signal.SIGKILL)
    await eventually(lambda: value(server, "holdfast_store_restarts_total"))
    await eventually(lambda: value(server, "holdfast_serving"))
    assert value(server, "holdfast_store_restarts_total") == 1


async def test_there_is_no_endpoint_unless_it_is_asked_for(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        assert server.logged("metrics") == []
