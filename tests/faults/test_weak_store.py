"""Real stores that are set up wrongly: the engine finds the weakness, and the mend mends it."""

import shlex
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis

from engine.store.binary import find_store_binary
from engine.store.durability import (
    Durability,
    StoreFacts,
    describe,
    durability_of,
    inspect_store,
    judge,
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
