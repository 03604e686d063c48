"""`holdfast aftersales answer|propose|agree|withdraw`: a case is decided."""

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.aftersales.cases import (
    CaseId,
    EventName,
    Files,
    RoleName,
    event_number,
    minor_of,
    print_result,
    role_number,
)
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.order.v1 import aftersales_pb2 as pb


def answer(
    case_id: CaseId,
    event: EventName | None = None,
    /,
    *,
    role: RoleName,
    amount: str = "",
    text: str = "",
    evidence: Files = (),
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Decides a case, or answers what was asked; without an event it is approved.

    Merchant and service approve (or say refund, stop, take-back, replace or
    collect), ask-buyer, ask-service and reject; the buyer answers or declines; the
    warehouse says stopped or not-stopped.

    For example:
      holdfast aftersales answer 3766223186315821678-c1 --role merchant
      holdfast aftersales answer 3766223186315821678-c1 reject --role merchant \\
        --text "It was worn"

    Parameters
    ----------
    event
        What happens [default: it is approved].
    role
        Who answers: buyer, merchant, service or warehouse.
    amount
        The amount that goes back, no more than was asked for.
    text
        Words to the others; reject needs some. Personal.
    evidence
        The SHA-256 of a file.
    actor
        Who sends it, such as staff:7.
    """
    said = pb.AnswerCaseRequest(
        case_id=case_id,
        role=role_number(role),
        event=event_number(event),
        amount_minor=minor_of(connection, case_id.rpartition("-")[0], amount),
        text=text,
        evidence=evidence,
        actor=actor,
    )
    print_result(connection, connection.decide(said))


def propose(
    case_id: CaseId,
    event: EventName,
    /,
    *,
    role: RoleName,
    amount: str = "",
    text: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Proposes another end to the buyer, who has to answer.

    For example:
      holdfast aftersales propose 3766223186315821678-c1 refund --amount 9.99 \\
        --role merchant --text "Keep it, and have half of it back"

    Parameters
    ----------
    event
        What the buyer's yes does: refund, take-back, replace or collect.
    role
        Who proposes: merchant or service.
    amount
        The amount that goes back [default: what the units cost].
    text
        Words to the buyer. Personal.
    actor
        Who sends it, such as staff:7.
    """
    said = pb.ProposeToBuyerRequest(
        case_id=case_id,
        role=role_number(role),
        event=event_number(event),
        amount_minor=minor_of(connection, case_id.rpartition("-")[0], amount),
        text=text,
        actor=actor,
    )
    print_result(connection, connection.decide(said))


def agree(
    case_id: CaseId,
    /,
    *,
    no: Annotated[bool, Parameter(negative=())] = False,
    text: str = "",
    role: RoleName | None = None,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Agrees to what was proposed, which is then done; with --no, declines it.

    For example:
      holdfast aftersales agree 3766223186315821678-c1
      holdfast aftersales agree 3766223186315821678-c1 --no \\
        --text "All of it, please"

    Parameters
    ----------
    no
        Declines it. After the second no the service desk decides.
    text
        Words to the others. Personal.
    role
        Who answers: buyer, or service for the buyer [default: buyer].
    actor
        Who sends it, such as staff:7.
    """
    said = pb.AnswerProposalRequest(
        case_id=case_id, role=role_number(role), agree=not no, text=text, actor=actor
    )
    print_result(connection, connection.decide(said))


def withdraw(
    case_id: CaseId,
    /,
    *,
    role: RoleName | None = None,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Takes a request back.

    For example:
      holdfast aftersales withdraw 3766223186315821678-c1

    Parameters
    ----------
    role
        Who does: buyer, or service for the buyer [default: buyer].
    actor
        Who sends it, such as staff:7.
    """
    said = pb.WithdrawCaseRequest(case_id=case_id, role=role_number(role), actor=actor)
    print_result(connection, connection.decide(said))
