"""`holdfast dev` and `holdfast serve`: the settings that the server is started with."""

from pathlib import Path

import pytest

from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.server_commands import (
    dev_environment,
    given_settings,
    serve_environment,
    with_orders,
)

URL = "redis://10.0.0.5:6379"


def test_dev_listens_on_this_machine_and_keeps_its_data_here() -> None:
    environment = dev_environment({"PATH": "/bin"}, 7600, None)
    assert environment == {
        "PATH": "/bin",
        "HOLDFAST_LISTEN": "127.0.0.1:7600",
        "HOLDFAST_REFLECTION": "true",
        "HOLDFAST_DATA_DIR": "holdfast-data",
    }


def test_dev_uses_the_store_that_the_environment_names() -> None:
    environment = dev_environment({"HOLDFAST_REDIS_URL": URL}, 7600, None)
    assert environment["HOLDFAST_REDIS_URL"] == URL
    assert "HOLDFAST_DATA_DIR" not in environment


def test_a_data_dir_that_is_given_goes_before_it() -> None:
    environment = dev_environment({"HOLDFAST_REDIS_URL": URL}, 7600, Path("mine"))
    assert "HOLDFAST_REDIS_URL" not in environment
    assert environment["HOLDFAST_DATA_DIR"] == "mine"


@pytest.mark.parametrize("redis_url", [None, ""])
def test_the_environment_may_name_the_data_dir_too(redis_url: str | None) -> None:
    given = {"HOLDFAST_DATA_DIR": "theirs"} | (
        {} if redis_url is None else {"HOLDFAST_REDIS_URL": redis_url}
    )
    assert dev_environment(given, 7600, None)["HOLDFAST_DATA_DIR"] == "theirs"
    assert dev_environment(given, 7600, Path("mine"))["HOLDFAST_DATA_DIR"] == "mine"


def test_serve_needs_a_store() -> None:
    with pytest.raises(Failure, match="holdfast dev") as raised:
        serve_environment({"HOLDFAST_REDIS_URL": ""}, 7600, "127.0.0.1", None)
    assert raised.value.exit_status == USAGE


@pytest.mark.parametrize(
    ("host", "listen"), [("127.0.0.1", "127.0.0.1:7600"), ("::1", "[::1]:7600")]
)
def test_serve_listens_where_it_is_told(host: str, listen: str) -> None:
    environment = serve_environment({"HOLDFAST_REDIS_URL": URL}, 7600, host, None)
    assert environment == {"HOLDFAST_REDIS_URL": URL, "HOLDFAST_LISTEN": listen}


def test_the_option_goes_before_the_environment() -> None:
    environment = serve_environment({"HOLDFAST_REDIS_URL": "redis://other"}, 1, "h", URL)
    assert environment["HOLDFAST_REDIS_URL"] == URL


def test_options_that_are_not_given_are_left_to_the_environment() -> None:
    assert given_settings(None, None) == {}
    assert given_settings(4, "127.0.0.1:9464") == {
        "HOLDFAST_WORKERS": "4",
        "HOLDFAST_METRICS_LISTEN": "127.0.0.1:9464",
    }


def test_the_order_service_has_ports_next_to_the_engine_s() -> None:
    environment = with_orders({"HOLDFAST_DATA_DIR": "mine"}, 7600, no_free_port)
    assert environment["HOLDFAST_ORDERS_LISTEN"] == "127.0.0.1:7610"
    assert environment["HOLDFAST_CALLBACKS_LISTEN"] == "127.0.0.1:7611"
    assert environment["HOLDFAST_SANDBOX_URL"] == "http://127.0.0.1:7650"
    assert environment["HOLDFAST_NOTIFY_FILE"] == "mine/notifications.jsonl"


def no_free_port() -> int:
    raise AssertionError("none is needed")


def test_beside_an_engine_on_any_port_they_have_free_ones() -> None:
    ports = iter((5001, 5002, 5003))
    environment = with_orders({"HOLDFAST_DATA_DIR": "mine"}, 0, lambda: next(ports))
    assert environment["HOLDFAST_ORDERS_LISTEN"] == "127.0.0.1:5001"
    assert environment["HOLDFAST_SANDBOX_URL"] == "http://127.0.0.1:5003"


def test_what_the_environment_says_of_the_order_service_is_kept() -> None:
    given = {"HOLDFAST_DATABASE_URL": "postgresql://a/b", "HOLDFAST_ORDERS_LISTEN": "0.0.0.0:1"}
    environment = with_orders(given, 7600, no_free_port)
    assert environment | given == environment
    assert environment["HOLDFAST_DATA_DIR"] == "holdfast-data"


def test_the_sandbox_has_secrets_of_its_own_at_each_start() -> None:
    first, second = (with_orders({}, 7600, no_free_port) for _ in range(2))
    for name in ("HOLDFAST_SANDBOX_API_KEY", "HOLDFAST_SANDBOX_SECRETS"):
        assert first[name] != second[name]
