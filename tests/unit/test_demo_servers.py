"""How the demo starts its servers, and what it says when that fails."""

import os
from pathlib import Path

import pytest

from holdfast.demo.servers import ServerFailedError, running, running_servers

TELLS = """
import os, sys
print("up and running", file=sys.stderr, flush=True)
print("ready on " + os.environ["WHERE"] + " (really)", flush=True)
sys.stdin.read()
"""
TELLS_ITS_ENVIRONMENT = """
import json, os, sys
settings = {name: value for name, value in os.environ.items() if name.startswith("HOLDFAST_")}
del settings["HOLDFAST_DATA_DIR"]
print("ready on " + json.dumps(settings, separators=(",", ":")) + " (really)", flush=True)
sys.stdin.read()
"""


def program_of(source: str, directory: Path, name: str = "teller") -> dict[str, str]:
    """Makes a package of this name and source; gives the environment to run it in."""
    package = directory / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(source)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(directory),
        "WHERE": "127.0.0.1:1234",
    }


async def test_a_program_runs_until_its_block_ends(tmp_path: Path) -> None:
    environment = program_of(TELLS, tmp_path)
    async with running(tmp_path, "teller", ["teller"], environment) as address:
        assert address == "127.0.0.1:1234"
        assert (tmp_path / "teller.log").read_text() == "up and running\n"


async def test_a_program_that_ends_before_it_is_ready_is_quoted(tmp_path: Path) -> None:
    broken = "import sys; print('no store here', file=sys.stderr); sys.exit(7)"
    environment = program_of(broken, tmp_path)
    with pytest.raises(ServerFailedError, match=r"(?s)teller .*exit status 7.*no store here"):
        async with running(tmp_path, "teller", ["teller"], environment):
            pytest.fail("it did not start")


async def test_the_servers_get_nothing_that_is_meant_for_others(tmp_path: Path) -> None:
    environment = program_of(TELLS_ITS_ENVIRONMENT, tmp_path, "server")
    foreign = {
        "HOLDFAST_REDIS_URL": "redis://another-engine",
        "HOLDFAST_LISTEN": "0.0.0.0:7600",
        "HOLDFAST_DATABASE_URL": "postgresql://another-shop",
    }
    # The order service asks this engine for nothing before its first order.
    async with running_servers({**environment, **foreign}, seed=1) as servers:
        assert servers.engine_target == (
            '{"HOLDFAST_LISTEN":"127.0.0.1:0","HOLDFAST_STOP_WITH_STDIN":"true"}'
        )
        assert (servers.directory / "orders.db").exists()
        assert "ready" in servers.log_tails()
    assert not servers.directory.exists()


async def test_an_error_in_the_demo_stops_the_servers_too(tmp_path: Path) -> None:
    environment = program_of(TELLS, tmp_path, "server")
    seen: list[Path] = []

    async def fail() -> None:
        async with running_servers(environment, seed=1) as servers:
            seen.append(servers.directory)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not seen[0].exists()
