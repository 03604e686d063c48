"""Statements in their tables. Functions of a connection, each within its caller's transaction.

A statement is changed under the lock of its row. It is closed under the lock of the merchant's
balance, where postings get their numbers: none comes late into a range that is closed.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import structs
from sqlalchemy import Connection, Select, and_, func, insert, select, tuple_, update

from order_service.catalogue.contracts import Contract
from order_service.order.ids import Ids
from order_service.order.journals import (
    Account,
    AccountKind,
    Journal,
    JournalKind,
    account_no,
    postings_of,
)
from order_service.order.refusals import RefusalReason, Refused
from order_service.settlement.accounts import between
from order_service.settlement.ledger_reads import (
    StatementLine,
    StatementSum,
    statement_lines,
    statement_sums,
)
from order_service.settlement.statements import (
    Statement,
    StatementEvent,
    StatementMove,
    StatementState,
    approved,
    is_carried,
    lapse_of,
    moved,
    opened,
    parts_of_id,
    payable_minor,
    takes_two,
)
from order_service.storage.ledger import write_journals
from order_service.storage.settlement_schema import (
    accounts,
    balances,
    journals,
    postings,
    statement_moves,
    statements,
)

LOOKED_BACK_MAX: Final = 1_000
SERVICE: Final = "settlement"
"""The actor of what comes by itself."""
_E, _S, _J = StatementEvent, StatementState, JournalKind

ContractOf = Callable[[str, str], Contract]
"""The contract of a shop's merchant that is in force now."""


