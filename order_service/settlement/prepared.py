"""The moves of events that other rooms bring: chargebacks, presents, money from outside. Pure."""

from collections.abc import Iterator

from order_service.order.journals import Account, Move
from order_service.settlement.accounts import (
    BANK,
    CHARGEBACK,
    COMMISSION,
    COMPENSATION,
    COUPON,
    ESCROW,
    LOSS,
    PROVIDER_FEE,
    merchant,
    provider,
)


def remitted(source: Account, arrived_minor: int, fee_minor: int) -> Iterator[Move]:
    """A provider or carrier has paid us what it had, less its fee; or has only taken its fee."""
    yield Move(BANK, source, arrived_minor)
    yield Move(PROVIDER_FEE, source, fee_minor)


def compensated(merchant_id: str, to: Account, amount_minor: int) -> Move:
    """A buyer gets something for a broken promise: from a merchant, or from us where that is ""."""
    return Move(merchant(merchant_id) if merchant_id else COMPENSATION, to, amount_minor)


def charged_back(provider_name: str, taken_minor: int, fee_minor: int = 0) -> Iterator[Move]:
    """A bank has taken money of a payment back, and its fee."""
    yield Move(CHARGEBACK, provider(provider_name), taken_minor)
    yield Move(LOSS, provider(provider_name), fee_minor)


def won(provider_name: str, taken_minor: int) -> Move:
    """The bank has given it back."""
    return Move(provider(provider_name), CHARGEBACK, taken_minor)


def lost_before_earned(taken_minor: int, escrow_minor: int) -> Iterator[Move]:
    """The bank keeps the money of what nobody has earned: what had gone back before is lost."""
    in_escrow_minor = max(0, min(taken_minor, escrow_minor))
    yield Move(ESCROW, CHARGEBACK, in_escrow_minor)
    yield Move(LOSS, CHARGEBACK, taken_minor - in_escrow_minor)


def lost_by_merchant(
    merchant_id: str, taken_minor: int, earned_minor: int, coupon_minor: int, commission_minor: int
) -> Iterator[Move]:
    """The bank keeps what a merchant has earned and is liable for.

    `earned_minor` of the buyer's money and `coupon_minor` of ours are still the merchant's; so is
    the commission of both, which goes back. What had gone back to the buyer before is our loss.
    """
    owed_minor = min(taken_minor, earned_minor)
    yield Move(merchant(merchant_id), CHARGEBACK, owed_minor)
    yield Move(LOSS, CHARGEBACK, taken_minor - owed_minor)
    yield Move(merchant(merchant_id), COUPON, coupon_minor)
    yield Move(COMMISSION, merchant(merchant_id), commission_minor)


def lost_by_platform(taken_minor: int) -> Move:
    """The bank keeps it, and it is our loss."""
    return Move(LOSS, CHARGEBACK, taken_minor)
