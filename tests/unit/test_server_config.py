"""The server's settings: what the environment may say, and what a wrong value is answered."""

from typing import Any

import msgspec
import pytest

from engine.store.durability import Durability
from server.config import Config, from_environment
from serving.settings import ConfigError, ServerSettings, host_and_port
from tools.sources import texts_of

STORE = {"HOLDFAST_REDIS_URL": "redis://127.0.0.1:6379/0"}
# The durations but one, which has bounds of its own.
MS_SETTINGS = [
    field
    for field in Config.__struct_fields__
    if field.endswith(("_ms", "_ms_max")) and field != "sold_out_ms"
]


def setting(field: str) -> str:
    return f"HOLDFAST_{field.upper()}"


def test_a_store_is_all_that_has_to_be_named() -> None:
    assert from_environment(STORE) == Config(redis_url=STORE["HOLDFAST_REDIS_URL"])
    assert from_environment({"HOLDFAST_DATA_DIR": "/data"}) == Config(data_dir="/data")


def test_an_empty_value_is_unset_and_what_is_not_ours_is_left_alone() -> None:
    noise = {setting("listen"): "", setting("drain_ms"): "", "PATH": "x", "HOLDFAST_TARGET": "y"}
    assert from_environment(STORE | noise) == from_environment(STORE)


def test_every_setting_can_be_given() -> None:
    given: dict[str, tuple[str, Any]] = {
        "listen": ("[::1]:0", "[::1]:0"),
        "workers": ("256", 256),
        "metrics_listen": ("0.0.0.0:9464", "0.0.0.0:9464"),
        "redis_url": ("unix:///s", "unix:///s"),
        "data_dir": ("/data", "/data"),
        "seen_dir": ("/seen", "/seen"),
        "durability": ("everysec", Durability.EVERYSEC),
        "reflection": ("true", True),
        "journal_changes_max": ("1000", 1_000),
        "journal_bytes_max": ("1000000", 1_000_000),
        "sold_out_ms": ("0", 0),
        "log_level": ("debug", "debug"),
        "stop_with_stdin": ("1", True),
        "beat": ("true", True),
    }
    given |= dict.fromkeys(MS_SETTINGS, ("12", 12))
    assert given.keys() == set(Config.__struct_fields__)
    config = from_environment({setting(field): text for field, (text, _) in given.items()})
    assert msgspec.structs.asdict(config) == {field: value for field, (_, value) in given.items()}


def test_without_a_store_it_says_which_settings_name_one() -> None:
    with pytest.raises(ConfigError, match=r"^HOLDFAST_REDIS_URL: .*HOLDFAST_DATA_DIR"):
        from_environment({})


WRONG: list[tuple[str, str]] = [
    *(
        (name, bad)
        for name in MS_SETTINGS
        for bad in ("0", "-1", "1000000000001", "1.5", "1s", "ten", "٣x", "9" * 40)
    ),
    *(("journal_changes_max", bad) for bad in ("999", "0", "-1000", "many")),
    *(("journal_bytes_max", bad) for bad in ("999999", "0", "-1", "64MB")),
    *(
        ("listen", bad)
        for bad in ("7600", "127.0.0.1", "127.0.0.1:", ":7600", "host:port", "host:123456")
    ),
    *(("listen", bad) for bad in ("127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:-1")),
    *(("sold_out_ms", bad) for bad in ("-1", "51", "1s")),
    *(("workers", bad) for bad in ("0", "-1", "257", "1000", "x", "2.5")),
    *(("metrics_listen", bad) for bad in ("9464", ":9464", "host:", "127.0.0.1:65536")),
    *(("durability", bad) for bad in ("Always", "yes", "fsync")),
    *(("log_level", bad) for bad in ("INFO", "trace", "warn")),
    *(
        (name, bad)
        for name in ("reflection", "stop_with_stdin", "beat")
        for bad in ("on", "2", "maybe")
    ),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_a_wrong_value_is_refused_with_its_setting_and_the_value(field: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment(STORE | {setting(field): value})
    message = str(caught.value)
    assert message.startswith(f"{setting(field)}: ")
    assert repr(value) in message


@pytest.mark.parametrize("field", MS_SETTINGS)
@pytest.mark.parametrize("value", [1, 10**12])
def test_a_duration_at_each_bound_is_taken(field: str, value: int) -> None:
    kept = [each for each in MS_SETTINGS if each.startswith("retention_")]
    tied = {setting(each): str(10**12) for each in kept} | {setting("retried_ms"): "1"}
    config = from_environment(STORE | tied | {setting(field): str(value)})
    assert getattr(config, field) == value


@pytest.mark.parametrize("listen", ["0.0.0.0:0", "127.0.0.1:65535", "[::]:7600", "shop.local:1"])
def test_an_address_is_taken_with_any_port_that_there_is(listen: str) -> None:
    config = from_environment(STORE | {"HOLDFAST_LISTEN": listen})
    host, port = config.host_and_port
    assert f"{host}:{port}" == listen


def test_an_address_of_metrics_is_taken_apart_and_may_be_unset() -> None:
    given = from_environment(STORE | {"HOLDFAST_METRICS_LISTEN": "[::1]:9464"})
    assert host_and_port(given.metrics_listen) == ("[::1]", 9464)
    assert from_environment(STORE).metrics_listen == ""


def test_several_workers_need_a_kernel_that_spreads_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    assert from_environment(STORE | {"HOLDFAST_WORKERS": "1"}).workers == 1
    with pytest.raises(ConfigError, match=r"^HOLDFAST_WORKERS: .*Linux.* got 2$"):
        from_environment(STORE | {"HOLDFAST_WORKERS": "2"})


@pytest.mark.parametrize("kept", ["ENDED", "FULFILLED", "ADJUSTMENTS"])
def test_what_is_kept_for_less_time_than_callers_retry_is_refused(kept: str) -> None:
    name = f"HOLDFAST_RETENTION_{kept}_MS"
    short = STORE | {name: "86399999"}
    with pytest.raises(ConfigError, match=rf"^{name}: 86,399,999 ms .* HOLDFAST_RETRIED_MS"):
        from_environment(short)
    assert from_environment(short | {"HOLDFAST_RETRIED_MS": "86399999"})
    assert from_environment(STORE | {name: "86400000"})


def test_every_setting_is_described() -> None:
    described = texts_of(ServerSettings) | texts_of(Config)
    assert [field for field in Config.__struct_fields__ if not described.get(field)] == []


def test_what_the_engine_is_told_comes_from_the_settings() -> None:
    config = Config(
        redis_url="redis://x",
        retention_ended_ms=1,
        retention_fulfilled_ms=2,
        retention_adjustments_ms=3,
        sweep_expire_ms=4,
        sweep_purge_ms=5,
        journal_changes_max=6_000,
        journal_bytes_max=7_000_000,
    )
    settings = config.engine_settings()
    assert settings.retention == type(settings.retention)(1, 2, 3)
    assert settings.sweep == type(settings.sweep)(4, 5, 6_000, 7_000_000)
