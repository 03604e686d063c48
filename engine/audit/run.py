"""Runs the audit against a store, on an event loop."""

from collections.abc import AsyncIterator
from typing import Any

import redis.asyncio

from engine.audit.journal import check_journal
from engine.audit.levels import check_levels
from engine.audit.protocol import Ask, Finding, Progress, Steps, Summary
from engine.audit.rows import check_rows
from engine.errors import StoreCorrupt
from engine.keys import PartitionKeys
from engine.link import located, store_errors
from engine.turns import Turns


def audit_steps(keys: PartitionKeys, summary: Summary) -> Steps:
    """Yields the questions, progress and findings of an audit of a partition."""
    yield from check_rows(keys, summary)
    yield from check_levels(keys, summary)
    yield from check_journal(keys, summary)


async def audit(
    client: "redis.asyncio.Redis", keys: PartitionKeys, turns: Turns
) -> AsyncIterator[Progress | Finding | Summary]:
    """Audits a partition: yields progress and findings as they come, the summary last.

    Reads only, with bounded memory, and may run while the store is at work. Raises an
    `EngineError` if the store does not answer.
    """
    summary = Summary()
    steps = audit_steps(keys, summary)
    step: Ask | Progress | Finding | None = next(steps)
    while step is not None:
        if isinstance(step, Ask):
            async with turns.turn():
                step = _next(steps, await _answers(client, keys, step))
        else:
            yield step
            step = _next(steps, None)
    yield summary


async def _answers(client: "redis.asyncio.Redis", keys: PartitionKeys, ask: Ask) -> list[Any]:
    pipeline = client.pipeline(transaction=ask.atomic)
    for command in ask.commands:
        pipeline.execute_command(*command)
    try:
        with store_errors():
            return await pipeline.execute()
    except StoreCorrupt as failure:
        raise await located(failure, client, keys) from failure


def _next(steps: Steps, answers: list[Any] | None) -> Ask | Progress | Finding | None:
    """The next step; None after the last."""
    try:
        return steps.send(answers)
    except StopIteration:
        return None
