"""Makes the synchronous twins of the asyncio clients: the same calls without asyncio.

Lines that end in `# asyncio` have no twin. Run it after every change of a source:
`.venv/bin/python -m tools.make_sync_client`. A test holds the twins against their sources.
"""

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "holdfast"
SOURCES = tuple(PACKAGE / f"{name}.py" for name in ("client", "stock", "calls", "orders"))

CLIENT_DOCSTRING = """\
\"""The synchronous client of the engine: for scripts, threads and gevent.

Generated from client.py by tools/make_sync_client.py; do not edit. Under gevent call
`grpc.experimental.gevent.init_gevent()` before the first client is made.
"""
ORDERS_DOCSTRING = """\
\"""The synchronous client of the order service: for scripts, threads and gevent.

Generated from orders.py by tools/make_sync_client.py; do not edit. Under gevent call
`grpc.experimental.gevent.init_gevent()` before the first client is made.
"""
STOCK_DOCSTRING = """\
\"""The calls of the synchronous client that set stock.

Generated from stock.py by tools/make_sync_client.py; do not edit.
\"""
"""
CALLS_DOCSTRING = """\
\"""Unary calls that are sent again where that can help, without asyncio.

Generated from calls.py by tools/make_sync_client.py; do not edit.
"""

# What asyncio has and plain Python writes otherwise, in the order it is replaced.
REPLACEMENTS: list[tuple[str, str]] = [
    (r"^.*  # asyncio\n", ""),
    (r"^from holdfast\.batching\.queues import .*\n", ""),
    (r"^import asyncio\n", ""),
    (r"^import grpc\.aio\n", ""),
    (r"grpc\.aio\.", "grpc."),
    (r"asyncio\.sleep", "time.sleep"),
    (r"\basync (def|for|with)\b", r"\1"),
    (r"\bawait ", ""),
    (r"__aenter__", "__enter__"),
    (r"__aexit__", "__exit__"),
    (r"AsyncIterator", "Iterator"),
    (r"^( *)for (\w+) in (.+):\n +yield \2$", r"\1yield from \3"),
    (r"\bclass (Client|StockCalls|Calls|OrderClient)\b", r"class Sync\1"),
    (r"\bholdfast\.calls import Calls\b", "holdfast.sync_calls import SyncCalls"),
    (r"= Calls\(", "= SyncCalls("),
    (r"_calls: Calls$", "_calls: SyncCalls"),
    (
        r"\bholdfast\.stock import (.*)\bStockCalls\b",
        r"holdfast.sync_stock import \1SyncStockCalls",
    ),
    (r"\(StockCalls\)", "(SyncStockCalls)"),
    (r"^CHANNELS_DEFAULT = .*", "CHANNELS_DEFAULT = 1"),
    (r'\A"""The asyncio client of the engine\..*\n', CLIENT_DOCSTRING),
    (
        r'\A"""Unary calls that are sent again where that can help\.\n(.|\n)*?"""\n',
        CALLS_DOCSTRING + '"""\n',
    ),
    (r'\A"""The calls of the asyncio client that set stock\..*\n', STOCK_DOCSTRING),
    (r'\A"""The asyncio client of the order service:.*\n', ORDERS_DOCSTRING),
    (r"Make one inside the running event loop, and share it\.", "Threads may share it."),
    (r"\n    Commands of tasks that run at the same time (.|\n)*? of its own\.\n", ""),
]


def twin_of(source: Path) -> Path:
    """Where the twin of a source is."""
    return source.with_name(f"sync_{source.name}")


def sync_twins() -> dict[Path, str]:
    """The synchronous twins of the sources, formatted, by where they belong."""
    texts = {twin_of(source): source.read_text() for source in SOURCES}
    for pattern, replacement in REPLACEMENTS:
        found = 0
        for twin, text in texts.items():
            texts[twin], count = re.subn(pattern, replacement, text, flags=re.MULTILINE)
            found += count
        if found == 0:
            raise ValueError(f"no source has anything like {pattern!r} any more; remove that row")
    return {twin: _formatted(text) for twin, text in texts.items()}


def _formatted(text: str) -> str:
    return _ruff("format", "-", text=_ruff("check", "--fix", "--select", "I", "-", text=text))


def _ruff(*arguments: str, text: str) -> str:
    name = str(twin_of(SOURCES[0]))
    command = [sys.executable, "-m", "ruff", *arguments, "--quiet", "--stdin-filename", name]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


if __name__ == "__main__":
    for path, content in sync_twins().items():
        path.write_text(content)
