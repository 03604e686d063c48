"""Two servers on one store: each unit is sold once, whichever of them is asked."""

import asyncio

import pytest

from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Reserve
from holdfast.types import State
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

TTL_MS = 1_000


async def test_an_id_sent_to_both_has_one_effect_and_each_unit_one_buyer(
    two: list[Client],
) -> None:
    await two[0].set_stock("HOT", 50)
    answers = await asyncio.gather(
        *(
            client.reserve(f"order-{number}", [("HOT", 1)])
            for number in range(300)
            for client in two
        )
    )
    pairs = list(zip(answers[::2], answers[1::2], strict=True))
    assert {first.outcome for first, _ in pairs} == {Outcome.APPLIED, Outcome.OUT_OF_STOCK}
    winners = [pair for pair in pairs if pair[0].applied]
    assert len(winners) == 50
    assert all({first.replayed, second.replayed} == {False, True} for first, second in winners)
    assert all(first.outcome == second.outcome for first, second in pairs)
    (level,) = await two[1].get_stock("HOT")
    assert (level.reserved, level.available, level.version) == (50, 0, 51)


async def test_what_one_has_done_the_other_sees_at_once(two: list[Client]) -> None:
    first, second = two
    await first.set_stock("A", 1)
    for number in range(50):
        assert (await first.reserve(f"r{number}", [("A", 1)])).applied
        assert (await second.get_reservation(f"r{number}")).state is State.RESERVED
        assert (await second.release(f"r{number}")).applied
        first, second = second, first


async def test_each_reservation_is_expired_once(two: list[Client]) -> None:
    await two[0].set_stock("A", 400)
    for number, client in enumerate(two):
        answers = await client.apply(
            [Reserve(f"{number}-{n}", [("A", 1)], ttl_ms=TTL_MS) for n in range(200)]
        )
        assert all(answer.applied for answer in answers)

    async def on_sale() -> bool:
        (level,) = await two[0].get_stock("A")
        return level.available == 400

    await eventually(on_sale)
    (level,) = await two[1].get_stock("A")
    assert (level.reserved, level.version) == (0, 1 + 400 + 400)
