"""Where the audit reads: the order database, the engine, the payment providers."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from holdfast.client import Client
from holdfast.errors import HoldfastError
from holdfast.types import Reservation
from order_service.audit.case import Case
from order_service.audit.copies import Copies
from order_service.audit.statements import captured_here, captured_there, of_providers
from order_service.order.model import HistoryEntry
from order_service.order.reservations import reservation_ids
from order_service.payment.attempts import charge_of
from order_service.payment.books import with_our_numbers
from order_service.payment.methods import BY_HAND
from order_service.payment.providers.port import FactKind, Providers, ProviderUnreachable
from order_service.storage.history import ENTRIES
from order_service.storage.ledger_sums import sums_of_orders, uneven_balances
from order_service.storage.load import load_orders
from order_service.storage.orders import Orders
from order_service.storage.rows import ROW_KINDS
from order_service.storage.schema import history, orders, reviews

ORDERS_PER_READ: Final = 100
RESERVATIONS_PER_WRITE: Final = 1_000
RESERVATIONS_PER_READ: Final = 1_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_IDS: "BindParameter[Any]" = bindparam("ids", expanding=True)
_SLICE = (
    select(orders.c.order_id)
    .where(orders.c.tenant == bindparam("tenant"), orders.c.order_id > bindparam("after"))
    .order_by(orders.c.order_id)
    .limit(bindparam("count"))
)
_HISTORY = ENTRIES.where(history.c.order_id.in_(_IDS)).order_by(*history.primary_key.columns)
_REVIEWED = select(reviews.c.order_id).where(reviews.c.order_id.in_(_IDS)).distinct()
_VERSIONS = select(orders.c.order_id, orders.c.version).where(orders.c.order_id.in_(_IDS))
_TENANTS = select(orders.c.order_id, orders.c.tenant).where(orders.c.order_id.in_(_IDS))
_entry = ROW_KINDS[HistoryEntry].from_row


class Slice(NamedTuple):
    """Some orders, and the ids of those that changed while they were read."""

    cases: Sequence[Case]
    moved: set[str]


class Sources:
    """Reads for an audit of a tenant. Without `engine` or `providers` that side is not proven.

    Nor is that of an engine or a provider which does not answer: `not_proven` then says so. What is
    left is judged all the same. Everything raises StorageUnavailable.
    """

    def __init__(
        self, orders: Orders, engine: Client | None, providers: Providers | None, tenant: str
    ) -> None:
        self._orders = orders
        self._engine = engine
        self._providers = providers
        self._tenant = tenant
        self.has_providers = providers is not None
        self.not_proven: dict[str, str] = {}
        """Why, by who did not answer; the engine is "" and providers have their names."""
        self.reservations_read = 0

    @property
    def now_ms(self) -> int:
        """The time of the order service's clock."""
        return self._orders.clock_ms()

    async def count(self) -> tuple[int, int]:
        """The number of the tenant's orders, and when the first was placed; 0 without any."""

        def counted(connection: Connection) -> tuple[int, int]:
            columns = select(func.count(), func.min(orders.c.created_at_ms))
            found = connection.execute(columns.where(orders.c.tenant == self._tenant)).one()
            return found[0], found[1] or 0

        return await self._orders.read(counted)

    async def next_orders(self, after: str) -> Slice:
        """The next orders, those after an id."""

        def next_cases(connection: Connection) -> Slice:
            wanted = {"tenant": self._tenant, "after": after, "count": ORDERS_PER_READ}
            return self._read(connection, connection.scalars(_SLICE, wanted).all())

        return await self._orders.read(next_cases)

    async def orders(self, ids: Sequence[str]) -> Slice:
        """Reads the orders that exist."""
        return await self._orders.read(lambda connection: self._read(connection, ids))

    def _read(self, connection: Connection, ids: Sequence[str]) -> Slice:
        cases = read_cases(connection, ids, self.now_ms)
        return Slice(cases, moved_since(connection, cases))

    async def moved_since(self, cases: Sequence[Case]) -> set[str]:
        """The ids of the orders that have another version by now."""
        return await self._orders.read(partial(moved_since, cases=cases))

    async def tenants_of(self, ids: Iterable[str]) -> dict[str, str]:
        """The tenants of those of the orders that exist."""
        wanted = {"ids": sorted(set(ids))}

        def found(connection: Connection) -> dict[str, str]:
            return {row[0]: row[1] for row in connection.execute(_TENANTS, wanted)}

        return await self._orders.read(found)

    async def ledger_differences(self) -> list[tuple[str, str]]:
        """The balances that are not the sum of their postings, and how they differ."""
        return await self._orders.read(partial(uneven_balances, tenant=self._tenant))

    async def copy_reservations(self, copies: Copies) -> None:
        """Copies all reservations of the tenant."""
        if self._engine is None:
            return
        page: list[Reservation] = []
        try:
            async for reservation in self._engine.list_reservations(tenant=self._tenant):
                page.append(reservation)
                if len(page) == RESERVATIONS_PER_WRITE:
                    await self._keep(page, copies)
                    page = []
        except HoldfastError as error:
            self._engine_is_silent(error)
        await self._keep(page, copies)

    async def copy_statements(self, from_ms: int, copies: Copies) -> None:
        """Copies the providers' statements from the day of a time until today.

        There may be more on them than the tenant's: an account can be of several tenants.
        """
        for name, provider in (self._providers or {}).items():
            for day in _days_between(from_ms, self.now_ms):
                if name in self.not_proven:
                    break
                try:
                    facts = await provider.statement(day)
                except ProviderUnreachable:
                    self.not_proven[name] = (
                        f"provider {name} gives no statement of {day}: what it took and sent back "
                        "is not proven"
                    )
                    break
                numbered = partial(with_our_numbers, provider=name, facts=facts)
                facts = await self._orders.read(numbered)
                await asyncio.to_thread(copies.keep_entries, name, facts)

    def with_copies(self, cases: Sequence[Case], copies: Copies) -> list[Case]:
        """The cases with what was copied of them."""
        return list(map(self._without_unasked, copies.added_to(cases)))

    async def renewed(self, cases: Sequence[Case], copies: Copies) -> list[Case]:
        """The cases with what engine and providers say of the orders now."""
        for case in self.with_copies(cases, copies) if self._providers else ():
            await self._copy_captures(case, copies)
        known = self.with_copies(cases, copies)
        ids = {
            case.order.order_id: reservation_ids(case.order) | {*(case.reservations or {})}
            for case in known
        }
        found = await self.find_reservations(sorted(set().union(*ids.values())))
        if self._engine is None:
            return self.with_copies(cases, copies)
        now = {each.reservation_id: each for each in found}
        return [
            case._replace(
                reservations={name: now[name] for name in ids[case.order.order_id] & now.keys()}
            )
            for case in known
        ]

    def _without_unasked(self, case: Case) -> Case:
        if self._engine is None:
            case = case._replace(reservations=None)
        if self._providers is None:
            return case._replace(entries=None)
        for payment in case.order.payments:
            if payment.provider not in (*BY_HAND, *self._providers):
                self.not_proven.setdefault(
                    payment.provider,
                    f"provider {payment.provider} is not set up here: what it took and sent back "
                    "is not proven",
                )
        return case._replace(silent=frozenset(self.not_proven))

    def _engine_is_silent(self, error: HoldfastError) -> None:
        said = error.reason or error.code.name
        self.not_proven[""] = f"the engine does not answer ({said}): no unit is proven"
        self._engine = None

    async def _keep(self, page: Sequence[Reservation], copies: Copies) -> None:
        await asyncio.to_thread(copies.keep_reservations, page)
        self.reservations_read += len(page)

    async def find_reservations(self, ids: Sequence[str]) -> list[Reservation]:
        """Finds those of some reservations that there are, as they are now."""
        if self._engine is None:
            return []
        found: list[Reservation] = []
        try:
            for first in range(0, len(ids), RESERVATIONS_PER_READ):
                some = ids[first : first + RESERVATIONS_PER_READ]
                found += await self._engine.get_reservations(*some, tenant=self._tenant)
        except HoldfastError as error:
            self._engine_is_silent(error)
            return []
        return found

    async def _copy_captures(self, case: Case, copies: Copies) -> None:
        """Asks what became of the payments of which the statements say something else.

        They may be on the statement of another day, or on one that the provider no longer keeps.
        """
        for payment in of_providers(case):
            provider = (self._providers or {}).get(payment.provider)
            if provider is None or captured_here(payment) == captured_there(case, payment):
                continue
            try:
                fact = await provider.query(charge_of(case.order, payment))
            except ProviderUnreachable:
                name = payment.provider
                self.not_proven[name] = f"provider {name} does not answer: it is not proven"
                break
            if fact.kind is FactKind.CAPTURED:
                copies.keep_entries(payment.provider, [fact])


