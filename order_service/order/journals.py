"""The ledger's journals: an event that moves money, and its postings to accounts (复式记账).

A posting above 0 is a debit, one below 0 a credit; those of a journal sum to 0. Amounts are minor
units of the journal's currency. The database holds all of it (migration 0019).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import blake2b
from types import MappingProxyType
from typing import Final, NamedTuple

from msgspec import Struct

from order_service.order.ids import number_of

SLOTS: Final = 64
"""The rows of a shared account's balance: an order has one of them, so that few orders wait for
one another."""


class AccountKind(StrEnum):
    """The kinds of accounts. With a provider, a carrier or a merchant a kind is an account."""

    PROVIDER = "provider"
    """Money of ours that a payment provider has."""
    CARRIER = "carrier"
    """Money of ours that a carrier has collected at the door."""
    BANK = "bank"
    """Money of ours at our bank."""
    ESCROW = "escrow"
    """Paid by buyers, and not earned yet."""
    REFUNDING = "refunding"
    """To go back to buyers, and not sent yet."""
    SUSPENSE = "suspense"
    """Paid without being due: in quarantine, or twice."""
    MERCHANT = "merchant"
    """Earned by a merchant, and not paid out; above 0 the merchant owes it."""
    HELD = "held"
    """Earned by a merchant, and frozen for what is still open."""
    DEPOSIT = "deposit"
    """A merchant's security (保证金)."""
    PAYOUT = "payout"
    """On its way to a merchant."""
    WALLET = "wallet"
    """Credit of buyers."""
    CHARGEBACK = "chargeback"
    """Taken by a bank for its customer, and not decided yet."""
    COMMISSION = "commission"
    SERVICE_FEE = "service_fee"
    FREIGHT = "freight"
    PENALTY = "penalty"
    COUPON = "coupon"
    """The platform's share of coupons."""
    COMPENSATION = "compensation"
    PROVIDER_FEE = "provider_fee"
    LOSS = "loss"


_A = AccountKind
OF_MERCHANTS: Final = frozenset({_A.MERCHANT, _A.HELD, _A.DEPOSIT, _A.PAYOUT})
"""Their postings have numbers without gaps: a statement is a range of them."""
SIDES: Final[Mapping[AccountKind, int]] = MappingProxyType(
    {
        **dict.fromkeys((_A.ESCROW, _A.REFUNDING, _A.WALLET), -1),
        **dict.fromkeys((_A.HELD, _A.PAYOUT, _A.DEPOSIT), -1),
        _A.CHARGEBACK: 1,
    }
)
"""The accounts whose balance is never above 0 (-1), or never below (1)."""


class Account(NamedTuple):
    """An account of a shop. In each currency it has a balance of its own."""

    kind: AccountKind
    whose: str = ""
    """The provider, carrier or merchant; "" where the kind has one account."""

    @property
    def name(self) -> str:
        """The name that people use: `escrow`, `merchant:m1`."""
        return f"{self.kind}:{self.whose}" if self.whose else str(self.kind)

    @property
    def is_shared(self) -> bool:
        """Whether its balance is in slots."""
        return self.kind not in OF_MERCHANTS

    def slot(self, order_id: str) -> int:
        """The slot of its balance that an order has."""
        return number_of(order_id) % SLOTS if order_id and self.is_shared else 0


def account_no(tenant: str, account: Account, currency: str) -> int:
    """The number of a shop's account in a currency: a digest, so that nobody has to look it up."""
    named = f"{tenant}/{account.kind}/{account.whose}/{currency}"
    return int.from_bytes(blake2b(named.encode(), digest_size=8).digest(), "big") >> 1


def account_of(name: str) -> Account:
    """The account of a name. Raises ValueError where there is no such kind."""
    kind, _, whose = name.partition(":")
    return Account(AccountKind(kind), whose)


class JournalKind(StrEnum):
    """The kinds of events that move money."""

    OPENING = "OPENING"
    """Money of before there was a ledger is entered, at the order's first change since."""
    CAPTURED = "CAPTURED"
    QUARANTINED = "QUARANTINED"
    APPROVED = "APPROVED"
    """Money in quarantine pays its order."""
    REFUND = "REFUND"
    """Money is asked to go back."""
    REFUND_SENT = "REFUND_SENT"
    REFUND_BOUNCED = "REFUND_BOUNCED"
    REFUND_DIFFERS = "REFUND_DIFFERS"
    """More went back than was asked for, or money in another currency."""
    RELEASED = "RELEASED"
    """A present that had become a part of a full refund."""
    EARNED = "EARNED"
    """A merchant has earned what its part of an order brought."""
    COMMISSION = "COMMISSION"
    COMMISSION_BACK = "COMMISSION_BACK"
    SERVICE_FEE = "SERVICE_FEE"
    REMITTED = "REMITTED"
    """A provider or a carrier paid us, and kept its fee."""
    HOLD = "HOLD"
    UNHOLD = "UNHOLD"
    COMPENSATION = "COMPENSATION"
    PENALTY = "PENALTY"
    CHARGEBACK = "CHARGEBACK"
    CHARGEBACK_WON = "CHARGEBACK_WON"
    CHARGEBACK_LOST = "CHARGEBACK_LOST"
    PAYOUT = "PAYOUT"
    PAYOUT_SENT = "PAYOUT_SENT"
    PAYOUT_RETURNED = "PAYOUT_RETURNED"
    PAYOUT_GIVEN_UP = "PAYOUT_GIVEN_UP"
    DEPOSIT = "DEPOSIT"
    DEPOSIT_USED = "DEPOSIT_USED"
    CORRECTION = "CORRECTION"
    """Between a merchant and us, as a person has decided; names what it corrects."""
    WRITE_OFF = "WRITE_OFF"


class Posting(NamedTuple):
    """One amount on one account."""

    account: Account
    amount_minor: int


class Move(NamedTuple):
    """An amount from one account to another; one below 0 goes the other way."""

    debit: Account
    credit: Account
    amount_minor: int


class Journal(Struct, frozen=True):
    """An event that moved money. It is written once, and never changes."""

    journal_id: str
    tenant: str
    order_id: str
    """"" where it is of no order."""
    once_key: str
    """The part and event: `r1/sent/7`. Of an order, or of none, each is there once."""
    kind: JournalKind
    currency: str
    actor: str
    at_ms: int
    postings: tuple[Posting, ...]
    corrects: str = ""
    """The journal, or the statement, that it corrects."""

    @property
    def part(self) -> str:
        """The part that it is about: `p1` is a payment of the order, `m0` a merchant's part."""
        return self.once_key.partition("/")[0]


def postings_of(moves: Iterable[Move]) -> tuple[Posting, ...]:
    """The sum of moves on each account, in the order in which they name them; no zeros."""
    sums: dict[Account, int] = {}
    for debit, credit, amount_minor in moves:
        sums[debit] = sums.get(debit, 0) + amount_minor
        sums[credit] = sums.get(credit, 0) - amount_minor
    return tuple(Posting(account, minor) for account, minor in sums.items() if minor)
