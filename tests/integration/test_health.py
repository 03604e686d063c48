"""The questions of load balancers, grpcurl and operators to a server that is well."""

import asyncio
from importlib.metadata import version
from pathlib import Path

import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from holdfast.client import Client
from tests.serving import serve
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

SERVICES = (
    "holdfast.inventory.v1.InventoryService",
    "holdfast.inventory.v1.StockService",
    "holdfast.inventory.v1.OperationsService",
)


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_each_service_is_serving(channel: grpc.aio.Channel, service: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE_S)
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_server_that_says_it_is_ready_is_serving(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        async with Client(server.target) as client, grpc.aio.insecure_channel(server.target) as to:
            health = health_pb2_grpc.HealthStub(to)
            checks = [health_pb2.HealthCheckRequest(service=service) for service in SERVICES]
            status, *answers = await asyncio.gather(client.get_status(), *map(health.Check, checks))
    assert status.trouble == ""
    assert {answer.status for answer in answers} == {health_pb2.HealthCheckResponse.SERVING}


async def test_a_service_that_does_not_exist_is_not_found(channel: grpc.aio.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await health.Check(
            health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=PATIENCE_S
        )
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_the_status_names_version_store_and_durability(client: Client) -> None:
    status = await client.get_status()
    assert status.version == version("holdfast")
    assert status.store.split()[0] in ("valkey", "redis")
    assert (status.durability, status.trouble) == ("always", "")


async def test_reflection_is_off_unless_asked_for(channel: grpc.aio.Channel) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ServerReflectionInfo(timeout=PATIENCE_S).read()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_reflection_lists_every_service_when_it_is_on(
    reflecting: grpc.aio.Channel,
) -> None:
    stub = reflection_pb2_grpc.ServerReflectionStub(reflecting)
    call = stub.ServerReflectionInfo(timeout=PATIENCE_S)
    await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
    answer = await call.read()
    call.cancel()
    names = {service.name for service in answer.list_services_response.service}
    assert names >= {*SERVICES, "grpc.health.v1.Health"}