class Ledger:
    """The change of statements in one transaction: who makes it, and when."""

    def __init__(
        self, connection: Connection, ids: Ids, contract_of: ContractOf, now_ms: int, actor: str
    ) -> None:
        self._connection = connection
        self._ids = ids
        self._contract_of = contract_of
        self._now_ms = now_ms
        self._actor = actor

    def begin(self) -> int:
        """Opens the first statement of each merchant's account that has postings and none."""
        has_none = ~(
            select(statements.c.statement_no)
            .where(
                statements.c.tenant == accounts.c.tenant,
                statements.c.merchant_id == accounts.c.whose,
                statements.c.currency == accounts.c.currency,
            )
            .exists()
        )
        first_at_ms = (
            select(journals.c.at_ms)
            .join(postings, postings.c.journal_id == journals.c.journal_id)
            .where(postings.c.account == accounts.c.account, postings.c.account_no == 1)
            .scalar_subquery()
        )
        wanted = select(accounts.c.tenant, accounts.c.whose, accounts.c.currency, first_at_ms)
        wanted = wanted.where(accounts.c.kind == str(AccountKind.MERCHANT), has_none)
        new = [row for row in self._connection.execute(wanted) if row[3] is not None]
        for tenant, merchant_id, currency, at_ms in new:
            contract = self._contract_of(tenant, merchant_id)
            self._insert(opened(tenant, merchant_id, currency, 1, contract, at_ms))
        return len(new)

    def lapse(self) -> bool:
        """Moves a statement whose time is over, as of its deadline. Returns whether one was."""
        is_due = and_(statements.c.due_at_ms > 0, statements.c.due_at_ms <= self._now_ms)
        states = statements.c.state.in_([str(_S.OPEN), str(_S.CLOSED), str(_S.CONFIRMED)])
        wanted = select(statements).where(is_due, states).order_by(statements.c.due_at_ms)
        found = self._connection.execute(wanted.limit(1).with_for_update(skip_locked=True)).first()
        if found is not None:
            self._lapsed(_from(found))
        return found is not None

    def confirm(self, tenant: str, statement_id: str) -> tuple[Statement, bool]:
        """The merchant agrees, or a person for it; the second value: it was confirmed before."""
        statement = self.locked(tenant, statement_id)
        if statement.state in (_S.CONFIRMED, _S.PAYING, _S.PAID, _S.CARRIED, _S.RETURNED):
            return statement, True
        return self._move(statement, _E.CONFIRM), False

    def object(self, tenant: str, statement_id: str, reason: str) -> tuple[Statement, bool]:
        """The merchant does not agree; the second value: it had objected before."""
        statement = self.locked(tenant, statement_id)
        if statement.state is _S.OBJECTED:
            return statement, True
        return self._move(statement, _E.OBJECT, reason), False

    def answer(
        self, tenant: str, statement_id: str, correction_minor: int, reason: str
    ) -> tuple[Statement, bool]:
        """Answers an objection; a correction is a journal, which is in the next statement.

        The second value: it was answered so before.
        """
        statement = self.locked(tenant, statement_id)
        if statement.state is _S.CLOSED and statement.why == reason:
            return statement, True
        answered = self._move(statement, _E.ANSWER, reason)
        if correction_minor:
            key = f"{statement.statement_id}/corrected/{answered.entered_at_ms}"
            self._post(statement, _J.CORRECTION, correction_minor, key)
        return answered, False

    def pay(self, tenant: str, statement_id: str) -> tuple[Statement, bool]:
        """Pays a confirmed statement, or one that a bank has returned, if there is enough to pay.

        A large payout waits for a second person. The second value: it was being paid before.
        Raises Refused: WRONG_CONTENT where its first person says so twice.
        """
        statement = self.locked(tenant, statement_id)
        if statement.state in (_S.PAYING, _S.PAID):
            return statement, True
        if statement.state not in (_S.CONFIRMED, _S.RETURNED):
            return self._move(statement, _E.PAY), False  # which is refused
        payable = payable_minor(statement, self._balance(statement))
        first = approved(statement, payable, self._actor)
        if first is not None:
            self._update(first)
            return first, False
        return self._paid(statement, payable, self._now_ms), False

    def sent(self, tenant: str, payout_id: str, reference: str) -> tuple[Statement, bool]:
        """The bank has paid a payout; the second value: that was known."""
        statement = self._of_payout(tenant, payout_id)
        if statement.state is _S.PAID:
            return statement, True
        done = self._move(structs.replace(statement, payout_ref=reference), _E.SENT)
        key = f"{payout_id}/sent"
        self._post(statement, _J.PAYOUT_SENT, statement.payout_minor, key)
        return done, False

    def failed(self, tenant: str, payout_id: str, reason: str) -> tuple[Statement, bool]:
        """The bank has not paid a payout, or has sent it back; the second value: that was known."""
        statement = self._of_payout(tenant, payout_id)
        if statement.state is _S.RETURNED:
            return statement, True
        done = self._move(statement, _E.FAIL, reason)
        amount_minor = statement.payout_minor
        if statement.state is _S.PAID:
            key = f"{payout_id}/returned"
            self._post(statement, _J.PAYOUT_RETURNED, amount_minor, key)
        key = f"{payout_id}/given_up"
        self._post(statement, _J.PAYOUT_GIVEN_UP, amount_minor, key)
        return done, False

    def locked(self, tenant: str, statement_id: str) -> Statement:
        """A statement as it is now, locked: what has lapsed has its effect first."""
        wanted = of_id(tenant, statement_id).with_for_update()
        row = self._connection.execute(wanted).first()
        if row is None:
            raise Refused(RefusalReason.NOT_FOUND, thing="statement", name=statement_id)
        return self._lapsed(_from(row))

    def _of_payout(self, tenant: str, payout_id: str) -> Statement:
        statement_id, _, number = payout_id.rpartition("/")
        statement = self.locked(tenant, statement_id)
        if statement.payout_id != payout_id or not number:
            raise Refused(RefusalReason.NOT_FOUND, thing="payout", name=payout_id)
        return statement

    def _lapsed(self, statement: Statement) -> Statement:
        while (lapse := lapse_of(statement, self._now_ms)) is not None:
            event, at_ms = lapse
            if event is _E.CLOSE:
                statement = self._closed(statement, at_ms)
            elif event is _E.PAY:
                payable = payable_minor(statement, self._balance(statement))
                if takes_two(payable):
                    # It waits for people, without a deadline of its own.
                    statement = structs.replace(statement, due_at_ms=0)
                    self._update(statement)
                    return statement
                statement = self._paid(statement, payable, at_ms)
            else:
                statement = self._move(statement, event, at_ms=at_ms, actor=SERVICE)
        return statement

    def _closed(self, statement: Statement, at_ms: int) -> Statement:
        """Closes a statement with all that was posted before its end, and opens the next."""
        to_no, closing_minor = self._upto(statement)
        fixed = structs.replace(statement, to_no=to_no, closing_minor=closing_minor)
        closed = self._move(fixed, _E.CLOSE, at_ms=at_ms, actor=SERVICE)
        contract = self._contract_of(statement.tenant, statement.merchant_id)
        number = statement.statement_no + 1
        named = (statement.tenant, statement.merchant_id, statement.currency, number, contract)
        self._insert(opened(*named, statement.ends_at_ms, to_no, closing_minor))
        return closed

    def _upto(self, statement: Statement) -> tuple[int, int]:
        """The last posting before a statement's end, and the merchant's balance after it."""
        account = _account_of(statement)
        lock = select(balances.c.last_no).where(balances.c.account == account)
        last_no = self._connection.scalar(lock.with_for_update()) or 0
        of = (postings.c.account_no, postings.c.balance_after_minor, journals.c.at_ms)
        while last_no > statement.from_no:
            # Of a statement that is closed in time the last posting is the first one looked at.
            least = max(statement.from_no, last_no - LOOKED_BACK_MAX)
            found = self._connection.execute(
                select(*of)
                .join(journals, journals.c.journal_id == postings.c.journal_id)
                .where(
                    postings.c.account == account,
                    postings.c.account_no > least,
                    postings.c.account_no <= last_no,
                )
                .order_by(postings.c.account_no.desc())
            )
            for number, after_minor, posted_at_ms in found:
                if posted_at_ms < statement.ends_at_ms:
                    return int(number), -int(after_minor)
            last_no = least
        return statement.from_no, statement.opening_minor

    def _paid(self, statement: Statement, payable: int, at_ms: int) -> Statement:
        contract = self._contract_of(statement.tenant, statement.merchant_id)
        if is_carried(payable, contract):
            return self._move(statement, _E.CARRY, at_ms=at_ms)
        paying = structs.replace(
            statement, payout_no=statement.payout_no + 1, payout_minor=payable, payout_ref=""
        )
        self._post(paying, _J.PAYOUT, payable, f"{paying.payout_id}/asked")
        return self._move(paying, _E.PAY, at_ms=at_ms)

    def _balance(self, statement: Statement) -> int:
        wanted = select(balances.c.amount_minor).where(balances.c.account == _account_of(statement))
        return -(self._connection.scalar(wanted.with_for_update()) or 0)

    def _move(
        self,
        statement: Statement,
        event: StatementEvent,
        why: str = "",
        at_ms: int = 0,
        actor: str = "",
    ) -> Statement:
        at_ms = at_ms or self._now_ms
        after = moved(statement, event, at_ms, why)
        self._update(after)
        number = select(func.count()).where(_is(statement_moves, statement))
        values = {
            **_key(statement),
            "move_no": (self._connection.scalar(number) or 0) + 1,
            "event": str(event),
            "from_state": str(statement.state),
            "to_state": str(after.state),
            "actor": actor or self._actor,
            "why": why,
            "at_ms": at_ms,
        }
        self._connection.execute(insert(statement_moves), values)
        return after

    def _post(
        self, statement: Statement, kind: JournalKind, amount_minor: int, once_key: str
    ) -> None:
        """Posts a journal of no order. It is of now, also where what it follows is of before."""
        move = between(kind, statement.merchant_id, amount_minor)
        journal = Journal(
            journal_id=self._ids.next(self._now_ms),
            tenant=statement.tenant,
            order_id="",
            once_key=f"{statement.tenant}/{once_key}",
            kind=kind,
            currency=statement.currency,
            actor=self._actor,
            at_ms=self._now_ms,
            postings=postings_of([move]),
            corrects=statement.statement_id if kind is _J.CORRECTION else "",
        )
        write_journals(self._connection, [journal])

    def _insert(self, statement: Statement) -> None:
        self._connection.execute(insert(statements), structs.asdict(statement))

    def _update(self, statement: Statement) -> None:
        values = structs.asdict(statement)
        self._connection.execute(
            update(statements).where(_is(statements, statement)).values(values)
        )


