"""Money that others had for us and have paid to our bank: entered by a person, once per key."""

from sqlalchemy import Connection, select

from order_service.order.ids import Ids
from order_service.order.journals import Account, Journal, JournalKind, account_no, postings_of
from order_service.order.refusals import RefusalReason, Refused
from order_service.settlement.prepared import remitted
from order_service.storage.ledger import NO_ORDER, write_journals
from order_service.storage.settlement_schema import journals, postings


def record_remittance(
    connection: Connection,
    ids: Ids,
    tenant: str,
    source: Account,
    currency: str,
    arrived_minor: int,
    fee_minor: int,
    key: str,
    actor: str,
    now_ms: int,
) -> bool:
    """Enters what came to our bank and what was kept; returns whether that was done before.

    Raises Refused: KEY_REUSED.
    """
    once_key = f"{tenant}/remitted/{source.name}/{key}"
    made = postings_of(remitted(source, arrived_minor, fee_minor))
    of_key = journals.c.order_id == NO_ORDER, journals.c.once_key == once_key
    known = connection.execute(select(journals.c.journal_id, journals.c.currency).where(*of_key))
    before = known.first()
    if before is not None:
        wanted = {
            (account_no(tenant, account, currency), amount_minor) for account, amount_minor in made
        }
        posted = select(postings.c.account, postings.c.amount_minor)
        rows = connection.execute(posted.where(postings.c.journal_id == before.journal_id))
        if wanted != {(row[0], row[1]) for row in rows}:
            raise Refused(RefusalReason.KEY_REUSED, field="key", key=key)
        return True
    journal = Journal(
        journal_id=ids.next(now_ms),
        tenant=tenant,
        order_id="",
        once_key=once_key,
        kind=JournalKind.REMITTED,
        currency=currency,
        actor=actor,
        at_ms=now_ms,
        postings=made,
    )
    write_journals(connection, [journal])
    return False
