"""A flash sale through gRPC: many buyers, few units, calls sent twice, cut off and sent again."""

import asyncio
import random
import time
from collections import Counter

import grpc.aio
import pytest

from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Confirm, Reserve
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.types import Result, State
from tests.waiting import PATIENCE_S

BUYERS = 1_000
UNITS = 50

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_fifty_units_go_to_exactly_fifty_of_a_thousand_buyers_who_each_send_twice(
    client: Client,
) -> None:
    await client.set_stock("HOT", UNITS, limit_per_buyer=1)

    async def buy(buyer: int) -> Result:
        return await client.reserve(f"order-{buyer}", [("HOT", 1)], buyer_id=f"buyer-{buyer}")

    calls = [buyer for buyer in range(BUYERS) for _ in range(2)]
    random.Random(50).shuffle(calls)
    answers = await asyncio.gather(*map(buy, calls))

    by_buyer: dict[int, list[Result]] = {}
    for buyer, answer in zip(calls, answers, strict=True):
        by_buyer.setdefault(buyer, []).append(answer)
    winners = {buyer for buyer, pair in by_buyer.items() if pair[0].applied}
    assert len(winners) == UNITS
    for buyer, pair in by_buyer.items():
        if buyer in winners:
            assert {answer.outcome for answer in pair} == {Outcome.APPLIED}
            assert sorted(answer.replayed for answer in pair) == [False, True]
            assert pair[0].expires_at_ms == pair[1].expires_at_ms
        else:
            assert [answer.outcome for answer in pair] == [Outcome.OUT_OF_STOCK] * 2
    (level,) = await client.get_stock("HOT")
    assert (level.on_hand, level.reserved, level.available) == (UNITS, UNITS, 0)
    assert {found.reservation_id async for found in client.list_reservations()} == {
        f"order-{buyer}" for buyer in winners
    }


async def test_every_unit_is_sold_when_orders_of_several_lines_compete(client: Client) -> None:
    stock = {"A": 40, "B": 25, "C": 60}
    for sku, units in stock.items():
        await client.set_stock(sku, units)
    order_lines = [["A", "B"], ["B", "C"], ["C", "A"], ["A"], ["B"], ["C"]]

    async def order(number: int) -> Result:
        skus = order_lines[number % len(order_lines)]
        return await client.reserve(f"order-{number}", [(sku, 1) for sku in skus])

    answers = await asyncio.gather(*map(order, range(400)))
    levels = {level.sku: level for level in await client.get_stock(*stock)}
    sold = Counter(
        sku
        for number, answer in enumerate(answers)
        if answer.applied
        for sku in order_lines[number % len(order_lines)]
    )
    # Single-line orders of each SKU outnumber its units, so nothing may be left of any.
    assert sold == stock
    assert {sku: level.available for sku, level in levels.items()} == dict.fromkeys(stock, 0)


async def test_one_id_sent_a_hundred_times_at_once_has_one_effect_and_equal_answers(
    client: Client,
) -> None:
    await client.set_stock("A", 1_000)
    answers = await asyncio.gather(*(client.reserve("one", [("A", 3)]) for _ in range(100)))
    assert Counter(answer.replayed for answer in answers) == {False: 1, True: 99}
    assert len({(a.outcome, a.state, a.expires_at_ms) for a in answers}) == 1
    (level,) = await client.get_stock("A")
    assert (level.reserved, level.version) == (3, 2)


async def test_every_command_sent_ten_times_at_once_has_one_effect(client: Client) -> None:
    await client.set_stock("A", 100)
    await client.reserve("sold", [("A", 10)])
    await client.reserve("kept", [("A", 5)])
    for ten in (
        [client.confirm("sold") for _ in range(10)],
        [client.ship("sold", "s1", [("A", 4)]) for _ in range(10)],
        [client.cancel("sold", "c1", [("A", 3)]) for _ in range(10)],
        [client.return_units("sold", "r1", [("A", 2)]) for _ in range(10)],
        [client.release("kept") for _ in range(10)],
    ):
        answers = await asyncio.gather(*ten)
        assert Counter(answer.replayed for answer in answers) == {False: 1, True: 9}
    levels = await asyncio.gather(*(client.adjust_stock("A", 7, "count-1") for _ in range(10)))
    assert len(set(levels)) == 1
    (level,) = await client.get_stock("A")
    assert (level.on_hand, level.confirmed, level.reserved) == (100 - 4 + 2 + 7, 3, 0)


async def test_calls_cut_off_by_their_caller_have_one_effect_when_sent_again(
    client: Client,
) -> None:
    await client.set_stock("A", 10_000)
    dice = random.Random(7)
    judged_for_nobody = 0

    async def cut_off(order: str) -> bool:
        """Sends a call and takes it back soon after; whether it was taken back in time."""
        call = asyncio.ensure_future(client.reserve(order, [("A", 1)]))
        await asyncio.sleep(dice.choice((0, 0.001, 0.005, 0.02, 0.05)))
        call.cancel()
        await asyncio.wait([call])
        return call.cancelled()

    rounds = 0
    while not judged_for_nobody:
        orders = [f"{rounds}-{number}" for number in range(200)]
        rounds += 1
        assert rounds < 20, "no call was judged after its caller had gone; this proves nothing"
        cut = await asyncio.gather(*map(cut_off, orders))
        again = await asyncio.gather(*(client.reserve(order, [("A", 1)]) for order in orders))
        assert {answer.outcome for answer in again} == {Outcome.APPLIED}
        judged_for_nobody += sum(a.replayed for a, gone in zip(again, cut, strict=True) if gone)
        (level,) = await client.get_stock("A")
        assert (level.reserved, level.version) == (200 * rounds, 1 + 200 * rounds)


