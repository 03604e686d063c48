"""The programs of the distribution holdfast-server: where they are, and how one is started.

They are modules with short names: `server`, `engine`, `serving`, `order_service`. A shop may have
modules of the same names, so ours are in a folder of their own, which comes first on the path of
the processes that run them and is on nobody else's.
"""

import os
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

_INSTALLED_AS = "holdfast_server"
_SOURCES = Path(__file__).parents[1]


def programs_home() -> Path | None:
    """The folder of the programs: as installed, else the source tree; None if there is neither."""
    found = find_spec(_INSTALLED_AS)
    if found is not None and found.submodule_search_locations:
        return Path(found.submodule_search_locations[0])
    return _SOURCES if (_SOURCES / "holdfast-server" / "pyproject.toml").is_file() else None


def program_command(*words: str) -> list[str]:
    """The command that runs a module with its arguments."""
    # -P: a file or folder of the module's name where the command is run is not the module.
    return [sys.executable, "-P", "-m", *words]


def program_environment(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """`environment` with the folder of the programs as the first of PYTHONPATH."""
    places = environment.get("PYTHONPATH", "").split(os.pathsep)
    others = [place for place in places if place and place != str(home)]
    return {**environment, "PYTHONPATH": os.pathsep.join([str(home), *others])}
