"""When batches of changes begin, and which changes they have; no database."""

import asyncio
from collections.abc import Sequence

import pytest

from order_service.order.draft import Draft
from order_service.storage.batch import Change, Judged, NewOrder
from order_service.storage.database import Conflict, StorageUnavailable, WriteRefused
from order_service.storage.group_commit import ATTEMPTS_MAX, BATCH_MAX, BESIDE_MIN, GroupCommit


class Writing:
    """Stands in for the database: batches that were begun end when the test says so."""

    def __init__(self, poisoned: str = "", failure: Exception | None = None) -> None:
        """Batches that have a change of the order `poisoned` end in the failure."""
        self._poisoned, self._failure = poisoned, failure
        self.sizes: list[int] = []
        self._ends: list[asyncio.Event] = []
        self.commits = GroupCommit(self._run, 2, lambda _: None)
        self._waiting: list[asyncio.Task[object]] = []

    async def _run(self, changes: Sequence[Change | NewOrder]) -> list[Judged]:
        end = asyncio.Event()
        self.sizes.append(len(changes))
        self._ends.append(end)
        await end.wait()
        if self._failure and self._poisoned in [entry.claim for entry in changes]:
            raise self._failure
        return [Judged() for _ in changes]

    async def submit(self, *order_ids: str) -> None:
        """Submits a change of each order, and lets what can begin begin."""
        for order_id in order_ids:
            change = Change(order_id, nothing, "staff")
            self._waiting.append(asyncio.create_task(self.commits.submit(change)))
        await turns()

    async def end(self, batch: int) -> None:
        """Ends a batch, by its position among those that were begun."""
        self._ends[batch].set()
        await turns()

    async def end_all(self) -> None:
        """Ends whatever was begun and what that begins."""
        while not all(task.done() for task in self._waiting):
            for end in self._ends:
                end.set()
            await turns()

    @property
    def failed(self) -> dict[int, type[BaseException]]:
        """The failures of the changes that were submitted, by their position."""
        errors = [task.exception() for task in self._waiting]
        return {number: type(error) for number, error in enumerate(errors) if error}


def nothing(_draft: Draft) -> None:
    """Decides nothing."""


async def turns() -> None:
    """Lets the event loop do what it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def ids(first: int, count: int) -> list[str]:
    """Ids of orders."""
    return [f"O{number}" for number in range(first, first + count)]


async def test_a_change_is_written_at_once_where_nothing_is_written() -> None:
    writing = Writing()
    await writing.submit("A")
    assert writing.sizes == [1]
    await writing.end_all()


async def test_a_few_changes_wait_until_the_batch_before_them_is_written() -> None:
    writing = Writing()
    await writing.submit("A")
    await writing.submit(*ids(0, BESIDE_MIN - 1))
    assert writing.sizes == [1]
    await writing.end(0)
    assert writing.sizes == [1, BESIDE_MIN - 1]
    await writing.end_all()


async def test_many_changes_are_written_beside_another_batch() -> None:
    writing = Writing()
    await writing.submit("A")
    await writing.submit(*ids(0, BESIDE_MIN))
    assert writing.sizes == [1, BESIDE_MIN]
    await writing.submit(*ids(BESIDE_MIN, BESIDE_MIN))
    assert writing.sizes == [1, BESIDE_MIN], "two are under way at most"
    await writing.end_all()


async def test_no_order_is_in_two_batches_at_once() -> None:
    writing = Writing()
    await writing.submit("A")
    await writing.submit("A", *ids(0, BESIDE_MIN))
    assert writing.sizes == [1, BESIDE_MIN]
    await writing.end(1)
    assert writing.sizes == [1, BESIDE_MIN]
    await writing.end(0)
    assert writing.sizes == [1, BESIDE_MIN, 1]
    await writing.end_all()


async def test_a_batch_has_no_more_changes_than_it_may() -> None:
    writing = Writing()
    await writing.submit(*ids(0, BATCH_MAX + BESIDE_MIN))
    assert writing.sizes == [BATCH_MAX, BESIDE_MIN]
    await writing.end_all()


@pytest.mark.parametrize("failure", [OverflowError(), WriteRefused("22021"), KeyError("x")])
async def test_a_change_that_cannot_be_written_fails_alone(failure: Exception) -> None:
    writing = Writing("P", failure)
    await writing.submit("A", "P", "B", "C")
    await writing.end_all()
    assert writing.failed == {1: type(failure)}
    assert writing.sizes == [4, 1, 1, 1, 1], "it is tried alone once"


async def test_a_conflict_is_judged_again_some_times_before_it_is_given_up() -> None:
    writing = Writing("P", Conflict("23505"))
    await writing.submit("A", "P", "B")
    await writing.end_all()
    assert writing.failed == {1: Conflict}
    assert writing.sizes == [3, 1, *[1] * (ATTEMPTS_MAX - 1), 1]


async def test_a_lost_connection_fails_the_batch_whose_end_nobody_knows() -> None:
    writing = Writing("P", StorageUnavailable("08006"))
    await writing.submit("A", "P", "B")
    await writing.end_all()
    assert writing.failed == dict.fromkeys(range(3), StorageUnavailable)
    assert writing.sizes == [3]
