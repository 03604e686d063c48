"""Chargebacks: money of a payment that the buyer's bank takes back (拒付).

With their struct, states and machine.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from order_service.order.machines import Machine


class ChargebackState(StrEnum):
    """How far a bank is with a chargeback."""

    NOTICED = "NOTICED"
    """The bank has taken the money; evidence may be given, at its provider, until it is due."""
    UNDER_REVIEW = "UNDER_REVIEW"
    """The bank decides."""
    WON = "WON"
    """The money is ours again: the bank has found so, or the buyer has let it be. An end."""
    LOST = "LOST"
    """The bank keeps the money. An end."""


class ChargebackEvent(StrEnum):
    """The events that move a chargeback."""

    REVIEW = "REVIEW"
    WIN = "WIN"
    LOSE = "LOSE"


_S, _E = ChargebackState, ChargebackEvent
_ENDS: Final[dict[StrEnum, StrEnum]] = {_E.WIN: _S.WON, _E.LOSE: _S.LOST}
CHARGEBACK: Final = Machine(
    "chargeback",
    _S.NOTICED,
    {
        _S.NOTICED: {_E.REVIEW: _S.UNDER_REVIEW, **_ENDS},
        _S.UNDER_REVIEW: _ENDS,
        _S.WON: {},
        _S.LOST: {},
    },
)
OPEN: Final = frozenset({_S.NOTICED, _S.UNDER_REVIEW})
"""Meanwhile nobody can have the money."""


class Chargeback(Struct):
    """Money of one payment that a bank takes back, once per number of the provider's."""

    chargeback_id: str
    order_id: str
    state: ChargebackState
    payment_id: str
    provider_ref: str
    """The provider's number of it."""
    amount_minor: int
    """All that the bank took, without its fee."""
    currency: str
    created_at_ms: int
    updated_at_ms: int
    disputed_minor: int = 0
    """The part of it that was left of the payment: it neither went back nor is asked to."""
    fee_minor: int = 0
    """The provider's own charge for it, which is not given back with the money."""
    due_at_ms: int = 0
    """Until when evidence may be given; 0 where the provider has not said."""
    refund_id: str = ""
    """The refund that its money became when it was lost; "" before."""

    @property
    def excess_minor(self) -> int:
        """The money beyond what was left: it had gone back before."""
        return self.amount_minor - self.disputed_minor
