"""Our books: money that was captured and went back, and callbacks about payments not known here."""

from collections.abc import Mapping, Sequence

from msgspec import Struct, structs
from sqlalchemy import ColumnElement, Connection, case, exists, func, literal_column, or_, select

from order_service.order.model import Payment, Refund
from order_service.order.parts import part_id
from order_service.order.records import MoneyCase, MoneyCaseKind
from order_service.order.states import PaymentState, RefundState
from order_service.payment.cases import case_id_of, case_of
from order_service.payment.providers.port import Callback, Fact, FactKind
from order_service.storage.aftersales_schema import chargebacks
from order_service.storage.bulk import insert_into
from order_service.storage.columns import is_after_part
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import IS_PENDING, money_cases, orders, payments, refunds

STRAYS_MAX = 10_000
REFS_A_READ = 500
_KEEP = insert_into(money_cases)

# As they stand in the conditions of the indexes, which no parameter matches.
_ZERO: ColumnElement[int] = literal_column("0")
_FAILED: ColumnElement[str] = literal_column(f"'{RefundState.FAILED}'")
_QUARANTINED: ColumnElement[str] = literal_column(f"'{PaymentState.QUARANTINED}'")

_PAYMENT = (payments.c.order_id, payments.c.payment_no)
_REFUND = (refunds.c.order_id, refunds.c.refund_no)
_IS_OF_PAYMENT = (payments.c.order_id == refunds.c.order_id) & (
    payments.c.payment_no == refunds.c.payment_no
)

_is_kept_by_a_bank = exists().where(
    chargebacks.c.order_id == refunds.c.order_id, chargebacks.c.refund_no == refunds.c.refund_no
)


class Book(Struct, frozen=True):
    """The sums of one provider and currency, in minor units."""

    provider: str
    currency: str
    payments: int
    captured_minor: int
    """All that was captured, also what went back since."""
    refunded_minor: int
    """All that is known to have gone back."""
    refunding_minor: int
    """All that was asked to go back and is not known to have gone."""
    quarantined_minor: int
    """Money in quarantine that is not asked to go back."""


def books(connection: Connection, tenant: str) -> list[Book]:
    """The books of a shop, by provider and currency."""
    by = (payments.c.provider, payments.c.captured_currency)
    left = payments.c.captured_minor - payments.c.refunded_minor
    in_quarantine = case((payments.c.state == PaymentState.QUARANTINED, left), else_=0)
    captured = connection.execute(
        select(
            *by,
            func.count(),
            func.sum(payments.c.captured_minor),
            func.sum(payments.c.refunded_minor),
            func.sum(in_quarantine),
        )
        .join(orders, orders.c.order_id == payments.c.order_id)
        .where(orders.c.tenant == tenant, payments.c.captured_at_ms > 0)
        .group_by(*by)
        .order_by(*by)
    ).all()
    done = _refunds_done(connection, tenant)
    made = []
    for provider, currency, count, captured_minor, asked_minor, quarantined_minor in captured:
        done_minor = done.get((provider, currency), 0)
        made.append(
            Book(
                provider,
                currency,
                payments=count,
                captured_minor=int(captured_minor),
                refunded_minor=done_minor,
                refunding_minor=int(asked_minor) - done_minor,
                quarantined_minor=int(quarantined_minor),
            )
        )
    return made


