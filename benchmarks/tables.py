"""Tables as text: in columns for a terminal, in Markdown for a README."""

from collections.abc import Iterable, Sequence

Row = Sequence[str]


def aligned(columns: Row, rows: Iterable[Row]) -> str:
    """Columns as wide as they need be, the first to the left, all others to the right."""
    lines = [columns, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def markdown(columns: Row, rows: Iterable[Row]) -> str:
    """A table for a README, its first column to the left, all others to the right."""
    rule = ["---", *["--:"] * (len(columns) - 1)]
    return "\n".join("| " + " | ".join(line) + " |" for line in (columns, rule, *rows))
