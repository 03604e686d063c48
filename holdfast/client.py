"""The asyncio client of the engine. `sync_client.py`, its synchronous twin, is generated from it.

A business answer is a `Result` with an outcome; `HoldfastError` means that the request was not
judged, or, with UNAVAILABLE and DEADLINE_EXCEEDED, that its answer was lost: send the same request
again with the same ids. Quantities are units, `..._at_ms` milliseconds since the Unix epoch,
`..._ms` durations.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Self

import grpc

from holdfast import commands, wire
from holdfast.batching.queues import WAITING_COMMANDS_MAX_DEFAULT, Batching
from holdfast.calls import Calls
from holdfast.channel import target_or_default
from holdfast.commands import Command, ExchangedUnits, LineLike
from holdfast.errors import HoldfastError
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.outcomes import Outcome
from holdfast.stock import PAGE_SIZE, StockCalls
from holdfast.types import (
    AcceptedStore,
    AuditEvent,
    Disposition,
    Reservation,
    Result,
    State,
    Status,
    StockLevel,
)

TIMEOUT_MS_DEFAULT = 5_000
CHANNELS_DEFAULT = 2
AUDIT_TIMEOUT_MS_DEFAULT = 3_600_000


class Client(StockCalls):
    """A connection to an engine. Make one inside the running event loop, and share it.

    `target` is `host:port` or any gRPC name; None means the environment's HOLDFAST_TARGET, else
    127.0.0.1:7600. `tenant` is the shop that calls speak for unless they name another.
    `timeout_ms` is the deadline of a call, all its attempts included: a retryable error
    (`HoldfastError.retryable`) is sent again, with the same ids and after a growing, random wait,
    until the deadline (or `attempts_max`, if given) is reached; a server that answers many calls
    with errors is soon sent few of them again. The first calls connect, over `channels`
    connections that take turns: a server spreads connections over its workers, not calls.

    Commands of tasks that run at the same time travel together, as few messages: what is asked for
    while a message is under way forms the next one, and an idle client sends at once. Commands of
    one reservation id keep their order. Each call has its own deadline and can be cancelled; past
    `waiting_commands_max` commands that wait to be sent, a call waits to be let in. With `batching`
    off each command is a call of its own.

    Every method takes `timeout_ms` for a deadline of its own, and raises `HoldfastError`:
    INVALID_ARGUMENT for a value beyond the contract's bounds, UNAVAILABLE where no server answers,
    DEADLINE_EXCEEDED when the time is up, and what `holdfast.errors.ERRORS` lists.
    """

    def __init__(
        self,
        target: str | None = None,
        *,
        tenant: str = "default",
        timeout_ms: int = TIMEOUT_MS_DEFAULT,
        attempts_max: int | None = None,
        channels: int = CHANNELS_DEFAULT,
        batching: bool = True,  # asyncio
        waiting_commands_max: int = WAITING_COMMANDS_MAX_DEFAULT,  # asyncio
    ) -> None:
        self.target = target_or_default(target)
        self.tenant = tenant
        self._calls = Calls(self.target, channels, timeout_ms, attempts_max)
        self._batching: Batching | None = None  # asyncio
        if batching:  # asyncio
            self._batching = Batching(self._calls, waiting_commands_max)  # asyncio

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; calls under way end."""
        if self._batching is not None:  # asyncio
            await self._batching.close()  # asyncio
        await self._calls.close()

    async def reserve(
        self,
        reservation_id: str,
        lines: Sequence[LineLike],
        *,
        ttl_ms: int = 0,
        buyer_id: str = "",
        in_exchange_for: ExchangedUnits | None = None,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Holds every line (1 to 200) until `ttl_ms` from now (0: 15 minutes), or holds none.

        The id is the idempotency key: the same id with the same content answers what the first
        call answered, `replayed`. Outcomes: APPLIED, UNKNOWN_SKU, OUT_OF_STOCK (with every
        shortage), LIMIT_EXCEEDED, ID_REUSED, ALREADY_RELEASED.

        Units that the buyer is to give back (`in_exchange_for`) stop counting for the limit in the
        same step, until they are back or this reservation ends without a sale. Of them: NOT_FOUND,
        NOT_CONFIRMED, QUANTITY_EXCEEDED.
        """
        command = commands.Reserve(reservation_id, lines, ttl_ms, buyer_id, tenant, in_exchange_for)
        return await self._judge(command, timeout_ms)

    async def confirm(
        self,
        reservation_id: str,
        *,
        reacquire_if_expired: bool = False,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Sells a live reservation; an expired one too, where `reacquire_if_expired` finds stock.

        Outcomes: APPLIED, NOT_FOUND, ALREADY_RELEASED, ALREADY_EXPIRED, OUT_OF_STOCK,
        LIMIT_EXCEEDED.
        """
        command = commands.Confirm(reservation_id, reacquire_if_expired, tenant)
        return await self._judge(command, timeout_ms)

    async def release(
        self, reservation_id: str, *, tenant: str | None = None, timeout_ms: int | None = None
    ) -> Result:
        """Gives a live reservation's units back to sale.

        An id never seen leaves a tombstone: a Reserve that arrives later is ALREADY_RELEASED.
        Outcomes: APPLIED, ALREADY_CONFIRMED (use `cancel`), ALREADY_EXPIRED, ALREADY_CANCELLED.
        """
        return await self._judge(commands.Release(reservation_id, tenant), timeout_ms)

    async def extend(
        self,
        reservation_id: str,
        expires_at_ms: int,
        *,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Moves a live reservation's deadline to `expires_at_ms`, at most 7 days from now.

        Outcomes: APPLIED, NOT_FOUND, ALREADY_CONFIRMED, ALREADY_RELEASED, ALREADY_EXPIRED,
        ALREADY_CANCELLED.
        """
        return await self._judge(commands.Extend(reservation_id, expires_at_ms, tenant), timeout_ms)

    async def ship(
        self,
        reservation_id: str,
        shipment_id: str,
        lines: Sequence[LineLike] = (),
        *,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Takes confirmed units out of on hand, once per `shipment_id`; no lines means all left.

        Outcomes: APPLIED, NOT_FOUND, NOT_CONFIRMED, ID_REUSED, QUANTITY_EXCEEDED,
        ALREADY_RELEASED, ALREADY_EXPIRED, ALREADY_CANCELLED.
        """
        command = commands.Ship(reservation_id, shipment_id, lines, tenant)
        return await self._judge(command, timeout_ms)

    async def cancel(
        self,
        reservation_id: str,
        cancellation_id: str,
        lines: Sequence[LineLike] = (),
        *,
        disposition: Disposition = Disposition.RESELLABLE,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Takes back the sale of confirmed, unshipped units, once per `cancellation_id`.

        They are on sale again, or leave on hand as DAMAGED or LOST. No lines means all that is
        left. Outcomes as for `ship`.
        """
        command = commands.Cancel(reservation_id, cancellation_id, lines, tenant, disposition)
        return await self._judge(command, timeout_ms)

    async def return_units(
        self,
        reservation_id: str,
        return_id: str,
        lines: Sequence[LineLike] = (),
        *,
        disposition: Disposition = Disposition.RESELLABLE,
        to_location: str = "",
        for_exchange: str = "",
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> Result:
        """Brings shipped units back, once per `return_id`: on sale again, as damaged, or as lost.

        No lines means all that were shipped and have not come back. The stock level at
        `to_location` takes them, "" meaning that of each line. Units that were exchanged for the
        reservation `for_exchange` come back before others: the limit was given back for them
        before, and is not again. Outcomes as for `ship`, and UNKNOWN_SKU where `to_location` has no
        level of a SKU that comes back.
        """
        command = commands.Return(
            reservation_id, return_id, lines, disposition, tenant, to_location, for_exchange
        )
        return await self._judge(command, timeout_ms)

    async def apply(
        self, commands: Iterable[Command], *, timeout_ms: int | None = None
    ) -> list[Result]:
        """Judges up to 1,000 commands (4,000 lines in all) in order; `results[i]` answers the i-th.

        Each is judged alone: one that is refused, or INVALID because it breaks a bound, leaves the
        others be.
        """
        results: dict[int, Result] = {}
        request = pb.ApplyRequest()
        sent: list[int] = []
        for position, command in enumerate(commands):
            try:
                request.commands.append(wire.command_of(command, self.tenant))
                sent.append(position)
            except HoldfastError as error:
                results[position] = Result(Outcome.INVALID, detail=error.message)
        if sent:
            response = await self._calls.call("inventory.Apply", request, timeout_ms)
            answers = [wire.value_of(answer, Result) for answer in response.results]
            results.update(zip(sent, answers, strict=True))
        return [results[position] for position in range(len(results))]

    async def get_reservation(
        self, reservation_id: str, *, tenant: str | None = None, timeout_ms: int | None = None
    ) -> Reservation:
        """Reads one reservation. NOT_FOUND if the id was never seen or its retention is over."""
        request = wire.message(
            pb.GetReservationRequest, tenant=self._tenant(tenant), reservation_id=reservation_id
        )
        answer = await self._calls.call("inventory.GetReservation", request, timeout_ms)
        return wire.value_of(answer, Reservation)

    async def get_reservations(
        self, *reservation_ids: str, tenant: str | None = None, timeout_ms: int | None = None
    ) -> list[Reservation]:
        """Reads 1 to 1,000 reservations: those of them that exist, in no particular order."""
        request = wire.message(
            pb.GetReservationsRequest, tenant=self._tenant(tenant), reservation_ids=reservation_ids
        )
        answer = await self._calls.call("inventory.GetReservations", request, timeout_ms)
        return [wire.value_of(found, Reservation) for found in answer.reservations]

    async def list_reservations(
        self,
        state: State | None = None,
        sku: str = "",
        buyer_id: str = "",
        *,
        created_before_ms: int = 0,
        expires_before_ms: int = 0,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> AsyncIterator[Reservation]:
        """Reads all reservations in no particular order, page by page, filtered by what is given.

        `created_before_ms` and `expires_before_ms` are times since the Unix epoch; 0 means any.
        `timeout_ms` is for a page.
        """
        request = wire.message(
            pb.ListReservationsRequest,
            tenant=self._tenant(tenant),
            page_size=PAGE_SIZE,
            state=state or State.UNSPECIFIED,
            sku=sku,
            buyer_id=buyer_id,
            created_before_at_ms=created_before_ms,
            expires_before_at_ms=expires_before_ms,
        )
        async for page in self._calls.pages("inventory.ListReservations", request, timeout_ms):
            for answer in page.reservations:
                yield wire.value_of(answer, Reservation)

    async def get_stock(
        self, *skus: str, tenant: str | None = None, timeout_ms: int | None = None
    ) -> list[StockLevel]:
        """Reads the stock levels of 1 to 1,000 SKUs: one per SKU and location that exists."""
        request = wire.message(pb.GetStockRequest, tenant=self._tenant(tenant), skus=skus)
        answer = await self._calls.call("inventory.GetStock", request, timeout_ms)
        return [wire.value_of(level, StockLevel) for level in answer.levels]

    async def audit(
        self, *, tenant: str | None = None, timeout_ms: int = AUDIT_TIMEOUT_MS_DEFAULT
    ) -> AsyncIterator[AuditEvent]:
        """Proves the invariants of the tenant: progress and findings as they come, a summary last.

        Reads only. Not sent again when it breaks off: start it anew.
        """
        request = wire.message(operations_pb.AuditRequest, tenant=self._tenant(tenant))
        call = self._calls.next_connection().operations.Audit(request, timeout=timeout_ms / 1_000)
        try:
            async for answer in call:
                yield wire.audit_from(answer)
        except grpc.RpcError as error:
            raise HoldfastError.from_rpc(error) from error
        finally:
            call.cancel()

    async def get_status(self, *, timeout_ms: int | None = None) -> Status:
        """Says what store the engine stands on, how durable an answer is, and whether it serves."""
        request = operations_pb.GetStatusRequest()
        answer = await self._calls.call("operations.GetStatus", request, timeout_ms)
        return wire.value_of(answer, Status)

    async def accept_store(
        self,
        reason: str,
        *,
        all_tenants: bool = False,
        tenant: str | None = None,
        timeout_ms: int | None = None,
    ) -> list[AcceptedStore]:
        """Accepts a store that went back in time as it is; `reason` is written down.

        What was lost stays lost. Returns the tenants that it was done for: none whose store did not
        go back.
        """
        request = wire.message(
            operations_pb.AcceptStoreRequest,
            tenant="" if all_tenants else self._tenant(tenant),
            all_tenants=all_tenants,
            reason=reason,
        )
        answer = await self._calls.call("operations.AcceptStore", request, timeout_ms)
        return [wire.value_of(each, AcceptedStore) for each in answer.accepted]

    async def accept_clock(self, reason: str, *, timeout_ms: int | None = None) -> int:
        """Accepts the store's clock after a step; `reason` is written down.

        Returns the milliseconds by which it was off.
        """
        request = wire.message(operations_pb.AcceptClockRequest, reason=reason)
        answer = await self._calls.call("operations.AcceptClock", request, timeout_ms)
        return int(answer.step_ms)

    async def _judge(self, command: Command, timeout_ms: int | None) -> Result:
        if self._batching is not None:  # asyncio
            return await self._batching.judge(command, self.tenant, timeout_ms)  # asyncio
        rpc, request = wire.rpc_of(command), wire.request_of(command, self.tenant)
        return wire.value_of(await self._calls.call(rpc, request, timeout_ms), Result)