def _key(statement: Statement) -> dict[str, Any]:
    names = ("tenant", "merchant_id", "currency", "statement_no")
    return {name: getattr(statement, name) for name in names}


def _is(table: Any, statement: Statement) -> Any:
    return and_(*(table.c[name] == value for name, value in _key(statement).items()))


def _account_of(statement: Statement) -> int:
    account = Account(AccountKind.MERCHANT, statement.merchant_id)
    return account_no(statement.tenant, account, statement.currency)


def of_id(tenant: str, statement_id: str) -> "Select[Any]":
    """The statement of an id. Raises Refused: NOT_FOUND."""
    merchant_id, currency, number = parts_of_id(statement_id)
    return select(statements).where(
        statements.c.tenant == tenant,
        statements.c.merchant_id == merchant_id,
        statements.c.currency == currency,
        statements.c.statement_no == number,
    )


def _from(row: Any) -> Statement:
    values = dict(row._mapping)
    return Statement(**{**values, "state": StatementState(values["state"])})


def get_statement(connection: Connection, tenant: str, statement_id: str) -> Statement:
    """A statement. Raises Refused: NOT_FOUND."""
    row = connection.execute(of_id(tenant, statement_id)).first()
    if row is None:
        raise Refused(RefusalReason.NOT_FOUND, thing="statement", name=statement_id)
    return _from(row)


