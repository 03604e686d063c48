"""The service that answers the commands of `holdfast orders`."""

from collections.abc import Iterator

import pytest

from tests.unit.scripted_orders import Commands, ScriptedOrders


@pytest.fixture
def orders(capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """Commands for a service that answers as the test says."""
    service = ScriptedOrders()
    yield Commands(service, capsys)
    service.stop()
