"""Real stores that are set up wrongly: the engine finds the weakness, and the mend mends it."""

import asyncio
import shlex
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ReadOnlyError, ResponseError

from engine.store.binary import find_store_binary
from engine.store.durability import (
    Durability,
    StoreFacts,
    describe,
    durability_of,
    facts_from,
    inspect_store,
    judge,
    try_to_write,
)
from tests.serving import answers, running
from tests.waiting import eventually

STRONG = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


@asynccontextmanager
async def server(directory: Path, **settings: str) -> AsyncIterator[str]:
    """A server with these settings, not started by Holdfast. Yields its URL."""
    socket = directory / "other.sock"
    options = {"port": "0", "save": '""', "dir": f'"{directory}"', "unixsocket": f'"{socket}"'}
    config = directory / "server.conf"
    config.write_text(
        "".join(
            f"{name.replace('_', '-')} {value}\n"
            for name, value in (options | STRONG | settings).items()
        )
    )
    url = f"unix://{socket}"
    with running([find_store_binary(), config], stdout=subprocess.DEVNULL):
        await eventually(lambda: answers(url), "the store answers")
        yield url


async def run(client: Redis, command: str) -> None:
    await client.execute_command(*shlex.split(command))  # type: ignore[no-untyped-call]


async def test_a_strong_store_is_found_strong_and_is_named(tmp_path: Path) -> None:
    async with server(tmp_path) as url, Redis.from_url(url) as client:
        facts = await inspect_store(client)
    assert judge(facts, Durability.ALWAYS) == []
    assert durability_of(facts) is Durability.ALWAYS
    assert describe(facts).split()[0] in ("valkey", "redis")
    assert None not in (facts.version, facts.role, facts.maxmemory_bytes)


@pytest.mark.parametrize("decode_responses", [False, True])
@pytest.mark.parametrize("keep", [Durability.ALWAYS, Durability.EVERYSEC])
@pytest.mark.parametrize(
    ("setting", "value"),
    [("appendonly", "no"), ("appendfsync", "no"), ("maxmemory-policy", "allkeys-lru")],
)
async def test_a_wrong_setting_is_found_and_the_mend_mends_it(
    tmp_path: Path, setting: str, value: str, keep: Durability, decode_responses: bool
) -> None:
    async with (
        server(tmp_path, **{setting: value}) as url,
        Redis.from_url(url, decode_responses=decode_responses) as client,
    ):
        (weakness,) = judge(await inspect_store(client), keep)
        assert (weakness.setting, weakness.value) == (setting, value)
        await run(client, weakness.mend)
        mended = await inspect_store(client)
        assert judge(mended, keep) == []
        assert durability_of(mended) in (Durability.ALWAYS, keep)


async def test_everysec_is_too_weak_for_always_and_no_more(tmp_path: Path) -> None:
    async with server(tmp_path, appendfsync="everysec") as url, Redis.from_url(url) as client:
        facts = await inspect_store(client)
        assert durability_of(facts) is Durability.EVERYSEC
        assert judge(facts, Durability.EVERYSEC) == []
        (weakness,) = judge(facts, Durability.ALWAYS)
        await run(client, weakness.mend)
        assert judge(await inspect_store(client), Durability.ALWAYS) == []


async def test_a_store_with_everything_wrong_is_told_all_of_it_at_once(tmp_path: Path) -> None:
    wrong = {"appendonly": "no", "appendfsync": "everysec", "maxmemory_policy": "allkeys-random"}
    async with server(tmp_path, **wrong) as url, Redis.from_url(url) as client:
        found = judge(await inspect_store(client), Durability.ALWAYS)
    assert [weakness.setting for weakness in found] == [
        "maxmemory-policy",
        "appendonly",
        "appendfsync",
    ]


async def test_a_replica_is_refused_and_its_primary_named(tmp_path: Path) -> None:
    async with server(tmp_path) as url, Redis.from_url(url) as client:
        await client.replicaof("127.0.0.1", 1)
        (weakness,) = judge(await inspect_store(client), Durability.NONE)
    assert (weakness.setting, weakness.value) == ("role", "slave")
    assert weakness.mend == "set HOLDFAST_REDIS_URL to its primary, 127.0.0.1:1"


