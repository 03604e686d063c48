"""`holdfast orders timeline --follow`: what comes is shown once, below what was there."""

import json

import pytest

from holdfast.errors import HoldfastError, Reason
from holdfast.order.v1 import order_pb2 as pb
from tests.unit.scripted_orders import Commands

ORDER = "3766223186315821678"
STATES = ("RESERVING", "AWAITING_PAYMENT", "EXPIRED")


@pytest.fixture
def growing(orders: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """An order whose timeline has one more entry each time it is read, then it is gone."""
    counts = iter(range(1, len(STATES) + 1))

    def timeline(_: object) -> pb.GetTimelineResponse | HoldfastError:
        count = next(counts, 0)
        if not count:
            return HoldfastError.of(Reason.ORDER_NOT_FOUND, order_id=ORDER, tenant="default")
        entries = [
            pb.TimelineEntry(at_ms=1, subject="order", to_state=name) for name in STATES[:count]
        ]
        return pb.GetTimelineResponse(entries=entries)

    orders.service.answers["GetTimeline"] = timeline
    monkeypatch.setattr("holdfast.cli.orders.read.time.sleep", lambda _: None)
    return orders


def test_what_comes_is_shown_once_below_what_was_there(growing: Commands) -> None:
    ran = growing(f"orders timeline {ORDER} --follow")
    assert ran.exit_status == 1
    assert [ran.out.count(state) for state in STATES] == [1, 1, 1]
    rows = [line for line in ran.out.splitlines() if any(state in line for state in STATES)]
    assert len({line.index("order") for line in rows}) == 1


def test_a_timeline_is_followed_as_an_entry_a_line(growing: Commands) -> None:
    ran = growing(f"orders timeline {ORDER} --follow -o json")
    assert [json.loads(line)["to_state"] for line in ran.out.splitlines()] == list(STATES)
