"""InventoryService and StockService: from the wire, one call of the engine, to the wire."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from engine.engine import Engine
from engine.errors import EngineError
from engine.listing import PageTokenInvalid
from engine.model import (
    BATCH_COMMANDS_MAX,
    DEFAULT_TENANT,
    AdjustStock,
    Command,
    Outcome,
    Result,
    SetStock,
    State,
    StockLevel,
    StockOutcome,
    StockResult,
)
from engine.reads import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX, Filter
from engine.validation import (
    Complaint,
    check_command_count,
    check_id,
    check_line_count,
    check_name,
    line_count,
)
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from server import wire
from server.failures import TRANSLATIONS
from server.stock_moves import move_answer
from serving.deadlines import Deadlines
from serving.guard import Context, contract_error

SKUS_MAX = 1_000
RESERVATIONS_MAX = 1_000
TIME_MS_MAX = 10**15
"""Of a list's filters, since the Unix epoch."""


class _Share:
    """One tenant's commands of an Apply, with their positions in it."""

    def __init__(self, tenant: str) -> None:
        self.tenant = tenant
        self.problem = check_id("tenant", tenant)
        self.positions: list[int] = []
        self.commands: list[Command] = []


class InventoryServicer:
    """Holds, sells, gives back and ships stock for orders."""

    def __init__(self, engine: Engine, deadlines: Deadlines) -> None:
        self._engine = engine
        self._deadlines = deadlines

    async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.CommandResult:
        return await self._judge("reserve", request, context)

    async def Confirm(self, request: pb.ConfirmRequest, context: Context) -> pb.CommandResult:
        return await self._judge("confirm", request, context)

    async def Release(self, request: pb.ReleaseRequest, context: Context) -> pb.CommandResult:
        return await self._judge("release", request, context)

    async def Extend(self, request: pb.ExtendRequest, context: Context) -> pb.CommandResult:
        return await self._judge("extend", request, context)

    async def Ship(self, request: pb.ShipRequest, context: Context) -> pb.CommandResult:
        return await self._judge("ship", request, context)

    async def Cancel(self, request: pb.CancelRequest, context: Context) -> pb.CommandResult:
        return await self._judge("cancel", request, context)

    async def Return(self, request: pb.ReturnRequest, context: Context) -> pb.CommandResult:
        return await self._judge("return_units", request, context)

    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ApplyResponse:
        return await self._apply(request, self._deadlines.of(context))

    async def ApplyStream(
        self, requests: AsyncIterator[pb.ApplyRequest], _: Context
    ) -> AsyncIterator[pb.ApplyResponse]:
        # The stream lives as long as its caller likes; the cap is for each request in it.
        async for request in requests:
            yield await self._apply(request, self._deadlines.latest())

    async def GetReservation(
        self, request: pb.GetReservationRequest, context: Context
    ) -> pb.Reservation:
        tenant = wire.tenant_of(request)
        _refuse(check_id("reservation_id", request.reservation_id))
        async with self._deadlines.limit(context):
            found = await self._engine.reader(tenant).reservation(request.reservation_id)
        if found is None:
            raise HoldfastError.of(
                Reason.RESERVATION_NOT_FOUND, tenant=tenant, reservation_id=request.reservation_id
            )
        return wire.reservation(tenant, found, self._engine.partition(tenant).now_ms)

    async def GetReservations(
        self, request: pb.GetReservationsRequest, context: Context
    ) -> pb.GetReservationsResponse:
        tenant = wire.tenant_of(request)
        count = len(request.reservation_ids)
        if not 1 <= count <= RESERVATIONS_MAX:
            _refuse(Complaint("reservation_ids", f"must be 1 to {RESERVATIONS_MAX:,} ids", count))
        for position, reservation_id in enumerate(request.reservation_ids):
            _refuse(check_id(f"reservation_ids[{position}]", reservation_id))
        ids = list(dict.fromkeys(request.reservation_ids))
        async with self._deadlines.limit(context):
            found = await self._engine.reader(tenant).reservations_of(ids)
        now_ms = self._engine.partition(tenant).now_ms
        return pb.GetReservationsResponse(
            reservations=[wire.reservation(tenant, each, now_ms) for each in found]
        )

    async def ListReservations(
        self, request: pb.ListReservationsRequest, context: Context
    ) -> pb.ListReservationsResponse:
        tenant = wire.tenant_of(request)
        if request.state not in pb.Reservation.State.values():
            _refuse(Complaint("state", "is not a state of a reservation", request.state))
        if request.sku:
            _refuse(check_name("sku", request.sku))
        if request.buyer_id:
            _refuse(check_id("buyer_id", request.buyer_id))
        for field in ("created_before_at_ms", "expires_before_at_ms"):
            at_ms = getattr(request, field)
            if not 0 <= at_ms <= TIME_MS_MAX:
                _refuse(Complaint(field, f"must be 0 to {TIME_MS_MAX:,} ms since 1970", at_ms))
        wanted = Filter(
            State(request.state),
            request.sku,
            request.buyer_id,
            request.created_before_at_ms,
            request.expires_before_at_ms,
        )
        reader = self._engine.reader(tenant)
        with _wanted_page(request) as size:
            async with self._deadlines.limit(context):
                page, token = await reader.reservations(size, request.page_token, wanted)
        now_ms = self._engine.partition(tenant).now_ms
        return pb.ListReservationsResponse(
            reservations=[wire.reservation(tenant, found, now_ms) for found in page],
            next_page_token=token,
        )

    async def GetStock(self, request: pb.GetStockRequest, context: Context) -> pb.GetStockResponse:
        tenant = wire.tenant_of(request)
        if not 1 <= len(request.skus) <= SKUS_MAX:
            _refuse(Complaint("skus", f"must be 1 to {SKUS_MAX:,} SKUs", len(request.skus)))
        for position, sku in enumerate(request.skus):
            _refuse(check_name(f"skus[{position}]", sku))
        skus = list(dict.fromkeys(request.skus))
        async with self._deadlines.limit(context):
            levels = await self._engine.reader(tenant).levels(skus)
        return pb.GetStockResponse(levels=[wire.stock_level(tenant, level) for level in levels])

    async def _judge(self, kind: str, request: Any, context: Context) -> pb.CommandResult:
        """Judges one command; what would be INVALID in an Apply is INVALID_ARGUMENT here."""
        tenant = wire.tenant_of(request)
        command = wire.COMMANDS[kind](request)
        result = await self._engine.judge(tenant, command, self._deadlines.of(context))
        if result.outcome is Outcome.INVALID:
            _refuse(result.detail)
        return wire.command_result(result, self._engine.partition(tenant).now_ms)

    async def _apply(self, request: pb.ApplyRequest, deadline: float) -> pb.ApplyResponse:
        _refuse(check_command_count(len(request.commands)))
        results: list[wire.Answered | None] = [None] * len(request.commands)
        shares: dict[str, _Share] = {}
        for position, message in enumerate(request.commands):
            kind = message.WhichOneof("kind")
            if kind is None:
                results[position] = _invalid(Complaint("kind", "must be set", None))
                continue
            content = getattr(message, kind)
            tenant = content.tenant or DEFAULT_TENANT
            share = shares.get(tenant)
            if share is None:
                share = shares[tenant] = _Share(tenant)
            if share.problem:
                results[position] = _invalid(share.problem)
            else:
                share.positions.append(position)
                share.commands.append(wire.COMMANDS[kind](content))
        _refuse(check_line_count(sum(line_count(share.commands) for share in shares.values())))
        await asyncio.gather(
            *(self._apply_share(share, deadline, results) for share in shares.values())
        )
        _refuse_if_unanswered(results)
        return wire.apply_response(results)  # type: ignore[arg-type]

    async def _apply_share(
        self, share: _Share, deadline: float, results: list[wire.Answered | None]
    ) -> None:
        """Judges one tenant's commands and puts each answer in its command's place.

        What fails is this tenant's: the commands of others in the same Apply may be in effect.
        """
        if not share.commands:
            return
        found: Sequence[Result | EngineError | HoldfastError]
        try:
            found = await self._engine.apply(share.tenant, share.commands, deadline)
        except Exception as failure:  # noqa: BLE001 - as at the edge of a call of its own
            found = [contract_error(failure, TRANSLATIONS)] * len(share.commands)
        now_ms = self._engine.partition(share.tenant).now_ms
        errors: dict[EngineError, HoldfastError] = {}
        for position, result in zip(share.positions, found, strict=True):
            if not isinstance(result, EngineError):
                results[position] = (result, now_ms)
                continue
            if result not in errors:  # that of many commands is told, and logged, once
                errors[result] = contract_error(result, TRANSLATIONS)
            results[position] = (errors[result], now_ms)


