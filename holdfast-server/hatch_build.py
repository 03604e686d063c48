"""Fills in what holdfast-server shares with holdfast, and collects its folders."""

import tomllib
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# Where each folder or file of the repository is in the wheel. The programs have a folder of their
# own: the wheel takes none of their short names for itself.
PROGRAMS = (
    *("engine", "serving", "server", "order_service"),
    # The rehearsal; what else is in benchmarks measures this repository.
    *("benchmarks/__init__.py", "benchmarks/rehearse.py", "benchmarks/locustfile.py"),
    *("benchmarks/servers.py", "benchmarks/flash_sale"),
)
DEMO = "holdfast/demo"
IN_WHEEL = {name: f"holdfast_server/{name}" for name in PROGRAMS} | {DEMO: DEMO}


class Metadata(MetadataHookInterface):
    """The version is that of holdfast, which is needed in exactly that version."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Writes version and dependencies into the `project` table."""
        project = tomllib.loads(Path(self.root, "..", "pyproject.toml").read_text("utf-8"))
        version = project["project"]["version"]
        metadata["version"] = version
        metadata["dependencies"] = [f"holdfast=={version}", *self.config["dependencies"]]


class Folders(BuildHookInterface[Any]):
    """A wheel has the folders where they are looked for; a source archive as the repository has."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds the folders to what is built."""
        archive = Path(self.root, "PKG-INFO").is_file()
        sources = Path(self.root) if archive else Path(self.root).parent
        to_wheel = self.target_name == "wheel"
        for name, in_wheel in IN_WHEEL.items():
            build_data["force_include"][str(sources / name)] = in_wheel if to_wheel else name
