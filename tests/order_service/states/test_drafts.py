"""Drafts: the times of an order's changes are in their order."""

import pytest

from order_service.order.draft import CLOCKS_APART_MS_MAX
from tests.order_service.clock import START_MS
from tests.order_service.payment.orders import drafted, unpaid


@pytest.mark.parametrize("behind_ms", [1, 700, CLOCKS_APART_MS_MAX])
def test_a_process_whose_clock_is_a_little_behind_writes_no_time_before_the_last_change(
    behind_ms: int,
) -> None:
    draft = drafted(unpaid(updated_at_ms=START_MS), START_MS - behind_ms)
    draft.note("looked at")
    draft.finish()
    assert [entry.at_ms for entry in draft.history] == [START_MS]
    assert draft.order.updated_at_ms == START_MS


@pytest.mark.parametrize("behind_ms", [0, -1, -60_000, CLOCKS_APART_MS_MAX + 1])
def test_a_clock_that_is_ahead_or_was_put_right_is_taken_as_it_is(behind_ms: int) -> None:
    draft = drafted(unpaid(updated_at_ms=START_MS), START_MS - behind_ms)
    draft.note("looked at")
    assert [entry.at_ms for entry in draft.history] == [START_MS - behind_ms]
