"""The wheels in use where a shop has modules named as ours, on PYTHONPATH and where it runs."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.distributions.wheels import (
    SHOP_MODULES,
    Wheels,
    holdfast_command,
    metadata_of,
    unpack,
    unpacked_environment,
)

START_S_MAX = 60
NEEDS_PROGRAMS = ("dev", "serve", "orders serve", "demo", "rehearse")


@pytest.fixture
def client(wheels: Wheels, tmp_path: Path) -> Path:
    """A site-packages with the client."""
    return unpack(tmp_path / "client", wheels.client)


def ran(shop: Path, installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`holdfast WORDS`, run in the shop's folder."""
    return subprocess.run(
        holdfast_command(*words),
        cwd=shop,
        env=unpacked_environment(shop, installed),
        capture_output=True,
        text=True,
        timeout=START_S_MAX,
        check=False,
    )


@pytest.mark.parametrize("command", NEEDS_PROGRAMS)
def test_a_command_that_needs_the_servers_says_how_to_install_them(
    command: str, client: Path, shop: Path, wheels: Wheels
) -> None:
    completed = ran(shop, client, *command.split())
    version = metadata_of(wheels.client)["Version"]
    assert completed.stderr == (
        f"holdfast: `holdfast {command}` needs the servers, which this environment does not "
        f"have: pip install 'holdfast-server=={version}'\n"
    )
    assert (completed.returncode, completed.stdout) == (2, "")


def test_help_lists_them_without_the_servers(client: Path, shop: Path) -> None:
    text = ran(shop, client, "--help").stdout + ran(shop, client, "orders", "--help").stdout
    for command in NEEDS_PROGRAMS:
        assert f" {command.split()[-1]} " in text


def test_dev_runs_our_programs_and_not_the_shops(
    wheels: Wheels, shop: Path, tmp_path: Path
) -> None:
    installed = unpack(tmp_path / "both", *wheels)
    with running_dev(installed, shop) as target:
        completed = ran(shop, installed, "status", "--target", target, "-o", "json")
        assert json.loads(completed.stdout)["version"] == metadata_of(wheels.client)["Version"]
    assert {path.name for path in shop.iterdir()} - set(SHOP_MODULES) == {"dev.log", "data"}


@contextmanager
def running_dev(installed: Path, shop: Path) -> Iterator[str]:
    """`holdfast dev` with two workers in the shop's folder; the engine's target."""
    log = shop / "dev.log"
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            holdfast_command("dev", "--port", "0", "--data-dir", "data", "--workers", "2"),
            cwd=shop,
            env=unpacked_environment(shop, installed),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(3)]
            assert all(lines), log.read_text()
            yield lines[0].partition(" on ")[2].split()[0]
        finally:
            process.terminate()
            process.wait(START_S_MAX)
