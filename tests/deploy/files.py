"""The files in deploy/, read by the libraries of their formats."""

from configparser import ConfigParser
from pathlib import Path
from typing import Any

import yaml

from tests.tidy.sources import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
HOLDFAST = "/opt/holdfast/bin/holdfast"
"""The program in the units and in the image."""


def unit(path: Path) -> ConfigParser:
    """A systemd unit."""
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text("utf-8"))
    return parser


def settings_in(path: Path) -> dict[str, str]:
    """The variables of an environment file."""
    lines = path.read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def services() -> dict[str, Any]:
    """The services of the compose file, by name."""
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
    services: dict[str, Any] = document["services"]
    return services
