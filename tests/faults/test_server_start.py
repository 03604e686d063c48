"""A server that cannot serve says why, what to do, and with its exit code of which kind it is."""

from pathlib import Path

import pytest

from holdfast.client import Client
from tests.serving import own_store, refused_start, serve

EXIT_REFUSED, EXIT_USAGE, EXIT_STORE_UNREACHABLE = 1, 2, 3


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "unix:///no/such/socket"])
def test_an_absent_store_is_unreachable_and_its_setting_is_named(tmp_path: Path, url: str) -> None:
    ended = refused_start(tmp_path, HOLDFAST_REDIS_URL=url)
    assert ended.exit_code == EXIT_STORE_UNREACHABLE
    assert "HOLDFAST_REDIS_URL" in ended.message
    assert "Traceback" not in ended.message


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "redis://127.0.0.1:port"])
def test_a_url_that_is_none_is_refused_and_its_setting_is_named(tmp_path: Path, url: str) -> None:
    ended = refused_start(tmp_path, HOLDFAST_REDIS_URL=url)
    assert ended.exit_code == EXIT_REFUSED
    assert "HOLDFAST_REDIS_URL" in ended.message
    assert "Traceback" not in ended.message


def test_an_unsafe_store_is_refused_until_it_is_mended_as_the_message_says(tmp_path: Path) -> None:
    with own_store(tmp_path / "store") as store, store.client() as client:
        for setting, wrong, right in (
            ("appendfsync", "everysec", "always"),
            ("maxmemory-policy", "allkeys-lru", "noeviction"),
            ("appendonly", "no", "yes"),
        ):
            client.config_set(setting, wrong)
            ended = refused_start(tmp_path / setting, HOLDFAST_REDIS_URL=store.url)
            assert ended.exit_code == EXIT_REFUSED
            assert f"{setting} is {wrong}" in ended.message
            assert f"CONFIG SET {setting} {right}\n" in ended.message
            client.config_set(setting, right)
        with serve(tmp_path, HOLDFAST_REDIS_URL=store.url):
            pass


@pytest.mark.asyncio(loop_scope="session")
async def test_a_weaker_store_is_served_from_when_that_was_asked_for(tmp_path: Path) -> None:
    with (
        own_store(tmp_path / "store", appendfsync="everysec") as store,
        serve(tmp_path, HOLDFAST_REDIS_URL=store.url, HOLDFAST_DURABILITY="everysec") as server,
    ):
        async with Client(server.target) as client:
            status = await client.get_status()
    assert (status.durability, status.trouble) == ("everysec", "")


def test_a_store_that_asks_for_a_password_is_refused_without_repeating_ours(
    tmp_path: Path,
) -> None:
    with own_store(tmp_path / "store") as store, store.client() as client:
        client.config_set("requirepass", "s3cret")
        wrong = store.url.replace("unix://", "unix://:wr0ng@")
        ended = refused_start(tmp_path, HOLDFAST_REDIS_URL=wrong)
    assert ended.exit_code in (EXIT_REFUSED, EXIT_STORE_UNREACHABLE)
    assert "HOLDFAST_REDIS_URL" in ended.message
    assert "wr0ng" not in ended.message
    assert "Traceback" not in ended.message


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("HOLDFAST_LISTEN", "nonsense"),
        ("HOLDFAST_LISTEN", "127.0.0.1:65536"),
        ("HOLDFAST_DRAIN_MS", "0"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, setting: str, value: str) -> None:
    ended = refused_start(tmp_path, **{setting: value})
    assert ended.exit_code == EXIT_USAGE
    assert ended.message.startswith(f"holdfast: {setting}: ")
    assert value in ended.message
    assert "Traceback" not in ended.message


def test_a_server_that_was_told_of_no_store_says_how_to_name_one(tmp_path: Path) -> None:
    ended = refused_start(tmp_path, HOLDFAST_DATA_DIR="")
    assert ended.exit_code == EXIT_USAGE
    assert "HOLDFAST_REDIS_URL" in ended.message
    assert "HOLDFAST_DATA_DIR" in ended.message


def test_an_address_that_cannot_be_listened_on_is_refused(tmp_path: Path) -> None:
    ended = refused_start(tmp_path, HOLDFAST_LISTEN="192.0.2.1:7600")
    assert ended.exit_code == EXIT_REFUSED
    assert "HOLDFAST_LISTEN" in ended.message
    assert "192.0.2.1:7600" in ended.message


def test_a_second_server_on_the_port_or_the_data_is_refused_and_the_first_goes_on(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with serve(first) as server:
        ended = refused_start(second, HOLDFAST_LISTEN=server.target)
        assert ended.exit_code == EXIT_REFUSED
        assert "HOLDFAST_LISTEN" in ended.message
        assert server.target in ended.message

        ended = refused_start(second, HOLDFAST_DATA_DIR=str(first))
        assert ended.exit_code == EXIT_REFUSED
        assert str(first) in ended.message
        assert str(server.pid) in ended.message
        assert server.process.poll() is None
        assert (first / "server.json").exists()


def test_data_that_cannot_be_kept_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    ended = refused_start(tmp_path, HOLDFAST_DATA_DIR=str(tmp_path / "file"))
    assert ended.exit_code == EXIT_REFUSED
    assert str(tmp_path / "file") in ended.message
    assert "Traceback" not in ended.message
