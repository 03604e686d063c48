"""Lists: every row exactly once, whatever the page size and whatever is filtered."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.commands import Command, Confirm, Release, Reserve
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.types import Reservation, State
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESERVATIONS = 2_500
SKUS = 350
LOCATIONS = ("default", "north")


@pytest_asyncio.fixture(loop_scope="session")
async def inventory(channel: grpc.aio.Channel) -> pb_grpc.InventoryServiceStub:
    return pb_grpc.InventoryServiceStub(channel)


async def in_batches(client: Client, commands: list[Command]) -> None:
    for first in range(0, len(commands), 1_000):
        answers = await client.apply(commands[first : first + 1_000])
        assert all(answer.applied for answer in answers)


async def reserve_many(client: Client, prefix: str, count: int) -> list[str]:
    """Reserves one unit of one of five SKUs for one of seven buyers, `count` times."""
    await asyncio.gather(*(client.set_stock(f"S{n}", 10_000) for n in range(5)))
    ids = [f"{prefix}{n}" for n in range(count)]
    await in_batches(
        client,
        [Reserve(rid, [(f"S{n % 5}", 1)], buyer_id=f"b{n % 7}") for n, rid in enumerate(ids)],
    )
    return ids


async def listed(inventory: pb_grpc.InventoryServiceStub, tenant: str, page_size: int) -> list[str]:
    """The ids of all reservations, as a list of pages gives them."""
    ids: list[str] = []
    request = pb.ListReservationsRequest(tenant=tenant, page_size=page_size)
    while True:
        page = await inventory.ListReservations(request, timeout=PATIENCE_S)
        assert len(page.reservations) <= (page_size or 100)
        ids += [reservation.reservation_id for reservation in page.reservations]
        if not page.next_page_token:
            return ids
        request.page_token = page.next_page_token


async def test_every_reservation_is_listed_once_with_any_page_size(
    client: Client, inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    ids = await reserve_many(client, "r", RESERVATIONS)
    for page_size in (0, 7, 99, 1_000):
        assert Counter(await listed(inventory, tenant, page_size)) == Counter(ids)


async def test_a_few_reservations_are_listed_once_with_any_page_size(
    client: Client, inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    assert await listed(inventory, tenant, 1) == []
    ids = await reserve_many(client, "r", 40)
    for page_size in (1, 2, 39, 40, 41):
        assert Counter(await listed(inventory, tenant, page_size)) == Counter(ids)


async def test_of_many_reservations_asked_for_those_that_exist_are_read_once(
    client: Client, tenant: str
) -> None:
    ids = await reserve_many(client, "r", 450)
    found = await client.get_reservations(*ids, *ids[:100], "nobody")
    assert Counter(each.reservation_id for each in found) == Counter(ids)
    assert {each.state for each in found} == {State.RESERVED}
    assert await client.get_reservations("nobody") == []


async def test_what_is_there_all_the_time_is_listed_while_others_come(
    client: Client, inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    ids = await reserve_many(client, "old", 600)
    adding = asyncio.ensure_future(reserve_many(client, "new", 9_000))
    rounds = 0
    while not adding.done() or rounds == 0:
        assert set(ids) - set(await listed(inventory, tenant, 50)) == set()
        rounds += 1
    await adding


async def test_every_stock_level_is_listed_once_with_any_page_size(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    levels = [(f"SKU-{n}", location) for n in range(SKUS) for location in LOCATIONS]
    await asyncio.gather(*(client.set_stock(sku, 1, location=at) for sku, at in levels))
    stock = pb_grpc.StockServiceStub(channel)
    for page_size in (0, 11, 1_000):
        found: Counter[tuple[str, str]] = Counter()
        request = pb.ListStockRequest(tenant=tenant, page_size=page_size)
        while True:
            page = await stock.ListStock(request, timeout=PATIENCE_S)
            assert len(page.levels) <= (page_size or 100)
            found.update((level.sku, level.location) for level in page.levels)
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        assert found == Counter(levels)
    at_both = await client.get_stock(*(f"SKU-{n}" for n in range(SKUS)))
    assert Counter((level.sku, level.location) for level in at_both) == Counter(levels)


Passes = Callable[[int], bool]


async def test_filters_hold_exactly_what_they_name(client: Client) -> None:
    await reserve_many(client, "r", 700)
    changes: list[Command] = [Confirm(f"r{n}") for n in range(0, 700, 3)]
    await in_batches(client, changes + [Release(f"r{n}") for n in range(1, 700, 3)])
    await client.release("never-seen")

    async def ids(state: State | None = None, sku: str = "", buyer_id: str = "") -> set[str]:
        found: list[Reservation] = [
            row async for row in client.list_reservations(state, sku, buyer_id)
        ]
        assert len({row.reservation_id for row in found}) == len(found)
        return {row.reservation_id for row in found}

    def where(passes: Passes) -> set[str]:
        return {f"r{n}" for n in range(700) if passes(n)}

    assert await ids() == where(lambda n: True) | {"never-seen"}
    assert await ids(State.CONFIRMED) == where(lambda n: n % 3 == 0)
    assert await ids(State.RELEASED) == where(lambda n: n % 3 == 1) | {"never-seen"}
    assert await ids(State.RESERVED) == where(lambda n: n % 3 == 2)
    assert await ids(State.EXPIRED) == set()
    assert await ids(sku="S2") == where(lambda n: n % 5 == 2)
    assert await ids(buyer_id="b6") == where(lambda n: n % 7 == 6)
    assert await ids(State.CONFIRMED, "S4", "b0") == where(
        lambda n: (n % 3, n % 5, n % 7) == (0, 4, 0)
    )
    assert await ids(sku="S9") == await ids(buyer_id="nobody") == set()


async def test_reservations_are_filtered_by_age_and_deadline(client: Client) -> None:
    await client.set_stock("S0", 10)
    for number, ttl_ms in enumerate((60_000, 600_000)):
        assert (await client.reserve(f"r{number}", [("S0", 1)], ttl_ms=ttl_ms)).applied
    first, second = [await client.get_reservation(f"r{number}") for number in range(2)]

    async def listed_ids(**wanted: Any) -> set[str]:
        return {found.reservation_id async for found in client.list_reservations(**wanted)}

    assert await listed_ids() == {"r0", "r1"}
    assert await listed_ids(created_before_ms=first.created_at_ms) == set()
    assert await listed_ids(created_before_ms=second.created_at_ms + 1) == {"r0", "r1"}
    assert await listed_ids(expires_before_ms=second.expires_at_ms) == {"r0"}
    assert await listed_ids(expires_before_ms=first.expires_at_ms) == set()
