"""`holdfast aftersales list|get|explain`: the cases that buyers have opened."""

from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter

from holdfast.cli.aftersales.returns import names_of
from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit, named
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, state_of, units_text
from holdfast.cli.output import enum_name, plain, print_json, print_table, table_of
from holdfast.cli.times import left_or_ago, local_iso, now_ms
from holdfast.money import amount_text, minor_units
from holdfast.order.v1 import aftersales_pb2 as pb

CaseId = Annotated[str, Parameter(help="The case, such as 3766223186315821678-c1.")]
KindName = Annotated[str, named(names_of(pb.CaseKind), "KIND")]
ReasonName = Annotated[str, named(names_of(pb.CaseReason), "REASON")]
RoleName = Annotated[str, named(names_of(pb.CaseRole), "ROLE")]
StateName = Annotated[str, named(names_of(pb.Case.State), "STATE")]
EventName = Annotated[str, named(names_of(pb.CaseEvent), "EVENT")]
Files = Annotated[tuple[str, ...], Parameter(negative=(), metavar="SHA256")]


def role_number(name: str | None) -> "pb.CaseRole.ValueType":
    return pb.CaseRole.Value(f"CASE_ROLE_{name or 'UNSPECIFIED'}")


def event_number(name: str | None) -> "pb.CaseEvent.ValueType":
    return pb.CaseEvent.Value(f"CASE_EVENT_{name or 'UNSPECIFIED'}")


def currency_of(connection: OrdersConnection, order_id: str) -> str:
    currency: str = connection.run(lambda client: client.get(order_id)).currency
    return currency


def minor_of(connection: OrdersConnection, order_id: str, amount: str) -> int:
    """An amount as it was typed, in minor units of the order's currency."""
    if not amount:
        return 0
    try:
        return minor_units(amount, currency_of(connection, order_id))
    except ValueError as error:
        raise usage_failure(f"{amount}: {error}") from error


def list_cases(
    order_id: str = "",
    /,
    *,
    state: StateName | None = None,
    kind: KindName | None = None,
    ended_too: bool = False,
    overdue: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists what buyers ask for, the oldest order first.

    For example:
      holdfast aftersales list --state with-merchant
      holdfast aftersales list --overdue -o json

    Parameters
    ----------
    order_id
        Only those of this order.
    state
        Only those in this state, such as with-merchant.
    kind
        Only those of this kind, such as return-refund.
    ended_too
        Those that are done or closed, too.
    overdue
        Only those whose deadline has passed.
    """
    request = pb.ListCasesRequest(
        order_id=order_id,
        state=pb.Case.State.Value(state or "STATE_UNSPECIFIED"),
        kind=pb.CaseKind.Value(f"CASE_KIND_{kind or 'UNSPECIFIED'}"),
        ended_too=ended_too,
        overdue=overdue,
    )
    print_list(connection, request, "cases", limit, _print_cases)


def get(
    case_id: CaseId,
    /,
    *,
    personal: bool = False,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows a case.

    For example:
      holdfast aftersales get 3766223186315821678-c1 --personal

    Parameters
    ----------
    personal
        What people wrote and showed, too.
    """
    found = connection.ask(pb.GetCaseRequest(case_id=case_id, with_texts=personal))
    if connection.as_json:
        print_json(plain(found))
        return
    currency = currency_of(connection, found.case.order_id)
    print_table(("Case", case_id), _facts(found.case, currency))
    if found.texts:
        table_of(
            {"Who": lambda said: _name(pb.CaseRole, said.author), "When": "at_ms", "What": "text"}
        )(found.texts)
    if found.files:
        table_of(
            {"Who": lambda file: _name(pb.CaseRole, file.author), "When": "at_ms", "File": "sha256"}
        )(found.files)


def explain(
    case_id: CaseId,
    /,
    *,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says why a case is where it is: rules, clauses and what was compared.

    For example:
      holdfast aftersales explain 3766223186315821678-c1
    """
    found = connection.ask(pb.ExplainCaseRequest(case_id=case_id))
    if connection.as_json:
        print_json(plain(found))
        return
    print_table(("Case", case_id), _facts(found.case, currency_of(connection, found.case.order_id)))
    table_of(
        {
            "When": "at_ms",
            "Who": "actor",
            "What": lambda made: _name(pb.CaseEvent, made.event) if made.event else "opened",
            "Why": "why",
        }
    )(found.decisions)


def _name(enum: Any, number: int) -> str:
    return enum_name(enum.DESCRIPTOR, number)


def print_result(connection: OrdersConnection, answer: Any) -> None:
    case = answer.case
    named_by = case.case_id or "It"
    rule = f" by {case.rule}" if case.rule else ""
    text = (
        f"{named_by} {'is' if case.case_id else 'would be'} {state_of(case)}{rule}{_until(case)}."
    )
    print_answer(connection, answer, text)


def _until(case: Any) -> str:
    if not case.deadline_at_ms:
        return ""
    does = f": then {_name(pb.CaseEvent, case.deadline_does)}" if case.deadline_does else ""
    return f", until {local_iso(case.deadline_at_ms)}{does}"


def _facts(case: Any, currency: str) -> Iterable[tuple[str, str]]:
    yield "Order", case.order_id
    yield "State", f"{state_of(case)}{_until(case)}"
    yield "For", f"{_name(pb.CaseKind, case.kind)}, {_name(pb.CaseReason, case.reason)}"
    yield "Units", units_text(case.lines)
    if case.wanted_minor:
        yield "Wanted", amount_text(case.wanted_minor, currency)
    if case.granted_minor:
        yield "Agreed on", amount_text(case.granted_minor, currency)
    yield "Asked for by", f"{_name(pb.CaseRole, case.opened_by)} at {local_iso(case.created_at_ms)}"
    yield "Triage", case.rule
    for proposal in case.proposals:
        event, by = _name(pb.CaseEvent, proposal.event), _name(pb.CaseRole, proposal.proposed_by)
        amount = amount_text(proposal.amount_minor, currency) if proposal.amount_minor else "all"
        yield (
            "Proposed",
            f"{event} of {amount} by {by}: {_name(pb.CaseProposal.Answer, proposal.answer)}",
        )


_print_cases = table_of(
    {
        "Case": "case_id",
        "State": "state",
        "For": lambda case: _name(pb.CaseKind, case.kind),
        "Reason": lambda case: _name(pb.CaseReason, case.reason),
        "Units": lambda case: units_text(case.lines),
        "Until": lambda case: (
            left_or_ago(case.deadline_at_ms, now_ms()) if case.deadline_at_ms else "-"
        ),
        "Then": lambda case: _name(pb.CaseEvent, case.deadline_does) if case.deadline_does else "-",
    }
)