class StockServicer:
    """Sets what there is to sell."""

    def __init__(self, engine: Engine, deadlines: Deadlines) -> None:
        self._engine = engine
        self._deadlines = deadlines

    async def SetStock(self, request: pb.SetStockRequest, context: Context) -> pb.StockLevel:
        tenant, command = wire.tenant_of(request), wire.set_stock(request)
        result = await self._engine.set_stock(tenant, command, self._deadlines.of(context))
        return wire.stock_level(tenant, _applied(tenant, command, result))

    async def SetStockLevels(
        self, request: pb.SetStockLevelsRequest, context: Context
    ) -> pb.SetStockLevelsResponse:
        tenant = wire.tenant_of(request)
        count = len(request.settings)
        if not 1 <= count <= BATCH_COMMANDS_MAX:
            _refuse(Complaint("settings", f"must be 1 to {BATCH_COMMANDS_MAX:,}", count))
        for setting in request.settings:
            if (setting.tenant or tenant) != tenant:
                _refuse(Complaint("settings", "must be of the request's tenant", setting.tenant))
        commands = [wire.set_stock(setting) for setting in request.settings]
        results = await self._engine.set_stock_levels(tenant, commands, self._deadlines.of(context))
        return pb.SetStockLevelsResponse(
            results=[
                _setting_result(tenant, command, result)
                for command, result in zip(commands, results, strict=True)
            ]
        )

    async def AdjustStock(self, request: pb.AdjustStockRequest, context: Context) -> pb.StockLevel:
        tenant, command = wire.tenant_of(request), wire.from_message(request, AdjustStock)
        result = await self._engine.adjust_stock(tenant, command, self._deadlines.of(context))
        return wire.stock_level(tenant, _applied(tenant, command, result))

    async def MoveStock(
        self, request: pb.MoveStockRequest, context: Context
    ) -> pb.MoveStockResponse:
        tenant, command = wire.tenant_of(request), wire.move_stock(request)
        result = await self._engine.move_stock(tenant, command, self._deadlines.of(context))
        return move_answer(tenant, command, result)

    async def ListStock(
        self, request: pb.ListStockRequest, context: Context
    ) -> pb.ListStockResponse:
        tenant = wire.tenant_of(request)
        reader = self._engine.reader(tenant)
        with _wanted_page(request) as size:
            async with self._deadlines.limit(context):
                page, token = await reader.all_levels(size, request.page_token)
        levels = [wire.stock_level(tenant, level) for level in page]
        return pb.ListStockResponse(levels=levels, next_page_token=token)


