"""`holdfast aftersales returns list|announce|receive|inspect`: goods that come back."""

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, NamedTuple

from cyclopts import App, Parameter

from holdfast.cli.arguments import LIST_LIMIT_DEFAULT, PARCELS, Limit, named
from holdfast.cli.failures import usage_failure
from holdfast.cli.orders.connection import DEFAULT_ORDERS_CONNECTION, OrdersConnection
from holdfast.cli.orders.tables import print_answer, print_list, state_of, units_text
from holdfast.cli.output import enum_name, table_of
from holdfast.money import minor_units
from holdfast.order.v1 import returns_pb2 as pb

app = App(name="returns", group=PARCELS, help="Goods that come back, and what becomes of them.")

_GROUP: Final = re.compile(
    r"(?P<line>[0-9]{1,5})=(?P<units>[0-9]{1,7}):(?P<condition>[a-z-]+)"
    r"(?::(?P<fate>[a-z]+)(?:@(?P<deduction>[0-9.]{1,16}))?)?(?:#(?P<serials>[^#]{1,1000}))?"
)


def names_of(enum: Any) -> tuple[str, ...]:
    """The names of an enum, without what the contract puts before them."""
    return tuple(enum_name(enum.DESCRIPTOR, number) for number in enum.values() if number)


CONDITIONS: Final = names_of(pb.JudgedUnits.Condition)
FATES: Final = names_of(pb.JudgedUnits.Fate)
REPAIR: Final = "REPAIR"
"""In stead of a disposition: the units are accepted, and are mended."""
_NO_FATE: Final = dict.fromkeys(("", REPAIR), "FATE_UNSPECIFIED")

LegId = Annotated[str, Parameter(help="The return, such as 3766223186315821678-b1.")]
StateName = Annotated[str, named(names_of(pb.ReturnLeg.State), "STATE")]
KindName = Annotated[str, named(names_of(pb.ReturnLeg.Kind), "KIND")]


class Group(NamedTuple):
    """Units that are judged alike, as they were typed."""

    line_no: int
    quantity: int
    condition: str
    fate: str
    """"" for units that are not accepted."""
    deduction: str
    serials: tuple[str, ...] = ()


def group_in(text: str) -> Group:
    """Reads `LINE=UNITS:CONDITION[:DISPOSITION[@DEDUCTION]]`. Raises ValueError."""
    found = _GROUP.fullmatch(text)
    condition = found["condition"].upper().replace("-", "_") if found else ""
    fate = (found["fate"] or "").upper() if found else ""
    if found is None or condition not in CONDITIONS or fate not in ("", REPAIR, *FATES):
        conditions = ", ".join(name.lower().replace("_", "-") for name in CONDITIONS)
        raise ValueError(
            "must be LINE=UNITS:CONDITION, and :DISPOSITION where they are accepted, such as "
            f"1=2:as-sent:resellable or 1=1:used:refurbish@5.00. A condition is {conditions}; a "
            f"disposition {', '.join(FATES).lower()}; got {text!r}"
        )
    serials = tuple(filter(None, (found["serials"] or "").split(",")))
    units = int(found["units"])
    return Group(int(found["line"]), units, condition, fate, found["deduction"] or "", serials)


def _check_groups(_type: object, given: Any) -> None:
    for text in (given,) if isinstance(given, str) else given:
        group_in(text)


Groups = Annotated[str, Parameter(validator=_check_groups, metavar="GROUP", negative=())]


