"""The two wheels, built from this tree, and how they are used without an index."""

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

from tests.tidy.sources import ROOT

PROGRAMS = ("engine", "serving", "server", "order_service")
# Whoever imports one of these has taken the shop's module for Holdfast's.
SHOP_MODULES = (*PROGRAMS, "benchmarks", "demo")


class Wheels(NamedTuple):
    """The files of the two distributions."""

    client: Path
    server: Path


def build_wheels(directory: Path) -> Wheels:
    """Builds both wheels."""
    for project in (ROOT, ROOT / "holdfast-server"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)],
            cwd=project,
            check=True,
            capture_output=True,
        )
    (client,) = directory.glob("holdfast-*.whl")
    (server,) = directory.glob("holdfast_server-*.whl")
    return Wheels(client, server)


def files_of(wheel: Path) -> set[str]:
    """The files that a wheel installs, without its metadata."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def metadata_of(wheel: Path) -> Message:
    """The metadata of a wheel."""
    with ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name))


def unpack(directory: Path, *wheels: Path) -> Path:
    """A folder with what is in the wheels, as it is in site-packages."""
    for wheel in wheels:
        with ZipFile(wheel) as archive:
            archive.extractall(directory)
    return directory


def shop_in(directory: Path) -> Path:
    """A shop's own folder, with modules that are named as ours and end whoever imports them."""
    for name in SHOP_MODULES:
        package = directory / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(f"raise SystemExit('the {name} of the shop')\n")
    return directory


def shop_environment(shop: Path, *places: Path) -> dict[str, str]:
    """The environment of a process that finds the shop's modules first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, (shop, *places)))}


def unpacked_environment(shop: Path, unpacked: Path) -> Mapping[str, str]:
    """A shop's environment with the unpacked wheels and their requirements, without this tree."""
    return shop_environment(shop, unpacked, Path(sysconfig.get_path("purelib")))


def holdfast_command(*words: str) -> list[str]:
    """`holdfast` by an interpreter that reads no .pth file: the editable install is not seen."""
    return [sys.executable, "-S", "-P", "-m", "holdfast.cli", *words]
