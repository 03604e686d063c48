"""The files of the project that people write, as git knows them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_GENERATED: Final = ("holdfast/inventory/", "holdfast/order/", "holdfast/rpc/")


@cache
def python_files() -> tuple[Path, ...]:
    """All Python files that are written by hand, relative to the project's root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\n")
    return tuple(
        Path(name)
        for name in sorted(set(filter(None, listed)))
        if not name.startswith(_GENERATED) and (ROOT / name).exists()
    )
