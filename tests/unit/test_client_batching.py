"""Commands of many tasks travel as few messages, in order, within bounds, each with its own end."""

import asyncio
import time
from collections.abc import AsyncIterator

import grpc
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.outcomes import Outcome
from tests.serving import answer_or_error
from tests.unit.stream_engine import LINE, StreamEngine, numbered, reserved


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[StreamEngine]:
    engine = StreamEngine()
    async with engine.serving():
        yield engine


@pytest_asyncio.fixture
async def client(engine: StreamEngine) -> AsyncIterator[Client]:
    """A client with one connection, so that it is known what meets in a message."""
    async with Client(engine.target, channels=1) as client:
        yield client


# What travels together


async def test_a_thousand_tasks_travel_as_one_message(client: Client, engine: StreamEngine) -> None:
    results = await asyncio.gather(*reserved(client, *numbered(1_000)))
    assert all(result.applied for result in results)
    assert engine.sizes == [1_000]


async def test_a_lone_call_is_sent_alone_and_over_the_same_stream_as_the_last(
    client: Client, engine: StreamEngine
) -> None:
    for one in numbered(3):
        await client.reserve(one, LINE)
    assert engine.sizes == [1, 1, 1]
    assert len(set().union(*engine.peers.values())) == 1


async def test_what_comes_while_a_message_is_under_way_forms_the_next_one(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    calls = reserved(client, "first")
    await engine.messages_are(1)
    for one in numbered(20):
        calls += reserved(client, one)
        await asyncio.sleep(0)
    engine.answering.set()
    await asyncio.gather(*calls)
    assert engine.sizes == [1, 20]


async def test_a_message_has_no_more_commands_than_the_contract_allows(
    client: Client, engine: StreamEngine
) -> None:
    await asyncio.gather(*reserved(client, *numbered(2_500)))
    assert engine.sizes == [1_000, 1_000, 500]


async def test_a_message_has_no_more_lines_than_the_contract_allows(
    client: Client, engine: StreamEngine
) -> None:
    lines = [(f"S{number}", 1) for number in range(150)]
    await asyncio.gather(*(client.reserve(one, lines) for one in numbered(60)))
    assert engine.sizes == [26, 26, 8]  # 26 times 150 lines are 3,900


async def test_a_message_stays_below_what_a_server_takes_in_bytes(
    client: Client, engine: StreamEngine
) -> None:
    names = [name * 200_000 for name in "abcdefghijkl"]
    await asyncio.gather(*reserved(client, *names))
    assert engine.sizes == [5, 5, 2]


async def test_commands_of_one_reservation_keep_their_order_and_their_connection(
    engine: StreamEngine,
) -> None:
    engine.answering.clear()
    async with Client(engine.target, channels=4) as client:
        calls = reserved(client, *numbered(600))
        await engine.messages_are(4)
        calls += [asyncio.create_task(client.confirm(one)) for one in reversed(numbered(600))]
        await asyncio.sleep(0)
        engine.answering.set()
        await asyncio.gather(*calls)
    order: dict[str, list[str]] = {}
    for message in engine.messages:
        for asked in message:
            order.setdefault(asked.reservation_id, []).append(type(asked).__name__)
    assert set(map(tuple, order.values())) == {("ReserveRequest", "ConfirmRequest")}
    assert {len(peers) for peers in engine.peers.values()} == {1}
    assert len(set().union(*engine.peers.values())) == 4


async def test_a_reservation_with_nothing_under_way_may_take_another_connection(
    engine: StreamEngine,
) -> None:
    async with Client(engine.target, channels=2) as client:
        await client.reserve("r", LINE)
        engine.answering.clear()
        calls = reserved(client, *numbered(100))
        await engine.messages_are(2)
        calls.append(asyncio.create_task(client.confirm("r")))
        await engine.messages_are(3)  # although the first connection waits for its answer
        engine.answering.set()
        await asyncio.gather(*calls)
    assert len(engine.peers["r"]) == 2


async def test_without_batching_each_command_is_a_call_of_its_own(engine: StreamEngine) -> None:
    async with Client(engine.target, batching=False) as client:
        await asyncio.gather(*reserved(client, *numbered(10)))
    assert (len(engine.alone), engine.messages) == (10, [])


@pytest.mark.parametrize("batching", [True, False])
async def test_a_client_uses_all_of_its_connections(engine: StreamEngine, batching: bool) -> None:
    async with Client(engine.target, channels=3, batching=batching) as client:
        await asyncio.gather(*reserved(client, *numbered(400)))
    assert len(set().union(*engine.peers.values())) == 3


async def test_few_commands_travel_over_one_connection_though_there_are_more(
    engine: StreamEngine,
) -> None:
    async with Client(engine.target, channels=4) as client:
        await asyncio.gather(*reserved(client, *numbered(50)))
    assert engine.sizes == [50]


async def test_many_commands_are_spread_evenly_over_the_connections(engine: StreamEngine) -> None:
    async with Client(engine.target, channels=4) as client:
        await asyncio.gather(*reserved(client, *numbered(1_000)))
    assert engine.sizes == [250] * 4


async def test_a_tenant_may_be_named_in_each_call(client: Client, engine: StreamEngine) -> None:
    await asyncio.gather(*reserved(client, "a", tenant="shop"), *reserved(client, "b"))
    assert [asked.tenant for asked in engine.messages[0]] == ["shop", "default"]


# Each call ends alone


async def test_a_call_past_its_deadline_before_it_was_sent_is_never_sent(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    (first,) = reserved(client, "first")
    await engine.messages_are(1)
    (late,) = reserved(client, "late", timeout_ms=50)
    (patient,) = reserved(client, "patient")
    with pytest.raises(HoldfastError) as raised:
        await late
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    engine.answering.set()
    assert (await first).applied
    assert (await patient).applied
    assert [asked.reservation_id for asked in engine.messages[1]] == ["patient"]


async def test_a_call_without_any_time_is_never_sent(client: Client, engine: StreamEngine) -> None:
    hasty, patient = reserved(client, "hasty", timeout_ms=0) + reserved(client, "patient")
    with pytest.raises(HoldfastError) as raised:
        await hasty
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    await patient
    assert [asked.reservation_id for asked in engine.messages[0]] == ["patient"]


async def test_a_call_that_was_sent_ends_at_its_deadline_and_its_neighbour_goes_on(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    began_s = time.monotonic()
    (hasty,), (patient,) = reserved(client, "hasty", timeout_ms=200), reserved(client, "patient")
    with pytest.raises(HoldfastError) as raised:
        await hasty
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.monotonic() - began_s > 0.19
    assert not patient.done()
    engine.answering.set()
    assert (await patient).applied
    assert engine.sizes == [2]


async def test_deadlines_are_kept_in_any_order(client: Client, engine: StreamEngine) -> None:
    engine.answering.clear()
    ended: list[int] = []

    async def call(timeout_ms: int) -> None:
        with pytest.raises(HoldfastError):
            await client.reserve(f"r{timeout_ms}", LINE, timeout_ms=timeout_ms)
        ended.append(timeout_ms)

    await asyncio.gather(*map(call, (400, 100, 300, 200)))
    assert ended == [100, 200, 300, 400]


async def test_a_call_that_is_cancelled_before_it_was_sent_is_never_sent(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    (first,) = reserved(client, "first")
    await engine.messages_are(1)
    gone, stays = reserved(client, "gone", "stays")
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    engine.answering.set()
    await asyncio.gather(first, stays)
    assert [asked.reservation_id for asked in engine.messages[1]] == ["stays"]
    assert gone.cancelled()


async def test_a_call_that_is_cancelled_after_it_was_sent_disturbs_nobody(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    gone, stays = reserved(client, "gone", "stays")
    await engine.messages_are(1)
    gone.cancel()
    engine.answering.set()
    assert (await stays).applied
    assert gone.cancelled()
    assert (await client.reserve("next", LINE)).applied


async def test_a_message_that_nobody_waits_for_any_more_does_not_hold_up_the_next(
    client: Client, engine: StreamEngine
) -> None:
    engine.answering.clear()
    hasty = reserved(client, "hasty-1", "hasty-2", timeout_ms=100)
    await engine.messages_are(1)
    (patient,) = reserved(client, "patient")
    errors = await asyncio.gather(*map(answer_or_error, hasty))
    assert {error.code for error in errors} == {grpc.StatusCode.DEADLINE_EXCEEDED}
    await engine.messages_are(2)  # although the first one has no answer
    engine.answering.set()
    assert (await patient).applied


async def test_an_invalid_command_is_refused_as_its_own_method_would_and_alone(
    client: Client, engine: StreamEngine
) -> None:
    engine.answers["bad"] = pb.CommandResult(
        outcome=pb.OUTCOME_INVALID, detail="lines[0].sku: must be short; got 'a: b; got c'"
    )
    good, bad = reserved(client, "good", "bad")
    with pytest.raises(HoldfastError) as raised:
        await bad
    error = raised.value
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, Reason.INVALID_FIELD)
    assert error.message == "lines[0].sku: must be short; got 'a: b; got c'"
    assert error.metadata == {
        "field": "lines[0].sku",
        "problem": "must be short",
        "value": "'a: b; got c'",
    }
    assert (await good).applied
    assert engine.sizes == [2]


async def test_a_refusal_is_told_with_all_that_belongs_to_it(
    client: Client, engine: StreamEngine
) -> None:
    for number, one in enumerate(numbered(3)):
        engine.answers[one] = pb.CommandResult(
            outcome=pb.OUTCOME_OUT_OF_STOCK,
            shortages=[pb.Shortage(sku="A", location="x", requested=9, available=number)],
        )
    results = await asyncio.gather(*reserved(client, *numbered(3)))
    assert [result.outcome for result in results] == [Outcome.OUT_OF_STOCK] * 3
    assert [result.shortages[0].available for result in results] == [0, 1, 2]


async def test_an_outcome_of_a_newer_contract_is_an_error_of_its_call_alone(
    client: Client, engine: StreamEngine
) -> None:
    engine.answers["new"] = pb.CommandResult(outcome=99)  # type: ignore[arg-type]
    new, good = await asyncio.gather(*map(answer_or_error, reserved(client, "new", "good")))
    assert isinstance(new, HoldfastError)
    assert "upgrade holdfast" in new.message
    assert good.applied


async def test_a_value_that_cannot_be_carried_is_refused_before_it_travels(
    client: Client, engine: StreamEngine
) -> None:
    with pytest.raises(HoldfastError, match=r"lines\[0\].quantity: is out of range"):
        await client.reserve("r", [("A", -1)])
    assert engine.messages == []
