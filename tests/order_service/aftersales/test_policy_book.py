"""Policies and pauses as they are kept: immutable, numbered, and known to every process."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import Connection, text

from order_service.aftersales.policy import store
from order_service.aftersales.policy.book import PolicyBook
from order_service.aftersales.policy.deadlines import Pause
from order_service.aftersales.policy.document import DEFAULT, Policy, read_document
from order_service.aftersales.policy.versions import in_force
from order_service.order.cases import CaseLine, CaseState
from order_service.order.draft import Draft
from order_service.order.refusals import InvalidField
from order_service.storage.database import WriteRefused
from order_service.storage.orders import Orders
from tests.order_service.aftersales.test_explaining import case_of
from tests.order_service.samples import order as placed

SHOP = "default"


def policy(days: int = 5, more: str = "") -> Policy:
    """A policy whose window is of so many days."""
    clauses = '"clauses": {"window.NO_REASON.days": %d}'
    return read_document(f'{{"policy_id": "p", {more} {clauses % days}}}'.encode())


def pause(orders: Orders, begins_ms: int = 1_000, lasts_ms: int = 1_000) -> Pause:
    """A pause that begins in so many milliseconds."""
    begins_at_ms = orders.clock_ms() + begins_ms
    return Pause(CaseState.WITH_BUYER, begins_at_ms, begins_at_ms + lasts_ms)


def run(connection: Connection, sql: str) -> None:
    """Runs a statement."""
    connection.execute(text(sql))


async def test_a_version_is_read_as_it_was_put_and_known_to_another_process(
    orders: Orders,
) -> None:
    mine, others = PolicyBook(orders), PolicyBook(orders)
    made, replayed = await mine.put_policy(SHOP, policy())
    assert (made.version, made.published_at_ms, replayed) == (1, made.effective_from_ms, False)
    assert await mine.put_policy(SHOP, policy()) == (made, True)
    await others.refresh()
    assert others.versions(SHOP) == mine.versions(SHOP) == [made]
    assert others.versions("another") == ()
    assert in_force(others.versions(SHOP), made.effective_from_ms - 1) == DEFAULT


async def test_of_versions_put_at_once_each_has_a_number_of_its_own(orders: Orders) -> None:
    book = PolicyBook(orders)
    puts = [book.put_policy(SHOP, policy(days)) for days in range(1, 5)]
    made = [version for version, _ in await asyncio.gather(*puts)]
    assert sorted(each.version for each in made) == [1, 2, 3, 4]
    assert len({each.effective_from_ms for each in made}) == 4


async def test_a_merchants_version_is_numbered_among_its_shops(orders: Orders) -> None:
    book = PolicyBook(orders)
    await book.put_policy(SHOP, policy())
    own, _ = await book.put_policy(SHOP, policy(9, '"merchant_id": "m",'))
    assert (own.version, dict(own.clauses)) == (2, {"window.NO_REASON.days": 9})
    listed = partial(store.list_policies, tenant=SHOP, merchant_id="m", after=0, size=10)
    assert await orders.read(listed) == [own]
    assert await book.put_policy(SHOP, policy(9, '"merchant_id": "m",')) == (own, True)


@pytest.mark.parametrize("change", ["UPDATE policies SET clauses = '{}'", "DELETE FROM policies"])
async def test_the_database_refuses_to_change_a_version(orders: Orders, change: str) -> None:
    book = PolicyBook(orders)
    await book.put_policy(SHOP, policy())
    with pytest.raises(WriteRefused):
        await orders.write(partial(run, sql=change))
    assert await orders.read(partial(store.versions_of, tenant=SHOP)) == book.versions(SHOP)


async def test_a_pause_is_put_once_and_stays(orders: Orders) -> None:
    book, wanted = PolicyBook(orders), pause(orders)
    assert not await book.put_pause(SHOP, wanted)
    assert await book.put_pause(SHOP, wanted)
    assert book.pauses(SHOP) == [wanted]
    for change in ("UPDATE pauses SET until_at_ms = until_at_ms + 1", "DELETE FROM pauses"):
        with pytest.raises(WriteRefused):
            await orders.write(partial(run, sql=change))


@pytest.mark.parametrize(
    ("begins_ms", "lasts_ms", "field"),
    [(-1, 1_000, "from_at_ms"), (0, 0, "until_at_ms"), (0, 367 * 86_400_000, "until_at_ms")],
)
async def test_a_pause_of_the_past_or_of_no_length_is_refused(
    orders: Orders, begins_ms: int, lasts_ms: int, field: str
) -> None:
    with pytest.raises(InvalidField, match=rf"pause\.{field}"):
        await PolicyBook(orders).put_pause(SHOP, pause(orders, begins_ms, lasts_ms))


async def test_a_state_without_a_deadline_has_no_pause(orders: Orders) -> None:
    now_ms = orders.clock_ms()
    with pytest.raises(InvalidField, match=r"pause\.state: must be a state with a deadline"):
        await PolicyBook(orders).put_pause(SHOP, Pause(CaseState.DONE, now_ms, now_ms + 1))


async def test_past_cases_are_read_with_their_orders_the_newest_alone(orders: Orders) -> None:
    order = (await orders.place(placed(), lambda _: None, "test")).order

    def ask(draft: Draft) -> None:
        for number in (1, 2):
            named = {"case_id": f"{order.order_id}-c{number}", "case_key": str(number)}
            state = CaseState.REQUESTED
            lines = (CaseLine(1, "A", 1),)
            draft.add(case_of(draft.order, state=state, lines=lines, **named), "asked")

    await orders.change(order.order_id, ask, "test")
    read = partial(store.past_cases, tenant=SHOP, size=1)
    ((found, case),) = await orders.read(read)
    assert (found.order_id, case.case_id) == (order.order_id, f"{order.order_id}-c2")
    assert await orders.read(partial(store.past_cases, tenant="another", size=9)) == []