def _days_between(from_ms: int, until_ms: int) -> Iterable[date]:
    """The days in UTC from one time to another, both included."""
    day, last = _day_of(from_ms), _day_of(until_ms)
    while day <= last:
        yield day
        day += timedelta(days=1)


def _day_of(at_ms: int) -> date:
    return (_EPOCH + timedelta(milliseconds=at_ms)).date()


def read_cases(connection: Connection, ids: Sequence[str], now_ms: int) -> list[Case]:
    """Reads the orders that exist, with their histories, in the order of `ids`.

    An order that is changed while it is read (where a transaction sees what others commit
    meanwhile) has a history that ends elsewhere; `moved_since` tells.
    """
    wanted = {"ids": list(ids)}
    found = load_orders(connection, ids)
    if not found:
        return []
    entries: dict[str, list[HistoryEntry]] = defaultdict(list)
    for row in connection.execute(_HISTORY, wanted):
        entry: HistoryEntry = _entry(row)
        entries[entry.order_id].append(entry)
    reviewed = set(connection.scalars(_REVIEWED, wanted))
    posted = sums_of_orders(connection, ids)
    return [
        Case(
            found[order_id],
            entries[order_id],
            now_ms,
            reviewed=order_id in reviewed,
            posted=posted.get(order_id, {}),
        )
        for order_id in ids
        if order_id in found
    ]


def moved_since(connection: Connection, cases: Sequence[Case]) -> set[str]:
    """The ids of the orders that have another version by now."""
    rows = connection.execute(_VERSIONS, {"ids": [case.order.order_id for case in cases]})
    versions = {row[0]: row[1] for row in rows}
    return {
        case.order.order_id
        for case in cases
        if versions.get(case.order.order_id) != case.order.version
    }
