"""`holdfast aftersales request|preview`: a buyer asks for something."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

from cyclopts import Parameter

from holdfast.cli.aftersales.cases import (
    Files,
    KindName,
    ReasonName,
    RoleName,
    minor_of,
    print_result,
    role_number,
)
from holdfast.cli.arguments import whole_number
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.order.v1 import aftersales_pb2 as pb

_LINE: Final = re.compile(
    r"(?P<line>[0-9]{1,5})(=(?P<units>[0-9]{1,7}))?(@(?P<parcel>[^@\s]{1,64}))?"
)


def line_in(text: str) -> pb.CaseLine:
    """Reads `LINE[=UNITS][@PARCEL]`. Raises ValueError."""
    found = _LINE.fullmatch(text)
    if found is None:
        raise ValueError(
            f"must be LINE=UNITS or LINE, and @PARCEL if need be, such as 1=2; got {text!r}"
        )
    units = whole_number(found["units"], least=1) if found["units"] else 0
    return pb.CaseLine(
        line_no=int(found["line"]), quantity=units, shipment_id=found["parcel"] or ""
    )


def _check_lines(_type: object, given: Any) -> None:
    for text in (given,) if isinstance(given, str) else given:
        line_in(text)


Lines = Annotated[str, Parameter(validator=_check_lines, metavar="LINE", negative=())]


def request(
    order_id: str,
    kind: KindName,
    reason: ReasonName,
    /,
    *lines: Lines,
    key: str,
    amount: str = "",
    sku: str = "",
    text: str = "",
    evidence: Files = (),
    role: RoleName | None = None,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Asks for something about units of an order: opens a case.

    The policy in force when the order was placed says whether it is taken, and
    its triage where it goes first; `explain` shows both.

    For example:
      holdfast aftersales request 3766223186315821678 refund-only changed-mind \\
        1=1 --key c-1
      holdfast aftersales request 3766223186315821678 return-refund quality 2 \\
        --key c-2 --text "The zip is torn"

    Parameters
    ----------
    order_id
        The order.
    kind
        What for: refund-only, return-refund, repair or price-difference.
    reason
        Why: no-reason, quality, damaged, not-as-described, wrong-item,
        missing-item, not-received, changed-mind or price-drop.
    lines
        LINE=UNITS each, or LINE for all of its units; @PARCEL where units of a line
        are in several.
    key
        The request's own: sent again with it, it is the same case.
    amount
        The amount that is wanted, such as 9.99 [default: what the units cost].
    sku
        The article that an exchange is for [default: the same].
    text
        What the buyer says. Personal.
    evidence
        The SHA-256 of a file.
    role
        Who asks: buyer, merchant or service [default: buyer].
    actor
        Who sends it, such as staff:7.
    """
    _request(
        pb.RequestCaseRequest,
        connection,
        order_id,
        kind,
        reason,
        lines,
        key,
        amount,
        sku,
        text,
        evidence,
        role,
        actor,
    )


def preview(
    order_id: str,
    kind: KindName,
    reason: ReasonName,
    /,
    *lines: Lines,
    amount: str = "",
    sku: str = "",
    evidence: Files = (),
    role: RoleName | None = None,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what `request` would be answered, and changes nothing.

    For example:
      holdfast aftersales preview 3766223186315821678 return-refund no-reason 1=1

    Parameters
    ----------
    order_id
        The order.
    kind
        What for, as for `request`.
    reason
        Why, as for `request`.
    lines
        LINE=UNITS each, as for `request`.
    amount
        The amount that is wanted, such as 9.99.
    sku
        The article that an exchange is for.
    evidence
        The SHA-256 of a file.
    role
        Who asks.
    """
    _request(
        pb.PreviewCaseRequest,
        connection,
        order_id,
        kind,
        reason,
        lines,
        "preview",
        amount,
        sku,
        "",
        evidence,
        role,
        "staff",
    )


def _request(
    message: Any,
    connection: OrdersConnection,
    order_id: str,
    kind: str,
    reason: str,
    lines: Iterable[str],
    key: str,
    amount: str,
    sku: str,
    text: str,
    evidence: tuple[str, ...],
    role: str | None,
    actor: str,
) -> None:
    asked = message(
        order_id=order_id,
        case_key=key,
        kind=pb.CaseKind.Value(f"CASE_KIND_{kind}"),
        reason=pb.CaseReason.Value(f"CASE_REASON_{reason}"),
        lines=[line_in(line) for line in lines],
        wanted_minor=minor_of(connection, order_id, amount),
        wanted_sku=sku,
        text=text,
        evidence=evidence,
        role=role_number(role),
        actor=actor,
    )
    print_result(connection, connection.decide(asked))
