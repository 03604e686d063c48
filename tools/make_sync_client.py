"""Makes holdfast/sync_client.py from holdfast/client.py: the same calls without asyncio.

Run it after every change of client.py: `.venv/bin/python -m tools.make_sync_client`. A test holds
the two against each other.
"""

import re
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "holdfast" / "client.py"
TWIN = SOURCE.with_name("sync_client.py")

DOCSTRING = """\
\"""The synchronous client of the engine: for scripts, threads and gevent.

Generated from client.py by tools/make_sync_client.py; do not edit. Under gevent call
`grpc.experimental.gevent.init_gevent()` before the first client is made.
"""

# What asyncio has and plain Python writes otherwise, in the order it is replaced.
REPLACEMENTS: list[tuple[str, str]] = [
    (r"^import asyncio\n", ""),
    (r"^import grpc\.aio\n", ""),
    (r"grpc\.aio\.", "grpc."),
    (r"asyncio\.sleep", "time.sleep"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"AsyncIterator", "Iterator"),
    (r"Awaitable\[(\w+)\]", r"\1"),
    (r"\bAwaitable, ", ""),
    (r"\bclass Client\b", "class SyncClient"),
    (r'\A"""The asyncio client of the engine\..*\n', DOCSTRING),
    (r"Make one inside the running event loop, and share it\.", "Threads may share it."),
]


def sync_twin(source: str) -> str:
    """The synchronous twin of the asyncio client's source, formatted."""
    for pattern, replacement in REPLACEMENTS:
        source, count = re.subn(pattern, replacement, source, flags=re.MULTILINE)
        if count == 0:
            raise ValueError(f"client.py has nothing like {pattern!r} any more; remove that row")
    return _ruff("format", "-", text=_ruff("check", "--fix", "--select", "I", "-", text=source))


def _ruff(*arguments: str, text: str) -> str:
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--stdin-filename", str(TWIN)]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    TWIN.write_text(sync_twin(SOURCE.read_text()))
