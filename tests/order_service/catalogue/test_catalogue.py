"""The catalogue on both databases: what is put is known, to every process, all of it or none."""

import asyncio
from functools import partial

import pytest
from msgspec import structs

from order_service.catalogue import store
from order_service.catalogue.catalogue import Catalogue
from order_service.catalogue.model import Article, Place, Position, Warehouse
from order_service.catalogue.store import WAREHOUSES_MAX
from order_service.order.refusals import InvalidField
from order_service.storage.database import StorageUnavailable
from order_service.storage.orders import Orders
from tests.waiting import eventually

TEA = Article("TEA", "merchant-1", "Green tea", 500, "CNY")
FISH = Article(
    "FISH", "merchant-2", "鱼", 9_900, "CNY", "cold", 800, -20_000, -18_000, False, True, True
)
NORTH = Warehouse("north", "CN", 39.9, 116.4, 2)
SOUTH = Warehouse("south", "CN", None, None, 1)
SHANGHAI = Place("CN", "20", "", 31.23, 121.47)


@pytest.fixture
def catalogue(orders: Orders) -> Catalogue:
    """The catalogue of a process that has just started."""
    return Catalogue(orders)


async def listed(
    orders: Orders, after: str, tenant: str = "shop", merchant_id: str = "", size: int = 10
) -> list[Article]:
    """A page of a shop's articles."""
    read = partial(
        store.list_articles, tenant=tenant, merchant_id=merchant_id, after=after, sku="", size=size
    )
    return await orders.read(read)


async def warehouses(orders: Orders) -> list[Warehouse]:
    """All warehouses of the shop."""
    return await orders.read(partial(store.list_warehouses, tenant="shop"))


async def test_what_was_put_is_known_at_once_and_after_a_restart(orders: Orders) -> None:
    catalogue = Catalogue(orders)
    await catalogue.put("shop", [TEA, FISH])
    await catalogue.put("shop", [NORTH, SOUTH])
    await catalogue.put("shop", [SHANGHAI])
    restarted = Catalogue(orders)
    assert restarted.assortment("shop").articles == {}
    await restarted.refresh()
    for known in (catalogue, restarted):
        assortment = known.assortment("shop")
        assert assortment.articles == {"TEA": TEA, "FISH": FISH}
        assert assortment.warehouses == (SOUTH, NORTH)
        assert assortment.places.position_of("CN", "200000", "") == Position(31.23, 121.47)
        assert known.tenants == ["shop"]


async def test_what_is_put_again_is_overwritten_whole(orders: Orders, catalogue: Catalogue) -> None:
    await catalogue.put("shop", [FISH, TEA])
    plain = Article("FISH", "merchant-2", "鱼", 9_900, "CNY")
    await catalogue.put("shop", [plain])
    await catalogue.put("shop", [NORTH, SOUTH])
    await catalogue.put("shop", [structs.replace(NORTH, closed=True)])
    assert catalogue.assortment("shop").articles == {"FISH": plain, "TEA": TEA}
    assert catalogue.assortment("shop").warehouses == (SOUTH,)
    assert await listed(orders, "") == [plain, TEA]


async def test_one_shops_catalogue_is_not_anothers(catalogue: Catalogue, orders: Orders) -> None:
    await catalogue.put("shop", [TEA])
    await catalogue.put("other", [structs.replace(TEA, price_minor=1)])
    assert catalogue.assortment("shop").articles["TEA"].price_minor == 500
    assert catalogue.assortment("nobody").articles == {}
    assert await listed(orders, "", tenant="nobody") == []


async def test_another_process_knows_after_it_has_looked(orders: Orders) -> None:
    here, there = Catalogue(orders), Catalogue(orders)
    await here.put("shop", [TEA])
    assert there.assortment("shop").articles == {}
    await there.refresh()
    assert there.assortment("shop").articles == {"TEA": TEA}
    await there.put("shop", [structs.replace(TEA, withdrawn=True)])
    await here.refresh()
    assert here.assortment("shop").articles["TEA"].withdrawn


async def test_processes_that_put_at_once_agree_in_the_end(orders: Orders) -> None:
    processes = [Catalogue(orders) for _ in range(4)]
    versions = await asyncio.gather(
        *(
            process.put("shop", [structs.replace(TEA, price_minor=number * 10 + n)])
            for number, process in enumerate(processes)
            for n in range(5)
        )
    )
    assert sorted(versions) == list(range(1, 21))
    await asyncio.gather(*(process.refresh() for process in processes))
    prices = {process.assortment("shop").articles["TEA"].price_minor for process in processes}
    assert len(prices) == 1


