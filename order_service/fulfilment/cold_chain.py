"""Parcels that must be kept warm or cold on their way (冷链, O9). Pure."""

from order_service.fulfilment.incidents import open_incident
from order_service.fulfilment.warehouse import shipment_of
from order_service.order.draft import Draft
from order_service.order.model import IncidentKind, Shipment
from order_service.order.records import TemperatureReading


def reading_key(shipment_id: str, sensor: str, read_at_ms: int) -> str:
    """The key under which a reading has its effect once."""
    return f"reading/{shipment_id}/{sensor}/{read_at_ms}"


def read_temperature(
    draft: Draft, shipment_id: str, sensor: str, read_at_ms: int, millicelsius: int
) -> Shipment:
    """Writes a reading down; a reading out of the parcel's limits opens a TEMPERATURE incident.

    Raises Refused: NOT_FOUND.
    """
    shipment = shipment_of(draft, shipment_id)
    wrong = out_of_limits(shipment, millicelsius)
    draft.record(
        TemperatureReading(
            shipment_id=shipment_id,
            sensor=sensor,
            read_at_ms=read_at_ms,
            order_id=shipment.order_id,
            millicelsius=millicelsius,
            out_of_limits=bool(wrong),
        )
    )
    if wrong:
        open_incident(draft, shipment, IncidentKind.TEMPERATURE, wrong)
    return shipment


def out_of_limits(shipment: Shipment, millicelsius: int) -> str:
    """How a temperature breaks a parcel's limits; "" if it does not."""
    lowest, highest = shipment.temperature_min_millicelsius, shipment.temperature_max_millicelsius
    if lowest is not None and millicelsius < lowest:
        return f"{millicelsius / 1000:g} °C, below {lowest / 1000:g} °C"
    if highest is not None and millicelsius > highest:
        return f"{millicelsius / 1000:g} °C, above {highest / 1000:g} °C"
    return ""
