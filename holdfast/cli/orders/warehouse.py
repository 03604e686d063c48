"""`holdfast orders wave|picks|pick|pack|ship|cancel-shipment`: the warehouse at work."""

from collections.abc import Sequence
from typing import Annotated, Any

from cyclopts import Parameter

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, Count, Limit, units_of_article
from holdfast.cli.arguments import Units as WholeNumber
from holdfast.cli.orders.arguments import (
    ArticleUnits,
    Reason,
    ShipmentId,
)
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection, new_key
from holdfast.cli.orders.tables import print_answer, print_list, state_of
from holdfast.cli.output import table_of
from holdfast.order.v1 import fulfilment_pb2 as pb

_UNITS_FOUND = {
    None: pb.UNITS_FOUND_UNSPECIFIED,
    False: pb.UNITS_FOUND_THERE,
    True: pb.UNITS_FOUND_MISSING,
}


def wave(
    location: str,
    /,
    *,
    zone: str = "",
    limit: Count = LIST_LIMIT_DEFAULT,
    key: str = "",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Puts parcels that wait to be picked into a wave, the oldest first.

    For example:
      holdfast orders wave shanghai-1 --zone cold --limit 50

    Parameters
    ----------
    location
        The warehouse.
    zone
        The zone of the warehouse [default: all].
    limit
        At most so many parcels.
    key
        The wave's id: the same id is the same wave [default: a new one].
    """
    key = new_key(key)
    request = pb.CreateWaveRequest(wave_id=key, location=location, zone=zone, shipments_max=limit)
    answer = connection.decide_once(request, key)
    made = answer.wave
    text = f"Wave {made.wave_id} has {len(made.shipment_ids):,} parcels."
    print_answer(connection, answer, text, key=key)


def waves(
    *,
    location: str = "",
    to_pick: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists waves, the newest first, with what is left to pick of each.

    For example:
      holdfast orders waves --to-pick
      holdfast orders waves --location shanghai-1 -o json

    Parameters
    ----------
    location
        Only those of this warehouse.
    to_pick
        Only those with parcels that are still to be picked.
    """
    request = pb.ListWavesRequest(location=location, to_pick=to_pick)
    print_list(connection, request, "waves", limit, _print_waves)


_print_waves = table_of(
    {
        "Wave": "wave_id",
        "Warehouse": "location",
        "Zone": lambda wave: wave.zone or "all",
        "Parcels": lambda wave: len(wave.shipment_ids),
        "To pick": "to_pick",
        "Made": "created_at_ms",
    }
)


def picks(
    *,
    wave_id: str = "",
    location: str = "",
    zone: str = "",
    overdue: bool = False,
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Prints pick lists: by warehouse, zone, SKU and parcel, with remarks.

    For example:
      holdfast orders picks --location shanghai-1
      holdfast orders picks --overdue -o json

    Parameters
    ----------
    wave_id
        Only those of this wave.
    location
        Only those of this warehouse.
    zone
        Only those of this zone.
    overdue
        Only what should have been picked by now.
    """
    request = pb.ListPicksRequest(wave_id=wave_id, location=location, zone=zone, overdue=overdue)
    print_list(connection, request, "picks", limit, _print_picks)


_print_picks = table_of(
    {
        "Warehouse": "location",
        "Zone": "zone",
        "SKU": "sku",
        "Units": "quantity",
        "Shipment": "shipment_id",
        "Wave": "wave_id",
        "Due": "due_at_ms",
        "Remarks": lambda pick: " / ".join(" ".join(said.split()) for said in pick.remarks) or "-",
    }
)


def pick(
    shipment_id: ShipmentId,
    /,
    *units: ArticleUnits,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says what was taken from the shelves for a parcel.

    Fewer units than planned make the rest a parcel of its own.

    For example:
      holdfast orders pick 3766223186315821678-s1
      holdfast orders pick 3766223186315821678-s1 MUG=1 --actor staff:7

    Parameters
    ----------
    units
        What was taken, SKU=QUANTITY each [default: all that was planned].
    actor
        Who picked it, such as staff:7.
    """
    lines = parcel_lines(units)
    move_shipment(
        connection, pb.ConfirmPickRequest(shipment_id=shipment_id, actor=actor, lines=lines)
    )


def pack(
    shipment_id: ShipmentId,
    /,
    *units: ArticleUnits,
    weight_g: WholeNumber,
    picked_with: Annotated[list[str] | None, Parameter("--with", negative=())] = None,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Checks what was scanned into a parcel; its waybill is then asked for.

    What was picked in other zones of the warehouse goes in the same parcel.

    For example:
      holdfast orders pack 3766223186315821678-s1 MUG=2 TEA=1 --weight-g 950
      holdfast orders pack 3766223186315821678-s1 MUG=2 ICE=1 \\
        --with 3766223186315821678-s2 --weight-g 950 -o json

    Parameters
    ----------
    units
        What was scanned, SKU=QUANTITY each; a SKU may come more than once.
    weight_g
        What the parcel weighs, in grams.
    picked_with
        Another pick of the order whose units are in the parcel, too; may come
        more than once.
    actor
        Who packed it, such as staff:7.
    """
    lines = parcel_lines(units)
    move_shipment(
        connection,
        pb.ConfirmPackingRequest(
            shipment_id=shipment_id,
            actor=actor,
            lines=lines,
            weight_g=weight_g,
            with_shipment_ids=picked_with or (),
        ),
    )


def parcel_lines(units: Sequence[str]) -> list[pb.ParcelLine]:
    """The units that a command names."""
    read = [units_of_article(text) for text in units]
    return [pb.ParcelLine(sku=each.sku, quantity=each.quantity) for each in read]


def ship(
    shipment_id: ShipmentId,
    /,
    *,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that a parcel has left the warehouse: its units leave the stock.

    For example:
      holdfast orders ship 3766223186315821678-s1

    Parameters
    ----------
    actor
        Who handed it over, such as staff:7.
    """
    move_shipment(connection, pb.ShipShipmentRequest(shipment_id=shipment_id, actor=actor))


def cancel_shipment(
    shipment_id: ShipmentId,
    reason: Reason,
    /,
    *,
    units_missing: bool | None = None,
    refund_only: bool = False,
    actor: str = "staff",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Leaves a parcel that has not left out of its order: its money goes back.

    The order goes on with its other parcels, and is cancelled if there are none.
    Units that are not there come from another warehouse, if one has them.

    For example:
      holdfast orders cancel-shipment 3766223186315821678-s2 "must not go"
      holdfast orders cancel-shipment 3766223186315821678-s2 "not there" \\
        --units-missing
      holdfast orders cancel-shipment 3766223186315821678-s2 "gone" \\
        --units-missing --refund-only

    Parameters
    ----------
    units_missing
        Whether its units are not there: they leave the stock, in stead of
        going on sale again [default: as its picker has said].
    refund_only
        Sends the money back at once, and asks no other warehouse.
    actor
        Who cancels it, such as staff:7.
    """
    move_shipment(
        connection,
        pb.CancelShipmentRequest(
            shipment_id=shipment_id,
            reason=reason,
            actor=actor,
            units_found=_UNITS_FOUND[units_missing],
            refund_only=refund_only,
        ),
    )


def move_shipment(connection: OrdersConnection, request: Any) -> None:
    """Sends a command that moves a shipment, and prints the shipment's state after it."""
    print_moved(connection, connection.decide(request))


def print_moved(connection: OrdersConnection, answer: Any, *, key: str = "") -> None:
    """Prints the state of a shipment that a command has moved."""
    rest = "".join(f" {made.shipment_id} was made beside it." for made in answer.new_shipments)
    text = f"{answer.shipment.shipment_id} is {state_of(answer.shipment)}.{rest}"
    print_answer(connection, answer, text, key=key)
