"""Imports: batches in the order of the file, an account of what is in, and where to go on."""

import asyncio
from typing import NamedTuple

import grpc

from holdfast.cli.imports.check import BadLine
from holdfast.cli.imports.sending import BATCH_ROWS, BATCHES_UNDER_WAY_MAX, Batches, send
from holdfast.errors import HoldfastError

AWAY = HoldfastError(None, grpc.StatusCode.UNAVAILABLE, "away", {})


class Row(NamedTuple):
    """A row of a group."""

    line: int
    group: str = ""


def batches_of(rows: list[Row]) -> Batches[Row]:
    """The rows in batches of their groups."""
    return Batches(rows, lambda row: row.group)


def rows_of(batches: int) -> list[Row]:
    """The rows of so many full batches; the first is line 2."""
    return [Row(line) for line in range(2, 2 + batches * BATCH_ROWS)]


async def test_all_rows_are_sent_once_by_group_and_not_too_many_at_once() -> None:
    rows = [Row(line, "a" if line % 3 else "b") for line in range(2, 5_002)]
    sent: list[int] = []
    under_way = most = 0

    async def send_batch(batch: list[Row]) -> list[BadLine]:
        nonlocal under_way, most
        assert len({row.group for row in batch}) == 1
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1
        sent.extend(row.line for row in batch)
        return [BadLine(7, "no")] if 7 in sent[-len(batch) :] else []

    progress: list[int] = []
    report = await send(batches_of(rows), send_batch, asyncio.Event(), progress.append)
    assert sorted(sent) == [row.line for row in rows]
    assert (report.imported, report.refused) == (4_999, [BadLine(7, "no")])
    assert (report.open_line, sum(progress), most) == (None, 5_000, BATCHES_UNDER_WAY_MAX)


async def test_who_interrupts_learns_what_is_in_and_where_to_go_on() -> None:
    stop = asyncio.Event()

    async def send_batch(batch: list[Row]) -> list[BadLine]:
        stop.set()
        return []

    report = await send(batches_of(rows_of(9)), send_batch, stop, lambda _: None)
    assert report.imported == BATCHES_UNDER_WAY_MAX * BATCH_ROWS
    assert report.open_line == report.imported + 2


async def test_a_batch_that_is_not_known_to_be_in_is_where_to_go_on() -> None:
    async def send_batch(batch: list[Row]) -> list[BadLine]:
        if batch[0].line == 2 + BATCH_ROWS:
            raise AWAY
        return []

    report = await send(batches_of(rows_of(9)), send_batch, asyncio.Event(), lambda _: None)
    assert (report.ended_by, report.open_line) == (AWAY, 2 + BATCH_ROWS)


async def test_rows_that_wait_for_their_batch_are_not_in_either() -> None:
    stop = asyncio.Event()

    async def send_batch(batch: list[Row]) -> list[BadLine]:
        stop.set()
        return []

    rows = [Row(2, "rare"), *(Row(row.line + 1) for row in rows_of(9))]
    report = await send(batches_of(rows), send_batch, stop, lambda _: None)
    assert report.open_line == 2
