"""How the demo starts its server, and what it says when that fails."""

import os
from pathlib import Path

import pytest

from holdfast.demo.server_process import ServerFailedError, running_server

ANNOUNCE = """
import json, os, signal, sys
from pathlib import Path

told = {name: value for name, value in os.environ.items() if name.startswith("HOLDFAST_")}
directory = Path(told.pop("HOLDFAST_DATA_DIR"))
(directory / "server.new").write_text(json.dumps({"pid": os.getpid(), "target": json.dumps(told)}))
(directory / "server.new").rename(directory / "server.json")
print("up and running", file=sys.stderr, flush=True)
sys.stdin.read()
"""


def environment_with(server: str, directory: Path) -> dict[str, str]:
    """An environment in which `python -m server` runs `server`, and temporary files are seen."""
    package = directory / "server"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(server)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(directory),
        "HOLDFAST_REDIS_URL": "redis://another-engine",
        "HOLDFAST_LISTEN": "0.0.0.0:7600",
    }


async def test_the_server_gets_nothing_that_is_meant_for_another_engine(tmp_path: Path) -> None:
    async with running_server(environment_with(ANNOUNCE, tmp_path)) as server:
        assert server.target == (
            '{"HOLDFAST_LISTEN": "127.0.0.1:0", "HOLDFAST_STOP_WITH_STDIN": "true"}'
        )
        directory = server.log_path.parent
        assert directory.exists()
    assert not directory.exists()


async def test_a_server_that_ends_before_it_is_ready_is_quoted(tmp_path: Path) -> None:
    broken = "import sys; print('no store here', file=sys.stderr); sys.exit(7)"
    with pytest.raises(ServerFailedError, match=r"(?s)exit status 7.*no store here"):
        async with running_server(environment_with(broken, tmp_path)):
            pytest.fail("it did not start")


async def test_an_error_in_the_demo_stops_the_server_too(tmp_path: Path) -> None:
    seen: list[Path] = []

    async def fail() -> None:
        async with running_server(environment_with(ANNOUNCE, tmp_path)) as server:
            seen.append(server.log_path)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    assert not seen[0].parent.exists()
