"""A client's methods over a real connection: their requests, and their reading of the answers."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from holdfast.client import Client
from holdfast.commands import Command, Confirm, Release, Reserve
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.order.v1 import order_pb2
from holdfast.outcomes import Outcome
from holdfast.sync_client import SyncClient
from holdfast.sync_orders import SyncOrderClient
from holdfast.types import AuditFinding, AuditProgress, AuditSummary, State
from tests.unit.scripted_engine import ScriptedEngine
from tests.unit.scripted_orders import ScriptedOrders
from tests.waiting import PATIENCE_S

APPLIED = pb.CommandResult(outcome=pb.OUTCOME_APPLIED)
REFUSED = pb.CommandResult(outcome=pb.OUTCOME_NOT_FOUND)


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine()
    yield engine
    engine.stop()


async def test_a_batch_is_answered_in_its_order(engine: ScriptedEngine) -> None:
    engine.answers = [pb.ApplyResponse(results=[APPLIED, REFUSED])]
    async with Client(engine.target) as client:
        results = await client.apply([Reserve("r-1", [("A", 1)]), Confirm("r-2")])
    assert [result.outcome for result in results] == [Outcome.APPLIED, Outcome.NOT_FOUND]
    assert [command.WhichOneof("kind") for command in engine.requests[0].commands] == [
        "reserve",
        "confirm",
    ]


async def test_a_command_that_cannot_be_carried_is_invalid_alone(engine: ScriptedEngine) -> None:
    engine.answers = [pb.ApplyResponse(results=[APPLIED, REFUSED])]
    batch: list[Command] = [Release("r-1"), Reserve("r-2", [("A", -1)]), Release("r-3")]
    async with Client(engine.target) as client:
        results = await client.apply(batch)
    assert [result.outcome for result in results] == [
        Outcome.APPLIED,
        Outcome.INVALID,
        Outcome.NOT_FOUND,
    ]
    assert results[1].detail.startswith("lines[0].quantity: ")
    assert len(engine.requests[0].commands) == 2


async def test_a_batch_of_nothing_asks_nothing(engine: ScriptedEngine) -> None:
    async with Client(engine.target) as client:
        assert await client.apply([]) == []


async def test_lists_go_on_until_there_is_no_next_page(engine: ScriptedEngine) -> None:
    engine.answers = [
        pb.ListReservationsResponse(
            reservations=[pb.Reservation(reservation_id="r-1"), pb.Reservation(reservation_id="2")],
            next_page_token="after r-2",
        ),
        pb.ListReservationsResponse(next_page_token="an empty page in between"),
        pb.ListReservationsResponse(reservations=[pb.Reservation(reservation_id="r-3")]),
    ]
    async with Client(engine.target, tenant="shop") as client:
        listed = [
            reservation.reservation_id
            async for reservation in client.list_reservations(State.RESERVED, "A", "b-1")
        ]
    assert listed == ["r-1", "2", "r-3"]
    assert [request.page_token for request in engine.requests] == [
        "",
        "after r-2",
        "an empty page in between",
    ]
    for request in engine.requests:
        assert (request.tenant, request.state, request.sku, request.buyer_id) == (
            "shop",
            pb.Reservation.RESERVED,
            "A",
            "b-1",
        )


async def test_the_tenant_of_a_call_goes_before_that_of_the_client(engine: ScriptedEngine) -> None:
    engine.answers = [pb.GetStockResponse(), pb.GetStockResponse()]
    async with Client(engine.target, tenant="shop") as client:
        await client.get_stock("A", "B")
        await client.get_stock("A", tenant="other")
    assert [request.tenant for request in engine.requests] == ["shop", "other"]
    assert list(engine.requests[0].skus) == ["A", "B"]


async def test_an_audit_streams_what_it_finds(engine: ScriptedEngine) -> None:
    engine.answers = [
        [
            operations_pb.AuditResponse(
                progress=operations_pb.AuditProgress(reservations_checked=1, reservations_total=2)
            ),
            operations_pb.AuditResponse(finding=operations_pb.AuditFinding(invariant="i")),
            operations_pb.AuditResponse(summary=operations_pb.AuditSummary(findings=1)),
        ]
    ]
    async with Client(engine.target) as client:
        events = [event async for event in client.audit()]
    assert [type(event) for event in events] == [AuditProgress, AuditFinding, AuditSummary]


async def test_a_stock_refusal_carries_its_values(engine: ScriptedEngine) -> None:
    engine.answers = [
        HoldfastError.of(
            Reason.ON_HAND_BELOW_COMMITTED, sku="A", location="default", on_hand=1, committed=3
        )
    ]
    async with Client(engine.target) as client:
        with pytest.raises(HoldfastError, match="below the 3 units") as raised:
            await client.adjust_stock("A", -5, "adj-1", reason="count")
    assert raised.value.reason is Reason.ON_HAND_BELOW_COMMITTED
    assert engine.requests[0].delta == -5


def test_the_synchronous_twin_reads_the_same(engine: ScriptedEngine) -> None:
    engine.answers = [
        pb.ListStockResponse(levels=[pb.StockLevel(sku="A")], next_page_token="more"),
        pb.ListStockResponse(levels=[pb.StockLevel(sku="B")]),
        [operations_pb.AuditResponse(summary=operations_pb.AuditSummary(ok=True))],
        pb.ApplyResponse(results=[APPLIED]),
    ]
    with SyncClient(engine.target) as client:
        assert [level.sku for level in client.list_stock()] == ["A", "B"]
        assert [type(event) for event in client.audit()] == [AuditSummary]
        assert client.apply([Release("r-1")])[0].applied


def test_the_target_is_that_of_the_environment_unless_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOLDFAST_TARGET", "engine:1")
    with SyncClient() as client:
        assert client.target == "engine:1"
    with SyncClient("other:2") as client:
        assert client.target == "other:2"
    monkeypatch.delenv("HOLDFAST_TARGET")
    with SyncClient() as client:
        assert client.target == "127.0.0.1:7600"


def test_importing_the_package_loads_no_grpc() -> None:
    program = (
        "import sys, holdfast; holdfast.Line, holdfast.Reserve; sys.exit('grpc' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=PATIENCE_S)


def test_orders_can_be_asked_for_without_asyncio_too() -> None:
    orders = ScriptedOrders()
    try:
        orders.answers["GetOrder"] = order_pb2.Order(order_id="1")
        orders.answers["ListOrders"] = order_pb2.ListOrdersResponse(
            orders=[order_pb2.OrderSummary(order_id="1")]
        )
        with SyncOrderClient(orders.target, tenant="shop-7") as client:
            assert client.get("1").order_id == "1"
            assert [order.order_id for order in client.list()] == ["1"]
    finally:
        orders.stop()
    assert {request.tenant for request in orders.requests} == {"shop-7"}