def _refunds_done(connection: Connection, tenant: str) -> dict[tuple[str, str], int]:
    by = (payments.c.provider, payments.c.captured_currency)
    rows = connection.execute(
        select(*by, func.sum(refunds.c.amount_minor))
        .join(payments, _IS_OF_PAYMENT)
        .join(orders, orders.c.order_id == refunds.c.order_id)
        .where(orders.c.tenant == tenant, refunds.c.state == RefundState.DONE)
        .group_by(*by)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def captured_between(
    connection: Connection, provider: str, from_ms: int, before_ms: int
) -> list[Payment]:
    """The payments of a provider that were captured in a time, by the provider's clock."""
    at_ms = payments.c.captured_at_ms
    rows = connection.execute(
        select(payments)
        .where(at_ms > _ZERO, at_ms >= from_ms, at_ms < before_ms, payments.c.provider == provider)
        .order_by(at_ms, *_PAYMENT)
    )
    return [ROW_KINDS[Payment].from_row(row) for row in rows]


def refunded_between(
    connection: Connection, provider: str, from_ms: int, before_ms: int
) -> list[tuple[Refund, str]]:
    """The refunds of a provider that were done in a time, by our clock, with their currency.

    Those whose money a bank has kept are on no statement.
    """
    at_ms = refunds.c.updated_at_ms
    rows = connection.execute(
        select(refunds, payments.c.captured_currency)
        .join(payments, _IS_OF_PAYMENT)
        .where(
            refunds.c.state == RefundState.DONE,
            at_ms >= from_ms,
            at_ms < before_ms,
            payments.c.provider == provider,
            ~_is_kept_by_a_bank,
        )
        .order_by(at_ms, refunds.c.order_id, refunds.c.refund_no)
    )
    return [(ROW_KINDS[Refund].from_row(row[:-1]), row[-1]) for row in rows]


def quarantined(connection: Connection, tenant: str, size: int, after: str) -> Sequence[Payment]:
    """Payments that wait for a person, those after a payment id first; oldest first."""
    rows = connection.execute(
        select(payments)
        .join(orders, orders.c.order_id == payments.c.order_id)
        .where(
            orders.c.tenant == tenant,
            payments.c.state == _QUARANTINED,
            payments.c.refunded_minor < payments.c.captured_minor,
            is_after_part(*_PAYMENT, after),
        )
        .order_by(*_PAYMENT)
        .limit(size)
    )
    return [ROW_KINDS[Payment].from_row(row) for row in rows]


def pending_payments(
    connection: Connection,
    tenant: str,
    provider: str,
    created_before_ms: int,
    size: int,
    after: tuple[int, str],
) -> Sequence[Payment]:
    """Attempts that have come to no end, the first to begin at the top.

    Of those after a time and a payment id; "" and 0 mean any provider and time.
    """
    at_ms, payment_id = after
    columns = payments.c
    where = [
        orders.c.tenant == tenant,
        IS_PENDING,
        or_(
            columns.created_at_ms > at_ms,
            (columns.created_at_ms == at_ms) & is_after_part(*_PAYMENT, payment_id),
        ),
    ]
    if provider:
        where.append(columns.provider == provider)
    if created_before_ms:
        where.append(columns.created_at_ms <= created_before_ms)
    rows = connection.execute(
        select(payments)
        .join(orders, orders.c.order_id == columns.order_id)
        .where(*where)
        .order_by(columns.created_at_ms, *_PAYMENT)
        .limit(size)
    )
    return [ROW_KINDS[Payment].from_row(row) for row in rows]


class FailedRefund(Struct, frozen=True):
    """A refund that waits for a person, with who has its money, and in which currency."""

    refund: Refund
    provider: str
    currency: str


def failed_refunds(
    connection: Connection, tenant: str, size: int, after: str
) -> Sequence[FailedRefund]:
    """Refunds that their provider has refused, those after a refund id first; oldest order first.

    Cash is among them: a person pays it back.
    """
    rows = connection.execute(
        select(refunds, payments.c.provider, payments.c.captured_currency)
        .join(payments, _IS_OF_PAYMENT)
        .join(orders, orders.c.order_id == refunds.c.order_id)
        .where(
            orders.c.tenant == tenant, refunds.c.state == _FAILED, is_after_part(*_REFUND, after)
        )
        .order_by(*_REFUND)
        .limit(size)
    )
    return [FailedRefund(ROW_KINDS[Refund].from_row(row[:-2]), row[-2], row[-1]) for row in rows]


def with_our_numbers(connection: Connection, provider: str, facts: Sequence[Fact]) -> list[Fact]:
    """The facts with our numbers where they have only the provider's: of the payment, and of a
    refund that was made there and is booked here.
    """
    refs = sorted({fact.payment_ref for fact in facts if lacks_ours(fact)})
    ours: dict[tuple[str, str], tuple[str, str]] = {}
    for start in range(0, len(refs), REFS_A_READ):
        found = payments.outerjoin(refunds, _IS_OF_PAYMENT)
        numbers = (payments.c.provider_ref, *_PAYMENT, refunds.c.provider_ref, refunds.c.refund_no)
        of_these = payments.c.provider_ref.in_(refs[start : start + REFS_A_READ])
        for ref, order_id, payment_no, refund_ref, refund_no in connection.execute(
            select(*numbers).select_from(found).where(of_these, payments.c.provider == provider)
        ):
            payment_id = part_id(order_id, "p", payment_no)
            ours[ref, ""] = (payment_id, "")
            if refund_ref:
                ours[ref, refund_ref] = (payment_id, part_id(order_id, "r", refund_no))
    return [_named(fact, ours) if lacks_ours(fact) else fact for fact in facts]


def lacks_ours(fact: Fact) -> bool:
    """Whether a fact may have more of the provider's numbers than of ours."""
    return bool(fact.payment_ref) and not (fact.payment_id and fact.refund_id)


def _named(fact: Fact, ours: Mapping[tuple[str, str], tuple[str, str]]) -> Fact:
    number = ours.get((fact.payment_ref, fact.provider_ref)) or ours.get((fact.payment_ref, ""))
    if number is None:
        return fact
    return structs.replace(
        fact, payment_id=fact.payment_id or number[0], refund_id=fact.refund_id or number[1]
    )


def orders_of_others(connection: Connection, tenant: str, order_ids: Sequence[str]) -> set[str]:
    """The orders among these that are of another shop."""
    found: set[str] = set()
    for start in range(0, len(order_ids), REFS_A_READ):
        some = orders.c.order_id.in_(order_ids[start : start + REFS_A_READ])
        found |= set(
            connection.scalars(select(orders.c.order_id).where(some, orders.c.tenant != tenant))
        )
    return found


def keep_stray(
    connection: Connection, provider: str, callback: Callback, fact: Fact, now_ms: int
) -> None:
    """Keeps a callback about a payment that is not known, once, as a case for a person."""
    of_order = select(orders.c.tenant).where(orders.c.order_id == fact.order_id)
    tenant = connection.execute(of_order).scalar() or ""
    # The same refund or dispute is told of by several events, a capture by one.
    matter = fact.provider_ref if fact.payment_ref else callback.event_id
    case = case_of(
        case_id_of(provider, matter, fact.payment_id, fact.refund_id),
        MoneyCaseKind.UNKNOWN_PAYMENT,
        provider,
        fact,
        "it names a payment that is not known",
        now_ms,
        tenant,
    )
    _KEEP.execute(connection, [ROW_KINDS[MoneyCase].to_row(case, "")])


def strays_between(
    connection: Connection, provider: str, from_ms: int, before_ms: int
) -> Sequence[Fact]:
    """Facts of captured and refunded money in a time, of payments that were not known then."""
    columns = money_cases.c
    kept = [name for name in Fact.__struct_fields__[1:] if name in columns]
    named = ("said", *kept)
    rows = connection.execute(
        select(*[columns[name] for name in named])
        .where(
            columns.provider == provider,
            columns.opened_at_ms >= from_ms,
            columns.opened_at_ms < before_ms,
            columns.kind == MoneyCaseKind.UNKNOWN_PAYMENT,
            columns.said.in_((FactKind.CAPTURED, FactKind.REFUNDED)),
        )
        .order_by(columns.opened_at_ms, columns.case_id)
        .limit(STRAYS_MAX)
    )
    return [Fact(FactKind(row[0]), **dict(zip(kept, row[1:], strict=True))) for row in rows]
