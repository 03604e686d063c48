"""Requests at and beyond each bound of the contract, over the raw wire.

In a method of its own a command that breaks a bound is INVALID_ARGUMENT with one ErrorInfo that
names the field; in an Apply it is OUTCOME_INVALID alone, and its neighbours are judged.
"""

import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.inventory.v1 import operations_pb2_grpc as operations_pb_grpc
from tests.serving import contract_error, refusal
from tests.waiting import PATIENCE_S

pytestmark = pytest.mark.asyncio(loop_scope="session")

WEEK_MS = 604_800_000
ID = "a" * 64
MILLION = 1_000_000
TRILLION = 10**12
LINE = pb.Line(sku="A", quantity=1)
LINES_201 = [pb.Line(sku=f"A{n}", quantity=1) for n in range(201)]


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def reserve(**changed: Any) -> pb.Command:
    fields = {"reservation_id": "new", "lines": [LINE]} | changed
    return pb.Command(reserve=pb.ReserveRequest(**fields))


def reserve_line(**changed: Any) -> pb.Command:
    usual: dict[str, Any] = {"sku": "A", "quantity": 1}
    return reserve(lines=[LINE, pb.Line(**(usual | changed))])


def confirm(**changed: Any) -> pb.Command:
    return pb.Command(confirm=pb.ConfirmRequest(**({"reservation_id": "live"} | changed)))


def release(**changed: Any) -> pb.Command:
    return pb.Command(release=pb.ReleaseRequest(**({"reservation_id": "live"} | changed)))


def extend(**changed: Any) -> pb.Command:
    usual: dict[str, Any] = {"reservation_id": "live", "expires_at_ms": now_ms() + 60_000}
    return pb.Command(extend=pb.ExtendRequest(**(usual | changed)))


def ship(**changed: Any) -> pb.Command:
    fields = {"reservation_id": "live", "shipment_id": "s"} | changed
    return pb.Command(ship=pb.ShipRequest(**fields))


def cancel(**changed: Any) -> pb.Command:
    usual: dict[str, Any] = {"reservation_id": "live", "cancellation_id": "c"}
    return pb.Command(cancel=pb.CancelRequest(**(usual | changed)))


def give_back(**changed: Any) -> pb.Command:
    usual: dict[str, Any] = {"reservation_id": "live", "return_id": "r", "disposition": 2}
    return pb.Command(return_units=pb.ReturnRequest(**(usual | changed)))


RPCS = {
    "reserve": "Reserve",
    "confirm": "Confirm",
    "release": "Release",
    "extend": "Extend",
    "ship": "Ship",
    "cancel": "Cancel",
    "return_units": "Return",
}
BUILDERS = (reserve, confirm, release, extend, ship, cancel, give_back)
BAD_IDS = ("", "a" * 65, "a b", "a/b", "é", "a\n", "a\0", "{a}", "*")
BAD_NAMES = ("a" * 65, "é" * 33, "\n", "a\0b", "\x7f", "\u202e", "\u2028")

# The field that is named, and the command that breaks its bound.
BEYOND: list[tuple[str, pb.Command]] = [
    *(("reservation_id", build(reservation_id=bad)) for build in BUILDERS for bad in BAD_IDS),
    *(("tenant", build(tenant=bad)) for build in BUILDERS for bad in BAD_IDS if bad),
    *(("buyer_id", reserve(buyer_id=bad)) for bad in BAD_IDS if bad),
    *(("shipment_id", ship(shipment_id=bad)) for bad in BAD_IDS),
    *(("cancellation_id", cancel(cancellation_id=bad)) for bad in BAD_IDS),
    *(("return_id", give_back(return_id=bad)) for bad in BAD_IDS),
    *(("lines[1].sku", reserve_line(sku=bad)) for bad in ("", *BAD_NAMES)),
    *(("lines[1].location", reserve_line(location=bad)) for bad in BAD_NAMES),
    *(
        ("lines[1].quantity", reserve_line(quantity=bad))
        for bad in (0, MILLION + 1, 2**31, 2**32 - 1)
    ),
    *(("ttl_ms", reserve(ttl_ms=bad)) for bad in (1, 999, WEEK_MS + 1, 2**63, 2**64 - 1)),
    ("lines", reserve(lines=[])),
    *(("lines", build(lines=LINES_201)) for build in (reserve, ship, cancel, give_back)),
    *(
        ("lines[0].quantity", build(lines=[pb.Line(sku="A")]))
        for build in (reserve, ship, cancel, give_back)
    ),
    *(("lines[0].sku", build(lines=[pb.Line(quantity=1)])) for build in (ship, cancel, give_back)),
    *(
        ("expires_at_ms", extend(expires_at_ms=bad))
        for bad in (0, -1, -(2**63), 1, now_ms() - 60_000, now_ms() + 2 * WEEK_MS, 2**63 - 1)
    ),
    *(("disposition", give_back(disposition=bad)) for bad in (0, 4, -1, 2**31 - 1)),
    *(("disposition", cancel(disposition=bad)) for bad in (4, -1, 2**31 - 1)),
]

