"""StockService: from the wire, one call of the engine, to the wire."""

from engine.engine import Engine
from engine.model import AdjustStock, SetStock, StockLevel, StockOutcome, StockResult
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from server import wire
from server.inventory import refuse, wanted_page
from serving.context import Context
from serving.deadlines import Deadlines


class StockServicer:
    """Sets what there is to sell."""

    def __init__(self, engine: Engine, deadlines: Deadlines) -> None:
        self._engine = engine
        self._deadlines = deadlines

    async def SetStock(self, request: pb.SetStockRequest, context: Context) -> pb.StockLevel:
        tenant, command = wire.tenant_of(request), wire.from_message(request, SetStock)
        result = await self._engine.set_stock(tenant, command, self._deadlines.of(context))
        return wire.stock_level(tenant, _applied(tenant, command, result))

    async def AdjustStock(self, request: pb.AdjustStockRequest, context: Context) -> pb.StockLevel:
        tenant, command = wire.tenant_of(request), wire.from_message(request, AdjustStock)
        result = await self._engine.adjust_stock(tenant, command, self._deadlines.of(context))
        return wire.stock_level(tenant, _applied(tenant, command, result))

    async def ListStock(
        self, request: pb.ListStockRequest, context: Context
    ) -> pb.ListStockResponse:
        tenant = wire.tenant_of(request)
        reader = self._engine.reader(tenant)
        with wanted_page(request) as size:
            async with self._deadlines.limit(context):
                page, token = await reader.all_levels(size, request.page_token)
        levels = [wire.stock_level(tenant, level) for level in page]
        return pb.ListStockResponse(levels=levels, next_page_token=token)


def _applied(tenant: str, command: SetStock | AdjustStock, result: StockResult) -> StockLevel:
    """The level after a command that was applied. Raises the error of one that was not."""
    if result.outcome is StockOutcome.INVALID:
        refuse(result.detail)
    if result.outcome is StockOutcome.APPLIED and result.level is not None:
        return result.level
    raise _refusal(tenant, command, result)


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
        if result.outcome is StockOutcome.VERSION_MISMATCH:
            return HoldfastError.of(
                Reason.VERSION_MISMATCH,
                version=level.version if level else 0,
                expected_version=command.expected_version,
                **of_level,
            )
        on_hand = command.on_hand
    committed = level.reserved + level.confirmed if level else 0
    return HoldfastError.of(
        Reason.ON_HAND_BELOW_COMMITTED, on_hand=on_hand, committed=committed, **of_level
    )
