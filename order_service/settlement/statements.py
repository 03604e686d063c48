"""Statements of merchants (对账单): their states, deadlines and payouts. Pure.

A statement is a range of the postings on a merchant's account in one currency: opening, lines and
closing. What it says never changes once it is closed; what is posted later is in the next. Amounts
are the merchant's: above 0 they are owed to the merchant.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, structs

from order_service.catalogue.contracts import Contract, period_end_ms
from order_service.order.machines import Machine
from order_service.order.refusals import RefusalReason, Refused, wrong_state

DAY_MS: Final = 86_400_000
SECOND_PERSON_FROM_MINOR: Final = 1_000_000
"""A payout of more takes two people."""


class StatementState(StrEnum):
    """Where a statement is."""

    OPEN = "OPEN"
    """The period runs."""
    CLOSED = "CLOSED"
    """Fixed; the merchant may object."""
    OBJECTED = "OBJECTED"
    """The merchant does not agree; the desk answers."""
    CONFIRMED = "CONFIRMED"
    """To be paid."""
    PAYING = "PAYING"
    """The bank has its payout."""
    PAID = "PAID"
    RETURNED = "RETURNED"
    """The bank did not pay it, or sent it back: the merchant has it again."""
    CARRIED = "CARRIED"
    """Not paid out: it is the opening of the next. An end."""


class StatementEvent(StrEnum):
    """The events that move a statement."""

    CLOSE = "CLOSE"
    CONFIRM = "CONFIRM"
    OBJECT = "OBJECT"
    ANSWER = "ANSWER"
    PAY = "PAY"
    CARRY = "CARRY"
    SENT = "SENT"
    FAIL = "FAIL"


_S, _E = StatementState, StatementEvent
STATEMENT: Final = Machine(
    "statement",
    _S.OPEN,
    {
        _S.OPEN: {_E.CLOSE: _S.CLOSED},
        _S.CLOSED: {_E.CONFIRM: _S.CONFIRMED, _E.OBJECT: _S.OBJECTED},
        # What is corrected is in the next statement.
        _S.OBJECTED: {_E.ANSWER: _S.CLOSED},
        _S.CONFIRMED: {_E.PAY: _S.PAYING, _E.CARRY: _S.CARRIED},
        _S.PAYING: {_E.SENT: _S.PAID, _E.FAIL: _S.RETURNED},
        # A bank may send it back days later.
        _S.PAID: {_E.FAIL: _S.RETURNED},
        _S.RETURNED: {_E.PAY: _S.PAYING, _E.CARRY: _S.CARRIED},
        _S.CARRIED: {},
    },
)
WITHIN_MS: Final[Mapping[StatementState, int]] = {
    _S.CLOSED: 3 * DAY_MS,
    _S.OBJECTED: 3 * DAY_MS,
    _S.CONFIRMED: DAY_MS,
    _S.PAYING: DAY_MS,
}
"""The time that a state may last. Then a closed statement is confirmed, and a confirmed one paid;
the others are overdue, and a person's."""
LAPSES: Final[Mapping[StatementState, StatementEvent]] = {
    _S.OPEN: _E.CLOSE,
    _S.CLOSED: _E.CONFIRM,
    _S.CONFIRMED: _E.PAY,
}
"""The events that come by themselves when the time of a state is over."""


class Statement(Struct, frozen=True):
    """A statement of one merchant and currency."""

    tenant: str
    merchant_id: str
    currency: str
    statement_no: int
    """Counts from 1 for the merchant and currency."""
    state: StatementState
    begins_at_ms: int
    ends_at_ms: int
    from_no: int
    """The first posting is the one after this."""
    opening_minor: int
    entered_at_ms: int
    """When it came into its state."""
    due_at_ms: int
    """Until when its state lasts at most; 0 for any time."""
    to_no: int = 0
    """The last posting; 0 while it is open."""
    closing_minor: int = 0
    payout_no: int = 0
    """How often it was to be paid out."""
    payout_minor: int = 0
    """The money of the last payout."""
    payout_ref: str = ""
    """The bank's number of it."""
    approved_by: str = ""
    """The first of the two people that a large payout takes."""
    why: str = ""
    """The reason of the last move, where there was one; nothing personal."""

    @property
    def statement_id(self) -> str:
        """The name by which people and programs know it: `m1/CNY/3`."""
        return f"{self.merchant_id}/{self.currency}/{self.statement_no}"

    @property
    def payout_id(self) -> str:
        """The number of its last payout, by which the bank knows it: `m1/CNY/3/1`."""
        return f"{self.statement_id}/{self.payout_no}" if self.payout_no else ""


