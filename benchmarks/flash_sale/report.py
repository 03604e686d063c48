"""The account of a sale for people and for programs: printed, in Locust's HTML report, as JSON."""

import html
import textwrap
from collections.abc import Sequence
from typing import Any

from benchmarks.flash_sale.gate import Row, Seen, passed
from benchmarks.flash_sale.sale import Sale

FINDINGS_SHOWN_MAX = 20
WIDTH = 100
TITLE = "Audit and gate of the flash sale"
NOTE = (
    "Latencies are those of Locust's users: they contain the load generator's own time, which on "
    "a machine shared with the server is more than the server's."
)
_STYLE = "font-family:sans-serif;background:#fff;color:#111;padding:16px 24px"
_HEADINGS = ("", "seen", "limit", "")


def verdict(row: Row) -> str:
    """A condition's verdict in a word; empty for a figure."""
    if not row.limit:
        return ""
    return {True: "ok", False: "FAILED", None: "pending"}[row.holds]


def to_text(rows: Sequence[Row], findings: Sequence[str]) -> str:
    """The table, what is wrong, and whether the gate is passed."""
    cells = [_HEADINGS, *((row.what, row.seen, row.limit, verdict(row)) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    lines = [
        f"{what:<{widths[0]}}  {seen:>{widths[1]}}  {limit:>{widths[2]}}  {word}".rstrip()
        for what, seen, limit, word in cells
    ]
    note = textwrap.fill(NOTE, WIDTH)
    return "\n".join([TITLE, *lines, *findings[:FINDINGS_SHOWN_MAX], note, _gate(rows)])


def to_html(rows: Sequence[Row], findings: Sequence[str]) -> str:
    """The table as a section of a page."""
    lines = "".join(
        f"<tr><td>{html.escape(row.what)}</td><td align=right>{html.escape(row.seen)}</td>"
        f"<td align=right>{html.escape(row.limit)}</td><td>{verdict(row)}</td></tr>"
        for row in rows
    )
    shown = "".join(f"<li>{html.escape(text)}</li>" for text in findings[:FINDINGS_SHOWN_MAX])
    head = "".join(f"<th align=left>{heading}</th>" for heading in _HEADINGS)
    return (
        f'<section id="audit" style="{_STYLE}"><h2>{TITLE}</h2><p><b>{_gate(rows)}</b> {NOTE}</p>'
        f'<table cellpadding="4"><tr>{head}</tr>{lines}</table><ul>{shown}</ul></section>'
    )


def with_audit(page: str, section: str) -> str:
    """Locust's HTML report, with the section at its top."""
    head, body, rest = page.partition("<body>")
    return head + body + section + rest


def to_json(sale: Sale, rows: Sequence[Row], seen: Seen, findings: Sequence[str]) -> dict[str, Any]:
    """The account as one document."""
    return {
        "run": sale.run,
        "tenant": sale.tenant,
        "ok": passed(rows),
        "closed": seen.closing is not None,
        "rows": [row._asdict() | {"verdict": verdict(row)} for row in rows],
        "skus": [count._asdict() | {"oversold": count.oversold} for count in seen.counts],
        "findings": list(findings),
        "note": NOTE,
    }


def _gate(rows: Sequence[Row]) -> str:
    return "Gate: passed." if passed(rows) else "Gate: FAILED, see the conditions that are not ok."
