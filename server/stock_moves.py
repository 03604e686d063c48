"""The answers to MoveStock, on the wire, and why a move is refused."""

from engine.model import Bucket, MoveStock, StockLevel, StockOutcome, StockResult
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from server import wire


def move_answer(tenant: str, command: MoveStock, result: StockResult) -> pb.MoveStockResponse:
    """The answer to a move that was made. Raises the error of one that was refused."""
    if result.outcome is not StockOutcome.APPLIED:
        raise _refusal(tenant, command, result)
    answer = pb.MoveStockResponse(replayed=result.replayed)
    if result.level is not None:
        answer.from_level.CopyFrom(wire.stock_level(tenant, result.level))
    if result.to_level is not None:
        answer.to_level.CopyFrom(wire.stock_level(tenant, result.to_level))
    return answer


def _refusal(tenant: str, command: MoveStock, result: StockResult) -> HoldfastError:
    if result.outcome is StockOutcome.INVALID:
        return wire.invalid(result.detail)  # type: ignore[arg-type]
    if result.outcome is StockOutcome.ADJUSTMENT_ID_REUSED:
        return HoldfastError.of(Reason.MOVE_ID_REUSED, move_id=command.move_id)
    if result.outcome is StockOutcome.NOT_FOUND or result.level is None:
        is_from = command.from_bucket != Bucket.OUTSIDE and result.level is None
        location = command.from_location if is_from else command.to_location
        return HoldfastError.of(
            Reason.STOCK_NOT_FOUND, tenant=tenant, sku=command.sku, location=location
        )
    movable, why = _movable(command.from_bucket, result.level)
    return HoldfastError.of(
        Reason.NOT_ENOUGH_UNITS,
        units=command.units,
        bucket=Bucket(command.from_bucket).name,
        sku=command.sku,
        location=command.from_location,
        movable=movable,
        why=why,
    )


def _movable(bucket: Bucket, level: StockLevel) -> tuple[int, str]:
    """The units that may leave a bucket of a level, and the reason why not more may."""
    if bucket == Bucket.DAMAGED:
        return level.damaged, "No more are damaged"
    if bucket == Bucket.INCOMING:
        return level.incoming, "No more are incoming"
    return level.available, (
        f"Of {level.on_hand} on hand {level.reserved} are reserved, {level.confirmed} confirmed "
        f"and {level.safety_stock} safety stock"
    )