def _refuse(problem: Any) -> None:
    """Raises INVALID_FIELD if there is a complaint."""
    if problem:
        raise wire.invalid(problem)


@contextmanager
def _wanted_page(request: Any) -> Iterator[int]:
    """The size of the page asked for. Raises INVALID_FIELD of it, or of a wrong page token."""
    if request.page_size > PAGE_SIZE_MAX:
        _refuse(Complaint("page_size", f"must be at most {PAGE_SIZE_MAX:,}", request.page_size))
    try:
        yield request.page_size or PAGE_SIZE_DEFAULT
    except PageTokenInvalid:
        problem = "must be the next_page_token of the page before, or empty"
        raise wire.invalid(Complaint("page_token", problem, request.page_token)) from None


def _invalid(problem: Complaint) -> wire.Answered:
    return Result(Outcome.INVALID, detail=problem), 0


def _refuse_if_unanswered(results: Sequence[wire.Answered | None]) -> None:
    """Raises the error of an Apply none of whose commands has an answer, all for one reason."""
    errors = [answered[0] for answered in results if answered is not None]
    first = errors[0]
    if isinstance(first, HoldfastError) and all(
        isinstance(error, HoldfastError) and error.reason == first.reason for error in errors
    ):
        raise first


def _applied(tenant: str, command: SetStock | AdjustStock, result: StockResult) -> StockLevel:
    """The level after a command that was applied. Raises the error of one that was not."""
    if result.outcome is StockOutcome.INVALID:
        _refuse(result.detail)
    if result.outcome is StockOutcome.APPLIED and result.level is not None:
        return result.level
    raise _refusal(tenant, command, result)


def _setting_result(
    tenant: str, command: SetStock, result: StockResult | EngineError
) -> pb.StockSettingResult:
    """The answer to one setting of many: its level, or why it was refused or not judged."""
    found = pb.StockSettingResult()
    try:
        if isinstance(result, EngineError):
            raise contract_error(result, TRANSLATIONS)
        if result.level is not None:
            found.level.CopyFrom(wire.stock_level(tenant, result.level))
        _applied(tenant, command, result)
    except HoldfastError as refusal:
        found.reason, found.detail = str(refusal.reason), refusal.message
    return found


def _refusal(tenant: str, command: SetStock | AdjustStock, result: StockResult) -> HoldfastError:
    level = result.level
    of_level = {"tenant": tenant, "sku": command.sku, "location": command.location}
    if result.outcome is StockOutcome.NOT_FOUND:
        return HoldfastError.of(Reason.STOCK_NOT_FOUND, **of_level)
    if isinstance(command, AdjustStock):
        if result.outcome is StockOutcome.ADJUSTMENT_ID_REUSED:
            return HoldfastError.of(
                Reason.ADJUSTMENT_ID_REUSED, adjustment_id=command.adjustment_id
            )
        on_hand = command.delta + (level.on_hand if level else 0)
    else:
        if result.outcome is StockOutcome.ADJUSTMENT_ID_REUSED:
            return HoldfastError.of(Reason.SETTING_ID_REUSED, setting_id=command.setting_id)
        if result.outcome is StockOutcome.VERSION_MISMATCH:
            return HoldfastError.of(
                Reason.VERSION_MISMATCH,
                version=level.version if level else 0,
                expected_version=command.expected_version,
                **of_level,
            )
        on_hand = command.on_hand or 0
    committed = level.reserved + level.confirmed if level else 0
    return HoldfastError.of(
        Reason.ON_HAND_BELOW_COMMITTED, on_hand=on_hand, committed=committed, **of_level
    )
