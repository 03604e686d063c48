"""Intercepts: a parcel on its way that its carrier is asked to bring back (拦截).

With their struct, states and machine.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from order_service.order.machines import Machine


class InterceptState(StrEnum):
    """How far a parcel is stopped."""

    ASKED = "ASKED"
    """The carrier is to be asked, by us or by a person."""
    ACCEPTED = "ACCEPTED"
    """The carrier brings it back, unless it is too late after all."""
    BACK = "BACK"
    """Here again. An end."""
    REFUSED = "REFUSED"
    """The carrier does not do it: the parcel goes on to its buyer. An end."""
    TOO_LATE = "TOO_LATE"
    """Signed for meanwhile. An end."""


class InterceptEvent(StrEnum):
    """The events that move an intercept."""

    ACCEPT = "ACCEPT"
    REFUSE = "REFUSE"
    COME_BACK = "COME_BACK"
    SIGN = "SIGN"


_S, _E = InterceptState, InterceptEvent
INTERCEPT: Final = Machine(
    "intercept",
    _S.ASKED,
    {
        _S.ASKED: {
            _E.ACCEPT: _S.ACCEPTED,
            _E.REFUSE: _S.REFUSED,
            _E.COME_BACK: _S.BACK,
            _E.SIGN: _S.TOO_LATE,
        },
        _S.ACCEPTED: {
            _E.REFUSE: _S.REFUSED,
            _E.COME_BACK: _S.BACK,
            _E.SIGN: _S.TOO_LATE,
        },
        _S.BACK: {},
        _S.REFUSED: {},
        _S.TOO_LATE: {},
    },
)
ASKED_FOR: Final = frozenset({_S.ASKED, _S.ACCEPTED})
"""A parcel that turns back meanwhile was intercepted."""


class Intercept(Struct):
    """One request to a carrier to bring a parcel back."""

    intercept_id: str
    order_id: str
    state: InterceptState
    shipment_id: str
    created_at_ms: int
    updated_at_ms: int
