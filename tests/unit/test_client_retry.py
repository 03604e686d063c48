"""When the SDK sends a request again: the rule alone, then against a real gRPC server."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import suppress

import grpc
import pytest

from holdfast.client import Client
from holdfast.errors import ERRORS, HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.retry import (
    BACKOFF_MS_MAX,
    LAST_CHANCE_MS,
    RETRY_TOKENS_MAX,
    RetryBudget,
    wait_ms_before_next,
)
from holdfast.sync_client import SyncClient
from tests.unit.scripted_engine import ScriptedEngine
from tests.waiting import PATIENCE_S

APPLIED = pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED)
LEVEL = pb.StockLevel(tenant="default", sku="A", location="default", on_hand=5, version=1)
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
DRAINING = HoldfastError.of(Reason.DRAINING)


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine()
    yield engine
    engine.stop()


@pytest.fixture(params=[True, False], ids=["batching", "call by call"])
def batching(request: pytest.FixtureRequest) -> bool:
    """Commands are sent again by the same rule, whichever way they travel."""
    return bool(request.param)


def wait_ms(
    error: HoldfastError,
    attempt: int = 1,
    attempts_max: int | None = 4,
    left_ms: float = 5_000,
    jitter: float = 1,
) -> float | None:
    return wait_ms_before_next(error, attempt, attempts_max, left_ms, jitter)


def overloaded(retry_after_ms: int) -> HoldfastError:
    error = HoldfastError.of(Reason.OVERLOADED, retry_after_ms=retry_after_ms)
    error.retry_after_ms = retry_after_ms
    return error


# The rule


def test_the_wait_doubles_and_is_bounded() -> None:
    waits = [wait_ms(DRAINING, attempt=attempt, attempts_max=99) for attempt in range(1, 8)]
    assert waits == [100, 200, 400, 800, 1_600, BACKOFF_MS_MAX, BACKOFF_MS_MAX]


def test_the_wait_is_anything_between_nothing_and_its_bound() -> None:
    assert wait_ms(DRAINING, attempt=2, jitter=0) == 0
    assert wait_ms(DRAINING, attempt=2, jitter=0.5) == 100


def test_what_the_server_asks_to_wait_is_waited_on_top() -> None:
    assert wait_ms(overloaded(700), jitter=0) == 700
    assert wait_ms(overloaded(700), jitter=1) == 800


def test_the_last_attempt_is_the_last() -> None:
    assert wait_ms(DRAINING, attempt=3, attempts_max=4) is not None
    assert wait_ms(DRAINING, attempt=4, attempts_max=4) is None


def test_a_wait_beyond_the_deadline_gives_up_at_once() -> None:
    assert wait_ms(overloaded(700), left_ms=701, jitter=0) == 700
    assert wait_ms(overloaded(700), left_ms=700, jitter=0) is None


def test_the_last_attempt_comes_before_the_deadline_not_after_it() -> None:
    assert wait_ms(DRAINING, attempt=9, attempts_max=None, left_ms=1_500) == 1_500 - LAST_CHANCE_MS
    assert wait_ms(DRAINING, attempt=9, attempts_max=None, left_ms=1.5 * LAST_CHANCE_MS) is None


def test_a_server_that_answers_with_errors_is_soon_left_in_peace() -> None:
    budget, trouble = RetryBudget(), HoldfastError.of(Reason.STORE_UNREACHABLE)
    assert sum(budget.allows(trouble) for _ in range(5_000)) == RETRY_TOKENS_MAX
    for _ in range(1_000):
        budget.answered()
    assert sum(budget.allows(trouble) for _ in range(5_000)) in (99, 100)


@pytest.mark.parametrize("error", [DRAINING, HoldfastError(None, UNAVAILABLE, "refused", {})])
def test_a_server_that_is_away_may_be_looked_for_as_often_as_the_deadline_allows(
    error: HoldfastError,
) -> None:
    budget = RetryBudget()
    assert all(budget.allows(error) for _ in range(5_000))


@pytest.mark.parametrize("reason", list(Reason))
def test_only_retryable_reasons_are_waited_for(reason: Reason) -> None:
    error = HoldfastError(reason, ERRORS[reason].code, "", {})
    assert (wait_ms(error) is not None) == ERRORS[reason].retryable


# Over the wire


async def test_a_passing_error_is_not_seen_by_the_caller(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [DRAINING, DRAINING, APPLIED]
    async with Client(engine.target, batching=batching) as client:
        result = await client.reserve("r-1", [("A", 1)])
    assert result.applied
    assert len(engine.requests) == 3


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_call_that_grpc_itself_drops_is_sent_again(
    engine: ScriptedEngine, code: grpc.StatusCode, batching: bool
) -> None:
    engine.answers = [code, APPLIED]
    async with Client(engine.target, batching=batching) as client:
        assert (await client.reserve("r-1", [("A", 1)])).applied


async def test_each_attempt_sends_the_very_same_request(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [DRAINING, DRAINING, APPLIED]
    async with Client(engine.target, batching=batching) as client:
        await client.ship("r-1", "ship-1", [("A", 1)])
    assert engine.requests[0] == engine.requests[1] == engine.requests[2]
    assert engine.requests[0].shipment_id == "ship-1"


async def test_without_a_bound_of_attempts_the_deadline_is_the_bound(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [DRAINING] * 4 + [APPLIED]
    async with Client(engine.target, timeout_ms=60_000, batching=batching) as client:
        assert (await client.confirm("r-1")).applied


async def test_attempts_max_attempts_are_made_and_no_more(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [DRAINING] * 5
    async with Client(engine.target, attempts_max=3, batching=batching) as client:
        with pytest.raises(HoldfastError) as raised:
            await client.confirm("r-1")
    assert raised.value.reason is Reason.DRAINING
    assert len(engine.requests) == 3


async def test_an_error_that_cannot_pass_is_raised_at_once(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [
        HoldfastError.of(Reason.INVALID_FIELD, field="ttl_ms", problem="too short", value=5)
    ]
    async with Client(engine.target, batching=batching) as client:
        with pytest.raises(HoldfastError, match="ttl_ms: too short; got 5") as raised:
            await client.reserve("r-1", [("A", 1)], ttl_ms=5)
    assert raised.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.metadata == {"field": "ttl_ms", "problem": "too short", "value": "5"}
    assert len(engine.requests) == 1


async def test_the_deadline_covers_all_attempts(engine: ScriptedEngine) -> None:
    engine.answers = [overloaded(300), overloaded(300), APPLIED]
    async with Client(engine.target, timeout_ms=10_000, batching=False) as client:
        await client.release("r-1")
    first, second, third = engine.seconds_left
    assert first <= 10.5  # gRPC rounds a timeout up on the wire
    assert second < first - 0.29
    assert third < second - 0.29


async def test_a_pushback_beyond_the_deadline_is_not_waited_for(
    engine: ScriptedEngine, batching: bool
) -> None:
    engine.answers = [overloaded(600_000)]
    started_s = time.monotonic()
    async with Client(engine.target, batching=batching, timeout_ms=60_000) as client:
        with pytest.raises(HoldfastError) as raised:
            await client.release("r-1")
    assert raised.value.reason is Reason.OVERLOADED
    assert raised.value.retry_after_ms == 600_000
    assert time.monotonic() - started_s < 60


async def test_a_call_may_have_a_deadline_of_its_own(engine: ScriptedEngine) -> None:
    engine.answers = [APPLIED]
    async with Client(engine.target, timeout_ms=60_000, batching=False) as client:
        await client.release("r-1", timeout_ms=2_000)
    assert engine.seconds_left[0] <= 2.1  # gRPC rounds a timeout up on the wire


@pytest.mark.parametrize("version", [None, 0])
async def test_a_stock_setting_is_sent_again_under_the_id_of_its_call(
    engine: ScriptedEngine, version: int | None
) -> None:
    engine.answers = [DRAINING, LEVEL, LEVEL]
    async with Client(engine.target) as client:
        assert (await client.set_stock("A", 5, expected_version=version)).on_hand == 5
        await client.set_stock("A", 5, setting_id="count-1")
    first, again, mine = engine.requests
    assert first == again
    assert len(first.setting_id) == 32
    assert mine.setting_id == "count-1"


async def test_a_stock_setting_names_what_it_sets_unless_that_is_all(
    engine: ScriptedEngine,
) -> None:
    engine.answers = [LEVEL] * 3
    async with Client(engine.target) as client:
        await client.set_stock("A", 5)
        await client.set_stock("A", 5, limit_per_buyer=0)
        await client.set_stock("A", 5, safety_stock=1, limit_per_buyer=0)
    assert [list(request.only) for request in engine.requests] == [
        ["on_hand"],
        ["on_hand", "limit_per_buyer"],
        [],
    ]


async def test_an_audit_that_breaks_off_is_not_started_again(engine: ScriptedEngine) -> None:
    engine.answers = [DRAINING, [operations_pb.AuditResponse()]]
    async with Client(engine.target) as client:
        with pytest.raises(HoldfastError):
            _ = [event async for event in client.audit()]
    assert len(engine.requests) == 1


def test_the_synchronous_twin_retries_the_same_way(engine: ScriptedEngine) -> None:
    engine.answers = [DRAINING, overloaded(10), APPLIED]
    with SyncClient(engine.target) as client:
        assert client.reserve("r-1", [("A", 1)]).applied
    assert engine.requests[0] == engine.requests[2]


# No server


async def test_a_server_that_is_not_there_is_unavailable(unused_target: str) -> None:
    started_s = time.monotonic()
    async with Client(unused_target, timeout_ms=1_500) as client:
        with pytest.raises(HoldfastError) as raised:
            await client.get_status()
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE
    assert raised.value.reason is None
    assert time.monotonic() - started_s > 1.0  # it may have started until then


def test_a_server_that_is_not_there_is_unavailable_to_the_synchronous_twin(
    unused_target: str,
) -> None:
    with (
        SyncClient(unused_target, timeout_ms=500) as client,
        pytest.raises(HoldfastError) as raised,
    ):
        client.get_status()
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE


async def test_a_port_that_accepts_and_is_silent_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with Client(f"127.0.0.1:{silent.getsockname()[1]}") as client:
            with pytest.raises(HoldfastError) as raised:
                await client.get_status()
    assert raised.value.code is grpc.StatusCode.UNAVAILABLE


async def test_a_server_that_starts_late_is_found(unused_target: str) -> None:
    async with Client(unused_target) as client:
        with pytest.raises(HoldfastError):
            await client.get_status(timeout_ms=300)
        engine = ScriptedEngine(port=int(unused_target.rpartition(":")[2]))
        try:
            engine.answers = [operations_pb.GetStatusResponse(version="1")]
            async with asyncio.timeout(PATIENCE_S):
                while not engine.requests:
                    with suppress(HoldfastError):
                        assert (await client.get_status()).version == "1"
        finally:
            engine.stop()


@pytest.fixture
def unused_target() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"
