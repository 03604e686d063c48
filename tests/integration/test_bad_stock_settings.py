"""SetStock and AdjustStock at and beyond their bounds, and what each refusal says."""

from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from tests.serving import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

TRILLION = 10**12
INT64_MAX = 2**63 - 1

SET_BEYOND: list[tuple[str, dict[str, Any]]] = [
    ("tenant", {"tenant": "a b"}),
    ("sku", {"sku": ""}),
    ("sku", {"sku": "é" * 33}),
    ("sku", {"sku": "a\0b"}),
    ("location", {"location": "a" * 65}),
    ("location", {"location": "\n"}),
    *(("on_hand", {"on_hand": bad}) for bad in (-1, TRILLION + 1, INT64_MAX, -INT64_MAX)),
    *(("safety_stock", {"safety_stock": bad}) for bad in (-1, TRILLION + 1)),
    ("expected_version", {"expected_version": -1}),
]
ADJUST_BEYOND: list[tuple[str, dict[str, Any]]] = [
    ("tenant", {"tenant": "é"}),
    ("sku", {"sku": "\n"}),
    ("location", {"location": "\x7f"}),
    *(("delta", {"delta": bad}) for bad in (0, TRILLION + 1, -TRILLION - 1, INT64_MAX)),
    *(("adjustment_id", {"adjustment_id": bad}) for bad in ("", "a" * 65, "a b")),
    ("reason", {"reason": "a" * 257}),
    ("reason", {"reason": "é" * 129}),
    # Judged by the store: it depends on what is on hand.
    ("delta", {"delta": TRILLION - 9}),
]


@pytest_asyncio.fixture(loop_scope="session")
async def stock(channel: grpc.aio.Channel) -> pb_grpc.StockServiceStub:
    return pb_grpc.StockServiceStub(channel)


@pytest.mark.parametrize(("field", "changed"), SET_BEYOND)
async def test_a_setting_beyond_a_bound_is_refused_and_names_the_field(
    stock: pb_grpc.StockServiceStub, tenant: str, field: str, changed: dict[str, Any]
) -> None:
    fields: dict[str, Any] = {"tenant": tenant, "sku": "A", "on_hand": 10} | changed
    error = await refusal(stock.SetStock(pb.SetStockRequest(**fields)))
    assert (error.code, error.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        Reason.INVALID_FIELD,
    )
    assert error.metadata["field"] == field
    assert not (await stock.ListStock(pb.ListStockRequest(tenant=tenant))).levels


@pytest.mark.parametrize(("field", "changed"), ADJUST_BEYOND)
async def test_an_adjustment_beyond_a_bound_is_refused_and_names_the_field(
    client: Client,
    stock: pb_grpc.StockServiceStub,
    tenant: str,
    field: str,
    changed: dict[str, Any],
) -> None:
    before = await client.set_stock("A", 10)
    usual: dict[str, Any] = {"tenant": tenant, "sku": "A", "delta": 1, "adjustment_id": "a"}
    fields = usual | changed
    error = await refusal(stock.AdjustStock(pb.AdjustStockRequest(**fields)))
    assert error.reason is Reason.INVALID_FIELD
    assert error.metadata["field"] == field
    assert await client.get_stock("A") == [before]


async def test_a_setting_at_each_bound_is_applied(client: Client) -> None:
    level = await client.set_stock(
        "é" * 32, TRILLION, location="a" * 64, safety_stock=TRILLION, limit_per_buyer=2**32 - 1
    )
    assert (level.on_hand, level.safety_stock, level.available) == (TRILLION, TRILLION, 0)
    assert level.limit_per_buyer == 2**32 - 1
    assert await client.get_stock("é" * 32) == [level]
    await client.set_stock("B", 0, expected_version=0)
    emptied = await client.adjust_stock("B", TRILLION, "a" * 64, reason="é" * 128)
    assert emptied.on_hand == TRILLION
    assert (await client.adjust_stock("B", -TRILLION, "b")).on_hand == 0


async def test_every_refusal_of_a_setting_says_why_and_changes_nothing(
    client: Client, stock: pb_grpc.StockServiceStub, tenant: str
) -> None:
    await client.set_stock("A", 10)
    await client.reserve("held", [("A", 6)])
    await client.adjust_stock("A", 1, "used")
    (before,) = await client.get_stock("A")
    assert before.version == 3
    of_a: dict[str, object] = {"tenant": tenant, "sku": "A", "location": "default"}
    table: list[tuple[Any, grpc.StatusCode, Reason, dict[str, object]]] = [
        (
            pb.SetStockRequest(tenant=tenant, sku="A", on_hand=5),
            grpc.StatusCode.FAILED_PRECONDITION,
            Reason.ON_HAND_BELOW_COMMITTED,
            of_a | {"on_hand": 5, "committed": 6},
        ),
        (
            pb.SetStockRequest(tenant=tenant, sku="A", on_hand=20, expected_version=2),
            grpc.StatusCode.ABORTED,
            Reason.VERSION_MISMATCH,
            of_a | {"version": 3, "expected_version": 2},
        ),
        (
            pb.SetStockRequest(tenant=tenant, sku="A", on_hand=20, expected_version=0),
            grpc.StatusCode.ABORTED,
            Reason.VERSION_MISMATCH,
            of_a | {"version": 3, "expected_version": 0},
        ),
        (
            pb.SetStockRequest(tenant=tenant, sku="B", on_hand=20, expected_version=1),
            grpc.StatusCode.ABORTED,
            Reason.VERSION_MISMATCH,
            of_a | {"sku": "B", "version": 0, "expected_version": 1},
        ),
        (
            pb.AdjustStockRequest(tenant=tenant, sku="A", delta=-6, adjustment_id="x"),
            grpc.StatusCode.FAILED_PRECONDITION,
            Reason.ON_HAND_BELOW_COMMITTED,
            of_a | {"on_hand": 5, "committed": 6},
        ),
        (
            pb.AdjustStockRequest(tenant=tenant, sku="A", delta=2, adjustment_id="used"),
            grpc.StatusCode.FAILED_PRECONDITION,
            Reason.ADJUSTMENT_ID_REUSED,
            {"adjustment_id": "used"},
        ),
        (
            pb.AdjustStockRequest(tenant=tenant, sku="B", delta=2, adjustment_id="y"),
            grpc.StatusCode.NOT_FOUND,
            Reason.STOCK_NOT_FOUND,
            of_a | {"sku": "B"},
        ),
    ]
    for request, code, reason, metadata in table:
        method = stock.SetStock if isinstance(request, pb.SetStockRequest) else stock.AdjustStock
        error = await refusal(method(request))
        assert (error.code, error.reason) == (code, reason)
        assert error.metadata == {name: str(value) for name, value in metadata.items()}
    assert [level async for level in client.list_stock()] == [before]
