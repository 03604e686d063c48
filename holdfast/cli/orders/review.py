"""`holdfast orders review`: orders that wait for a person's verdict, and holds."""

from cyclopts import App

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.orders.arguments import OrderId, Reason
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list
from holdfast.cli.output import table_of
from holdfast.order.v1 import fulfilment_pb2 as pb

review = App(name="review", help="Orders that the review left to a person, and holds.")


@review.command(name="list")
def list_reviews(
    *,
    merchant: str = "",
    overdue: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists the orders that wait for a person, those that wait longest first.

    For example:
      holdfast orders review list
      holdfast orders review list --overdue -o json

    Parameters
    ----------
    merchant
        Only those of which this merchant has a part.
    overdue
        Only those that should have been decided by now.
    """
    request = pb.ListReviewsRequest(merchant_id=merchant, overdue=overdue)
    print_list(connection, request, "reviews", limit, _print_reviews)


_print_reviews = table_of(
    {
        "Order": "order_id",
        "Since": "since_at_ms",
        "Due": "due_at_ms",
        "Because": lambda review: "; ".join(review.findings),
    }
)


@review.command
def approve(
    order_id: OrderId,
    reason: Reason = "",
    /,
    *,
    merchant: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lets an order through to the warehouse.

    For example:
      holdfast orders review approve 3766223186315821678 "the remark was read"

    Parameters
    ----------
    merchant
        Approve this merchant's part only; the others are on hold until they are, too.
    actor
        Who says so, such as staff:7.
    """
    request = _verdict("APPROVE", order_id, reason, merchant, actor)
    print_answer(connection, connection.decide(request), f"Let {order_id} through.")


@review.command
def refuse(
    order_id: OrderId,
    reason: Reason,
    /,
    *,
    merchant: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Cancels an order that cannot be shipped; what was paid goes back.

    For example:
      holdfast orders review refuse 3766223186315821678 "no such street"

    Parameters
    ----------
    merchant
        Refuse this merchant's part only; the order goes on without it.
    actor
        Who says so, such as staff:7.
    """
    request = _verdict("REFUSE", order_id, reason, merchant, actor)
    print_answer(connection, connection.decide(request), f"Refused {order_id}.")


@review.command
def hold(
    order_id: OrderId,
    reason: Reason,
    /,
    *,
    merchant: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Holds an order before it has left: nothing of it is picked or shipped.

    For example:
      holdfast orders review hold 3766223186315821678 "the buyer moves house"

    Parameters
    ----------
    merchant
        Hold this merchant's part only; the others go on.
    actor
        Who says so, such as staff:7.
    """
    request = pb.HoldOrderRequest(
        order_id=order_id, actor=actor, reason=reason, merchant_id=merchant
    )
    print_answer(connection, connection.decide(request), f"Holding {order_id}.")


@review.command
def release(
    order_id: OrderId,
    reason: Reason,
    /,
    *,
    merchant: str = "",
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lets an order that is on hold go on from where it was.

    For example:
      holdfast orders review release 3766223186315821678 "the address is right"

    Parameters
    ----------
    merchant
        Release this merchant's part only.
    actor
        Who says so, such as staff:7.
    """
    request = pb.ReleaseHoldRequest(
        order_id=order_id, actor=actor, reason=reason, merchant_id=merchant
    )
    print_answer(connection, connection.decide(request), f"Released {order_id}.")


def _verdict(
    verdict: str, order_id: str, reason: str, merchant: str, actor: str
) -> pb.ReviewOrderRequest:
    return pb.ReviewOrderRequest(
        order_id=order_id,
        verdict=pb.ReviewVerdict.Value(f"REVIEW_VERDICT_{verdict}"),
        actor=actor,
        reason=reason,
        merchant_id=merchant,
    )
