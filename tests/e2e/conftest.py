"""One real server for the session's end-to-end tests; each test has a tenant of its own."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.cli.__main__ import run
from holdfast.sync_client import SyncClient
from tests.e2e.ran import Holdfast, Ran
from tests.serving import Server, serve


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the session's own."""
    with serve(tmp_path_factory.mktemp("holdfast")) as server:
        yield server


@pytest.fixture
def tenant() -> str:
    """A shop that no other test knows."""
    return f"t-{uuid.uuid4().hex}"


@pytest.fixture
def holdfast(server: Server, tenant: str, capsys: pytest.CaptureFixture[str]) -> Holdfast:
    """Runs a command for the test's tenant; the words of its line are split at spaces."""

    def command(line: str, *more: str) -> Ran:
        arguments = [*line.split(), *more, "--target", server.target]
        status = run(arguments if line == "status" else [*arguments, "--tenant", tenant])
        return Ran(status, *capsys.readouterr())

    return command


@pytest.fixture
def client(server: Server, tenant: str) -> Iterator[SyncClient]:
    """A client that speaks for the test's tenant."""
    with SyncClient(server.target, tenant=tenant) as client:
        yield client


@pytest.fixture
def stock_file(tmp_path: Path) -> Path:
    """A good file of 300 stock levels, SKU-1 with 1 unit to SKU-300 with 300."""
    path = tmp_path / "stock.csv"
    rows = "".join(f"SKU-{number},{number},,1,2\n" for number in range(1, 301))
    path.write_text("sku,on_hand,location,safety_stock,limit_per_buyer\n" + rows)
    return path
