"""The queue of a partition, against a real store: what is batched, dropped, refused, and answered
when something goes wrong.

What is submitted without a pause in between stands in the queue together: the task that empties it
only runs when the test waits.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
import redis

from engine import group_commit
from engine.answers import NOT_JUDGED
from engine.engine import Engine, EngineSettings
from engine.errors import (
    DeadlinePassed,
    Draining,
    EngineError,
    Overloaded,
    StoreCorrupt,
    StoreUnreachable,
)
from engine.group_commit import (
    BUSY_REQUESTS,
    IN_FLIGHT_MAX,
    QUEUE_DELAY_S_MAX,
    GroupCommit,
)
from engine.link import connect
from engine.model import (
    Confirm,
    Line,
    Outcome,
    Release,
    Reserve,
    Result,
    SetStock,
    Ship,
    StoreCommand,
)
from engine.partition import OnFound, Partition
from engine.request import Answers, Request

pytestmark = pytest.mark.asyncio(loop_scope="session")

TENANT = "queue"
FAR_S = 60.0
IN_TIME_S = 120.0


def later() -> float:
    """A deadline that does not pass in a test."""
    return asyncio.get_running_loop().time() + FAR_S


def reserve(number: int) -> Reserve:
    return Reserve(f"r{number}", [Line("A", 1)])


@pytest_asyncio.fixture(loop_scope="session")
async def partition(store_url: str, store: "redis.Redis") -> AsyncIterator[Partition]:
    """A partition with 100,000 units of A."""
    store.flushall()
    async with connect(store_url) as client:
        engine = Engine(client, EngineSettings(), lambda _: None)
        await engine.set_stock(TENANT, SetStock("A", 100_000), later())
        yield engine.partition(TENANT)
        await engine.drain()


class Failures(list[EngineError]):
    """The failures that the queue reported."""


@pytest_asyncio.fixture(loop_scope="session")
async def failures() -> Failures:
    return Failures()


@pytest_asyncio.fixture(loop_scope="session")
async def queue(partition: Partition, failures: Failures) -> AsyncIterator[GroupCommit]:
    queue = GroupCommit(partition, failures.append)
    yield queue
    async with asyncio.timeout(IN_TIME_S):
        await queue.drain()


def outcomes(answers: Sequence[Any]) -> list[Outcome]:
    assert all(isinstance(answer, Result) for answer in answers)
    return [answer.outcome for answer in answers]


def stored(store: "redis.Redis", partition: Partition) -> set[str]:
    names: Any = store.hkeys(partition.keys.reservations)
    return {name.decode() for name in names}


def fill(queue: GroupCommit) -> "list[asyncio.Future[Any]]":
    """Submits a thousand commands at a time, more than a queue may take; returns what it took."""
    taken = []
    for request in range(1_000):
        releases = [Release(f"{request}-{n}") for n in range(1_000)]
        try:
            taken.append(queue.submit(releases, later()))
        except Overloaded:
            break
    return taken


async def room_in(queue: GroupCommit) -> Sequence[Any]:
    """Submits as soon as the queue has room, which it must have soon."""
    async with asyncio.timeout(IN_TIME_S):
        while True:
            try:
                return await queue.submit([Release("again")], later())
            except Overloaded:
                await asyncio.sleep(0)


async def test_an_idle_queue_judges_at_once(queue: GroupCommit) -> None:
    started_s = time.monotonic()
    (answer,) = await queue.submit([reserve(1)], later())
    assert outcomes([answer]) == [Outcome.APPLIED]
    assert time.monotonic() - started_s < IN_TIME_S


async def test_what_is_queued_together_is_judged_in_one_batch_and_in_order(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    before = store.xlen(partition.keys.journal)
    futures = [queue.submit([reserve(n), Confirm(f"r{n}")], later()) for n in range(200)]
    again = queue.submit([reserve(7)], later())
    for future in futures:
        assert outcomes(await future) == [Outcome.APPLIED, Outcome.APPLIED]
    (replayed,) = await again
    assert isinstance(replayed, Result)
    assert replayed.replayed
    assert store.xlen(partition.keys.journal) == before + 1


async def test_a_batch_is_bounded_by_commands_and_by_lines(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    before = store.xlen(partition.keys.journal)
    by_commands = [
        queue.submit([Release(f"c{r}-{n}") for n in range(400)], later()) for r in range(5)
    ]
    lines = [Line("A", 1)] * 200
    by_lines = [
        queue.submit([Reserve(f"l{r}-{n}", lines) for n in range(9)], later()) for r in range(5)
    ]
    for future in by_commands + by_lines:
        assert set(outcomes(await future)) == {Outcome.APPLIED}
    # 400 + 400 of 1,000 commands: 2 + 2 + 1; 1,800 + 1,800 of 4,000 lines: the first two go
    # with the fifth request of 400 commands.
    assert store.xlen(partition.keys.journal) == before + 3 + 2


async def test_a_request_with_much_work_is_judged_in_parts_and_lets_others_in_between(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    skus = [f"sku-{n}" for n in range(200)]
    names = [f"w{n}" for n in range(20)]
    await queue.submit([SetStock(sku, 1_000) for sku in skus], later())
    await queue.submit([Reserve(name, [Line(sku, 1) for sku in skus]) for name in names], later())
    before = store.xlen(partition.keys.journal)
    wide = queue.submit([Confirm(name) for name in names] + [Release("w0")], later())
    small = [queue.submit([reserve(n)], later()) for n in range(3)]
    for future in small:
        assert outcomes(await future) == [Outcome.APPLIED]
    assert not wide.done()
    assert outcomes(await wide) == [Outcome.APPLIED] * 20 + [Outcome.ALREADY_CONFIRMED]
    assert store.xlen(partition.keys.journal) > before + 2


async def test_requests_with_much_work_do_not_make_others_seem_expensive(
    queue: GroupCommit, partition: Partition
) -> None:
    skus = [f"sku-{n}" for n in range(40)]
    names = [f"w{n}" for n in range(100)]
    await queue.submit([SetStock(sku, 1_000) for sku in skus], later())
    await queue.submit([Reserve(name, [Line(sku, 1) for sku in skus]) for name in names], later())
    before = queue._command_s
    for kind in (Confirm, lambda name: Ship(name, "s")):
        await queue.submit([kind(name) for name in names], later())
    assert queue._command_s == before


async def test_what_its_caller_took_back_is_not_judged(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    futures = [queue.submit([reserve(n)], later()) for n in range(10)]
    for future in futures[::2]:
        future.cancel()
    for future in futures[1::2]:
        await future
    assert stored(store, partition) == {f"r{n}" for n in range(1, 10, 2)}


async def test_what_is_past_its_deadline_in_the_queue_is_not_judged(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    now_s = asyncio.get_running_loop().time()
    late = [queue.submit([reserve(n)], now_s - 0.001) for n in range(3)]
    in_time = queue.submit([reserve(9)], later())
    assert outcomes(await in_time) == [Outcome.APPLIED]
    for future in late:
        with pytest.raises(DeadlinePassed):
            await future
    assert stored(store, partition) == {"r9"}


async def test_what_was_judged_before_the_rest_of_its_request_failed_keeps_its_answer() -> None:
    known = Result(Outcome.OUT_OF_STOCK)
    commands = [reserve(0), reserve(1), reserve(2)]
    answers: asyncio.Future[Answers] = asyncio.get_running_loop().create_future()
    request = Request(commands, later(), answers)
    assert not request.take([NOT_JUDGED, known, NOT_JUDGED])
    assert not request.take([known, NOT_JUDGED])
    late = DeadlinePassed()
    request.fail(late)
    assert await answers == [known, known, late]


async def test_more_than_can_be_judged_in_time_is_refused_with_a_time_to_come_back(
    queue: GroupCommit,
) -> None:
    taken = fill(queue)
    with pytest.raises(Overloaded) as caught:
        queue.submit([Release("one-more")], later())
    assert caught.value.retry_after_ms >= QUEUE_DELAY_S_MAX * 1000
    assert 2 <= len(taken) <= 100
    for future in taken:
        assert set(outcomes(await future)) == {Outcome.APPLIED}
    # Once the queue is empty again it takes what it refused.
    assert outcomes(await queue.submit([Release("now")], later())) == [Outcome.APPLIED]


async def test_what_is_taken_back_or_late_makes_room_in_the_queue(queue: GroupCommit) -> None:
    for _ in range(3):
        for future in fill(queue):
            future.cancel()
        assert outcomes(await room_in(queue)) == [Outcome.APPLIED]


async def test_draining_judges_what_is_queued_and_takes_nothing_new(
    partition: Partition, failures: Failures
) -> None:
    queue = GroupCommit(partition, failures.append)
    futures = [queue.submit([reserve(n)], later()) for n in range(50)]
    draining = asyncio.ensure_future(queue.drain())
    await asyncio.sleep(0)
    with pytest.raises(Draining):
        queue.submit([reserve(99)], later())
    await draining
    assert {outcome for future in futures for outcome in outcomes(future.result())} == {
        Outcome.APPLIED
    }
    assert failures == []


async def test_a_damaged_record_spoils_its_own_request_and_no_neighbours(
    queue: GroupCommit,
    partition: Partition,
    store: "redis.Redis",
    failures: Failures,
) -> None:
    await queue.submit([reserve(1), reserve(2), reserve(3)], later())
    store.hset(partition.keys.reservations, "r2", b"noise")
    futures = [queue.submit([Confirm(f"r{n}")], later()) for n in (1, 2, 3)]
    assert outcomes(await futures[0]) == [Outcome.APPLIED]
    with pytest.raises(StoreCorrupt):
        await futures[1]
    assert outcomes(await futures[2]) == [Outcome.APPLIED]
    assert [type(failure) for failure in failures] == [StoreCorrupt]


async def test_a_lost_connection_fails_one_batch_and_not_the_next(
    queue: GroupCommit, partition: Partition, failures: Failures
) -> None:
    await queue.submit([reserve(1)], later())
    futures = [queue.submit([reserve(n)], later()) for n in range(2, 5)]
    while not queue._in_flight:  # noqa: ASYNC110
        await asyncio.sleep(0)
    await partition._link.close()
    for future in futures:
        with pytest.raises(StoreUnreachable):
            await future
    assert [type(failure) for failure in failures] == [StoreUnreachable]
    again = await asyncio.gather(*(queue.submit([reserve(n)], later()) for n in range(2, 5)))
    assert [outcomes(answers) for answers in again] == [[Outcome.APPLIED]] * 3


async def test_nobody_waits_for_ever_when_judging_breaks(
    partition: Partition, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> list[Any]:
        raise ZeroDivisionError("a bug")

    queue = GroupCommit(partition, failures.append)
    monkeypatch.setattr(partition, "_found", broken)
    futures = [queue.submit([reserve(n)], later()) for n in range(5)]
    async with asyncio.timeout(IN_TIME_S):
        for future in futures:
            with pytest.raises(ZeroDivisionError):
                await future
    monkeypatch.undo()
    assert outcomes(await queue.submit([reserve(9)], later())) == [Outcome.APPLIED]
    await queue.drain()


async def test_a_request_that_cannot_be_judged_fails_alone(
    partition: Partition, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = partition._judging

    def poisoned(commands: Sequence[StoreCommand], *rest: Any) -> Any:
        if reserve(2) in commands:
            raise OverflowError
        return judging(commands, *rest)

    queue = GroupCommit(partition, failures.append)
    monkeypatch.setattr(partition, "_judging", poisoned)
    futures = [queue.submit([reserve(n)], later()) for n in range(5)]
    with pytest.raises(OverflowError):
        await futures.pop(2)
    for future in futures:
        assert outcomes(await future) == [Outcome.APPLIED]
    await queue.drain()


async def most_under_way(
    queue: GroupCommit, partition: Partition, monkeypatch: pytest.MonkeyPatch, commands: int
) -> int:
    """The most batches in flight at a time, of twenty requests of `commands` commands each."""
    under_way = most = 0
    send = partition.send

    def counted(batch: Sequence[StoreCommand], on_found: OnFound) -> bool:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)

        def counted_down(found: Any) -> None:
            nonlocal under_way
            under_way -= 1
            on_found(found)

        return send(batch, counted_down)

    await queue.submit([Release("first"), Release("second")], later())
    monkeypatch.setattr(partition, "send", counted)
    futures = []
    for request in range(20):
        futures.append(queue.submit([Release(f"{request}-{n}") for n in range(commands)], later()))
        if request % 2:
            await asyncio.sleep(0)
    await asyncio.gather(*futures)
    return most


async def test_a_large_batch_is_sent_while_the_one_before_it_is_judged(
    queue: GroupCommit, partition: Partition, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = await most_under_way(queue, partition, monkeypatch, commands=1_000)
    assert most == IN_FLIGHT_MAX > 1


async def test_small_requests_of_a_busy_moment_share_a_batch(
    queue: GroupCommit, partition: Partition, store: "redis.Redis"
) -> None:
    loop = asyncio.get_running_loop()
    await asyncio.gather(*(queue.submit([reserve(n)], later()) for n in (98, 99)))
    before = store.xlen(partition.keys.journal)
    futures: list[asyncio.Future[Any]] = []

    def one_a_turn(number: int) -> None:
        futures.append(queue.submit([reserve(number)], later()))
        if number:
            loop.call_soon(one_a_turn, number - 1)
        else:
            all_submitted.set()

    all_submitted = asyncio.Event()
    one_a_turn(50)
    await all_submitted.wait()
    await asyncio.gather(*futures)
    assert store.xlen(partition.keys.journal) - before <= 3


async def after_a_batch_of(count: int, queue: GroupCommit) -> None:
    """Returns when a batch of so many requests has been judged."""
    await asyncio.gather(*(queue.submit([Release(f"first-{n}")], later()) for n in range(count)))


async def test_after_a_busy_batch_those_who_come_within_its_pace_share_the_next(
    queue: GroupCommit, partition: Partition, store: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "PAUSE_S", 0.2)
    monkeypatch.setattr(group_commit, "PACE_S", 0.3)
    await after_a_batch_of(BUSY_REQUESTS, queue)
    before = store.xlen(partition.keys.journal)
    futures = []
    for number in range(5):
        futures.append(queue.submit([reserve(number)], later()))
        await asyncio.sleep(0.01)
    await asyncio.gather(*futures)
    assert store.xlen(partition.keys.journal) == before + 1


@pytest.mark.parametrize(
    ("requests_before", "pause_s", "commands"),
    [(BUSY_REQUESTS, 0.01, 1), (BUSY_REQUESTS - 1, FAR_S, 1), (BUSY_REQUESTS, FAR_S, 100)],
    ids=["nobody came in a pause", "only a few wait for answers", "it is large"],
)
async def test_a_batch_does_not_wait_for_its_pace_where(
    queue: GroupCommit,
    monkeypatch: pytest.MonkeyPatch,
    requests_before: int,
    pause_s: float,
    commands: int,
) -> None:
    monkeypatch.setattr(group_commit, "PAUSE_S", pause_s)
    monkeypatch.setattr(group_commit, "PACE_S", FAR_S)
    await after_a_batch_of(requests_before, queue)
    early = queue.submit([Release("early")], later())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    async with asyncio.timeout(FAR_S / 4):
        await queue.submit([Release(f"then-{n}") for n in range(commands)], later())
        await early


async def test_who_needs_what_is_due_waits_for_it_and_nobody_else_does(
    queue: GroupCommit, partition: Partition
) -> None:
    due = 1_000
    await queue.submit([SetStock("DUE", due), SetStock("FREE", 1)], later())
    await queue.submit([Reserve(f"d{n}", [Line("DUE", 1)], ttl_ms=1) for n in range(due)], later())
    await asyncio.sleep(0.05)  # the store's own clock has to pass the deadline
    everything = queue.submit([Reserve("all", [Line("DUE", due)]), Confirm("all")], later())
    free = queue.submit([Reserve("free", [Line("FREE", 1)])], later())
    assert outcomes(await free) == [Outcome.APPLIED]
    assert not everything.done()
    assert outcomes(await everything) == [Outcome.APPLIED, Outcome.APPLIED]


async def test_who_waits_for_what_is_due_is_told_when_that_cannot_be_had(
    queue: GroupCommit, partition: Partition, failures: Failures, monkeypatch: pytest.MonkeyPatch
) -> None:
    await queue.submit([SetStock("DUE", 200)], later())
    await queue.submit([Reserve(f"d{n}", [Line("DUE", 1)], ttl_ms=1) for n in range(200)], later())
    await asyncio.sleep(0.05)

    async def unreachable() -> Any:
        raise StoreUnreachable("gone")

    monkeypatch.setattr(partition, "expire_step", unreachable)
    with pytest.raises(StoreUnreachable):
        await queue.submit([Reserve("all", [Line("DUE", 200)])], later())
    assert [type(failure) for failure in failures] == [StoreUnreachable]
