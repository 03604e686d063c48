"""Commands that travel in messages are answered as each command's own method would answer it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.outcomes import Outcome
from tests.serving import Server, answer_or_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINE = [("A", 1)]
Call = Callable[[Client], Coroutine[Any, Any, Any]]

REFUSED: list[Call] = [
    lambda client: client.reserve("", LINE),
    lambda client: client.reserve("a b", LINE),
    lambda client: client.reserve("x: y; got z", LINE),
    lambda client: client.reserve("a" * 100_000, LINE),
    lambda client: client.reserve("r", LINE, tenant="a b"),
    lambda client: client.reserve("r", LINE, buyer_id="é"),
    lambda client: client.reserve("r", LINE, ttl_ms=5),
    lambda client: client.reserve("r", []),
    lambda client: client.reserve("r", LINE * 201),
    lambda client: client.reserve("r", LINE * 5_000),
    lambda client: client.reserve("r", [("A", 1), ("a: b; got c\n", 1)]),
    lambda client: client.reserve("r", [("A", 1), ("A", 0)]),
    lambda client: client.reserve("r", [("A", 1, "\n")]),
    lambda client: client.reserve("r", [("A", -1)]),
    lambda client: client.confirm("*"),
    lambda client: client.release("*"),
    lambda client: client.extend("r", 0),
    lambda client: client.ship("r", ""),
    lambda client: client.cancel("r", "", LINE),
    lambda client: client.return_units("r", "a/b"),
]


@pytest_asyncio.fixture(loop_scope="session")
async def one_by_one(server: Server, tenant: str) -> AsyncIterator[Client]:
    """The SDK as it is without batching."""
    async with Client(server.target, tenant=tenant, batching=False) as client:
        yield client


def parts(error: HoldfastError) -> tuple[object, ...]:
    return error.code, error.reason, error.message, error.metadata


async def test_a_bad_command_among_others_is_refused_to_the_letter_as_by_its_own_method(
    client: Client, one_by_one: Client
) -> None:
    await client.set_stock("A", 1_000)
    expected = [await answer_or_error(call(one_by_one)) for call in REFUSED]
    # Sent in one turn of the event loop, so that they meet, each between two sound ones.
    sound = [client.reserve(f"sound-{number}", LINE) for number in range(len(REFUSED))]
    pairs = [call for good, bad in zip(sound, REFUSED, strict=True) for call in (good, bad(client))]
    answers = await asyncio.gather(*map(answer_or_error, pairs))
    assert all(answer.applied for answer in answers[::2])
    assert {error.reason for error in expected} == {Reason.INVALID_FIELD}
    assert list(map(parts, answers[1::2])) == list(map(parts, expected))


async def test_a_thousand_tasks_for_four_hundred_units_sell_exactly_those(client: Client) -> None:
    await client.set_stock("HOT", 400)
    results = await asyncio.gather(
        *(client.reserve(f"r{number}", [("HOT", 1)]) for number in range(1_000))
    )
    outcomes = [result.outcome for result in results]
    assert (outcomes.count(Outcome.APPLIED), outcomes.count(Outcome.OUT_OF_STOCK)) == (400, 600)
    (level,) = await client.get_stock("HOT")
    assert (level.reserved, level.available) == (400, 0)


async def test_a_reservation_may_be_walked_through_its_life_without_waiting(
    client: Client,
) -> None:
    await client.set_stock("A", 1_000)
    lives = [
        (
            client.reserve(f"r{number}", [("A", 2)]),
            client.confirm(f"r{number}"),
            client.ship(f"r{number}", "s", LINE),
            client.cancel(f"r{number}", "c"),
            client.return_units(f"r{number}", "b"),
            client.release(f"r{number}"),
        )
        for number in range(100)
    ]
    results = await asyncio.gather(*(asyncio.create_task(step) for life in lives for step in life))
    assert [result.outcome for result in results] == [
        *[Outcome.APPLIED] * 5,
        Outcome.ALREADY_CONFIRMED,
    ] * 100


async def test_tenants_meet_in_a_message_and_keep_their_stock_apart(
    client: Client, tenant: str
) -> None:
    tenants = [f"{tenant}-{number}" for number in range(5)]
    for number, name in enumerate(tenants):
        await client.set_stock("A", number, tenant=name)
    calls = [
        client.reserve(f"r{number}", LINE, tenant=name) for number in range(5) for name in tenants
    ]
    results = await asyncio.gather(*calls)
    sold = [sum(result.applied for result in results[place::5]) for place in range(5)]
    assert sold == [0, 1, 2, 3, 4]
