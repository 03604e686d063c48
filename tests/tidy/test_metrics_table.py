"""The table of metrics: complete, and named as Prometheus asks for."""

from server import metrics_table
from server.metrics_table import METRICS
from serving.metrics import CALL_METRICS, Metric


def test_every_metric_that_is_defined_is_in_the_table_once() -> None:
    here = [row for row in vars(metrics_table).values() if isinstance(row, Metric)]
    defined = [*here, *CALL_METRICS]
    assert len(METRICS) == len({row.name for row in METRICS})
    assert sorted(METRICS, key=lambda row: row.name) == sorted(defined, key=lambda row: row.name)


def test_names_say_what_is_counted_and_in_which_unit() -> None:
    for row in METRICS:
        assert row.name.startswith("holdfast_")
        assert row.name.endswith("_total") == (row.type == "counter")
        assert "_ms" not in row.name
        assert row.help.endswith(".")
