"""Writes the tables of the latest benchmarks into README.md and benchmarks/README.md.

`python -m tools.make_benchmark_tables` replaces what is between `<!-- benchmarks: NAME -->` and
`<!-- end -->` with what TABLES makes of benchmarks/results/latest.json.
"""

import re
from collections.abc import Callable

from benchmarks.document import LATEST, Document, read
from benchmarks.report import (
    COST_COLUMNS,
    HEADLINE_COLUMNS,
    RATIO_COLUMNS,
    RESULT_COLUMNS,
    audit_line,
    cost_rows,
    headline_rows,
    machine_line,
    markdown,
    missed_line,
    ratio_rows,
    result_rows,
)
from benchmarks.servers import ROOT

FILES = (ROOT / "README.md", ROOT / "benchmarks" / "README.md")
TABLES: dict[str, Callable[[Document], str]] = {
    "headlines": lambda run: markdown(HEADLINE_COLUMNS, headline_rows(run)),
    "machine": machine_line,
    "results": lambda run: markdown(RESULT_COLUMNS, result_rows(run.results)),
    "ratios": lambda run: markdown(RATIO_COLUMNS, ratio_rows(run.ratios)),
    "costs": lambda run: markdown(COST_COLUMNS, cost_rows(run.results)),
    "audit": audit_line,
    "missed": missed_line,
}
_PLACE = re.compile(r"(<!-- benchmarks: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def written(text: str, document: Document) -> str:
    """A page with its tables as a document says."""
    return _PLACE.sub(lambda at: f"{at[1]}\n{TABLES[at[2]](document)}\n\n{at[3]}", text)


def main() -> None:
    """Writes them."""
    document = read(LATEST)
    for path in FILES:
        path.write_text(written(path.read_text("utf-8"), document), "utf-8")


if __name__ == "__main__":
    main()