async def test_many_that_look_at_once_share_the_look(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, orders: Orders
) -> None:
    await catalogue.put("shop", [TEA])
    reads = 0
    real = orders.read

    async def counted(function: object) -> object:
        nonlocal reads
        reads += 1
        return await real(function)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "read", counted)
    await asyncio.gather(*(catalogue.refresh() for _ in range(50)))
    assert reads == 2  # one had begun when the others asked: it may not have seen all


async def test_a_look_that_failed_is_not_shared(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, orders: Orders
) -> None:
    await Catalogue(orders).put("shop", [TEA])
    real, failures = orders.read, iter([True])

    async def fails_once(function: object) -> object:
        await asyncio.sleep(0)
        if next(failures, False):
            raise OSError
        return await real(function)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "read", fails_once)
    ended = await asyncio.gather(*(catalogue.refresh() for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in ended] == [OSError, type(None), type(None)]
    assert catalogue.assortment("shop").articles == {"TEA": TEA}


async def test_articles_are_listed_by_sku_a_page_at_a_time(
    catalogue: Catalogue, orders: Orders
) -> None:
    made = [Article(f"S{n:02}", f"merchant-{n % 2}", f"Article {n}", n, "CNY") for n in range(25)]
    await catalogue.put("shop", made)
    found: list[Article] = []
    pages: list[int] = []
    while not pages or pages[-1] == 10:
        after = found[-1].sku if found else ""
        page = await listed(orders, after)
        found += page
        pages.append(len(page))
    assert (found, pages) == (made, [10, 10, 5])
    even = await listed(orders, "", merchant_id="merchant-0", size=14)
    assert [article.sku for article in even] == [f"S{n:02}" for n in range(0, 25, 2)]


async def test_places_are_listed_a_page_at_a_time(catalogue: Catalogue, orders: Orders) -> None:
    made = [
        *(Place("CN", str(n), "", float(n), 0.0) for n in range(5)),
        Place("CN", "", "云南省", 25.0, 102.0),
        Place("GB", "", "", 54.0, -2.0),
    ]
    await catalogue.put("shop", made)
    found: list[Place] = []
    pages: list[int] = []
    while not pages or pages[-1] == 2:
        last = found[-1] if found else None
        after = (last.country, last.region, last.postcode_prefix) if last else ()
        page = await orders.read(partial(store.list_places, tenant="shop", after=after, size=2))
        found += page
        pages.append(len(page))
    assert (found, pages) == (made, [2, 2, 2, 1])


async def test_warehouses_are_listed_as_they_are_preferred(
    catalogue: Catalogue, orders: Orders
) -> None:
    closed = Warehouse("also-second", "CN", priority=2, closed=True)
    await catalogue.put("shop", [NORTH, SOUTH, closed])
    assert await warehouses(orders) == [
        SOUTH,
        closed,
        NORTH,
    ]


async def test_a_shop_cannot_have_more_warehouses_than_are_listed(
    catalogue: Catalogue, orders: Orders
) -> None:
    many = [Warehouse(f"w{n:04}", "CN") for n in range(WAREHOUSES_MAX)]
    await catalogue.put("shop", many)
    with pytest.raises(InvalidField, match="a shop has at most 1,000"):
        await catalogue.put("shop", [NORTH])
    assert len(await warehouses(orders)) == WAREHOUSES_MAX
    await catalogue.put("shop", many[:1])


async def test_a_running_process_learns_by_itself_also_after_the_database_was_away(
    orders: Orders, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("order_service.catalogue.catalogue.LOOK_S", 0.01)
    await Catalogue(orders).put("shop", [TEA])
    real, failures = orders.read, iter([StorageUnavailable("test")] * 3)

    async def away_at_first(function: object) -> object:
        for failure in failures:
            raise failure
        return await real(function)  # type: ignore[arg-type]

    monkeypatch.setattr(orders, "read", away_at_first)
    running = asyncio.create_task(catalogue.run())

    async def known() -> bool:
        return "TEA" in catalogue.assortment("shop").articles

    await eventually(known)
    running.cancel()
