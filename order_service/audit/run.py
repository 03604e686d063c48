"""Runs the audit: copies what the others have, holds every order against it, and looks closer.

A copy is older than the order that is held against it, so what does not agree at first is looked at
again: the order, its reservations and its payments are read anew, and the order once more. What
then breaks a rule is a finding. What has changed meanwhile, or has a task that is about to mend it,
is looked at again after a pause, and in the end called unsettled. Reads only.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from typing import Final, NamedTuple

from order_service.audit.books import Books
from order_service.audit.case import Case, Entry, Problem, Rule, judge
from order_service.audit.copies import Copies
from order_service.audit.invariants import (
    BOOKS_BALANCE,
    LEDGER_ADDS_UP,
    MONEY_IS_OF_AN_ORDER,
    RESERVATION_IS_OF_AN_ORDER,
    RULES,
)
from order_service.audit.protocol import Finding, Progress, Step, Summary, Unsettled
from order_service.audit.sources import ORDERS_PER_READ, Sources
from order_service.audit.statements import said_of
from order_service.audit.stock import holds_units, owner_of, units_of
from order_service.order.parts import order_id_of

DOUBTFUL_MAX: Final = 1_000
"""Orders in doubt are looked at closely when this many were noted."""
PROGRESS_S: Final = 1.0
SAME_MAX: Final = 20
"""The rows that are named of those of which findings say the same."""
KINDS_MAX: Final = 10_000
CHANGED: Final = "it changed in every look"


class Patience(NamedTuple):
    """How often an order in doubt is looked at, and the pause between two looks."""

    looks: int = 3
    pause_s: float = 1.0


PATIENCE: Final = Patience()


class SameFindings:
    """Findings that say the same of many rows: the first are told, the others counted."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def is_new(self, finding: Finding) -> bool:
        """Whether a finding is to be told."""
        kind = (finding.invariant, finding.detail)
        if len(self._counts) >= KINDS_MAX and kind not in self._counts:
            return True
        self._counts[kind] += 1
        return self._counts[kind] <= SAME_MAX

    def rest(self) -> Iterator[Finding]:
        """Gives one finding for all other rows of which the same is said."""
        for (invariant, detail), count in self._counts.items():
            if count > SAME_MAX:
                yield Finding(invariant, f"{count - SAME_MAX:,} more rows", detail)


class Doubt(NamedTuple):
    """An order that is not proven yet, and why."""

    case: Case
    why: str


async def audit(sources: Sources, patience: Patience = PATIENCE) -> AsyncIterator[Step]:
    """Audits a tenant: yields progress, findings and what is unsettled as they come, the summary
    last.

    Memory is bounded, and orders may change meanwhile. Raises what `Sources` raises.
    """
    with closing(Copies()) as copies:
        async for step in _Run(sources, copies, patience).steps():
            yield step


