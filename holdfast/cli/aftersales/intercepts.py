"""`holdfast aftersales intercept`, `intercepts list|answer`: parcels that are to be stopped."""

from typing import Annotated

from cyclopts import App, Parameter

from holdfast.cli.aftersales.returns import names_of
from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, PARCELS, Limit, named
from holdfast.cli.orders.arguments import Reason, ShipmentId
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, state_of
from holdfast.cli.output import table_of
from holdfast.order.v1 import returns_pb2 as pb

app = App(name="intercepts", group=PARCELS, help="Parcels that carriers are asked to bring back.")

StateName = Annotated[str, named(names_of(pb.Intercept.State), "STATE")]


def intercept(
    shipment_id: ShipmentId,
    reason: Reason,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Stops a parcel: in the warehouse, or by asking its carrier for it.

    One that has not left is left out, and its money goes back at once; that of
    one on its way goes back when it is here again.

    For example:
      holdfast aftersales intercept 3766223186315821678-s1 "wrong address"

    Parameters
    ----------
    actor
        Who wants it, such as staff:7.
    """
    request = pb.InterceptShipmentRequest(shipment_id=shipment_id, reason=reason, actor=actor)
    answer = connection.decide(request)
    asked = answer.intercept
    is_asked = f"is {state_of(answer.shipment)}; {asked.intercept_id} is {state_of(asked)}"
    text = is_asked if asked.intercept_id else f"is {state_of(answer.shipment)}"
    print_answer(connection, answer, f"{shipment_id} {text}.")


@app.command(name="list")
def list_intercepts(
    order_id: str = "",
    /,
    *,
    state: StateName | None = None,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists parcels that carriers are asked to bring back.

    For example:
      holdfast aftersales intercepts list --state asked

    Parameters
    ----------
    order_id
        Only those of this order.
    state
        Only those in this state: asked, accepted, back, refused or too-late.
    """
    request = pb.ListInterceptsRequest(
        order_id=order_id, state=pb.Intercept.State.Value(state or "STATE_UNSPECIFIED")
    )
    print_list(connection, request, "intercepts", limit, _print_intercepts)


@app.command
def answer(
    intercept_id: Annotated[str, Parameter(help="Such as 3766223186315821678-t1.")],
    /,
    *,
    refused: Annotated[bool, Parameter(negative=())] = False,
    reason: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what a carrier answered whom a person asked to bring a parcel back.

    For example:
      holdfast aftersales intercepts answer 3766223186315821678-t1
      holdfast aftersales intercepts answer 3766223186315821678-t1 --refused

    Parameters
    ----------
    refused
        It does not; without this it does.
    reason
        What it said; nothing personal.
    actor
        Who says it, such as staff:7.
    """
    request = pb.AnswerInterceptRequest(
        intercept_id=intercept_id, accepts=not refused, reason=reason, actor=actor
    )
    said = connection.decide(request)
    print_answer(connection, said, f"{intercept_id} is {state_of(said.intercept)}.")


_print_intercepts = table_of(
    {
        "Intercept": "intercept_id",
        "Parcel": "shipment_id",
        "State": "state",
        "Asked": "created_at_ms",
        "Changed": "updated_at_ms",
    }
)
