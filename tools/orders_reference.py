"""The tables of docs/reference.md that are about the order service, from the tables in its code."""

from enum import Enum
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from order_service.aftersales.policy.clauses import CLAUSES, Value
from order_service.aftersales.policy.document import PRESETS
from order_service.audit.invariants import INVARIANTS
from order_service.fulfilment.incidents import INCIDENTS
from order_service.notifications.notices import NOTICES, OF_RECORDS, OF_TIMERS, NoticeRow
from order_service.order.refusals import REFUSALS, RefusalReason
from order_service.order.tasks import TASKS
from order_service.payment.methods import OF_PROVIDERS, Method, methods_of
from order_service.relay.metrics import NEED_METRICS, ORDER_METRICS, TASK_METRICS
from order_service.storage.needs import NEEDS
from serving.metrics import CALL_METRICS, Metric
from tools.sources import comments_of, texts_of

PROTOS: Final = Path(__file__).parent.parent / "proto" / "holdfast" / "order" / "v1"
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1_000, "s"), (1, "ms"))

Row = tuple[str, ...]


def refusals() -> list[Row]:
    """Outcomes: what the contract says of each, and the message where it is always the same."""
    meanings = comments_of(PROTOS / "order.proto")
    messages = {name: text for name, text in REFUSALS.items() if text != "{detail}"}
    return [
        (f"`{name}`", meanings[f"ORDER_OUTCOME_{name}"], messages.get(RefusalReason(name), ""))
        for name in RefusalReason
    ]


def payment_methods() -> list[Row]:
    """Ways to pay: who takes the money, and how long the stock is reserved for it."""
    return [
        (f"`{name}`", method.provider, _due(method))
        for name, method in methods_of(OF_PROVIDERS).items()
    ]


def _due(method: Method) -> str:
    if method.on_delivery:
        return "paid at the door: effective before it is paid"
    return f"due in {duration(method.due_ms)}, reserved for {duration(method.grace_ms)} more"


def clauses() -> list[Row]:
    """Clauses of policies: their values in each preset, and which value gives the buyer more."""
    return [
        (
            f"`{name}`",
            *(_value_of(preset.value(name)) for preset in PRESETS.values()),
            clause.better,
            clause.meaning,
        )
        for name, clause in CLAUSES.items()
    ]


def _value_of(value: Value) -> str:
    return f"`{msgspec.json.encode(value).decode()}`"


def tasks() -> list[Row]:
    """Kinds of tasks, and what a dead one holds up."""
    return [
        (
            f"`{kind}`",
            row.about,
            f"`{row.lane}:{row.per}`" if row.per else f"`{row.lane}`",
            "yes" if row.blocks else "no",
        )
        for kind, row in TASKS.items()
    ]


def notices() -> list[Row]:
    """The messages to buyers and merchants, and when each is sent."""
    rows: list[Row] = [
        (f"`{row.notice}`", "each merchant" if row.to_merchants else "the buyer", _when(row))
        for row in NOTICES
    ]
    rows += [
        (f"`{notice}`", "the buyer", when) for notice, when in (OF_RECORDS | OF_TIMERS).items()
    ]
    return rows


def _when(row: NoticeRow) -> str:
    if row.left_out:
        return "a shipment becomes CANCELLED, and no other goes in its stead"
    if row.opening:
        return f"an incident of kind {' or '.join(row.opening)} opens"
    before = ", ".join(sorted(row.coming_from))
    return f"{row.machine} becomes {row.reached}{f', from {before}' if before else ''}"


def incidents() -> list[Row]:
    """The kinds of incidents, the owner of each, and what can be done."""
    return [
        (
            f"`{kind}`",
            f"`{row.owner}`",
            duration(row.decide_within_ms),
            ", ".join(
                f"WAIT ({duration(row.wait_ms)})" if event == "WAIT" else event
                for event in row.allowed
            ),
        )
        for kind, row in INCIDENTS.items()
    ]


def resolutions() -> list[Row]:
    """The resolutions of an incident, as the contract describes them."""
    meanings = comments_of(PROTOS / "fulfilment.proto")
    names = dict.fromkeys(event for row in INCIDENTS.values() for event in row.allowed)
    return [(f"`{name}`", meanings[f"RESOLUTION_{name}"]) for name in names]


def fields_of(kind: type[Struct]) -> list[Row]:
    """The fields of an object in a file of settings."""
    texts = texts_of(kind)
    return [
        (f"`{field.name}`", _default(field), texts[field.name])
        for field in msgspec.structs.fields(kind)
    ]


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "required"
    value = field.default
    shown = value.value if isinstance(value, Enum) else value
    return "" if shown in ("", 0, frozenset()) and shown is not False else f"`{shown}`".lower()


def invariants() -> list[Row]:
    """The invariants that the audit of orders proves, and the way out where one does not hold."""
    return [(f"`{name}`", row.means, row.mend) for name, row in INVARIANTS.items()]


def metrics() -> list[Row]:
    """The metrics of the order service."""
    of_tasks = [(f"`{row.name}`", row.type, "`kind`", row.help) for row in TASK_METRICS]
    of_needs = [(f"`{row.name}`", row.type, "`need`", row.help) for row in NEED_METRICS]
    return [*map(metric_row, (*CALL_METRICS, *ORDER_METRICS)), *of_tasks, *of_needs]


def needs() -> list[Row]:
    """The things that wait for a person."""
    return [
        (f"`{row.name}`", row.about, f"`{row.command}`", "yes" if row.alarms else "no")
        for row in NEEDS
    ]


def metric_row(row: Metric) -> Row:
    """The row of a metric of any of the servers."""
    return (f"`{row.name}`", row.type, ", ".join(f"`{label}`" for label in row.labels), row.help)


def duration(ms: int) -> str:
    """A duration in the largest unit of which it is a whole number."""
    size, unit = next(unit for unit in _UNITS if ms % unit[0] == 0)
    return f"{ms // size} {unit}"
