"""Keys and values in the store that Holdfast did not write: named, never believed, never spread."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
import pytest_asyncio
import redis

from engine.audit.deadlines import own_entry
from engine.keys import TENANTS_KEY, PartitionKeys, partition_keys
from holdfast import Outcome
from holdfast.client import Client
from holdfast.commands import Command, Confirm, Reserve, Ship
from holdfast.errors import HoldfastError, Reason
from holdfast.types import Disposition, Line, State
from tests.serving import Server, Store, answer_or_error, assert_sound, audit
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

LINES = [Line("A", 1), Line("A", 1, "north")]


@pytest.fixture
def keys(tenant: str) -> PartitionKeys:
    return partition_keys(tenant)


@pytest_asyncio.fixture(loop_scope="session")
async def damaged(
    client: Client, foreign_store: Store, tenant: str, keys: PartitionKeys
) -> AsyncIterator["redis.Redis"]:
    """The store of a tenant with something of everything in it; in the end the tenant is gone."""
    await client.set_stock("A", 100)
    await client.set_stock("A", 100, location="north")
    await client.adjust_stock("A", 1, "count")
    for name in ("live", "sold", "moved"):
        await client.reserve(name, LINES, buyer_id="b")
    for name in ("sold", "moved"):
        await client.confirm(name)
    await client.ship("moved", "s")
    await client.release("tombstone")
    await assert_sound(client)
    with foreign_store.client() as store:
        yield store
        store.srem(TENANTS_KEY, tenant)
        store.delete(*keys)


def calls(client: Client) -> list[Callable[[], Awaitable[Any]]]:
    """A call of every kind; together they use every key."""
    in_an_hour = time.time_ns() // 1_000_000 + 3_600_000
    return [
        lambda: client.reserve("new", LINES, buyer_id="b"),
        lambda: client.confirm("live"),
        lambda: client.extend("live", in_an_hour),
        lambda: client.release("live"),
        lambda: client.ship("sold", "s"),
        lambda: client.cancel("sold", "c"),
        lambda: client.return_units("moved", "r", disposition=Disposition.DAMAGED),
        lambda: client.set_stock("A", 70, location="south"),
        lambda: client.adjust_stock("A", 2, "more"),
        lambda: client.get_reservation("live"),
        lambda: anext(client.list_reservations()),
        lambda: client.get_stock("A"),
        lambda: anext(client.list_stock()),
    ]


def dumped(store: "redis.Redis", keys: PartitionKeys) -> list[Any]:
    return [store.dump(key) for key in keys]


@pytest.mark.parametrize("name", PartitionKeys._fields)
async def test_a_key_of_another_type_is_named_and_nothing_is_half_done(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys, name: str
) -> None:
    key = getattr(keys, name)
    damaged.delete(key)
    damaged.set(key, "somebody else's")
    refused = 0
    for call in calls(client):
        before = dumped(damaged, keys)
        error = await answer_or_error(call())
        if isinstance(error, HoldfastError):
            refused += 1
            found = (error.code, error.reason, error.metadata.get("key"))
            assert found == (grpc.StatusCode.INTERNAL, Reason.STORE_CORRUPT, key)
            assert dumped(damaged, keys) == before
        assert damaged.get(key) == b"somebody else's"
    assert refused > 0


async def test_a_damaged_tenant_does_not_disturb_the_others(
    client: Client, server: Server, damaged: "redis.Redis", keys: PartitionKeys, tenant: str
) -> None:
    damaged.delete(keys.deadlines)
    damaged.set(keys.deadlines, "somebody else's")
    async with Client(server.target, tenant=f"{tenant}-2", attempts_max=1) as other:
        await other.set_stock("A", 5)
        assert (await other.reserve("r", [("A", 5)], ttl_ms=1_000)).applied

        async def on_sale() -> bool:
            (level,) = await other.get_stock("A")
            return level.available == 5

        # The sweeper comes by the damaged tenant, and by the others all the same.
        await eventually(on_sale)
        await assert_sound(other)


@pytest.mark.parametrize("noise", [b"", b"\x01", b"noise", b"\x01" + b"\xff" * 60])
async def test_a_damaged_record_fails_its_own_call_and_no_others(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys, noise: bytes
) -> None:
    damaged.hset(keys.reservations, "sold", noise)
    sound = [client.reserve(f"r{n}", LINES) for n in range(6)]
    failing = [client.ship("sold", "s") for _ in range(3)]
    # Sent in one instant, so that they meet in one batch.
    together = [*sound[:2], *failing[:2], *sound[2:], *failing[2:]]
    answers = await asyncio.gather(*map(answer_or_error, together))
    errors = [answer for answer in answers if isinstance(answer, HoldfastError)]
    assert [answer.applied for answer in answers if answer not in errors] == [True] * 6
    assert [error.reason for error in errors] == [Reason.STORE_CORRUPT] * 3
    assert all(f"{{{client.tenant}/0}}" in error.metadata["key"] for error in errors)
    assert damaged.hget(keys.reservations, "sold") == noise
    with pytest.raises(HoldfastError) as caught:
        await client.get_reservation("sold")
    assert (caught.value.reason, caught.value.metadata["key"]) == (
        Reason.STORE_CORRUPT,
        keys.reservations,
    )
    findings, _ = await audit(client)
    assert ("row_is_readable", "reservation sold") in {(f.invariant, f.row) for f in findings}


async def test_in_one_apply_a_damaged_record_and_a_damaged_tenant_fail_their_own_commands(
    client: Client, server: Server, damaged: "redis.Redis", keys: PartitionKeys, tenant: str
) -> None:
    damaged.hset(keys.reservations, "sold", b"noise")
    async with Client(server.target, tenant=f"{tenant}-2", attempts_max=1) as other:
        await other.set_stock("A", 5)
    commands: list[Command] = [
        Reserve("r1", LINES),
        Ship("sold", "s"),
        Reserve("r2", LINES),
        Reserve("r3", [("A", 5)], tenant=f"{tenant}-2"),
    ]
    answers = await client.apply(commands)
    assert [answer.reason for answer in answers] == ["", Reason.STORE_CORRUPT, "", ""]
    assert [answer.applied for answer in answers] == [True, False, True, True]
    damaged.delete(keys.meta)
    damaged.set(keys.meta, "somebody else's")
    answers = await client.apply([*commands[:3], Confirm("r3", tenant=f"{tenant}-2")])
    assert [answer.reason for answer in answers] == [*[Reason.STORE_CORRUPT] * 3, ""]
    assert answers[3].applied
    assert (await answer_or_error(client.apply(commands[:3]))).reason is Reason.STORE_CORRUPT


async def test_a_damaged_record_past_its_deadline_does_not_stop_the_sale(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys
) -> None:
    damaged.hset(keys.reservations, "live", b"\x01noise")
    damaged.zadd(keys.deadlines, {own_entry("live", 1): 1_000})
    answer = await client.reserve("new", LINES, buyer_id="c")
    assert answer.outcome is Outcome.APPLIED


@pytest.mark.parametrize("noise", [b"\xc1", b"\x93\x01\x02\x03"])
async def test_a_damaged_level_fails_its_own_sku_and_no_others(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys, noise: bytes
) -> None:
    await client.set_stock("B", 5)
    damaged.hset(keys.stock, "A", noise)
    with pytest.raises(HoldfastError) as caught:
        await client.reserve("new", LINES)
    assert caught.value.reason is Reason.STORE_CORRUPT
    with pytest.raises(HoldfastError) as caught:
        await client.get_stock("A")
    assert (caught.value.reason, caught.value.metadata["key"]) == (
        Reason.STORE_CORRUPT,
        keys.stock,
    )
    assert (await client.reserve("b", [("B", 1)])).applied
    assert (await client.get_reservation("live")).state is State.RESERVED
    assert damaged.hget(keys.stock, "A") == noise


@pytest.mark.parametrize(
    ("name", "field", "noise"),
    [
        ("locations", "A", b"\xc1"),
        ("locations", "A", b"\x01"),
        ("meta", "sequence", b"noise"),
        ("meta", "now", b"noise"),
        ("meta", "schema", b"99"),
        ("meta", "epoch", b"\xff"),
        ("buyers", "b\0A", b"noise"),
    ],
)
async def test_noise_in_the_other_keys_is_corrupt_or_not_even_read(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys, name: str, field: str, noise: bytes
) -> None:
    damaged.hset(getattr(keys, name), field, noise)
    errors = []
    for call in calls(client):
        before = dumped(damaged, keys)
        error = await answer_or_error(call())
        if isinstance(error, HoldfastError):
            errors.append(error.reason)
            assert dumped(damaged, keys) == before
    assert errors
    assert set(errors) <= {Reason.STORE_CORRUPT, Reason.STORE_WENT_BACK}


async def test_a_wrong_schema_is_named(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys, server: Server
) -> None:
    damaged.hset(keys.meta, "schema", "99")
    problems: list[str] = []

    async def logged() -> bool:
        error = await answer_or_error(client.reserve("new", LINES))
        assert (error.reason, error.metadata["key"]) == (Reason.STORE_CORRUPT, keys.meta)
        problems.extend(
            record["problem"]
            for record in server.logged("the store is corrupt")
            if record["error_id"] == error.metadata["error_id"]
        )
        return bool(problems)

    await eventually(logged)  # of errors that come too often the log has some
    assert "schema" in problems[0]


async def test_a_row_that_was_changed_by_hand_is_named_by_the_audit(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys
) -> None:
    damaged.hincrby(keys.buyers, "b\0A", 1)
    findings, summary = await audit(client)
    assert [(f.invariant, f.row) for f in findings] == [
        ("buyer_units_are_sum_of_reservations", "buyer b, SKU A")
    ]
    assert (summary.ok, summary.findings) == (False, 1)


async def test_an_audit_of_a_key_of_another_type_says_which_store_key_is_corrupt(
    client: Client, damaged: "redis.Redis", keys: PartitionKeys
) -> None:
    damaged.delete(keys.buyers)
    damaged.set(keys.buyers, "somebody else's")
    with pytest.raises(HoldfastError) as caught:
        await audit(client)
    assert (caught.value.reason, caught.value.metadata["key"]) == (
        Reason.STORE_CORRUPT,
        keys.buyers,
    )