@app.command(name="list")
def list_returns(
    order_id: str = "",
    /,
    *,
    state: StateName | None = None,
    kind: KindName | None = None,
    location: str = "",
    waybill: str = "",
    limit: Limit = LIST_LIMIT_DEFAULT,
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Lists goods that come back, those of the oldest order first.

    For example:
      holdfast aftersales returns list --state arrived
      holdfast aftersales returns list 3766223186315821678 -o json

    Parameters
    ----------
    order_id
        Only those of this order.
    state
        Only those in this state: expected, on-its-way, arrived, inspected,
        sent-back, never-sent or lost.
    kind
        Only those that come back so: buyer, pickup, refused, return-to-sender,
        intercepted or unannounced.
    location
        Only those that go to, or are in, this warehouse.
    waybill
        Only the one with this number.
    """
    request = pb.ListReturnsRequest(
        order_id=order_id,
        state=pb.ReturnLeg.State.Value(state or "STATE_UNSPECIFIED"),
        kind=pb.ReturnLeg.Kind.Value(kind or "KIND_UNSPECIFIED"),
        location=location,
        waybill=waybill,
    )
    print_list(connection, request, "returns", limit, print_returns)


@app.command
def announce(
    leg_id: LegId,
    carrier: str,
    waybill: str,
    /,
    *,
    actor: str = "buyer",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the buyer has sent the goods of a return.

    Until they are here another waybill corrects the first.

    For example:
      holdfast aftersales returns announce 3766223186315821678-b1 sf SF1234567890

    Parameters
    ----------
    carrier
        The carrier that has them, by its name in the settings if it is one of
        those.
    waybill
        Its number.
    actor
        Who says it, such as buyer or staff:7.
    """
    request = pb.AnnounceReturnRequest(leg_id=leg_id, carrier=carrier, waybill=waybill, actor=actor)
    answer = connection.decide(request)
    text = f"{leg_id} is {state_of(answer.leg)}, to {answer.leg.location}."
    print_answer(connection, answer, text)


@app.command
def receive(
    leg_id: LegId,
    /,
    *,
    location: str = "",
    actor: str = "warehouse",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Says that the goods of a return are here, whatever their carrier says.

    For example:
      holdfast aftersales returns receive 3766223186315821678-b1
      holdfast aftersales returns receive 3766223186315821678-b1 --location bj

    Parameters
    ----------
    location
        The warehouse that has them [default: the one that they were sent to].
    actor
        Who says it, such as warehouse:7.
    """
    request = pb.ReceiveReturnRequest(leg_id=leg_id, location=location, actor=actor)
    answer = connection.decide(request)
    text = f"{leg_id} is {state_of(answer.leg)} at {answer.leg.location}."
    print_answer(connection, answer, text)


@app.command
def inspect(
    leg_id: LegId,
    /,
    *groups: Groups,
    actor: str = "warehouse",
    connection: OrdersConnection = DEFAULT_ORDERS_CONNECTION,
) -> None:
    """Judges the units of a return: which are accepted, and what becomes of them.

    What is accepted is stock again, as its disposition says: resellable on sale,
    refurbish and supplier aside, scrap not at all. The rest goes to the buyer
    again after 15 days.

    For example:
      holdfast aftersales returns inspect 3766223186315821678-b1
      holdfast aftersales returns inspect 3766223186315821678-b1 \\
        1=2:as-sent:resellable 1=1:used:refurbish@5.00 2=1:missing

    Parameters
    ----------
    groups
        LINE=UNITS:CONDITION[:DISPOSITION[@DEDUCTION]] each; without a disposition
        they are not accepted. Conditions: as-sent, used, damaged, wrong-item,
        wrong-serial, missing. Dispositions: resellable, refurbish, supplier,
        scrap; for a repair it is repair, and serial numbers follow a #, such as
        1=1:used:repair#S-1029 [default: all as sent, resellable].
    actor
        Who judges, such as warehouse:7.
    """
    request = pb.InspectReturnRequest(leg_id=leg_id, actor=actor)
    judged = map(group_in, groups) if groups else _all_as_sent(connection, leg_id)
    order_id = leg_id.rpartition("-")[0]
    for group in judged:
        message = request.groups.add(
            line_no=group.line_no,
            quantity=group.quantity,
            condition=pb.JudgedUnits.Condition.Value(group.condition),
            accepted=bool(group.fate),
            fate=pb.JudgedUnits.Fate.Value(_NO_FATE.get(group.fate, group.fate)),
            serials=group.serials,
        )
        if group.deduction:
            message.deduction_minor = _minor(connection, order_id, group.deduction)
    answer = connection.decide(request)
    print_answer(connection, answer, f"{leg_id} is inspected: {_summary(answer.leg.judged)}.")


def _all_as_sent(connection: OrdersConnection, leg_id: str) -> Iterator[Group]:
    """The judgement that all expected units of a return came as they were sent."""
    order_id = leg_id.rpartition("-")[0]
    found = connection.ask(pb.ListReturnsRequest(order_id=order_id, page_size=1_000)).returns
    for leg in found:
        if leg.leg_id == leg_id:
            for line in leg.lines:
                yield Group(line.line_no, line.quantity, "AS_SENT", "RESELLABLE", "")


def _minor(connection: OrdersConnection, order_id: str, amount: str) -> int:
    currency = connection.run(lambda client: client.get(order_id)).currency
    try:
        return minor_units(amount, currency)
    except ValueError as error:
        raise usage_failure(f"@{amount}: {error}") from error


def _summary(judged: Iterable[Any]) -> str:
    return ", ".join(f"{group.sku}={group.quantity} {_found(group)}" for group in judged)


def _found(group: Any) -> str:
    condition = enum_name(pb.JudgedUnits.Condition.DESCRIPTOR, group.condition)
    fate = enum_name(pb.JudgedUnits.Fate.DESCRIPTOR, group.fate) if group.accepted else ""
    return f"{condition} ({fate.lower() or 'not accepted'})".lower().replace("_", " ")


print_returns = table_of(
    {
        "Return": "leg_id",
        "State": "state",
        "Kind": "kind",
        "To": "location",
        "Units": lambda leg: units_text(leg.lines),
        "Parcel": lambda leg: leg.shipment_id.rpartition("-")[2] or "-",
        "Waybill": lambda leg: f"{leg.carrier} {leg.waybill}".strip() or "-",
        "Arrived": "arrived_at_ms",
        "Found": lambda leg: _summary(leg.judged) or "-",
    }
)
