"""The files in deploy/ are what systemd, Docker and our own settings accept."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

from order_service import config as orders_config
from server import config as engine_config
from serving.settings import ServerSettings, settings_from
from tests.deploy.files import DEPLOY, HOLDFAST, UNITS, services, settings_in, unit
from tests.tidy.sources import ROOT

CONFIGS: dict[str, type[ServerSettings]] = {
    "engine": engine_config.Config,
    "orders": orders_config.Config,
}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_accepts_each_unit(path: Path, tmp_path: Path) -> None:
    here = tmp_path / path.name
    program = Path(sys.executable).with_name("holdfast")
    here.write_text(path.read_text("utf-8").replace(HOLDFAST, str(program)), "utf-8")
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(here)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    about_it = [line for line in verified.stderr.splitlines() if path.stem in line]
    assert (verified.returncode, about_it) == (0, [])


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_keeps_its_data_to_itself_and_starts_again(path: Path) -> None:
    service = unit(path)["Service"]
    assert service["ExecStart"].split()[0] == HOLDFAST
    assert (service["UMask"], service["StateDirectoryMode"]) == ("0077", "0700")
    assert service["Restart"] == "always"
    file = DEPLOY / Path(service["EnvironmentFile"]).name
    data_dir = settings_in(file)["HOLDFAST_DATA_DIR"]
    assert data_dir == f"/var/lib/{service['StateDirectory']}"


@pytest.mark.parametrize("server", ["engine", "orders"])
def test_every_variable_in_a_file_or_service_is_a_setting(server: str) -> None:
    inside = {name: str(value) for name, value in services()[server]["environment"].items()}
    for given in (settings_in(DEPLOY / f"{server}.env"), inside):
        read = settings_from(given, CONFIGS[server])
        known = {f"HOLDFAST_{name.upper()}" for name in read.__struct_fields__}
        assert set(given) <= known


def test_the_image_is_built_from_files_that_there_are_and_runs_the_program() -> None:
    parser = DockerfileParser(path=str(DEPLOY / "Dockerfile"))
    steps = [(step["instruction"], step["value"]) for step in parser.structure]
    names = {name for name, _ in steps}
    assert names <= {
        *("COMMENT", "FROM", "WORKDIR", "COPY", "RUN", "USER"),
        *("ENV", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"),
    }
    build = next(value for name, value in steps if name == "RUN")
    for named in ("constraints.txt", "holdfast-server"):
        assert named in build
        assert (ROOT / named).exists()
    assert dict(steps)["USER"] == "holdfast"
    assert dict(steps)["ENTRYPOINT"] == '["holdfast"]'


def test_the_services_of_the_compose_file_open_no_port_to_the_network() -> None:
    published = [port for service in services().values() for port in service.get("ports", ())]
    assert published
    assert [port for port in published if not port.startswith("127.0.0.1:")] == []
