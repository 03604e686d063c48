"""Time that ran ahead of the store's clock is told by every server, and taken back by a command."""

import time
from typing import Any

import pytest

from engine.clock_accepted import CLOCK_KEY
from engine.keys import partition_keys
from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from tests.serving import Store
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


async def test_time_that_ran_ahead_is_taken_back_for_all_servers(
    two: list[Client], store: Store, tenant: str
) -> None:
    first, second = two
    await first.set_stock("A", 10)
    meta = partition_keys(tenant).meta
    redis: Any = store.client()
    # As a store was left whose clock had been an hour ahead for a moment.
    redis.hset(meta, "now", int(time.time() * 1_000) + HOUR_MS)
    for number, client in enumerate(two):
        held = await client.reserve(f"frozen-{number}", [("A", 1)], ttl_ms=MINUTE_MS)
        assert held.expires_at_ms > time.time() * 1_000 + HOUR_MS
        assert "accept-clock" in (await client.get_status()).warning

    assert await second.accept_clock("the clock was an hour ahead") == pytest.approx(
        -HOUR_MS, abs=MINUTE_MS
    )
    for number, client in enumerate(two):

        async def is_right(client: Client = client, number: int = number) -> bool:
            held = await client.reserve(f"right-{number}-{time.time()}", [("A", 1)], ttl_ms=1_000)
            return held.expires_at_ms < time.time() * 1_000 + MINUTE_MS

        await eventually(is_right)
        assert (await client.get_status()).warning == ""
    written: Any = redis.hvals(CLOCK_KEY)
    assert any("the clock was an hour ahead" in text.decode() for text in written)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 257])
async def test_a_clock_is_accepted_with_a_reason_only(two: list[Client], reason: str) -> None:
    with pytest.raises(HoldfastError) as refused:
        await two[0].accept_clock(reason)
    assert refused.value.reason is Reason.INVALID_FIELD