def list_statements(
    connection: Connection,
    tenant: str,
    merchant_id: str,
    state: str,
    size: int,
    after: tuple[str, str, int],
) -> list[Statement]:
    """Statements by merchant, currency and number, those after one; "" means all."""
    key = (statements.c.merchant_id, statements.c.currency, statements.c.statement_no)
    wanted = select(statements).where(statements.c.tenant == tenant, tuple_(*key) > after)
    if merchant_id:
        wanted = wanted.where(statements.c.merchant_id == merchant_id)
    if state:
        wanted = wanted.where(statements.c.state == state)
    return [_from(row) for row in connection.execute(wanted.order_by(*key).limit(size))]


def read_statement(
    connection: Connection, tenant: str, statement_id: str
) -> tuple[Statement, list[StatementSum], list[StatementMove]]:
    """A statement with its sums and its history. Raises Refused: NOT_FOUND."""
    statement = get_statement(connection, tenant, statement_id)
    return statement, statement_sums(connection, statement), moves_of(connection, statement)


def list_statement_lines(
    connection: Connection, tenant: str, statement_id: str, after_no: int, size: int
) -> list[StatementLine]:
    """The lines of a statement; of an unknown one there are none."""
    row = connection.execute(of_id(tenant, statement_id)).first()
    return statement_lines(connection, _from(row), after_no, size) if row is not None else []


def moves_of(connection: Connection, statement: Statement) -> list[StatementMove]:
    """The history of a statement."""
    wanted = select(statement_moves).where(_is(statement_moves, statement))
    return [
        StatementMove(
            StatementEvent(row.event),
            StatementState(row.from_state),
            StatementState(row.to_state),
            row.actor,
            row.why,
            row.at_ms,
        )
        for row in connection.execute(wanted.order_by(statement_moves.c.move_no))
    ]