WITHIN: list[pb.Command] = [
    *(build(reservation_id=ID) for build in BUILDERS),
    *(build(reservation_id="A-Za.z0:9_") for build in BUILDERS),
    *(build(tenant="") for build in (confirm, extend, ship, cancel, give_back)),
    reserve(reservation_id="within-1", buyer_id=ID),
    reserve(reservation_id="within-2", ttl_ms=1_000),
    reserve(reservation_id="within-3", ttl_ms=WEEK_MS),
    reserve(reservation_id="within-4", lines=LINES_201[:200]),
    *(reserve_line(sku=good) for good in ("a" * 64, "é" * 32, "红 茶", "~", " ", "茶" * 21)),
    *(reserve_line(location=good) for good in ("a" * 64, "上海")),
    *(reserve_line(quantity=good) for good in (1, MILLION)),
    *(build(lines=LINES_201[:200]) for build in (ship, cancel, give_back)),
    give_back(disposition=pb.DISPOSITION_RESELLABLE),
]


def named(rows: Sequence[tuple[str, pb.Command]]) -> list[str]:
    return [f"{number}-{row[1].WhichOneof('kind')}-{row[0]}" for number, row in enumerate(rows)]


@pytest_asyncio.fixture(loop_scope="session")
async def inventory(channel: grpc.aio.Channel) -> pb_grpc.InventoryServiceStub:
    return pb_grpc.InventoryServiceStub(channel)


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_changes(client: Client) -> AsyncIterator[None]:
    """Checks that a refusal leaves the tenant's stock and its one reservation as they were."""
    await client.set_stock("A", 1_000)
    await client.reserve("live", [("A", 2)])
    before = await client.get_stock("A"), await client.get_reservation("live")
    yield
    assert (await client.get_stock("A"), await client.get_reservation("live")) == before


def in_tenant(command: pb.Command, tenant: str) -> pb.Command:
    """The command, for the test's tenant unless it names one."""
    sent = pb.Command()
    sent.CopyFrom(command)
    content = getattr(sent, str(sent.WhichOneof("kind")))
    content.tenant = content.tenant or tenant
    return sent


def alone(stub: pb_grpc.InventoryServiceStub, command: pb.Command) -> Any:
    """The call of the command's own method."""
    kind = str(command.WhichOneof("kind"))
    return getattr(stub, RPCS[kind])(getattr(command, kind), timeout=PATIENCE_S)


def assert_names(error: HoldfastError, field: str) -> None:
    assert (error.code, error.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        Reason.INVALID_FIELD,
    )
    assert error.metadata.keys() == {"field", "problem", "value"}
    assert error.metadata["field"] == field


