"""Bytes that are no message, sent to every method: refused by the contract, never a crash."""

import grpc
import grpc.aio
import pytest

from holdfast.client import Client
from holdfast.errors import Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from tests.garbage import noise, send, undecodable_by
from tests.serving import contract_error

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICES = (
    *pb.DESCRIPTOR.services_by_name.values(),
    *operations_pb.DESCRIPTOR.services_by_name.values(),
)
METHODS = {
    f"/{service.full_name}/{method.name}": method
    for service in SERVICES
    for method in service.methods
}
SEEDS = range(40)


@pytest.mark.parametrize("path", METHODS)
async def test_bytes_that_are_no_message_are_an_invalid_argument(
    channel: grpc.aio.Channel, path: str
) -> None:
    for body in undecodable_by(METHODS[path]):
        error = await send(channel, path, METHODS[path], body)
        assert error is not None, body
        refused = contract_error(error)
        assert refused.code is grpc.StatusCode.INVALID_ARGUMENT
        assert refused.reason is Reason.INVALID_FIELD
        assert refused.metadata["field"] == "request"


async def test_noise_is_never_an_internal_error(channel: grpc.aio.Channel) -> None:
    for path in METHODS:
        for seed in SEEDS:
            error = await send(channel, path, METHODS[path], noise(seed))
            if error is not None:
                refused = contract_error(error)
                assert refused.code in (
                    grpc.StatusCode.INVALID_ARGUMENT,
                    grpc.StatusCode.NOT_FOUND,
                ), (path, seed)


async def test_fields_that_nobody_knows_are_skipped(
    client: Client, channel: grpc.aio.Channel, tenant: str
) -> None:
    await client.set_stock("A", 5)
    request = pb.ReserveRequest(
        tenant=tenant, reservation_id="r", lines=[pb.Line(sku="A", quantity=1)]
    )
    newer = request.SerializeToString() + b"\xfa\x01\x03new"
    answer = await channel.unary_unary("/holdfast.inventory.v1.InventoryService/Reserve")(newer)
    assert pb.CommandResult.FromString(answer).outcome == pb.OUTCOME_APPLIED


async def test_a_request_too_large_and_a_method_too_many_are_refused_by_grpc(
    channel: grpc.aio.Channel, client: Client
) -> None:
    reserve = channel.unary_unary("/holdfast.inventory.v1.InventoryService/Reserve")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await reserve(b"\x12\x80\x80\xc0\x02" + b"a" * 5 * 1024 * 1024)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await channel.unary_unary("/holdfast.inventory.v1.InventoryService/Steal")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
    assert (await client.get_status()).trouble == ""
