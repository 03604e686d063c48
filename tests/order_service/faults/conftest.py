"""Fixtures that outlive every order service of a test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.order_service.processes import Sandbox, serve_sandbox
from tests.serving import Server, serve


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An engine of the session's own."""
    with serve(tmp_path_factory.mktemp("engine")) as server:
        yield server


@pytest.fixture
def tenant() -> str:
    """A shop in the engine that nobody else uses."""
    return f"t-{uuid.uuid4().hex}"


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    """A provider and a carrier that know of no order of another database."""
    with serve_sandbox(tmp_path) as sandbox:
        yield sandbox
