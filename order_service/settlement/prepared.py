"""The moves of events that other rooms bring: chargebacks, presents, money from outside. Pure."""

from collections.abc import Iterator

from order_service.order.journals import Account, Move
from order_service.settlement.accounts import (
    BANK,
    CHARGEBACK,
    COMPENSATION,
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
