from order_service.order.tasks import TaskKind
from order_service.relay.metrics import TASK_METRICS, RelayCounts
from order_service.storage.tasks import Queue


def test_every_metric_is_told_by_kind() -> None:
    counts = RelayCounts()
    counts.done["CONFIRM"] = 7
    counts.failed["REFUND"] = 2
    counts.buried["REFUND"] = 1
    counts.queues = {
        TaskKind.CONFIRM: Queue(due=3, oldest_due_at_ms=1_000),
        TaskKind.REFUND: Queue(dead=1),
    }
    reported = {metric.name: metric.values(counts, 3_500) for metric in TASK_METRICS}
    assert reported == {
        "holdfast_orders_tasks_done_total": {"CONFIRM": 7},
        "holdfast_orders_task_failures_total": {"REFUND": 2},
        "holdfast_orders_tasks_buried_total": {"REFUND": 1},
        "holdfast_orders_tasks_due": {"CONFIRM": 3, "REFUND": 0},
        "holdfast_orders_tasks_dead": {"CONFIRM": 0, "REFUND": 1},
        "holdfast_orders_task_wait_seconds": {"CONFIRM": 2.5, "REFUND": 0},
    }
