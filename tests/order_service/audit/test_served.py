"""The audit as it is asked for: over gRPC, and as `holdfast orders audit`."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import grpc.aio
import pytest
from prometheus_client import CollectorRegistry

from holdfast.errors import HoldfastError
from holdfast.order.v1 import operations_pb2_grpc
from holdfast.orders import OrderClient
from order_service.audit.invariants import INVARIANTS
from order_service.edge.failures import TRANSLATIONS
from order_service.edge.operations import OperationsServicer
from order_service.payment.providers.port import Providers
from serving.deadlines import Deadlines
from serving.grpc_server import DecodingServer
from serving.guard import Guarded
from serving.metrics import CallMetrics
from tests.order_service.audit.shop import LINES, Shop
from tests.order_service.payment.world import API_KEY
from tests.order_service.samples import id_of

NOBODY = id_of("NOBODY")
SOLD = id_of("SOLD")


class Ended(NamedTuple):
    """How a command has ended, and what it said."""

    status: int
    out: str
    err: str


async def served_at(shop: Shop, providers: Providers) -> AsyncIterator[str]:
    """Serves the audit of a shop."""
    server = grpc.aio.server()
    nothing: Any = None
    servicer = OperationsServicer(
        shop.orders, shop.engine, providers, nothing, nothing, Deadlines(5_000)
    )
    guarded: Any = Guarded(servicer, CallMetrics(CollectorRegistry()), TRANSLATIONS)
    decoding: Any = DecodingServer(server)
    operations_pb2_grpc.add_OperationsServiceServicer_to_server(guarded, decoding)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)


@pytest.fixture
async def target(shop: Shop) -> AsyncIterator[str]:
    """Where the audit of the shop is served."""
    async for target in served_at(shop, shop.providers):
        yield target


async def audit_command(shop: Shop, target: str, *more: str) -> Ended:
    """Runs `holdfast orders audit`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "holdfast.cli", "orders", "audit"),
        *("--orders-target", target, "--tenant", shop.tenant, *more),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


async def test_a_sound_shop_ends_with_status_0_and_its_sums(shop: Shop, target: str) -> None:
    await shop.sell(SOLD)
    ended = await audit_command(shop, target, "-o", "json")
    document = json.loads(ended.out)
    assert ended.status == 0
    assert document["ok"]
    assert document["books_balance"]
    assert (document["orders"], document["units_sold"]) == (1, 2)
    assert (document["findings"], document["findings_total"]) == ([], 0)
    assert document["books"][0]["currency"] == "CNY"
    assert document["books"][0]["provider_captured_minor"] == 1_100
    table = await audit_command(shop, target)
    assert "Audit ok: 1 orders" in table.out


async def test_a_finding_is_told_with_what_to_do_and_ends_with_status_1(
    shop: Shop, target: str
) -> None:
    await shop.sell(SOLD)
    await shop.engine.reserve(NOBODY, LINES, tenant=shop.tenant)
    ended = await audit_command(shop, target, "-o", "json")
    (found,) = json.loads(ended.out)["findings"]
    assert (found["invariant"], found["row"]) == (
        "reservation_is_of_an_order",
        f"reservation {NOBODY}",
    )
    assert found["mend"] == INVARIANTS["reservation_is_of_an_order"].mend
    assert (ended.status, json.loads(ended.err)["error"]["reason"]) == (1, "AUDIT_FAILED")
    table = await audit_command(shop, target)
    assert table.status == 1
    assert f"reservation {NOBODY}" in table.out
    assert "Audit FAILED" in table.out


async def test_a_silent_provider_is_named_and_the_rest_is_judged(shop: Shop) -> None:
    await shop.sell(SOLD)
    silent = type(shop.world.provider)("http://127.0.0.1:9/provider", API_KEY, [])
    async for target in served_at(shop, {"sandbox": silent}):
        async with OrderClient(target, tenant=shop.tenant) as client:
            *_, last = [message async for message in client.audit()]
        ended = await audit_command(shop, target)
    assert (last.summary.ok, last.summary.findings) == (False, 0)
    assert "provider sandbox gives no statement" in last.summary.not_proven[0]
    assert "provider sandbox gives no statement" in " ".join(ended.out.split())
    assert ended.status == 1
    await silent.aclose()


async def test_a_tenant_that_can_be_none_is_refused(shop: Shop, target: str) -> None:
    async with OrderClient(target, tenant="no tenant") as client:
        with pytest.raises(HoldfastError) as raised:
            _ = [message async for message in client.audit()]
    assert raised.value.metadata["field"] == "tenant"
