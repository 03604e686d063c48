"""Takes the picture of `holdfast demo` that README shows: docs/demo.svg.

`python -m tools.make_picture` runs the demo with a fixed seed and draws what it prints.
"""

import os
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "demo.svg"
COLUMNS = 82
SEED = "7"


def main() -> None:
    """Runs the demo and writes the picture."""
    command = [str(Path(sys.executable).parent / "holdfast"), "demo", "--seed", SEED]
    environment = os.environ | {"FORCE_COLOR": "1", "COLUMNS": str(COLUMNS)}
    printed = subprocess.run(
        command,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ).stdout
    console = Console(record=True, width=COLUMNS, file=StringIO())
    console.print(Text.from_ansi(printed))
    drawn = console.export_svg(title=f"holdfast demo --seed {SEED}")
    # The fonts would come from somebody's server; any monospaced one at hand will do.
    PICTURE.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), "utf-8")


if __name__ == "__main__":
    main()
