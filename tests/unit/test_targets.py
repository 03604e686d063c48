"""Targets: what gRPC would take for another place is refused, with what it must be."""

import pytest

from holdfast.channel import checked_target
from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.orders import OrderClient
from holdfast.sync_client import SyncClient


@pytest.mark.parametrize(
    "target",
    [
        "127.0.0.1:7600",
        "localhost:1",
        "[::1]:7600",
        "dns:///engine.shop:7600",
        "dns:engine:7600",
        "ipv4:10.0.0.5:7600",
        "ipv4:10.0.0.5:7600,10.0.0.6:7600",
        "unix:/run/holdfast.sock",
        "xds:///engine",
        "engine:65535",
    ],
)
def test_a_target_names_host_and_port_or_a_name_of_another_kind(target: str) -> None:
    assert checked_target(target) == target


@pytest.mark.parametrize(
    "target",
    ["127.0.0.1", "localhost", "::1:7600", "engine:65536", "engine:", "dns:///engine", "a b:1"],
)
def test_a_target_without_a_port_does_not_go_to_port_443(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOLDFAST_TARGET", target)
    for make in (SyncClient, Client, lambda: OrderClient(target)):
        with pytest.raises(HoldfastError, match="target: must be HOST:PORT") as raised:
            make()
        assert raised.value.reason is Reason.INVALID_FIELD


def test_a_url_is_told_what_is_too_much() -> None:
    with pytest.raises(HoldfastError, match="without http://; got"):
        checked_target("http://10.0.0.5:7600")
