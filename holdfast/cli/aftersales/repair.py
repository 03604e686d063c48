"""`holdfast aftersales repair`: how far a repair is."""

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.arguments import named
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer
from holdfast.cli.output import enum_name
from holdfast.order.v1 import returns_pb2 as pb

_STEPS = {
    enum_name(pb.RepairStep.DESCRIPTOR, number): number
    for number in pb.RepairStep.values()
    if number
}

Step = Annotated[str, named(tuple(_STEPS), "STEP")]


def repair(
    case_id: Annotated[str, Parameter(help="The case, such as 3766223186315821678-c1.")],
    step: Step,
    /,
    *serials: str,
    reason: str = "",
    actor: str = "workshop",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says how far a repair is: the piece that came in goes out again.

    For example:
      holdfast aftersales repair 3766223186315821678-c1 mended S-1029
      holdfast aftersales repair 3766223186315821678-c1 beyond-repair
      holdfast aftersales repair 3766223186315821678-c1 delivered

    Parameters
    ----------
    step
        What is done: mended, beyond-repair (the buyer chooses) or delivered.
    serials
        With mended: the serial numbers of the pieces that go out, where they
        have some.
    reason
        What was done; nothing personal.
    actor
        Who says it, such as workshop:7.
    """
    request = pb.RecordRepairRequest(
        case_id=case_id, step=_STEPS[step], serials=serials, actor=actor, reason=reason
    )
    answer = connection.decide(request)
    print_answer(connection, answer, f"{case_id}: {step.lower().replace('_', ' ')}.")
