"""The accounts by name, and the moves between two of them that an event makes."""

from typing import Final

from order_service.order.journals import Account, AccountKind, JournalKind, Move

_A, _J = AccountKind, JournalKind
BANK: Final = Account(_A.BANK)
ESCROW: Final = Account(_A.ESCROW)
REFUNDING: Final = Account(_A.REFUNDING)
SUSPENSE: Final = Account(_A.SUSPENSE)
COUPON: Final = Account(_A.COUPON)
COMPENSATION: Final = Account(_A.COMPENSATION)
CHARGEBACK: Final = Account(_A.CHARGEBACK)
COMMISSION: Final = Account(_A.COMMISSION)
FREIGHT: Final = Account(_A.FREIGHT)
PROVIDER_FEE: Final = Account(_A.PROVIDER_FEE)
LOSS: Final = Account(_A.LOSS)

BETWEEN: Final[dict[JournalKind, tuple[AccountKind, AccountKind]]] = {
    _J.COMMISSION: (_A.MERCHANT, _A.COMMISSION),
    _J.COMMISSION_BACK: (_A.COMMISSION, _A.MERCHANT),
    _J.SERVICE_FEE: (_A.MERCHANT, _A.SERVICE_FEE),
    _J.HOLD: (_A.MERCHANT, _A.HELD),
    _J.UNHOLD: (_A.HELD, _A.MERCHANT),
    _J.PENALTY: (_A.MERCHANT, _A.PENALTY),
    _J.PAYOUT: (_A.MERCHANT, _A.PAYOUT),
    _J.PAYOUT_SENT: (_A.PAYOUT, _A.BANK),
    _J.PAYOUT_RETURNED: (_A.BANK, _A.PAYOUT),
    _J.PAYOUT_GIVEN_UP: (_A.PAYOUT, _A.MERCHANT),
    _J.DEPOSIT: (_A.BANK, _A.DEPOSIT),
    _J.DEPOSIT_USED: (_A.DEPOSIT, _A.MERCHANT),
    # Above 0 the merchant gets it; below 0 it is taken.
    _J.CORRECTION: (_A.LOSS, _A.MERCHANT),
    _J.WRITE_OFF: (_A.LOSS, _A.MERCHANT),
}
"""The events that move one amount between two accounts: which is debited, and which credited."""

_OF_A_MERCHANT: Final = frozenset({_A.MERCHANT, _A.HELD, _A.PAYOUT, _A.DEPOSIT})


def between(kind: JournalKind, merchant_id: str, amount_minor: int) -> Move:
    """The move of an event that is about one merchant."""
    debit, credit = (
        Account(side, merchant_id if side in _OF_A_MERCHANT else "") for side in BETWEEN[kind]
    )
    return Move(debit, credit, amount_minor)


def merchant(merchant_id: str) -> Account:
    """The account of what a merchant has earned."""
    return Account(_A.MERCHANT, merchant_id)


def held(merchant_id: str) -> Account:
    """The account of what of it is frozen."""
    return Account(_A.HELD, merchant_id)


def provider(name: str) -> Account:
    """The account of money that a provider has."""
    return Account(_A.PROVIDER, name)


def carrier(name: str) -> Account:
    """The account of money that a carrier has collected."""
    return Account(_A.CARRIER, name)
