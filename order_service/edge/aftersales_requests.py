"""Checks the fields of requests about cases, and makes values of them."""

import re
from typing import Any, Final

from holdfast.order.v1 import aftersales_pb2 as pb
from order_service.aftersales.requests import Request
from order_service.aftersales.words import Words
from order_service.edge.requests import id_of
from order_service.edge.wire import filter_of
from order_service.order.cases import CaseEvent, CaseKind, CaseReason, CaseRole
from order_service.order.fields import (
    check_id,
    check_money,
    check_name,
    check_whole,
    checked_lines_of_text,
    shown,
)
from order_service.order.refusals import InvalidField
from order_service.payment.refund_requests import AskedUnits

AnyRequest = pb.RequestCaseRequest | pb.PreviewCaseRequest
LINES_MAX: Final = 200
LINE_NO_MAX: Final = (1 << 15) - 1
UNITS_MAX: Final = 1_000_000
TEXT_LENGTH_MAX: Final = 1_000
FILES_MAX: Final = 10
_is_sha256 = re.compile("[0-9a-f]{64}").fullmatch


def request_of(message: AnyRequest) -> Request:
    """A request as it was sent. Raises InvalidField."""
    kind = filter_of(CaseKind, pb.CaseKind, message.kind, "kind", "a kind of case")
    reason = filter_of(CaseReason, pb.CaseReason, message.reason, "reason", "a reason")
    if kind is None:
        raise InvalidField("kind", "must be a kind of case", message.kind)
    if reason is None:
        raise InvalidField("reason", "must be a reason", message.reason)
    if message.wanted_sku:
        check_name("wanted_sku", message.wanted_sku)
        if kind is not CaseKind.EXCHANGE:
            raise InvalidField("wanted_sku", "must be empty but with EXCHANGE", message.wanted_sku)
    return Request(
        case_key=id_of(message, "case_key"),
        role=role_of(message),
        kind=kind,
        reason=reason,
        lines=_lines_of(message),
        wanted_minor=amount_of(message, "wanted_minor"),
        wanted_sku=message.wanted_sku,
        words=words_of(message),
    )


def _lines_of(message: AnyRequest) -> tuple[AskedUnits, ...]:
    check_whole("lines", len(message.lines), 1, LINES_MAX)
    found = []
    for position, line in enumerate(message.lines):
        check_whole(f"lines[{position}].line_no", line.line_no, 1, LINE_NO_MAX)
        check_whole(f"lines[{position}].quantity", line.quantity, 0, UNITS_MAX)
        if line.shipment_id:
            check_id(f"lines[{position}].shipment_id", line.shipment_id)
        found.append(AskedUnits(line.line_no, line.quantity, line.shipment_id))
    places = [(line.line_no, line.shipment_id) for line in found]
    for position, place in enumerate(places):
        if place in places[:position]:
            problem = "must name a line and a parcel that no entry before it names"
            raise InvalidField(f"lines[{position}]", problem, place[0])
    if len({line.line_no for line in found}) < len(found) and not all(each[1] for each in places):
        problem = "must name the parcel in each of several entries of one line"
        raise InvalidField("lines", problem, len(found))
    return tuple(found)


def role_of(message: Any) -> CaseRole:
    """The role in which somebody acts; not set: BUYER. Raises InvalidField."""
    role = filter_of(CaseRole, pb.CaseRole, message.role, "role", "a role")
    return role or CaseRole.BUYER


def event_of(message: Any) -> CaseEvent | None:
    """The event that somebody brings about; None where none is set. Raises InvalidField."""
    return filter_of(CaseEvent, pb.CaseEvent, message.event, "event", "an event of a case")


def amount_of(message: Any, field: str) -> int:
    """An amount in minor units. Raises InvalidField."""
    amount_minor: int = getattr(message, field)
    check_money(field, amount_minor)
    return amount_minor


def words_of(message: Any, *, files: bool = True) -> Words:
    """The words and files in a request. Raises InvalidField."""
    text = checked_lines_of_text("text", message.text, TEXT_LENGTH_MAX)
    names = tuple(message.evidence) if files else ()
    check_whole("evidence", len(names), 0, FILES_MAX)
    for position, name in enumerate(names):
        if not _is_sha256(name) or name in names[:position]:
            problem = "must be a SHA-256 in hexadecimal, each once"
            raise InvalidField("evidence", problem, shown(name))
    return Words(text, names)
