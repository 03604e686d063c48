"""The audit over the wire, of a tenant at rest and of one that fifty tasks are writing to."""

import asyncio
import itertools
import random

import grpc.aio
import pytest

from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Confirm, Reserve
from holdfast.inventory.v1 import operations_pb2 as pb
from holdfast.inventory.v1 import operations_pb2_grpc as pb_grpc
from holdfast.types import AuditProgress, AuditSummary
from tests.serving import audit

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITERS = 50
AUDITS = 6


async def test_a_tenant_nobody_knows_is_sound_and_empty(client: Client) -> None:
    findings, summary = await audit(client)
    assert findings == []
    assert summary.ok
    assert (summary.levels, summary.reservations, summary.journal_entries) == (0, 0, 0)


async def test_the_summary_counts_what_was_checked(client: Client) -> None:
    for number in range(30):
        await client.set_stock(f"S{number}", 100)
    await client.apply([Reserve(f"r{n}", [(f"S{n % 30}", 1)], buyer_id="b") for n in range(200)])
    await client.apply([Confirm(f"r{n}") for n in range(0, 200, 2)])
    _, summary = await audit(client)
    assert summary == AuditSummary(
        ok=True,
        levels=30,
        reservations=200,
        buyers=30,
        journal_entries=32,
        findings=0,
        unsettled=0,
        elapsed_ms=summary.elapsed_ms,
    )
    assert 0 <= summary.elapsed_ms < 10_000


async def test_progress_comes_first_and_the_summary_last(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await client.set_stock("A", 5_000)
    for first in range(0, 3_000, 1_000):
        await client.apply([Reserve(f"r{first + n}", [("A", 1)]) for n in range(1_000)])
    events = [event async for event in client.audit()]
    progress = [event for event in events if isinstance(event, AuditProgress)]
    assert [type(event) for event in events] == [AuditProgress] * len(progress) + [AuditSummary]
    checked = [event.reservations_checked for event in progress]
    assert checked == sorted(checked)
    assert (progress[-1].reservations_checked, progress[-1].reservations_total) == (3_000, 3_000)
    raw = pb_grpc.OperationsServiceStub(channel).Audit(pb.AuditRequest(tenant=tenant))
    kinds = [message.WhichOneof("kind") async for message in raw]
    assert kinds == ["progress"] * len(progress) + ["summary"]


async def live(client: Client, writer: int, stop: asyncio.Event) -> int:
    """Reserves, confirms, ships, returns, cancels and releases until it is stopped."""
    dice = random.Random(writer)
    for number in itertools.count():
        if stop.is_set():
            return number
        rid = f"{writer}-{number}"
        lines = [(f"S{dice.randrange(8)}", dice.randrange(1, 4)) for _ in range(2)]
        answer = await client.reserve(rid, lines, buyer_id=f"b{writer % 5}")
        assert answer.outcome in (Outcome.APPLIED, Outcome.OUT_OF_STOCK)
        if answer.applied and dice.random() < 0.3:
            await client.release(rid)
        elif answer.applied:
            await client.confirm(rid)
            await client.ship(rid, "s", lines[:1])
            await client.return_units(rid, "r", lines[:1])
            await client.cancel(rid, "c")
    raise AssertionError


async def test_an_audit_while_fifty_tasks_write_has_no_false_finding(client: Client) -> None:
    for number in range(8):
        await client.set_stock(f"S{number}", 100_000)
    stop = asyncio.Event()
    writers = [asyncio.ensure_future(live(client, writer, stop)) for writer in range(WRITERS)]
    try:
        for _ in range(AUDITS):
            findings, summary = await audit(client)
            assert findings == []
            assert summary.findings == 0
            assert summary.ok == (summary.unsettled == 0)
        assert summary.reservations > 0
    finally:
        stop.set()
        lives = await asyncio.gather(*writers)
    assert min(lives) > 0


async def test_an_audit_that_its_caller_leaves_does_not_disturb_the_next(client: Client) -> None:
    await client.set_stock("A", 5_000)
    await client.apply([Reserve(f"r{n}", [("A", 1)]) for n in range(1_000)])
    for _ in range(5):
        events = client.audit()
        assert isinstance(await anext(events), AuditProgress)
        await events.aclose()  # type: ignore[attr-defined]
    findings, summary = await audit(client)
    assert findings == []
    assert summary.ok
