"""Writes docs/reference.md from the tables in the code: outcomes, errors, settings, metrics.

`python -m tools.make_reference` writes it; a test holds the file against the tables.
"""

from enum import Enum
from pathlib import Path
from typing import Any

import msgspec

from holdfast.errors import ERRORS
from holdfast.outcomes import OUTCOMES
from order_service.aftersales.policy.document import PRESETS
from order_service.config import Config as OrderConfig
from order_service.fulfilment.carrier_rules import CarrierRule
from order_service.notifications.merchants import Merchant
from server.config import Config
from server.metrics_table import METRICS
from serving.settings import ServerSettings, name_of
from tools import orders_reference as orders
from tools.sources import texts_of

_METRIC = ("metric", "type", "labels", "meaning")
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

## Metrics of the server

What HOLDFAST_METRICS_LISTEN serves to Prometheus (`server/metrics_table.py`); with several workers,
summed over them. A histogram has the series `_bucket`, `_sum` and `_count`.

{metrics}

# The order service

State machines have [a page of their own](states.md). Errors are those above.

## Outcomes of orders

Business answers beside `APPLIED` (`order_service/order/refusals.py`), and the message that comes
with them, where it is not made for the case.

{order_outcomes}

## Settings of the order service

Environment variables (`order_service/config.py`); an empty value counts as unset.

{order_settings}

### The file of carrier rules

What HOLDFAST_CARRIER_RULES names: a JSON list of objects. Of the offers that some rule admits the
cheapest or fastest is taken, as the buyer wishes. An empty or 0 field does not narrow a rule.

{carrier_rules}

### The file of merchants

What HOLDFAST_MERCHANTS names: a JSON list of objects. Of a merchant that is not in it only the id
is known.

{merchants}

## Payment methods

What an order may have in `payment_method` (`order_service/payment/methods.py`), as far as the
provider is set up.

{payment_methods}

## Notices

What buyers and merchants are told (`order_service/notifications/notices.py`), over every channel
that is set up.

{notices}

## Incidents

What can go wrong with a parcel (`order_service/fulfilment/incidents.py`): whose it is, how long
that desk has to say what is done, and what it can say.

{incidents}

{resolutions}

## Clauses of after-sales policies

The clauses of a policy (`order_service/aftersales/policy/clauses.py`) with their values in the
presets: a document names those that it changes. A merchant's clause, and a law's for older orders,
counts only where it gives the buyer more: `more` says which value does.

{clauses}

## Tasks

What is done for an order outside of its transaction (`order_service/order/tasks.py`). Tasks of one
order and lane are done in order; a dead one holds up what comes after it in its lane, where it
blocks.

{tasks}

## Invariants of orders

What `holdfast orders audit` proves (`order_service/audit`), and what to do where it does not hold.

{invariants}

## What waits for a person

What `holdfast orders status` begins with (`order_service/storage/needs.py`), by the label `need` of
the gauges below. With `--check` it exits with 1 if something alarms.

{needs}

## Metrics of the order service

What HOLDFAST_ORDERS_METRICS_LISTEN serves to Prometheus.

{order_metrics}
"""


def _table(*rows: tuple[str, ...]) -> str:
    head, *body = [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def _shown(value: Any) -> str:
    if value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value.value if isinstance(value, Enum) else value}`"


def _settings(config: type[msgspec.Struct]) -> str:
    meanings = texts_of(config) | texts_of(ServerSettings)
    shared = ServerSettings.__struct_fields__
    rows = [
        (f"`{name_of(field.name)}`", _shown(field.default), meanings[field.name])
        for field in sorted(msgspec.structs.fields(config), key=lambda field: field.name in shared)
    ]
    return _table(("variable", "default", "meaning"), *rows)


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
    field = ("field", "default", "meaning")
    incident = ("incident", "owner", "to be decided in", "can be done")
    return TEMPLATE.format(
        outcomes=_table(("outcome", "meaning", "later?"), *outcomes),
        errors=_table(("reason", "status", "sent again", "message"), *errors),
        settings=_settings(Config),
        metrics=_table(_METRIC, *map(orders.metric_row, METRICS)),
        order_outcomes=_table(("outcome", "meaning", "message"), *orders.refusals()),
        order_settings=_settings(OrderConfig),
        carrier_rules=_table(field, *orders.fields_of(CarrierRule)),
        merchants=_table(field, *orders.fields_of(Merchant)),
        payment_methods=_table(("method", "taken by", "payment"), *orders.payment_methods()),
        notices=_table(("notice", "to", "when"), *orders.notices()),
        incidents=_table(incident, *orders.incidents()),
        resolutions=_table(("said", "meaning"), *orders.resolutions()),
        clauses=_table(("clause", *PRESETS, "more", "meaning"), *orders.clauses()),
        tasks=_table(("task", "what is done", "lane", "blocks"), *orders.tasks()),
        invariants=_table(("invariant", "what holds", "mend"), *orders.invariants()),
        needs=_table(("need", "what it is", "command that lists it", "alarms"), *orders.needs()),
        order_metrics=_table(_METRIC, *orders.metrics()),
    )


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(reference(), encoding="utf-8")
