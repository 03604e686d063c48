"""Carriers' events of return legs that have a waybill of their own, in any order. Pure.

A parcel that comes back as it was sent is told of under its own waybill (tracking.py). Every event
is kept; a leg only goes forward, and what is delivered is delivered to us.
"""

from collections.abc import Mapping
from typing import Final

from order_service.order.clocks import believed_ms
from order_service.order.draft import Draft
from order_service.order.parts import PART_KINDS
from order_service.order.records import LegNews, TrackingKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.return_legs import LEG, LegEvent, LegState, ReturnLeg

_K = TrackingKind
_UNDER_WAY: Final = (_K.COLLECTED, _K.IN_TRANSIT, _K.HUB, _K.OUT_FOR_DELIVERY)
MEANS: Final[Mapping[TrackingKind, LegEvent]] = {
    **dict.fromkeys(_UNDER_WAY, LegEvent.SEND),
    _K.SIGNED: LegEvent.ARRIVE,
    _K.RETURNED: LegEvent.ARRIVE,
    _K.LOST: LegEvent.LOSE,
}
"""The events of a leg that a carrier's bring; others change nothing of it."""
_TIMES: Final = {LegEvent.SEND: "sent_at_ms", LegEvent.ARRIVE: "arrived_at_ms"}


def is_leg_id(part_id: str) -> bool:
    """Whether an id looks like that of a return leg."""
    return part_id.rpartition("-")[2].startswith(PART_KINDS[ReturnLeg].letter)


def news_key(news: LegNews) -> str:
    """The key under which an event has its effect once: carriers count the events of a waybill."""
    return f"leg/{news.leg_id}/{news.carrier}/{news.waybill}/{news.event_id}"


def hear(draft: Draft, news: LegNews) -> ReturnLeg:
    """Writes an event down, and brings its leg forward.

    Raises Refused: NOT_FOUND, also for a leg that another carrier has, or under another waybill.
    """
    legs = draft.order.parts_of(ReturnLeg)
    leg = next((each for each in legs if each.leg_id == news.leg_id), None)
    if leg is None or leg.carrier != news.carrier or news.waybill not in ("", leg.waybill):
        raise Refused(RefusalReason.NOT_FOUND, thing="return", name=news.leg_id)
    draft.record(news)
    event = MEANS.get(news.kind)
    if event is LegEvent.LOSE and leg.state is LegState.EXPECTED:
        _move(draft, leg, LegEvent.SEND, news)
    if event is not None and LEG.allows(leg.state, event):
        _move(draft, leg, event, news)
    return leg


def _move(draft: Draft, leg: ReturnLeg, event: LegEvent, news: LegNews) -> None:
    draft.move(leg, event, f"{news.carrier}: {news.kind}")
    if event in _TIMES:
        at_ms = believed_ms(news.happened_at_ms, leg.created_at_ms, draft.now_ms)
        draft.update(leg, **{_TIMES[event]: at_ms})
