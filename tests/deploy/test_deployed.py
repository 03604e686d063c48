"""The commands of deploy/compose.yaml, run as processes of this machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from engine.store.binary import find_store_binary
from serving.processes import address_in, without_settings
from tests.deploy.files import DEPLOY, services
from tests.order_service.postgres import serve_postgres
from tests.serving import running
from tests.tidy.sources import ROOT
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.long


class Deployed:
    """The services of the compose file, on free ports of this machine."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.services = services()
        self.targets: dict[str, str] = {}
        self._directory, self._stack = directory, stack

    def start_store(self) -> str:
        """Starts the store; returns its URL."""
        program, *words = self.services["store"]["command"]
        assert program == "valkey-server"
        socket = self._directory / "store.sock"
        here = ["--port", "0", "--unixsocket", str(socket), "--dir", str(self._directory)]
        command = [str(find_store_binary()), *words, *here]
        self._stack.enter_context(running(command, stdout=subprocess.DEVNULL))
        until(socket.exists, "the store listens")
        return f"unix://{socket}"

    def start(self, name: str, **settings: str) -> None:
        """Starts a server with the service's environment, but for what is different here."""
        service = self.services[name]
        environment = {key: str(value) for key, value in service["environment"].items()}
        assert set(settings) - {"HOLDFAST_DATA_DIR"} <= set(environment)
        process = self._stack.enter_context(
            running(
                [sys.executable, "-m", "holdfast.cli", *service["command"]],
                env=without_settings(os.environ) | environment | settings,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        assert process.stdout is not None
        self.targets[name] = address_in(process.stdout.readline())

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own health check says so."""
        _, program, *words = self.services[name]["healthcheck"]["test"]
        assert program == "holdfast"
        targets = {"engine": "HOLDFAST_TARGET", "orders": "HOLDFAST_ORDERS_TARGET"}
        checked = subprocess.run(
            [sys.executable, "-m", "holdfast.cli", *words],
            env=os.environ | {targets[name]: self.targets[name]},
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return checked.returncode == 0


@pytest.fixture
def deployed(tmp_path: Path) -> Iterator[Deployed]:
    with ExitStack() as stack:
        yield Deployed(tmp_path, stack)


def test_the_services_of_the_compose_file_start_and_are_healthy(
    deployed: Deployed, tmp_path: Path
) -> None:
    free = "127.0.0.1:0"
    with serve_postgres(tmp_path / "postgres") as postgres:
        deployed.start(
            "engine",
            HOLDFAST_LISTEN=free,
            HOLDFAST_REDIS_URL=deployed.start_store(),
            HOLDFAST_DATA_DIR=str(tmp_path / "engine"),
        )
        deployed.start(
            "orders",
            HOLDFAST_ORDERS_LISTEN=free,
            HOLDFAST_CALLBACKS_LISTEN=free,
            HOLDFAST_TARGET=deployed.targets["engine"],
            HOLDFAST_DATABASE_URL=postgres.url,
        )
        for name in ("engine", "orders"):
            until(lambda name=name: deployed.is_healthy(name), f"{name} is healthy")  # type: ignore[misc]


@pytest.mark.timeout(900)
def test_the_steps_of_the_image_build_the_program(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "holdfast"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, source / name)
    steps = DockerfileParser(path=str(DEPLOY / "Dockerfile")).structure
    build = next(step["value"] for step in steps if step["instruction"] == "RUN")
    script = build.replace("/opt/holdfast", str(target))
    subprocess.run(["sh", "-euc", script], cwd=source, check=True, capture_output=True)
    said = subprocess.run(
        [str(target / "bin" / "holdfast"), "orders", "serve", "--help"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "order service" in said.stdout
