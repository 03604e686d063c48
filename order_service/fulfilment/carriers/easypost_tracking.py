"""Reads EasyPost's trackers: the events of a parcel, piece by piece. Pure.

A tracker repeats all that was reported of a parcel each time. A detail that cannot be read takes no
other with it: it is left aside, and counted.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from order_service.fulfilment.carriers.port import CarrierEvent, CarrierUnreachable
from order_service.order.records import TrackingKind

_K = TrackingKind
# By EasyPost's `status_detail`, where that tells more than its `status`.
_OF_DETAIL: Final = {
    "lost": _K.LOST,
    "damaged": _K.DAMAGED,
    "arrived_at_facility": _K.HUB,
    "departed_facility": _K.HUB,
    "refused": _K.REFUSED,
    "return": _K.RETURNING,
}
_OF_STATUS: Final = {
    "in_transit": _K.IN_TRANSIT,
    "out_for_delivery": _K.OUT_FOR_DELIVERY,
    "delivered": _K.SIGNED,
    "available_for_pickup": _K.HUB,
    "return_to_sender": _K.RETURNING,
    "failure": _K.ATTEMPT_FAILED,
}


class Tracked(NamedTuple):
    """The events of a tracker, and the number of its details that cannot be read."""

    events: list[CarrierEvent]
    unreadable: int


def read_tracker(tracker: object) -> Tracked:
    """Reads a tracker. Raises ValueError where nothing of it says which parcel it is about."""
    code = _text(tracker, "tracking_code")
    details = tracker.get("tracking_details") if isinstance(tracker, Mapping) else None
    if not code or not isinstance(details or [], list):
        raise ValueError("tracking_code or tracking_details")
    events: list[CarrierEvent] = []
    unreadable = 0
    for detail in details or []:
        try:
            event = _event_of(code, detail)
        except (ValueError, OverflowError, CarrierUnreachable):
            unreadable += 1
        else:
            events += [event] if event else []
    return Tracked(events, unreadable)


def _event_of(code: str, detail: object) -> CarrierEvent | None:
    """The event of a detail, None for a kind that is nothing to us. Raises ValueError."""
    status, status_detail = _text(detail, "status"), _text(detail, "status_detail")
    if not status and not status_detail:
        raise ValueError("status")
    kind = _OF_DETAIL.get(status_detail) or _OF_STATUS.get(status)
    if kind is None:
        return None
    at = _text(detail, "datetime")
    location: Any = detail.get("tracking_location") if isinstance(detail, Mapping) else None
    place = " ".join(filter(None, (_text(location, "city"), _text(location, "country"))))
    # EasyPost gives its details no ids: what a detail says is its id.
    digest = hashlib.sha256(f"{at}|{status}|{status_detail}|{place}".encode()).hexdigest()[:16]
    return CarrierEvent(
        event_id=f"{code}-{digest}",
        waybill=code,
        kind=kind,
        happened_at_ms=_milliseconds(at),
        place=place,
    )


def _text(thing: object, name: str) -> str:
    """A text of an object of JSON; "" where it has none of that name."""
    found = thing.get(name) if isinstance(thing, Mapping) else None
    return found if isinstance(found, str) else ""


def _milliseconds(at: str) -> int:
    """A time of ISO 8601, in UTC unless it names another offset. Raises ValueError."""
    moment = datetime.fromisoformat(at)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(aware.timestamp() * 1_000)
