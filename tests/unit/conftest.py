"""A service that answers the commands of `holdfast orders`, and a process without a log."""

from collections.abc import Iterator

import pytest
import structlog

from tests.unit.scripted_orders import Commands, ScriptedOrders


@pytest.fixture
def orders(capsys: pytest.CaptureFixture[str]) -> Iterator[Commands]:
    """Commands for a service that answers as the test says."""
    service = ScriptedOrders()
    yield Commands(service, capsys)
    service.stop()


@pytest.fixture
def no_log() -> Iterator[None]:
    """A process whose log is not configured, whatever tests before it have configured."""
    was_configured, before = structlog.is_configured(), structlog.get_config()
    structlog.reset_defaults()
    yield
    if was_configured:
        structlog.configure(**before)
