"""The requests that a load sends, packed before the clock starts."""

from benchmarks.loads import Load
from holdfast.inventory.v1 import inventory_pb2 as pb


def packed_requests(load: Load) -> list[bytes]:
    """The requests of a load, one a call."""
    if load.method == "Reserve":
        return [_reserve(load, call, 0).SerializeToString() for call in range(load.calls)]
    return [_apply(load, call).SerializeToString() for call in range(load.calls)]


def _apply(load: Load, call: int) -> pb.ApplyRequest:
    reserves = load.commands // 2 if load.confirmed else load.commands
    commands = [pb.Command(reserve=_reserve(load, call, n)) for n in range(reserves)]
    if load.confirmed:
        commands += [
            pb.Command(
                confirm=pb.ConfirmRequest(
                    tenant=load.tenant, reservation_id=command.reserve.reservation_id
                )
            )
            for command in commands
        ]
    return pb.ApplyRequest(commands=commands)


def _reserve(load: Load, call: int, number: int) -> pb.ReserveRequest:
    name = f"{load.prefix}-{call}-{number}"
    first = call + number * load.lines
    return pb.ReserveRequest(
        tenant=load.tenant,
        reservation_id=name,
        lines=[
            pb.Line(sku=f"SKU-{(first + line) % load.skus}", quantity=1)
            for line in range(load.lines)
        ],
        buyer_id=f"buyer-{name}",
    )
