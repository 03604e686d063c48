"""`holdfast orders remark|remarks|correct`: the contact log of an order (沟通记录)."""

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Limit
from holdfast.cli.orders.arguments import OrderId
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.options import NO_CORRECTIONS, CorrectionOptions
from holdfast.cli.orders.tables import print_answer, print_list
from holdfast.cli.output import table_of
from holdfast.order.v1 import order_pb2 as pb


def remark(
    order_id: OrderId,
    text: str,
    /,
    *,
    author: str = "staff",
    channel: str = "note",
    key: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Writes into an order's contact log what somebody said.

    For example:
      holdfast orders remark 3766223186315821678 "Leave it at the door, please" \\
        --author buyer --channel phone

    Parameters
    ----------
    text
        What was said.
    author
        Who said it, such as buyer or staff:7.
    channel
        How, such as phone, chat or note.
    key
        The entry's id, for saying it once [default: a new one].
    """
    key = new_key(key)
    request = pb.AddRemarkRequest(
        order_id=order_id, remark_id=key, author=author, channel=channel, text=text
    )
    answer = connection.decide_once(request, key)
    print_answer(connection, answer, f"Noted with {order_id}.", key=key)


def remarks(
    order_id: OrderId,
    /,
    *,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Shows an order's contact log. What is in it is personal.

    For example:
      holdfast orders remarks 3766223186315821678
    """
    print_list(
        connection, pb.ListRemarksRequest(order_id=order_id), "remarks", limit, _print_remarks
    )


_print_remarks = table_of({"When": "at_ms", "Who": "author", "How": "channel", "What": "text"})


def correct(
    order_id: OrderId,
    /,
    *,
    confirmed_via: str,
    corrections: CorrectionOptions = NO_CORRECTIONS,
    actor: str = "staff",
    key: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Corrects who receives an order, and where, before a parcel has a waybill.

    Only what the buyer has confirmed: how goes into the contact log. What is not
    given stays as it is.

    For example:
      holdfast orders correct 3766223186315821678 --street "3 High Street" \\
        --confirmed-via phone --actor staff:7

    Parameters
    ----------
    confirmed_via
        How the buyer confirmed it, such as phone or chat.
    actor
        Who has it corrected, such as staff:7.
    key
        The correction's id, for doing it once [default: a new one].
    """
    delivery = connection.run(lambda client: client.get(order_id)).delivery
    corrections.apply(delivery)
    key = new_key(key)
    request = pb.CorrectDeliveryRequest(
        order_id=order_id,
        correction_id=key,
        delivery=delivery,
        actor=actor,
        confirmed_by_buyer_via=confirmed_via,
    )
    answer = connection.decide_once(request, key)
    print_answer(connection, answer, f"Corrected the delivery of {order_id}.", key=key)
