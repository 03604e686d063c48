"""The house as its imports draw it: few floors, no circles, and no import that runs up.

Which rooms may stand on which is the `layers` contract of import-linter (pyproject.toml). This
counts what such a contract does not say: how many floors the order service has, and that neither
files nor folders import each other in a circle.
"""

from collections.abc import Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import Final

import grimp
import pytest

PACKAGES: Final = ("holdfast", "engine", "serving", "server", "order_service")
FLOORS_MAX: Final = 10

Imports = Mapping[str, set[str]]


@cache
def imports() -> Imports:
    """Each file of the production code, with the files that it imports."""
    graph = grimp.build_graph(*PACKAGES)
    return {
        module: graph.find_modules_directly_imported_by(module) & graph.modules
        for module in graph.modules
    }


def rooms(files: Imports, house: str) -> Imports:
    """The folders and loose files directly in a folder, with those that each imports."""
    drawn: dict[str, set[str]] = {}
    for file, imported in files.items():
        if room := _room(file, house):
            used = {_room(name, house) for name in imported}
            drawn.setdefault(room, set()).update(used - {"", room})
    return drawn


def floors(graph: Imports) -> dict[str, int]:
    """How high each room stands: 1 for one that imports no other. Raises CycleError."""
    height: dict[str, int] = {}
    for name in TopologicalSorter(graph).static_order():
        height[name] = 1 + max((height[below] for below in graph.get(name, ())), default=0)
    return height


def _room(file: str, house: str) -> str:
    return file.removeprefix(f"{house}.").partition(".")[0] if file.startswith(f"{house}.") else ""


def test_the_order_service_has_at_most_ten_floors() -> None:
    height = floors(rooms(imports(), "order_service"))
    assert max(height.values()) <= FLOORS_MAX, sorted(height.items(), key=lambda room: room[1])


def test_no_files_import_each_other_in_a_circle() -> None:
    floors(imports())


def test_no_folders_import_each_other_in_a_circle() -> None:
    folders = {file.rpartition(".")[0] for file in imports() if "." in file}
    for folder in sorted(folders):
        floors(rooms(imports(), folder))


def test_a_circle_of_folders_is_found() -> None:
    files = {"a.x.one": {"a.y.two"}, "a.y.two": {"a.z"}, "a.z": {"a.x.three"}, "a.x.three": set()}
    floors(files)
    with pytest.raises(CycleError):
        floors(rooms(files, "a"))


def test_floors_are_counted_from_the_ground() -> None:
    assert floors({"roof": {"wall"}, "wall": {"ground"}, "ground": set()})["roof"] == 3
