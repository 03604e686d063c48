"""`make proto`: generates the stubs from proto/, for old versions of their libraries, too.

protoc and gRPC's plugin write a guard into each module: it refuses whatever is older than the
libraries of the machine that generated it. What the modules call is the same in all versions that
pyproject.toml names, which `tests/distributions` tries with the oldest, so the guards are left out.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
PROTOS: Final = ROOT / "proto"
_GUARDS: Final = {
    "_pb2.py": (
        r"from google\.protobuf import runtime_version as _runtime_version\n",
        r"_runtime_version\.ValidateProtobufRuntimeVersion\([^)]*\)\n",
    ),
    "_pb2_grpc.py": (r"import warnings\n", r"\nGRPC_GENERATED_VERSION = (?s:.*?)\n    \)\n"),
    "_pb2_grpc.pyi": (r"\nGRPC_GENERATED_VERSION: str\nGRPC_VERSION: str\n",),
}


def make_stubs(directory: Path) -> list[Path]:
    """Writes the stubs of all protos into a directory; gives their paths in it."""
    kinds = ("python", "grpc_python", "mypy", "mypy_grpc")
    bin_of = Path(sys.executable).parent
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTOS}"),
            *(
                f"--plugin={name}={bin_of / name}"
                for name in ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
            ),
            *(f"--{kind}_out={directory}" for kind in kinds),
            *(str(path.relative_to(PROTOS)) for path in sorted(PROTOS.rglob("*.proto"))),
        ],
        check=True,
    )
    made = sorted(directory.glob("holdfast/*/v1/*_pb2*"))
    for path in made:
        for ending, guards in _GUARDS.items():
            if path.name.endswith(ending):
                path.write_text(without(path.read_text("utf-8"), guards), "utf-8")
    return [path.relative_to(directory) for path in made]


def without(source: str, guards: tuple[str, ...]) -> str:
    """A module without its guards. ValueError if one is not found: protoc writes another now."""
    for guard in guards:
        source, found = re.subn(guard, "", source)
        if found != 1:
            raise ValueError(f"no guard {guard!r} in a generated module")
    return source


if __name__ == "__main__":
    make_stubs(ROOT)
