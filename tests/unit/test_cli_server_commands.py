"""`holdfast dev` and `holdfast serve`: the settings that the server is started with."""

from pathlib import Path

import pytest

from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.server_commands import dev_environment, given_settings, serve_environment

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
