"""Writes docs/reference.md from the tables in the code: outcomes, errors, settings, metrics.

`python -m tools.make_reference` writes it; a test holds the file against the tables.
"""

from enum import Enum
from pathlib import Path
from typing import Any, get_type_hints

import msgspec

from holdfast.errors import ERRORS
from holdfast.outcomes import OUTCOMES
from server.config import Config
from server.metrics_table import METRICS
from serving.settings import name_of

REFERENCE = Path(__file__).parent.parent / "docs" / "reference.md"

TEMPLATE = """\
# Reference

Made by `make docs` from the tables in the code; do not edit.

## Outcomes

The business answers (`holdfast/outcomes.py`). The last column: whether the same command, sent again
later, may be answered otherwise.

{outcomes}

## Errors

Why a request was not judged (`holdfast/errors.py`): the `reason` of the one `google.rpc.ErrorInfo`
of domain `holdfast`, the gRPC status, whether the SDK sends the request again, and the message,
whose values in braces are the ErrorInfo's metadata.

{errors}

## Settings of the server

Environment variables (`server/config.py`); an empty value counts as unset.

{settings}

## Metrics

What HOLDFAST_METRICS_LISTEN serves to Prometheus (`server/metrics_table.py`); with several workers,
summed over them. A histogram has the series `_bucket`, `_sum` and `_count`.

{metrics}
"""


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def _shown(value: Any) -> str:
    if value == "":
        return ""
    return f"`{value.value if isinstance(value, Enum) else str(value).lower()}`"


def _settings() -> list[tuple[str, ...]]:
    hints = get_type_hints(Config, include_extras=True)
    rows: list[tuple[str, ...]] = []
    for field in msgspec.structs.fields(Config):
        (meta,) = (m for m in hints[field.name].__metadata__ if m.description)
        name = f"`{name_of(field.name)}`"
        rows.append((name, _shown(field.default), meta.description))
    return rows


def reference() -> str:
    """The text of docs/reference.md."""
    outcomes = [
        (f"`{outcome.name}`", row.message, "yes" if row.retry_can_help else "no")
        for outcome, row in OUTCOMES.items()
    ]
    errors = [
        (f"`{reason}`", row.code.name, "yes" if row.retryable else "no", row.message)
        for reason, row in ERRORS.items()
    ]
    metrics = [
        (f"`{row.name}`", row.type, ", ".join(f"`{label}`" for label in row.labels), row.help)
        for row in METRICS
    ]
    return TEMPLATE.format(
        outcomes=_table(("outcome", "meaning", "later?"), *outcomes),
        errors=_table(("reason", "status", "sent again", "message"), *errors),
        settings=_table(("variable", "default", "meaning"), *_settings()),
        metrics=_table(("metric", "type", "labels", "meaning"), *metrics),
    )


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(reference(), encoding="utf-8")
