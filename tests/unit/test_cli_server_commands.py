"""`holdfast dev` and `holdfast serve`: the settings that the server is started with."""

import socket
from pathlib import Path

import pytest

from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.orders.serve import make_data_dir, orders_environment
from holdfast.cli.server_commands import (
    dev_addresses,
    dev_environment,
    given_settings,
    serve_environment,
    with_orders,
)
from holdfast.cli.settings import check_ports, next_free

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


@pytest.mark.parametrize(
    ("setting", "host", "port", "listens"),
    [
        (None, None, None, "127.0.0.1:7600"),
        ("", None, None, "127.0.0.1:7600"),
        ("0.0.0.0:7700", None, None, "0.0.0.0:7700"),
        ("0.0.0.0:7700", None, 7800, "0.0.0.0:7800"),
        ("0.0.0.0:7700", "::", None, "[::]:7700"),
        ("[::]:7700", None, 0, "[::]:0"),
        (None, "10.0.0.5", 1, "10.0.0.5:1"),
    ],
)
def test_an_option_goes_before_its_setting_and_that_before_the_default(
    setting: str | None, host: str | None, port: int | None, listens: str
) -> None:
    kept = {} if setting is None else {"HOLDFAST_LISTEN": setting}
    url = {"HOLDFAST_REDIS_URL": URL}
    assert serve_environment(kept | url, port, host, None)["HOLDFAST_LISTEN"] == listens
    if host is None:
        assert dev_environment(dict(kept), port, None)["HOLDFAST_LISTEN"] == listens


def test_the_order_service_is_set_by_the_same_rule_its_host_for_its_callbacks_too() -> None:
    settings = {
        "HOLDFAST_DATA_DIR": "mine",
        "HOLDFAST_ORDERS_LISTEN": "0.0.0.0:1",
        "HOLDFAST_CALLBACKS_LISTEN": "0.0.0.0:2",
        "HOLDFAST_TARGET": "engine:7600",
    }
    nothing = orders_environment(settings, None, None, None, None, None, None)
    assert nothing == settings
    here = orders_environment(settings, 3, "::1", None, None, Path("theirs"), "other:1")
    assert here["HOLDFAST_ORDERS_LISTEN"] == "[::1]:3"
    assert here["HOLDFAST_CALLBACKS_LISTEN"] == "[::1]:2"
    assert (here["HOLDFAST_DATA_DIR"], here["HOLDFAST_TARGET"]) == ("theirs", "other:1")
    bare = orders_environment({"HOLDFAST_DATA_DIR": "mine"}, None, None, None, None, None, None)
    assert bare["HOLDFAST_ORDERS_LISTEN"] == "127.0.0.1:7610"
    assert bare["HOLDFAST_CALLBACKS_LISTEN"] == "127.0.0.1:7611"


def test_the_data_directory_of_the_order_service_is_made_for_this_user_alone(
    tmp_path: Path,
) -> None:
    make_data_dir({"HOLDFAST_DATA_DIR": str(tmp_path / "new" / "one")})
    assert (tmp_path / "new" / "one").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    with pytest.raises(Failure, match="file/one cannot be made: Not a directory"):
        make_data_dir({"HOLDFAST_DATA_DIR": str(tmp_path / "file" / "one")})


def test_a_port_that_is_taken_is_named_with_its_part_and_another_is_offered() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        at = {"the engine": "127.0.0.1:0", "the sandbox": address}
        problem = f"{address}, the address of the sandbox, is taken.*--port 7"
        with pytest.raises(Failure, match=problem) as raised:
            check_ports(at, lambda name: "--port 7")
    assert raised.value.details == {"part": "the sandbox", "address": address}
    check_ports(at, lambda name: "")
    assert next_free(7_600, lambda port: {"": f"127.0.0.1:{port}"}) > 7_600


def test_the_ports_of_all_parts_are_looked_at_but_for_free_ones() -> None:
    environment = with_orders(dev_environment({}, 7600, None), no_free_port)
    assert sorted(dev_addresses(environment).values()) == [
        "127.0.0.1:7600",
        "127.0.0.1:7610",
        "127.0.0.1:7611",
        "127.0.0.1:7650",
    ]


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
    environment = with_orders({"HOLDFAST_DATA_DIR": "mine"}, no_free_port)
    assert environment["HOLDFAST_ORDERS_LISTEN"] == "127.0.0.1:7610"
    assert environment["HOLDFAST_CALLBACKS_LISTEN"] == "127.0.0.1:7611"
    assert environment["HOLDFAST_SANDBOX_URL"] == "http://127.0.0.1:7650"
    assert environment["HOLDFAST_NOTIFY_FILE"] == "mine/notifications.jsonl"


def no_free_port() -> int:
    raise AssertionError("none is needed")


def test_beside_an_engine_on_any_port_they_have_free_ones() -> None:
    ports = iter((5001, 5002, 5003))
    environment = with_orders(
        {"HOLDFAST_DATA_DIR": "mine", "HOLDFAST_LISTEN": "127.0.0.1:0"}, lambda: next(ports)
    )
    assert environment["HOLDFAST_ORDERS_LISTEN"] == "127.0.0.1:5001"
    assert environment["HOLDFAST_SANDBOX_URL"] == "http://127.0.0.1:5003"


def test_what_the_environment_says_of_the_order_service_is_kept() -> None:
    given = {"HOLDFAST_DATABASE_URL": "postgresql://a/b", "HOLDFAST_ORDERS_LISTEN": "0.0.0.0:1"}
    environment = with_orders(given, no_free_port)
    assert environment | given == environment
    assert environment["HOLDFAST_DATA_DIR"] == "holdfast-data"


def test_the_sandbox_has_secrets_of_its_own_at_each_start() -> None:
    first, second = (with_orders({}, no_free_port) for _ in range(2))
    for name in ("HOLDFAST_SANDBOX_API_KEY", "HOLDFAST_SANDBOX_SECRETS"):
        assert first[name] != second[name]


def test_a_password_in_an_argument_is_warned_of(capsys: pytest.CaptureFixture[str]) -> None:
    url = "redis://user:pw@10.0.0.5:6379"
    environment = serve_environment({}, 7600, "127.0.0.1", url)
    assert environment["HOLDFAST_REDIS_URL"] == url
    said = capsys.readouterr().err
    assert "HOLDFAST_REDIS_URL_FILE" in said
    assert "pw" not in said
    serve_environment({"HOLDFAST_REDIS_URL_FILE": "url"}, 7600, "127.0.0.1", None)
    serve_environment({}, 7600, "127.0.0.1", "redis://10.0.0.5:6379")
    assert capsys.readouterr().err == ""