class _Run:
    """One audit."""

    def __init__(self, sources: Sources, copies: Copies, patience: Patience) -> None:
        self._sources = sources
        self._copies = copies
        self._patience = patience
        self._began_ms = sources.now_ms
        self._summary = Summary()
        self._books = Books()
        self._same = SameFindings()

    async def steps(self) -> AsyncIterator[Step]:
        total, first_at_ms = await self._sources.count()
        async for progress in self._copy_reservations(total):
            yield progress
        await self._sources.copy_statements(first_at_ms or self._began_ms, self._copies)
        async for step in self._check_orders(total):
            yield step
        async for finding in self._check_reservations_left_over():
            yield finding
        async for finding in self._check_entries_left_over():
            yield finding
        for finding in self._check_books():
            yield finding
        for row, detail in await self._sources.ledger_differences():
            for finding in self._found(LEDGER_ADDS_UP, row, detail):
                yield finding
        for finding in self._same.rest():
            yield finding
        others, units = self._copies.of_others()
        self._summary.reservations_of_others, self._summary.units_of_others = others, units
        self._summary.not_proven = sorted(self._sources.not_proven.values())
        yield self._summary

    async def _copy_reservations(self, total: int) -> AsyncIterator[Progress]:
        yield Progress(0, total)
        copying = asyncio.ensure_future(self._sources.copy_reservations(self._copies))
        try:
            while not copying.done():
                await asyncio.wait([copying], timeout=PROGRESS_S)
                if copying.done():
                    break
                yield Progress(0, total, self._sources.reservations_read)
            await copying
        finally:
            copying.cancel()

    async def _check_orders(self, total: int) -> AsyncIterator[Step]:
        doubtful: list[str] = []
        checked, after = 0, ""
        while True:
            cases, moved = await self._sources.next_orders(after)
            if not cases:
                break
            after = cases[-1].order.order_id
            for case, problems in await asyncio.to_thread(self._judged, cases):
                if problems or case.order.order_id in moved:
                    doubtful.append(case.order.order_id)
                else:
                    self._add(case)
            checked += len(cases)
            yield Progress(checked, max(total, checked))
            if len(doubtful) >= DOUBTFUL_MAX:
                async for step in self._look_closer(doubtful):
                    yield step
                doubtful = []
        async for step in self._look_closer(doubtful):
            yield step

    def _judged(self, cases: Sequence[Case]) -> list[tuple[Case, list[Problem]]]:
        known = self._sources.with_copies(cases, self._copies)
        return [(case, judge(case, RULES)) for case in known]

    async def _look_closer(self, ids: Sequence[str]) -> AsyncIterator[Finding | Unsettled]:
        """Looks at orders until they are proven, are findings, or patience has an end."""
        doubts: list[Doubt] = []
        for look in range(self._patience.looks if ids else 0):
            if look:
                await asyncio.sleep(self._patience.pause_s)
            await self._sources.copy_statements(self._began_ms, self._copies)
            doubts = []
            for start in range(0, len(ids), ORDERS_PER_READ):
                async for result in self._look_once(ids[start : start + ORDERS_PER_READ]):
                    if isinstance(result, Doubt):
                        doubts.append(result)
                    else:
                        yield result
            ids = [doubt.case.order.order_id for doubt in doubts]
            if not ids:
                break
        for doubt in doubts:
            self._add(doubt.case)
            self._summary.unsettled += 1
            yield Unsettled(_row(doubt.case), doubt.why)

    async def _look_once(self, ids: Sequence[str]) -> AsyncIterator[Finding | Doubt]:
        cases, moved = await self._sources.orders(ids)
        renewed = await self._sources.renewed(cases, self._copies)
        moved = moved | await self._sources.moved_since(cases)
        for case in renewed:
            problems = judge(case, RULES)
            broken = [problem for problem in problems if not problem.mends_itself]
            if case.order.order_id in moved:
                yield Doubt(case, CHANGED)
            elif problems and not broken:
                yield Doubt(case, "; ".join(problem.detail for problem in problems))
            else:
                self._add(case)
                for problem in broken:
                    for finding in self._found(problem.rule, _row(case), problem.detail):
                        yield finding

    def _add(self, case: Case) -> None:
        self._summary.add(case)
        self._books.add(case)

    async def _check_reservations_left_over(self) -> AsyncIterator[Finding]:
        """Every order was looked at by now. An order is written before its stock is reserved, so
        what was reserved for none of them is of none.
        """
        for reservations in self._copies.reservations_left_over():
            owners = [owner_of(each.reservation_id) for each in reservations]
            known = await self._sources.tenants_of(owners)
            unknown = [
                copied.reservation_id
                for copied, owner in zip(reservations, owners, strict=True)
                if known.get(owner) != copied.tenant
            ]
            for now in filter(holds_units, await self._sources.find_reservations(unknown)):
                for finding in self._found(
                    RESERVATION_IS_OF_AN_ORDER,
                    f"reservation {now.reservation_id}",
                    f"{now.state.name} with {units_of(now)} units, and there is no such order",
                ):
                    yield finding

    async def _check_entries_left_over(self) -> AsyncIterator[Finding]:
        """Reports entries without an order. Another tenant's order is left to its audit."""
        for entries in self._copies.entries_left_over():
            owners = [_owner_of(entry) for entry in entries]
            known = await self._sources.tenants_of(owners)
            for entry, owner in zip(entries, owners, strict=True):
                if owner not in known:
                    self._books.add_entries([entry])
                    for finding in self._found(
                        MONEY_IS_OF_AN_ORDER,
                        f"{entry.provider} {entry.fact.provider_ref}",
                        f"{said_of(entry)}, and there is no such order",
                    ):
                        yield finding

    def _check_books(self) -> Iterator[Finding]:
        self._summary.books = self._books.closed()
        silent = self._sources.not_proven.keys() - {""}
        if not self._sources.has_providers or silent:
            return
        for book in self._summary.books:
            if book.balances:
                continue
            self._summary.books_balance = False
            if not self._summary.unsettled:  # what is under way is not lost
                yield from self._found(
                    BOOKS_BALANCE,
                    book.currency,
                    f"we have {book.captured_minor + book.quarantined_minor} captured and "
                    f"{book.refunded_minor} sent back, the providers "
                    f"{book.provider_captured_minor} and {book.provider_refunded_minor}",
                )

    def _found(self, rule: Rule, row: str, detail: str) -> Iterator[Finding]:
        self._summary.findings += 1
        finding = Finding(rule.name, row, detail)
        if self._same.is_new(finding):
            yield finding


def _row(case: Case) -> str:
    return f"order {case.order.order_id}"


def _owner_of(entry: Entry) -> str:
    return order_id_of(entry.fact.refund_id or entry.fact.payment_id)
