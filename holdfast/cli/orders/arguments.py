"""The types of the arguments of `holdfast orders`."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

from cyclopts import Parameter

from holdfast.cli.arguments import named, read_as, units_of_article, whole_number
from holdfast.cli.output import enum_name
from holdfast.order.v1 import fulfilment_pb2, order_pb2

NO_LIMIT = "none"
_DEGREES = re.compile(r"([+-]?)([0-9]{1,3})(?:\.([0-9]{1,3}))?")


class Wanted(NamedTuple):
    """Units of an article, and what one costs, as it was typed."""

    sku: str
    quantity: int
    price: str


def wanted_line(text: str) -> Wanted:
    """Reads `SKU=QUANTITY@PRICE`. Raises ValueError."""
    units, separator, price = text.rpartition("@")
    sku, equals, quantity = units.rpartition("=")
    if not (sku and separator and equals and price):
        raise ValueError(f"must be SKU=QUANTITY@PRICE such as MUG=2@12.50; got {text!r}")
    return Wanted(sku, whole_number(quantity, least=1), price)


def millicelsius(text: str) -> int:
    """Reads degrees such as `-18.5` as thousandths of a degree. Raises ValueError."""
    found = _DEGREES.fullmatch(text)
    if found is None:
        raise ValueError(f"must be degrees Celsius such as 4 or -18.5; got {text!r}")
    return int(found[1] + found[2] + (found[3] or "").ljust(3, "0"))


def _limit(text: str) -> int | str:
    return NO_LIMIT if text == NO_LIMIT else millicelsius(text)


def _each(read: Callable[[str], object], metavar: str) -> Parameter:
    """A parameter that may be given more than once; `read` raises ValueError for what it is not."""

    def check(_type: object, given: str | Sequence[str]) -> None:
        for text in (given,) if isinstance(given, str) else given:
            read(text)

    return Parameter(validator=check, metavar=metavar, negative=())


def _one_of(enum: Any, metavar: str) -> Parameter:
    """A parameter that is one of an enum's names, without what the contract puts before them."""
    names = [enum_name(enum.DESCRIPTOR, number) for number in enum.values() if number]
    return named(names, metavar)


# A temperature out of limits is for readings to report, not for people.
REPORTED_KINDS = ("DELAY", "LOSS", "DAMAGE", "WRONG_ITEM", "MISSING_ITEM")

Millicelsius = Annotated[int, read_as(millicelsius, "DEGREES")]
TemperatureLimit = Annotated[int | str, read_as(_limit, "DEGREES")]
# The contract has kinds of tasks as texts; a test holds these against the order service's.
TASK_KINDS = (
    "RESERVE",
    "WAIT_DUE",
    "CONFIRM",
    "RELEASE",
    "CANCEL",
    "EXPIRE",
    "KEEP",
    "CANCEL_PARCEL",
    "SHIP",
    "RETURN",
    "TAKE_IN",
    "LEG_DUE",
    "INTERCEPT",
    "SOURCE",
    "SOURCE_ANEW",
    "START_PAYMENT",
    "QUERY_PAYMENT",
    "CLOSE_PAYMENT",
    "REFUND",
    "LEARN_REFUNDS",
    "PAYMENT_DUE",
    "CANCEL_ORDER",
    "REVIEW",
    "LABEL",
    "VOID_LABEL",
    "TRACK",
    "PICK_DUE",
    "DELIVERY_DUE",
    "RESHIP",
    "COMPLETE",
    "CASH_DUE",
    "EARN",
    "CASE_DUE",
    "REMIND_TO_PAY",
    "NOTIFY_BUYER",
    "NOTIFY_MERCHANT",
    "EVENT",
)

OrderId = Annotated[str, Parameter(help="The order.")]
ShipmentId = Annotated[str, Parameter(help="The parcel.")]
Reason = Annotated[str, Parameter(help="Why, for the order's history; nothing personal.")]
TaskName = Annotated[str, named(TASK_KINDS, "KIND")]
OrderStateName = Annotated[str, _one_of(order_pb2.Order.State, "STATE")]
ShipmentStateName = Annotated[str, _one_of(order_pb2.Shipment.State, "STATE")]
SourceName = Annotated[str, _one_of(order_pb2.OrderSource, "SOURCE")]
ShortageName = Annotated[str, _one_of(order_pb2.ShortagePolicy, "POLICY")]
WishName = Annotated[str, _one_of(order_pb2.DeliveryWish, "WISH")]
TrackingName = Annotated[str, _one_of(fulfilment_pb2.TrackingEvent.Kind, "KIND")]
IncidentName = Annotated[str, _one_of(fulfilment_pb2.Incident.Kind, "KIND")]
ReportedName = Annotated[str, named(REPORTED_KINDS, "KIND")]
ResolutionName = Annotated[str, _one_of(fulfilment_pb2.Resolution, "WHAT")]
# As they were typed: cyclopts takes a type that has parts for several words.
WantedLines = Annotated[list[str], _each(wanted_line, "SKU=QUANTITY@PRICE")]
ArticleUnits = Annotated[str, _each(units_of_article, "SKU=QUANTITY")]