async def test_a_command_beyond_a_bound_is_refused_and_names_the_field(
    inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    for field, command in BEYOND:
        error = await refusal(alone(inventory, in_tenant(command, tenant)))
        assert_names(error, field)


async def test_a_command_beyond_a_bound_in_an_apply_is_invalid_alone(
    inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    sound = in_tenant(confirm(reservation_id="nobody"), tenant)
    for field, command in BEYOND:
        commands = [sound, in_tenant(command, tenant), sound]
        answer = await inventory.Apply(pb.ApplyRequest(commands=commands), timeout=PATIENCE_S)
        first, invalid, last = answer.results
        assert invalid.outcome == pb.OUTCOME_INVALID, command
        assert invalid.detail.startswith(f"{field}: "), invalid.detail
        assert not invalid.shortages
        assert {first.outcome, last.outcome} == {pb.OUTCOME_NOT_FOUND}


async def test_a_command_within_its_bounds_is_judged(
    inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    other = f"{tenant}-2"
    for command in WITHIN:
        answer = await alone(inventory, in_tenant(command, other))
        assert answer.outcome != pb.OUTCOME_INVALID, command
        assert answer.outcome != pb.OUTCOME_UNSPECIFIED, command


async def test_an_unset_command_is_invalid_alone(
    inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    sound = in_tenant(confirm(reservation_id="nobody"), tenant)
    # A kind that a newer client knows looks like one that is not set.
    unknown = pb.Command.FromString(b"\xfa\x01\x03\x12\x01a")
    for unset in (pb.Command(), unknown):
        commands = [unset, sound, unset]
        answer = await inventory.Apply(pb.ApplyRequest(commands=commands), timeout=PATIENCE_S)
        outcomes = [result.outcome for result in answer.results]
        assert outcomes == [pb.OUTCOME_INVALID, pb.OUTCOME_NOT_FOUND, pb.OUTCOME_INVALID]
        assert answer.results[0].detail.startswith("kind: ")


async def test_an_apply_of_only_invalid_commands_is_answered(
    inventory: pb_grpc.InventoryServiceStub,
) -> None:
    commands = [pb.Command(), reserve(tenant="a b"), reserve(reservation_id="")]
    answer = await inventory.Apply(pb.ApplyRequest(commands=commands), timeout=PATIENCE_S)
    assert [result.outcome for result in answer.results] == [pb.OUTCOME_INVALID] * 3


@pytest.mark.parametrize("count", [0, 1_001, 3_000])
async def test_an_apply_of_too_few_or_too_many_commands_is_refused_whole(
    inventory: pb_grpc.InventoryServiceStub, tenant: str, count: int
) -> None:
    commands = [in_tenant(release(reservation_id=f"r{n}"), tenant) for n in range(count)]
    assert_names(await refusal(inventory.Apply(pb.ApplyRequest(commands=commands))), "commands")


async def test_an_apply_of_more_than_four_thousand_lines_is_refused_whole(
    inventory: pb_grpc.InventoryServiceStub, tenant: str, client: Client
) -> None:
    full = [
        in_tenant(reserve(reservation_id=f"r{n}", lines=LINES_201[:200]), tenant) for n in range(20)
    ]
    answer = await inventory.Apply(pb.ApplyRequest(commands=full), timeout=PATIENCE_S)
    assert {result.outcome for result in answer.results} == {pb.OUTCOME_UNKNOWN_SKU}
    one_more = in_tenant(reserve(reservation_id="one-more"), tenant)
    for position in (0, 20):
        commands = [*full[:position], one_more, *full[position:]]
        error = await refusal(inventory.Apply(pb.ApplyRequest(commands=commands)))
        assert_names(error, "commands")
    assert [found.reservation_id async for found in client.list_reservations()] == ["live"]


@pytest.mark.parametrize("count", [0, 1_001])
async def test_a_stream_ends_with_the_error_of_its_first_bad_request(
    inventory: pb_grpc.InventoryServiceStub, tenant: str, count: int
) -> None:
    sound = pb.ApplyRequest(commands=[in_tenant(confirm(reservation_id="nobody"), tenant)])
    bad = pb.ApplyRequest(commands=[pb.Command()] * count)
    # Not from an iterator: one that ends as the server aborts hides the error (grpc/grpc#36066).
    call = inventory.ApplyStream(timeout=PATIENCE_S)
    await call.write(sound)
    answer = await call.read()
    assert isinstance(answer, pb.ApplyResponse)
    assert [result.outcome for result in answer.results] == [pb.OUTCOME_NOT_FOUND]
    await call.write(bad)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert_names(contract_error(caught.value), "commands")


async def test_a_list_or_read_beyond_a_bound_is_refused_and_names_the_field(
    inventory: pb_grpc.InventoryServiceStub, channel: grpc.aio.Channel
) -> None:
    stock = pb_grpc.StockServiceStub(channel)
    reservations = pb.ListReservationsRequest
    tokens = ("x", "====", "é", "MQ", "MC4t", "LTEuMA", "MC4yMDAwMQ", "A" * 10_000)
    filters = ("created_before_at_ms", "expires_before_at_ms")
    beyond_times: list[Any] = [{name: at_ms} for name in filters for at_ms in (-1, 10**15 + 1)]
    table: list[tuple[str, Any]] = [
        ("page_size", inventory.ListReservations(reservations(page_size=1_001))),
        ("page_size", stock.ListStock(pb.ListStockRequest(page_size=2**32 - 1))),
        *(("page_token", inventory.ListReservations(reservations(page_token=t))) for t in tokens),
        *(("page_token", stock.ListStock(pb.ListStockRequest(page_token=t))) for t in tokens),
        ("state", inventory.ListReservations(reservations(state=7))),  # type: ignore[arg-type]
        ("state", inventory.ListReservations(reservations(state=-1))),  # type: ignore[arg-type]
        ("sku", inventory.ListReservations(reservations(sku="\n"))),
        ("buyer_id", inventory.ListReservations(reservations(buyer_id="a b"))),
        *(
            (next(iter(wanted)), inventory.ListReservations(reservations(**wanted)))
            for wanted in beyond_times
        ),
        ("tenant", inventory.ListReservations(reservations(tenant="a b"))),
        ("tenant", stock.ListStock(pb.ListStockRequest(tenant="é"))),
        ("reservation_id", inventory.GetReservation(pb.GetReservationRequest())),
        ("tenant", inventory.GetReservation(pb.GetReservationRequest(tenant="a b"))),
        *(
            (field, inventory.GetReservations(pb.GetReservationsRequest(reservation_ids=ids)))
            for field, ids in (
                ("reservation_ids", []),
                ("reservation_ids", ["r"] * 1_001),
                ("reservation_ids[1]", ["r", "a b"]),
            )
        ),
        ("skus", inventory.GetStock(pb.GetStockRequest())),
        ("skus", inventory.GetStock(pb.GetStockRequest(skus=["A"] * 1_001))),
        ("skus[1]", inventory.GetStock(pb.GetStockRequest(skus=["A", ""]))),
        ("skus[0]", inventory.GetStock(pb.GetStockRequest(skus=["é" * 33]))),
        ("tenant", inventory.GetStock(pb.GetStockRequest(tenant="a b", skus=["A"]))),
    ]
    for field, call in table:
        assert_names(await refusal(call), field)


async def test_a_read_within_its_bounds_is_answered(
    inventory: pb_grpc.InventoryServiceStub, tenant: str
) -> None:
    skus = ["A", *(f"A{n}" for n in range(999))]
    found = await inventory.GetStock(
        pb.GetStockRequest(tenant=tenant, skus=skus), timeout=PATIENCE_S
    )
    assert [level.sku for level in found.levels] == ["A"]
    twice = await inventory.GetStock(
        pb.GetStockRequest(tenant=tenant, skus=["A", "A"]), timeout=PATIENCE_S
    )
    assert len(twice.levels) == 1
    page = await inventory.ListReservations(
        pb.ListReservationsRequest(tenant=tenant, page_size=1_000), timeout=10
    )
    assert [reservation.reservation_id for reservation in page.reservations] == ["live"]


async def test_a_tenant_nobody_knows_is_empty_and_is_not_remembered(
    inventory: pb_grpc.InventoryServiceStub, channel: grpc.aio.Channel, tenant: str
) -> None:
    nobody = f"{tenant}-nobody"
    stock = pb_grpc.StockServiceStub(channel)
    answer = await inventory.Reserve(in_tenant(reserve(), nobody).reserve, timeout=PATIENCE_S)
    assert answer.outcome == pb.OUTCOME_UNKNOWN_SKU
    answer = await inventory.Confirm(in_tenant(confirm(), nobody).confirm, timeout=PATIENCE_S)
    assert answer.outcome == pb.OUTCOME_NOT_FOUND
    assert not (
        await stock.ListStock(pb.ListStockRequest(tenant=nobody), timeout=PATIENCE_S)
    ).levels
    read = inventory.GetReservation(pb.GetReservationRequest(tenant=nobody, reservation_id="x"))
    error = await refusal(read)
    assert (error.code, error.reason) == (
        grpc.StatusCode.NOT_FOUND,
        Reason.RESERVATION_NOT_FOUND,
    )


async def test_an_audit_of_a_bad_tenant_is_refused(channel: grpc.aio.Channel) -> None:
    operations = operations_pb_grpc.OperationsServiceStub(channel)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await operations.Audit(operations_pb.AuditRequest(tenant="a b")).read()
    assert_names(contract_error(caught.value), "tenant")
