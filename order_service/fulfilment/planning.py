"""Plans the shipments of a reviewed order (O5, O6). Pure.

A shipment is of one merchant, from one warehouse and one zone of it: articles that lie together are
picked together, and articles that must be kept cold are not packed with others.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from order_service.catalogue.model import Article
from order_service.order.draft import Draft
from order_service.order.machines import SHIPMENT
from order_service.order.model import Shipment, ShipmentLine
from order_service.order.states import OrderEvent, ShipmentState
from order_service.order.tasks import SourceAnew, todos

Articles = Mapping[str, Article]
"""By SKU. An article that is missing has no zone and no limits."""


def plan_shipments(draft: Draft, articles: Articles, why: str) -> list[Shipment]:
    """Sends a reviewed order to its warehouses: CONFIRMED becomes IN_FULFILMENT."""
    by_place: dict[tuple[int, str, str], list[ShipmentLine]] = defaultdict(list)
    for line in draft.order.lines:
        units = line.quantity - line.cancelled - line.shipped
        if units:
            key = (line.sub_order_no, line.location, _zone_of(articles, line.sku))
            by_place[key].append(ShipmentLine(line.line_no, line.sku, units))
    draft.move(draft.order, OrderEvent.REVIEWED, why)
    planned = []
    for (sub_order_no, location, zone), lines in sorted(by_place.items()):
        coldest, warmest = _limits_of(articles, lines)
        shipment = _blank(draft, sub_order_no, location, zone, tuple(lines))
        shipment.temperature_min_millicelsius = coldest
        shipment.temperature_max_millicelsius = warmest
        draft.add(shipment)
        planned.append(shipment)
    if todos(draft.order, SourceAnew):  # the delivery was corrected since its stock was reserved
        draft.remind(SourceAnew(), draft.now_ms)
    return planned


def plan_like(
    draft: Draft,
    other: Shipment,
    lines: tuple[ShipmentLine, ...],
    *,
    replaces: str,
    location: str = "",
) -> Shipment:
    """Plans a shipment like another, but for its lines and, where given, its location."""
    location = location or other.location
    zone = other.zone if location == other.location else ""
    shipment = _blank(draft, other.sub_order_no, location, zone, lines)
    shipment.replaces = replaces
    shipment.given_away = other.given_away
    shipment.temperature_min_millicelsius = other.temperature_min_millicelsius
    shipment.temperature_max_millicelsius = other.temperature_max_millicelsius
    draft.add(shipment)
    return shipment


def plan_alone(
    draft: Draft, sub_order_no: int, location: str, lines: tuple[ShipmentLine, ...]
) -> Shipment:
    """Plans a shipment of some units, whatever else of the order is planned."""
    shipment = _blank(draft, sub_order_no, location, "", lines)
    draft.add(shipment)
    return shipment


def _blank(
    draft: Draft, sub_order_no: int, location: str, zone: str, lines: tuple[ShipmentLine, ...]
) -> Shipment:
    """A shipment of which only the lines are known yet."""
    return Shipment(
        shipment_id=draft.next_part_id(Shipment),
        order_id=draft.order.order_id,
        sub_order_no=sub_order_no,
        state=ShipmentState(SHIPMENT.first),
        location=location,
        lines=lines,
        zone=zone,
        wave_id="",
        carrier="",
        service="",
        waybill="",
        weight_g=0,
        freight_minor=0,
        created_at_ms=draft.now_ms,
        updated_at_ms=draft.now_ms,
    )


def _zone_of(articles: Articles, sku: str) -> str:
    return articles[sku].zone if sku in articles else ""


def _limits_of(articles: Articles, lines: Sequence[ShipmentLine]) -> tuple[int | None, int | None]:
    """The narrowest temperature limits of the articles in a shipment."""
    inside = [articles[line.sku] for line in lines if line.sku in articles]
    lowest = [article.temperature_min_millicelsius for article in inside]
    highest = [article.temperature_max_millicelsius for article in inside]
    return (
        max((limit for limit in lowest if limit is not None), default=None),
        min((limit for limit in highest if limit is not None), default=None),
    )
