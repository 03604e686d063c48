"""Lists money that waits for a person, wherever it is kept, and closes cases."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, literal_column, or_, select, tuple_, update

from order_service.order.model import Payment, Refund
from order_service.order.records import OF_MONEY, MoneyCase, MoneyCaseKind
from order_service.order.refusals import RefusalReason, Refused
from order_service.order.states import PaymentState, RefundState
from order_service.payment.cases import owned
from order_service.storage.columns import is_after_part
from order_service.storage.needs import SLOW_REFUND_MS
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import money_cases, orders, payments, refunds

_K = MoneyCaseKind
_FAILED: "ColumnElement[str]" = literal_column(f"'{RefundState.FAILED}'")
_REQUESTED: "ColumnElement[str]" = literal_column(f"'{RefundState.REQUESTED}'")
_QUARANTINED: "ColumnElement[str]" = literal_column(f"'{PaymentState.QUARANTINED}'")
_OPEN: "ColumnElement[int]" = literal_column("0")
_IS_OF_PAYMENT = (payments.c.order_id == refunds.c.order_id) & (
    payments.c.payment_no == refunds.c.payment_no
)
IS_WAITING: Final = (money_cases.c.closed_at_ms == _OPEN) & or_(
    money_cases.c.kind != _K.UNKNOWN_PAYMENT, money_cases.c.said.in_(OF_MONEY)
)


class WaitingMoney(Struct, frozen=True):
    """One matter, as a list shows it."""

    case_id: str
    """The payment or refund that waits by its state, or the id of a case."""
    kind: MoneyCaseKind
    order_id: str
    payment_id: str
    refund_id: str
    provider: str
    provider_ref: str
    amount_minor: int
    currency: str
    why: str
    opened_at_ms: int
    place: int = 0
    """The place of the list that it is on, for the next page."""
    owner: str = ""
    due_at_ms: int = 0
    is_overdue: bool = False


class After(NamedTuple):
    """The last matter of a page: when it began, which list has it, and its id there."""

    opened_at_ms: int = 0
    place: int = 0
    case_id: str = ""

    def of(self, place: int) -> "After":
        """Where the list at a place goes on."""
        return self if place == self.place else After(self.opened_at_ms, place, "")


def waiting_money(
    connection: Connection, tenant: str, size: int, after: After, now_ms: int
) -> Sequence[WaitingMoney]:
    """All money of a shop that waits for a person, and that of no order; the oldest first."""
    found: list[WaitingMoney] = []
    for place, read in enumerate((_payments, _refunds, _cases)):
        if after.opened_at_ms and place < after.place:
            begins = After(after.opened_at_ms + 1)
        else:
            begins = after.of(place)
        for each in read(connection, tenant, size, begins, now_ms):
            whose = owned(each.kind, each.opened_at_ms, now_ms)._asdict()
            found.append(structs.replace(each, place=place, **whose))
    return sorted(found, key=lambda each: (each.opened_at_ms, each.place, each.case_id))[:size]


def close_case(
    connection: Connection, tenant: str, case_id: str, why: str, actor: str, now_ms: int
) -> bool:
    """Closes a case; returns whether it was closed before. Raises Refused: NOT_FOUND."""
    columns = money_cases.c
    of_shop = (columns.case_id == case_id) & columns.tenant.in_(("", tenant))
    known = connection.execute(select(columns.closed_at_ms).where(of_shop)).first()
    if known is None:
        raise Refused(RefusalReason.NOT_FOUND, thing="case", name=case_id)
    if known[0]:
        return True
    values = {"closed_at_ms": now_ms, "closed_by": actor, "closed_why": why}
    connection.execute(update(money_cases).where(of_shop).values(values))
    return False


def _begins(
    since: "ColumnElement[int]", is_after: "ColumnElement[bool]", after: After
) -> "ColumnElement[bool]":
    """The things that began after a moment, or at it and come after one that did."""
    return or_(since > after.opened_at_ms, (since == after.opened_at_ms) & is_after)


def _payments(
    connection: Connection, tenant: str, size: int, after: After, _now_ms: int
) -> Iterator[WaitingMoney]:
    key = (payments.c.order_id, payments.c.payment_no)
    rows = connection.execute(
        select(payments, orders.c.currency)
        .join(orders, orders.c.order_id == payments.c.order_id)
        .where(
            orders.c.tenant == tenant,
            payments.c.state == _QUARANTINED,
            payments.c.refunded_minor < payments.c.captured_minor,
            _begins(payments.c.updated_at_ms, is_after_part(*key, after.case_id), after),
        )
        .order_by(payments.c.updated_at_ms, *key)
        .limit(size)
    )
    for row in rows:
        payment: Payment = ROW_KINDS[Payment].from_row(row[:-1])
        yield WaitingMoney(
            payment.payment_id,
            _K.QUARANTINED,
            payment.order_id,
            payment.payment_id,
            "",
            payment.provider,
            payment.provider_ref,
            payment.captured_minor - payment.refunded_minor,
            payment.captured_currency,
            f"{payment.captured_minor} {payment.captured_currency} came, "
            f"{payment.amount_minor} {row[-1]} was asked for",
            payment.updated_at_ms,
        )


def _refunds(
    connection: Connection, tenant: str, size: int, after: After, now_ms: int
) -> Iterator[WaitingMoney]:
    key = (refunds.c.order_id, refunds.c.refund_no)
    since = refunds.c.updated_at_ms
    is_slow = (refunds.c.state == _REQUESTED) & (since <= now_ms - SLOW_REFUND_MS)
    rows = connection.execute(
        select(refunds, payments.c.provider, payments.c.captured_currency)
        .join(payments, _IS_OF_PAYMENT)
        .join(orders, orders.c.order_id == refunds.c.order_id)
        .where(
            orders.c.tenant == tenant,
            or_(refunds.c.state == _FAILED, is_slow),
            _begins(since, is_after_part(*key, after.case_id), after),
        )
        .order_by(since, *key)
        .limit(size)
    )
    for row in rows:
        refund: Refund = ROW_KINDS[Refund].from_row(row[:-2])
        failed = refund.state is RefundState.FAILED
        sent = f"{refund.sent_minor} {refund.sent_currency} went back: " * refund.differs
        yield WaitingMoney(
            refund.refund_id,
            _K.REFUND_FAILED if failed else _K.REFUND_OPEN,
            refund.order_id,
            refund.payment_id,
            refund.refund_id,
            row[-2],
            refund.provider_ref,
            refund.amount_minor,
            row[-1],
            f"{sent}{refund.reason}",
            refund.updated_at_ms,
        )


def _cases(
    connection: Connection, tenant: str, size: int, after: After, _now_ms: int
) -> Iterator[WaitingMoney]:
    columns = money_cases.c
    rows = connection.execute(
        select(money_cases)
        .where(
            IS_WAITING,
            columns.tenant.in_(("", tenant)),
            tuple_(columns.opened_at_ms, columns.case_id) > (after.opened_at_ms, after.case_id),
        )
        .order_by(columns.opened_at_ms, columns.case_id)
        .limit(size)
    )
    for row in rows:
        case: MoneyCase = ROW_KINDS[MoneyCase].from_row(row)
        shown = WaitingMoney.__struct_fields__[:-4]
        yield WaitingMoney(*(getattr(case, name) for name in shown))
