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


def audit_steps(keys: PartitionKeys, summary: Summary) -> Steps:
    """Yields the questions, progress and findings of an audit of a partition."""
    yield from check_rows(keys, summary)
    yield from check_levels(keys, summary)
    yield from check_journal(keys, summary)


async def audit(
    client: "redis.asyncio.Redis", keys: PartitionKeys
) -> AsyncIterator[Progress | Finding | Summary]:
    """Audits a partition: yields progress and findings as they come, the summary last.

    Reads only, with bounded memory, and may run while the store is at work. Raises an
    `EngineError` if the store does not answer.
    """
    summary = Summary()
    steps = audit_steps(keys, summary)
    answers: list[Any] | None = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            break
        answers = None
        if isinstance(step, Ask):
            pipeline = client.pipeline(transaction=step.atomic)
            for command in step.commands:
                pipeline.execute_command(*command)
            try:
                with store_errors():
                    answers = await pipeline.execute()
            except StoreCorrupt as failure:
                raise await located(failure, client, keys) from failure
        else:
            yield step
    yield summary
