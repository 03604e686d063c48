"""A message that failed as a whole: how its commands end, and those behind them."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from holdfast.batching.call_by_call import CallByCall, Submitted
from holdfast.batching.group_commit import GroupCommit
from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.retry import RetryBudget
from holdfast.types import Result
from tests.serving import answer_or_error
from tests.unit.stream_engine import LINE, Failure, StreamEngine, numbered, reserved
from tests.waiting import eventually

DRAINING = HoldfastError.of(Reason.DRAINING)
CORRUPT = HoldfastError.of(Reason.STORE_CORRUPT, key="k", error_id="e")


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[StreamEngine]:
    engine = StreamEngine()
    async with engine.serving():
        yield engine


@pytest_asyncio.fixture
async def client(engine: StreamEngine) -> AsyncIterator[Client]:
    async with Client(engine.target, channels=1) as client:
        yield client


def overloaded(retry_after_ms: int) -> HoldfastError:
    error = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=retry_after_ms)
    error.retry_after_ms = retry_after_ms
    return error


# What ails the whole server


@pytest.mark.parametrize("failure", [DRAINING, overloaded(5), grpc.StatusCode.UNAVAILABLE])
async def test_a_message_that_failed_is_sent_again_as_it_was(
    client: Client, engine: StreamEngine, failure: Failure
) -> None:
    engine.failures = [failure, failure]
    results = await asyncio.gather(*reserved(client, *numbered(50)))
    assert all(result.applied for result in results)
    assert engine.messages == [engine.messages[0]] * 3
    assert engine.alone == []


async def test_what_came_meanwhile_goes_behind_what_is_sent_again(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [DRAINING]
    engine.answering.clear()
    calls = reserved(client, "a")
    await engine.messages_are(1)
    calls += reserved(client, "b", "c")
    await asyncio.sleep(0)
    engine.answering.set()
    await asyncio.gather(*calls)
    assert [one.reservation_id for one in engine.messages[1]] == ["a", "b", "c"]


async def test_each_command_has_its_own_number_of_attempts(engine: StreamEngine) -> None:
    engine.failures = [DRAINING] * 2
    engine.answering.clear()
    async with Client(engine.target, channels=1, attempts_max=2) as client:
        (early,) = reserved(client, "early")
        await engine.messages_are(1)
        (late,) = reserved(client, "late")
        await asyncio.sleep(0)
        engine.answering.set()
        error, result = await asyncio.gather(*map(answer_or_error, (early, late)))
    assert error.reason is Reason.DRAINING
    assert result.applied
    assert engine.sizes == [1, 2, 1]


async def test_the_errors_of_a_message_are_each_callers_own(engine: StreamEngine) -> None:
    engine.failures = [DRAINING]
    async with Client(engine.target, channels=1, attempts_max=1) as client:
        errors = await asyncio.gather(*map(answer_or_error, reserved(client, *numbered(3))))
    assert {error.reason for error in errors} == {Reason.DRAINING}
    assert len(set(map(id, errors))) == 3


async def test_a_server_that_asks_to_wait_is_left_alone_so_long_by_new_calls_too(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [overloaded(400)]
    began_s = time.monotonic()
    calls = reserved(client, "first")
    await engine.messages_are(1)
    await asyncio.sleep(0.05)
    calls += reserved(client, "second")
    await asyncio.gather(*calls)
    assert time.monotonic() - began_s >= 0.4
    assert engine.sizes == [1, 2]


async def test_who_cannot_outlast_the_pause_learns_why(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [overloaded(60_000)]
    first = await answer_or_error(client.reserve("first", LINE))
    later = await answer_or_error(client.reserve("later", LINE, timeout_ms=100))
    assert [error.reason for error in (first, later)] == [Reason.OVERLOADED] * 2
    assert (first.retry_after_ms, later.retry_after_ms) == (60_000, 60_000)
    assert engine.sizes == [1]


async def test_what_the_server_had_no_time_for_is_asked_again_within_the_callers_own_deadline(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [HoldfastError.of(Reason.DEADLINE_PASSED)]
    results = await asyncio.gather(*map(answer_or_error, reserved(client, "a", "b")))
    assert all(result.applied for result in results)
    assert (engine.sizes, engine.alone) == ([2, 2], [])


async def test_a_stream_that_ended_while_nothing_was_under_way_costs_no_attempt(
    engine: StreamEngine,
) -> None:
    engine.ends_streams = True
    async with Client(engine.target, channels=1, attempts_max=1) as client:
        for one in numbered(5):
            assert (await client.reserve(one, LINE)).applied
            await asyncio.sleep(0.02)


async def test_a_server_that_is_not_there_is_unavailable_when_the_time_is_up(
    unused_tcp_port: int,
) -> None:
    began_s = time.monotonic()
    async with Client(f"127.0.0.1:{unused_tcp_port}", channels=1, attempts_max=1_000) as client:
        calls = reserved(client, *numbered(20), timeout_ms=700)
        errors = await asyncio.gather(*map(answer_or_error, calls))
    assert {error.code for error in errors} == {grpc.StatusCode.UNAVAILABLE}
    assert time.monotonic() - began_s < 60


async def test_a_server_that_never_lets_anybody_in_is_given_up_and_asked_anew() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        async with Client(f"127.0.0.1:{port}", channels=1, attempts_max=1_000) as client:
            error = await answer_or_error(client.reserve("r", LINE, timeout_ms=200))
            assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
            silent.close()
            engine = StreamEngine()
            async with engine.serving(port):
                assert (await client.reserve("r", LINE, timeout_ms=10_000)).applied


# What one command may be guilty of


async def test_only_the_guilty_command_gets_the_error(client: Client, engine: StreamEngine) -> None:
    engine.guilty = {"r7": CORRUPT}
    answers = await asyncio.gather(*map(answer_or_error, reserved(client, *numbered(50))))
    errors = [answer for answer in answers if isinstance(answer, HoldfastError)]
    assert [(error.reason, error.metadata["key"]) for error in errors] == [
        (Reason.STORE_CORRUPT, "k")
    ]
    assert answers.index(errors[0]) == 7
    assert (engine.sizes, len(engine.alone)) == ([50], 50)
    assert (await client.reserve("next", LINE)).applied
    assert engine.sizes == [50, 1]


async def test_a_guilty_command_alone_in_its_message_is_not_asked_for_twice(
    client: Client, engine: StreamEngine
) -> None:
    engine.guilty = {"r": CORRUPT}
    error = await answer_or_error(client.reserve("r", LINE))
    assert error.reason is Reason.STORE_CORRUPT
    assert (engine.sizes, engine.alone) == ([1], [])


@pytest.mark.parametrize(
    "failure",
    [
        CORRUPT,
        HoldfastError.of(Reason.INTERNAL, error_id="e"),
        HoldfastError.of(Reason.STORE_FULL),
        HoldfastError.of(Reason.STORE_WENT_BACK, tenant="t"),
        grpc.StatusCode.RESOURCE_EXHAUSTED,  # as gRPC ends a message that is too large
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
    ],
)
async def test_a_failure_that_may_be_of_one_spoils_no_neighbour(
    client: Client, engine: StreamEngine, failure: Failure
) -> None:
    engine.failures = [failure]
    results = await asyncio.gather(*reserved(client, *numbered(3)))
    assert all(result.applied for result in results)
    assert (engine.sizes, len(engine.alone)) == ([3], 3)


async def test_an_overloaded_tenant_does_not_spoil_the_others(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [overloaded(60_000)]
    engine.guilty = {"busy": overloaded(60_000)}
    calls = reserved(client, "busy", tenant="a") + reserved(client, "free", tenant="b")
    busy, free = await asyncio.gather(*map(answer_or_error, calls))
    assert busy.reason is Reason.OVERLOADED
    assert free.applied


async def test_commands_that_travel_alone_keep_the_order_of_their_reservation(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [CORRUPT]
    engine.answering.clear()
    commands = [
        call
        for one in numbered(20)
        for call in (client.reserve(one, LINE), client.confirm(one), client.release(one))
    ]
    calls = [asyncio.create_task(command) for command in commands]
    await engine.messages_are(1)
    calls += [asyncio.create_task(client.confirm(one)) for one in numbered(20)]
    await asyncio.sleep(0)
    engine.answering.set()
    await asyncio.gather(*calls)
    order: dict[str, list[str]] = {}
    for asked in engine.alone:
        order.setdefault(asked.reservation_id, []).append(type(asked).__name__)
    expected = ("ReserveRequest", "ConfirmRequest", "ReleaseRequest", "ConfirmRequest")
    assert set(map(tuple, order.values())) == {expected}
    assert len(order) == 20


async def test_a_command_that_waits_for_one_before_it_keeps_its_deadline(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [CORRUPT]
    engine.guilty = {"r": overloaded(4_000)}
    slow = asyncio.create_task(client.reserve("r", LINE))
    behind = asyncio.create_task(client.confirm("r", timeout_ms=300))
    error = await answer_or_error(behind)
    assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert not slow.done()
    slow.cancel()


async def test_close_ends_the_commands_that_travel_alone(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [CORRUPT]
    engine.guilty = {one: overloaded(4_000) for one in numbered(3)}
    calls = reserved(client, *numbered(3)) + reserved(client, *numbered(3))

    async def all_travel() -> bool:
        return len(engine.alone) == 3

    await eventually(all_travel)
    async with asyncio.timeout(3):
        await client.close()
        errors = await asyncio.gather(*map(answer_or_error, calls))
    assert {error.message for error in errors} == {"the client was closed"}


async def test_an_answer_that_is_short_is_not_taken_for_that_of_another(
    client: Client, engine: StreamEngine
) -> None:
    engine.answers_left_out = 1
    results = await asyncio.gather(*reserved(client, *numbered(5)))
    assert all(result.applied for result in results)
    assert len(engine.alone) == 5


async def test_a_server_without_the_stream_is_asked_call_by_call_for_good(
    client: Client, engine: StreamEngine
) -> None:
    engine.failures = [grpc.StatusCode.UNIMPLEMENTED]
    results = await asyncio.gather(*reserved(client, *numbered(5)))
    assert all(result.applied for result in results)
    assert (await client.reserve("later", LINE)).applied
    await asyncio.gather(*reserved(client, "a", "b"))
    assert (engine.sizes, len(engine.alone)) == ([5], 8)


async def test_more_lines_than_a_command_may_have_are_refused_by_its_own_method(
    client: Client, engine: StreamEngine
) -> None:
    await client.reserve("r", LINE * 201)
    assert (engine.sizes, len(engine.alone)) == ([], 1)


# The pause between two attempts


class FailingStream:
    """A stream on which every message fails at once."""

    def __init__(self, error: HoldfastError) -> None:
        self.asked = 0
        self._error = error

    async def ask(self, message: bytes) -> bytes:
        self.asked += 1
        raise self._error.again()

    def give_up(self) -> None:
        """Nothing is under way for longer than a moment."""

    end = give_up


async def test_a_server_that_is_down_is_not_asked_without_a_pause() -> None:
    async def never(_: Submitted) -> Result:
        raise AssertionError("nothing travels alone")

    unavailable = HoldfastError(None, grpc.StatusCode.UNAVAILABLE, "down", {})
    stream = FailingStream(unavailable)
    queue = GroupCommit(stream, CallByCall(never), 1, 100, RetryBudget())  # type: ignore[arg-type]
    until_s = time.monotonic() + 1.0
    while time.monotonic() < until_s:  # a caller that never stops asking, and sends each call once
        future = asyncio.get_running_loop().create_future()
        submitted = Submitted("t", "r", b"", 1, time.monotonic() + 5, future)
        with pytest.raises(HoldfastError, match="down"):
            await queue.judge(submitted)
    await queue.close()
    assert 2 <= stream.asked <= 40
