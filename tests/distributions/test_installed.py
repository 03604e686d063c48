"""Both distributions installed by pip in environments of their own, away from the source tree.

They take what they need from the package index, so they run in `make test-long`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.distributions.wheels import Wheels, metadata_of, shop_environment
from tests.tidy.sources import ROOT

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

# cyclopts alone stands on seven of them: attrs, docstring-parser, rich-rst, rich, and rich's three.
CLIENT_PACKAGES_MAX = 12
CLIENT_MB_MAX = 60
# What every environment has before something is installed.
INSTALLER = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")

SELLS = """
import asyncio, sys, warnings
warnings.simplefilter("error")
import holdfast
from holdfast.order.v1 import order_pb2

engine, orders = sys.argv[1:]
with holdfast.SyncClient(engine) as client:
    client.set_stock("MUG", 5)
    assert client.reserve("order-1", [("MUG", 2)]).applied
    assert client.confirm("order-1").applied
    try:
        client.get_reservation("order-2")
    except holdfast.HoldfastError as error:
        assert error.reason is holdfast.Reason.RESERVATION_NOT_FOUND
    assert [*client.audit()][-1].ok

async def asynchronously():
    async with holdfast.Client(engine) as client:
        made = await asyncio.gather(*(client.reserve(f"r-{i}", [("MUG", 1)]) for i in range(5)))
        assert sum(result.applied for result in made) == 3
    async with holdfast.OrderClient(orders) as client:
        try:
            await client.ask(order_pb2.GetOrderRequest(order_id="o-1"))
        except holdfast.HoldfastError as error:
            assert error.reason is holdfast.Reason.ORDER_NOT_FOUND

asyncio.run(asynchronously())
"""
ORDERS = """\
InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
700001,10001,MUG,2,2010-12-01 08:26:00,2.55,17850,United Kingdom
700002,10001,MUG,1,2010-12-01 08:28:00,2.55,17851,United Kingdom
700002,10002,BOWL,3,2010-12-01 08:28:00,1.25,17851,United Kingdom
700003,10002,BOWL,2,2010-12-01 08:34:00,1.25,17852,United Kingdom
"""


class Environment:
    """A virtual environment with what was installed in it."""

    def __init__(self, directory: Path, shop: Path, installed: Sequence[str | Path]) -> None:
        self.bin, self.shop = directory / "bin", shop
        self.packages = directory / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
        subprocess.run([sys.executable, "-m", "venv", str(directory)], check=True)
        self.ran("python", "-m", "pip", "install", "--quiet", *map(str, installed))

    def ran(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs a program of the environment in the shop's folder; it has to exit with 0."""
        completed = self.tried(program, *words)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed

    def tried(self, program: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Runs a program in the shop, whatever its exit status."""
        return subprocess.run(
            [str(self.bin / program), *words],
            cwd=self.shop,
            env=shop_environment(self.shop),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def distributions(self) -> set[str]:
        """The names of the distributions that were installed."""
        listed = self.ran("python", "-m", "pip", "list", "--format", "json").stdout
        return {one["name"] for one in json.loads(listed)} - {"pip", "setuptools"}

    def megabytes(self) -> float:
        """The size of what was installed, compiled modules included."""
        size = sum(
            path.stat().st_size
            for place in self.packages.iterdir()
            if not place.name.startswith(INSTALLER)
            for path in (place.rglob("*") if place.is_dir() else [place])
            if path.is_file()
        )
        return size / 1_000_000


def pins() -> list[str]:
    """The versions of constraints.txt, without hashes: those of our wheels are in no list."""
    return re.findall(r"^[\w.-]+==[^ ]+", (ROOT / "constraints.txt").read_text("utf-8"), re.M)


def oldest(wheel: Path) -> list[str]:
    """The requirements of a wheel, each in the oldest version that it says is enough."""
    needs = metadata_of(wheel).get_all("Requires-Dist") or []
    return [
        f"{found[1]}=={found[2]}"
        for need in needs
        if (found := re.fullmatch(r"([\w-]+).*>=([\d.]+)", need))
    ]


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for environments, with the versions that the lock file pins."""
    directory = tmp_path_factory.mktemp("environments")
    (directory / "pins.txt").write_text("\n".join(pins()))
    return directory


@pytest.fixture
def client(wheels: Wheels, places: Path, shop: Path) -> Environment:
    """The client, as `pip install holdfast` installs it."""
    return Environment(places / "client", shop, [wheels.client, "-c", places / "pins.txt"])


@pytest.fixture
def server(wheels: Wheels, places: Path, shop: Path) -> Environment:
    """Both distributions, as `pip install holdfast-server` installs them."""
    return Environment(places / "server", shop, [*wheels, "-c", places / "pins.txt"])


def test_the_client_is_small_and_says_what_it_lacks(client: Environment) -> None:
    assert len(client.distributions()) <= CLIENT_PACKAGES_MAX, client.distributions()
    assert client.megabytes() <= CLIENT_MB_MAX
    answer = client.tried("holdfast", "dev")
    assert (answer.returncode, "pip install 'holdfast-server==" in answer.stderr) == (2, True)


def test_an_installed_server_sells_and_clients_with_the_oldest_needs_buy(
    server: Environment, wheels: Wheels, places: Path
) -> None:
    old = Environment(places / "old", server.shop, [wheels.client, *oldest(wheels.client)])
    (server.shop / "orders.csv").write_text(ORDERS)
    report = server.ran("holdfast", "demo", "--orders", "orders.csv", "--seed", "1", "-o", "json")
    assert json.loads(report.stdout)["books_balance"]
    with running_dev(server) as targets:
        old.ran("python", "-P", "-c", SELLS, *targets)
        listed = old.ran("holdfast", "stock", "list", "--target", targets[0], "-o", "json")
        assert json.loads(listed.stdout)["levels"][0]["available"] == 0
        listed = old.ran("holdfast", "orders", "list", "--orders-target", targets[1], "-o", "json")
        assert json.loads(listed.stdout)["orders"] == []


@contextmanager
def running_dev(server: Environment) -> Iterator[list[str]]:
    """`holdfast dev` in the shop's folder: where the engine and the order service listen."""
    log = server.shop / "dev.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [str(server.bin / "holdfast"), "dev", "--port", "0", "--data-dir", "data"],
            cwd=server.shop,
            env=shop_environment(server.shop) | {"PATH": os.environ["PATH"]},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            assert all(lines), log.read_text()
            yield [line.partition(" on ")[2].split()[0] for line in lines[:2]]
        finally:
            process.terminate()
            process.wait(60)
