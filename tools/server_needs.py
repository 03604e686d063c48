"""`python -m tools.server_needs`: prints what holdfast-server needs beside holdfast.

`make constraints` reads it: constraints.txt pins what both distributions need, and an index does
not have the holdfast of this tree.
"""

import tomllib
from pathlib import Path

SERVER = Path(__file__).parents[1] / "holdfast-server" / "pyproject.toml"


def main() -> None:
    """Prints one requirement a line, those of the extras included."""
    server = tomllib.loads(SERVER.read_text("utf-8"))
    always = server["tool"]["hatch"]["metadata"]["hooks"]["custom"]["dependencies"]
    extras = server["project"]["optional-dependencies"].values()
    print("\n".join([*always, *(need for needs in extras for need in needs)]))


if __name__ == "__main__":
    main()