async def test_calls_that_run_out_of_time_have_one_effect_when_sent_again(client: Client) -> None:
    await client.set_stock("A", 1_000)

    async def hurried(number: int) -> grpc.StatusCode:
        try:
            await client.reserve(f"order-{number}", [("A", 1)], timeout_ms=number % 50)
        except HoldfastError as error:
            return error.code
        return grpc.StatusCode.OK

    orders = range(400)
    codes = await asyncio.gather(*map(hurried, orders))
    assert grpc.StatusCode.DEADLINE_EXCEEDED in codes
    assert set(codes) <= {grpc.StatusCode.OK, grpc.StatusCode.DEADLINE_EXCEEDED}
    answers = await asyncio.gather(
        *(client.reserve(f"order-{number}", [("A", 1)]) for number in orders)
    )
    assert all(answer.applied for answer in answers)
    answered_before = [code is grpc.StatusCode.OK for code in codes]
    assert all(a.replayed for a, before in zip(answers, answered_before, strict=True) if before)
    (level,) = await client.get_stock("A")
    assert (level.reserved, level.version) == (400, 401)


async def test_five_thousand_calls_at_once_on_one_channel_are_all_answered(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await client.set_stock("A", 5_000)
    stub = pb_grpc.InventoryServiceStub(channel)
    requests = [
        pb.ReserveRequest(
            tenant=tenant, reservation_id=f"o{n}", lines=[pb.Line(sku="A", quantity=1)]
        )
        for n in range(5_000)
    ]
    answers = await asyncio.gather(
        *(stub.Reserve(request, timeout=PATIENCE_S) for request in requests)
    )
    assert Counter(answer.outcome for answer in answers) == {pb.OUTCOME_APPLIED: 5_000}


async def test_three_thousand_reads_at_once_are_all_answered(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await client.set_stock("A", 7)
    await client.reserve("r", [("A", 1)])
    stub = pb_grpc.InventoryServiceStub(channel)
    request = pb.GetReservationRequest(tenant=tenant, reservation_id="r")
    found = await asyncio.gather(
        *(stub.GetReservation(request, timeout=PATIENCE_S) for _ in range(3_000))
    )
    assert {reservation.state for reservation in found} == {pb.Reservation.RESERVED}


async def test_reads_are_answered_while_others_write(client: Client) -> None:
    await client.set_stock("A", 100_000)
    until_s = time.monotonic() + 1.0
    refused: Counter[Reason | None] = Counter()
    seen = 0

    async def write(writer: int) -> None:
        number = 0
        while time.monotonic() < until_s:
            number += 1
            assert (await client.reserve(f"{writer}-{number}", [("A", 1)])).applied

    async def read() -> None:
        nonlocal seen
        while time.monotonic() < until_s:
            try:
                (level,) = await client.get_stock("A")
            except HoldfastError as error:
                refused[error.reason] += 1
            else:
                seen = max(seen, level.reserved)

    await asyncio.gather(*map(write, range(10)), *(read() for _ in range(10)))
    assert refused == {}
    assert seen > 0


async def test_an_apply_of_a_thousand_is_judged_in_order(client: Client) -> None:
    await client.set_stock("A", 300)
    pairs = [
        command
        for number in range(500)
        for command in (Reserve(f"o{number}", [("A", 1)]), Confirm(f"o{number}"))
    ]
    answers = await client.apply(pairs)
    assert [a.outcome for a in answers[:600]] == [Outcome.APPLIED] * 600
    assert [a.state for a in answers[:4]] == [State.RESERVED, State.CONFIRMED] * 2
    assert [a.outcome for a in answers[600:]] == [Outcome.OUT_OF_STOCK, Outcome.NOT_FOUND] * 200


async def test_one_apply_serves_several_tenants_and_keeps_them_apart(
    client: Client, tenant: str
) -> None:
    other = f"{tenant}-2"
    await client.set_stock("A", 1)
    await client.set_stock("A", 2, tenant=other)
    commands = [Reserve(f"o{n}", [("A", 1)], tenant=(tenant, other)[n % 2]) for n in range(6)]
    answers = await client.apply(commands)
    assert [answer.applied for answer in answers] == [True, True, False, True, False, False]


async def test_a_stream_of_applies_is_answered_in_order(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await client.set_stock("A", 30)
    stub = pb_grpc.InventoryServiceStub(channel)
    requests = [
        pb.ApplyRequest(
            commands=[
                pb.Command(
                    reserve=pb.ReserveRequest(
                        tenant=tenant,
                        reservation_id=f"{batch}-{number}",
                        lines=[pb.Line(sku="A", quantity=1)],
                    )
                )
                for number in range(batch + 1)
            ]
        )
        for batch in range(10)
    ]
    responses = [
        response async for response in stub.ApplyStream(iter(requests), timeout=PATIENCE_S)
    ]
    assert [len(response.results) for response in responses] == list(range(1, 11))
    outcomes = [result.outcome for response in responses for result in response.results]
    assert outcomes == [pb.OUTCOME_APPLIED] * 30 + [pb.OUTCOME_OUT_OF_STOCK] * 25