async def test_without_the_right_to_config_all_but_one_fact_is_known_and_the_mend_mends_it(
    tmp_path: Path,
) -> None:
    async with server(tmp_path) as url, Redis.from_url(url) as admin:
        await run(admin, "ACL SETUSER shop on '>secret' '~*' +@all -config")
        async with Redis.from_url(url, username="shop", password="secret") as client:
            facts = await inspect_store(client)
            assert (facts.appendonly, facts.maxmemory_policy) == ("yes", "noeviction")
            assert durability_of(facts) is Durability.NONE
            (weakness,) = judge(facts, Durability.ALWAYS)
            assert (weakness.setting, weakness.value) == ("appendfsync", "unknown")
            mend = weakness.mend.replace("<the user in HOLDFAST_REDIS_URL>", "shop")
            await run(admin, mend)
            assert judge(await inspect_store(client), Durability.ALWAYS) == []


async def test_without_the_right_to_info_nothing_is_believed(tmp_path: Path) -> None:
    async with server(tmp_path) as url, Redis.from_url(url) as admin:
        await run(admin, "ACL SETUSER shop on '>secret' '~*' +@all -config -info")
        async with Redis.from_url(url, username="shop", password="secret") as client:
            assert await inspect_store(client) == StoreFacts()


async def test_a_managed_store_without_config_is_judged_by_what_it_tells(tmp_path: Path) -> None:
    async with (
        server(tmp_path, rename_command="CONFIG hidden") as url,
        Redis.from_url(url) as client,
    ):
        facts = await inspect_store(client)
    assert facts.appendfsync is None
    assert judge(facts, Durability.NONE) == []


async def test_a_node_of_a_cluster_and_a_sentinel_are_named_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    async with (
        server(tmp_path, cluster_enabled="yes", appendonly="no") as url,
        Redis.from_url(url) as client,
    ):
        (weakness,) = judge(await inspect_store(client), Durability.ALWAYS)
    assert (weakness.setting, weakness.value) == ("mode", "cluster")
    info = {"valkey_version": "9.1.2", "server_mode": "sentinel"}
    (weakness,) = judge(facts_from(info, None), Durability.ALWAYS)
    assert (weakness.setting, weakness.value) == ("mode", "sentinel")
    assert "SENTINEL MASTERS" in weakness.mend


async def test_what_a_write_would_be_answered_is_found_without_writing(tmp_path: Path) -> None:
    async with server(tmp_path) as url, Redis.from_url(url) as client:
        await try_to_write(client)
        await client.config_set("maxmemory", "1")
        await try_to_write(client)  # what gives stock back is still taken
        await client.config_set("min-replicas-to-write", "1")
        with pytest.raises(ResponseError, match="NOREPLICAS"):
            await try_to_write(client)
        await client.config_set("min-replicas-to-write", "0")
        await client.replicaof("127.0.0.1", 1)
        with pytest.raises(ReadOnlyError):
            await try_to_write(client)
        assert await client.dbsize() == 0


async def refusal_of(ask: Callable[[Redis], Awaitable[object]], client: Redis) -> ResponseError:
    """Asks until it is refused."""
    while True:
        try:
            await ask(client)
        except ResponseError as error:
            return error


async def test_a_store_busy_with_a_script_is_no_store_whose_settings_are_unknown(
    tmp_path: Path,
) -> None:
    spin = "#!lua\nwhile true do end"
    async with (
        server(tmp_path, busy_reply_threshold="20") as url,
        Redis.from_url(url) as busy,
        Redis.from_url(url) as client,
    ):
        spinning = asyncio.ensure_future(busy.eval(spin, 0))
        assert "BUSY" in str(await refusal_of(inspect_store, client))
        await client.script_kill()
        with pytest.raises(ResponseError):
            await spinning
        assert judge(await inspect_store(client), Durability.ALWAYS) == []
