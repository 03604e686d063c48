"""Runs the audit against a store, on an event loop or on a plain connection."""

from collections.abc import AsyncIterator
from typing import Any

import redis
import redis.asyncio

from engine.audit.journal import check_journal
from engine.audit.levels import check_levels
from engine.audit.protocol import Ask, Finding, Progress, Steps, Summary
from engine.audit.rows import check_rows
from engine.errors import StoreCorrupt
from engine.keys import PartitionKeys
from engine.link import located, store_errors


def _steps(keys: PartitionKeys, summary: Summary) -> Steps:
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
    steps = _steps(keys, summary)
    answers: list[Any] | None = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            break
        answers = None
        if isinstance(step, Ask):
            pipeline = client.pipeline(transaction=step.atomic)
            try:
                with store_errors():
                    answers = await _queued(pipeline, step).execute()
            except StoreCorrupt as failure:
                raise await located(failure, client, keys) from failure
        else:
            yield step
    yield summary


def audit_now(client: "redis.Redis", keys: PartitionKeys) -> tuple[list[Finding], Summary]:
    """Audits a partition on a plain connection: the findings, and the summary."""
    summary = Summary()
    steps = _steps(keys, summary)
    found: list[Finding] = []
    answers: list[Any] | None = None
    while True:
        try:
            step = steps.send(answers)
        except StopIteration:
            return found, summary
        answers = None
        if isinstance(step, Ask):
            answers = _queued(client.pipeline(transaction=step.atomic), step).execute()
        elif isinstance(step, Finding):
            found.append(step)


def _queued(pipeline: Any, ask: Ask) -> Any:
    for command in ask.commands:
        pipeline.execute_command(*command)
    return pipeline