class StatementMove(Struct, frozen=True):
    """An entry of a statement's history."""

    event: StatementEvent
    from_state: StatementState
    to_state: StatementState
    actor: str
    why: str
    at_ms: int


def opened(
    tenant: str,
    merchant_id: str,
    currency: str,
    number: int,
    contract: Contract,
    begins_at_ms: int,
    from_no: int = 0,
    opening_minor: int = 0,
) -> Statement:
    """A statement whose period begins."""
    ends_at_ms = period_end_ms(contract, begins_at_ms)
    return Statement(
        tenant=tenant,
        merchant_id=merchant_id,
        currency=currency,
        statement_no=number,
        state=_S.OPEN,
        begins_at_ms=begins_at_ms,
        ends_at_ms=ends_at_ms,
        from_no=from_no,
        opening_minor=opening_minor,
        entered_at_ms=begins_at_ms,
        due_at_ms=ends_at_ms,
    )


def moved(statement: Statement, event: StatementEvent, at_ms: int, why: str = "") -> Statement:
    """The statement after an event. Raises Refused: WRONG_STATE."""
    if not STATEMENT.allows(statement.state, event):
        raise wrong_state("statement", statement.statement_id, statement.state, event)
    state = StatementState(STATEMENT.after(statement.state, event))
    within_ms = WITHIN_MS.get(state, 0)
    return structs.replace(
        statement,
        state=state,
        entered_at_ms=at_ms,
        due_at_ms=at_ms + within_ms if within_ms else 0,
        approved_by="",
        why=why,
    )


def lapse_of(statement: Statement, now_ms: int) -> tuple[StatementEvent, int] | None:
    """The event that has come by itself, and when: a state has ended at its deadline."""
    event = LAPSES.get(statement.state)
    if event is None or not statement.due_at_ms or now_ms < statement.due_at_ms:
        return None
    return event, statement.due_at_ms


def payable_minor(statement: Statement, balance_minor: int) -> int:
    """The money that is paid out: the closing, less what the merchant has come to owe since."""
    return max(0, min(statement.closing_minor, balance_minor))


def is_carried(payable: int, contract: Contract) -> bool:
    """Whether nothing is paid out, because it is too little or the merchant owes."""
    return payable <= 0 or payable < contract.payout_min_minor


def takes_two(payable: int) -> bool:
    """Whether a payout takes a second person."""
    return payable > SECOND_PERSON_FROM_MINOR


def approved(statement: Statement, payable: int, actor: str) -> Statement | None:
    """The statement with its first person's word; None: the second has given it, or none needs to.

    Raises Refused: WRONG_CONTENT where the same person says it twice.
    """
    if not takes_two(payable):
        return None
    if not statement.approved_by:
        return structs.replace(statement, approved_by=actor)
    if statement.approved_by == actor:
        detail = f"a payout above {SECOND_PERSON_FROM_MINOR:,} takes two people, and {actor} was "
        raise Refused(RefusalReason.WRONG_CONTENT, detail=f"{detail}the first: let another pay it")
    return None


def parts_of_id(statement_id: str) -> tuple[str, str, int]:
    """The merchant, currency and number in a statement's id. Raises Refused: NOT_FOUND."""
    parts = statement_id.split("/")
    number = parts[2] if len(parts) == 3 else ""
    if not (number.isascii() and number.isdecimal() and len(number) <= 9):
        raise Refused(RefusalReason.NOT_FOUND, thing="statement", name=statement_id)
    return parts[0], parts[1], int(number)
