"""Typed values to protobuf and back: nothing lost, nothing sent that cannot be carried."""

from typing import Any

import grpc
import pytest

import holdfast
from holdfast import wire
from holdfast.commands import (
    Cancel,
    Command,
    Confirm,
    ExchangedUnits,
    Extend,
    LineLike,
    Release,
    Reserve,
    Return,
    Ship,
)
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import operations_pb2 as operations_pb
from holdfast.outcomes import OUTCOMES, Outcome
from holdfast.types import (
    AuditFinding,
    AuditProgress,
    AuditSummary,
    Disposition,
    Line,
    Reservation,
    ReservationLine,
    Result,
    Shortage,
    State,
    Status,
    StockLevel,
    StockMove,
)

LINES: list[LineLike] = [("A", 2), ("B", 1, "shop-7"), Line("C", 3)]
WIRE_LINES = [
    pb.Line(sku="A", quantity=2, location="default"),
    pb.Line(sku="B", quantity=1, location="shop-7"),
    pb.Line(sku="C", quantity=3, location="default"),
]

COMMANDS: list[tuple[Command, Any]] = [
    (
        Reserve("r-1", LINES, ttl_ms=60_000, buyer_id="b-1"),
        pb.ReserveRequest(
            tenant="shop", reservation_id="r-1", lines=WIRE_LINES, ttl_ms=60_000, buyer_id="b-1"
        ),
    ),
    (
        Reserve("r-2", LINES, in_exchange_for=ExchangedUnits("r-1", LINES)),
        pb.ReserveRequest(
            tenant="shop",
            reservation_id="r-2",
            lines=WIRE_LINES,
            in_exchange_for=pb.ExchangedUnits(reservation_id="r-1", lines=WIRE_LINES),
        ),
    ),
    (
        Reserve("r-2", LINES, in_exchange_for=ExchangedUnits("")),
        pb.ReserveRequest(
            tenant="shop",
            reservation_id="r-2",
            lines=WIRE_LINES,
            in_exchange_for=pb.ExchangedUnits(),
        ),
    ),
    (
        Confirm("r-1", reacquire_if_expired=True),
        pb.ConfirmRequest(tenant="shop", reservation_id="r-1", reacquire_if_expired=True),
    ),
    (Release("r-1"), pb.ReleaseRequest(tenant="shop", reservation_id="r-1")),
    (Extend("r-1", 99), pb.ExtendRequest(tenant="shop", reservation_id="r-1", expires_at_ms=99)),
    (
        Ship("r-1", "s-1", LINES),
        pb.ShipRequest(tenant="shop", reservation_id="r-1", shipment_id="s-1", lines=WIRE_LINES),
    ),
    (
        Cancel("r-1", "c-1", LINES, disposition=Disposition.LOST),
        pb.CancelRequest(
            tenant="shop",
            reservation_id="r-1",
            cancellation_id="c-1",
            lines=WIRE_LINES,
            disposition=pb.DISPOSITION_LOST,
        ),
    ),
    (
        Return("r-1", "t-1", LINES, Disposition.DAMAGED, to_location="bj", for_exchange="r-2"),
        pb.ReturnRequest(
            tenant="shop",
            reservation_id="r-1",
            return_id="t-1",
            lines=WIRE_LINES,
            disposition=pb.DISPOSITION_DAMAGED,
            to_location="bj",
            for_exchange="r-2",
        ),
    ),
]


@pytest.mark.parametrize(("command", "request_"), COMMANDS, ids=lambda value: type(value).__name__)
def test_a_command_becomes_its_request(command: Command, request_: Any) -> None:
    assert wire.request_of(command, "shop") == request_


@pytest.mark.parametrize(("command", "request_"), COMMANDS, ids=lambda value: type(value).__name__)
def test_a_command_of_an_apply_holds_the_same_request(command: Command, request_: Any) -> None:
    built = wire.command_of(command, "shop")
    kind = built.WhichOneof("kind")
    assert kind is not None
    assert getattr(built, kind) == request_


def test_packed_commands_put_together_are_one_apply_request_of_them_all() -> None:
    packed = b"".join(wire.packed(command, "shop") for command, _ in COMMANDS)
    apply = pb.ApplyRequest(commands=[wire.command_of(command, "shop") for command, _ in COMMANDS])
    assert pb.ApplyRequest.FromString(packed) == apply


@pytest.mark.parametrize(("command", "request_"), COMMANDS, ids=lambda value: type(value).__name__)
def test_a_packed_command_can_be_called_for_by_its_own_method(
    command: Command, request_: Any
) -> None:
    assert wire.unpacked(wire.packed(command, "shop")) == (wire.rpc_of(command), request_)


def test_answers_are_read_in_their_order_however_many_are_alike() -> None:
    kinds = [
        pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED),
        pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=pb.Reservation.RESERVED, replayed=True),
        pb.CommandResult(outcome=pb.OUTCOME_NOT_FOUND),
    ]
    results = [kinds[number % 3] for number in range(100)]
    packed = pb.ApplyResponse(results=results).SerializeToString()
    assert wire.answers_from(packed, 100) == [wire.value_of(each, Result) for each in results]


@pytest.mark.parametrize("packed", [b"", b"\x0a\x00" * 3, b"noise"])
def test_answers_that_are_not_as_many_as_were_asked_for_are_none(packed: bytes) -> None:
    with pytest.raises(HoldfastError, match="answers to 2 commands"):
        wire.answers_from(packed, 2)


def test_every_kind_of_command_has_a_route_of_its_own() -> None:
    fields = {field.name for field in pb.Command.DESCRIPTOR.fields}
    assert {route.field for route in wire.ROUTES.values()} == fields
    rpcs = pb.DESCRIPTOR.services_by_name["InventoryService"].methods_by_name
    for route in wire.ROUTES.values():
        message_type = pb.Command.DESCRIPTOR.fields_by_name[route.field].message_type
        assert rpcs[route.rpc].input_type is message_type


def test_a_command_may_name_a_tenant_of_its_own() -> None:
    assert wire.command_of(Release("r-1", tenant="other"), "shop").release.tenant == "other"
    assert wire.command_of(Release("r-1"), "shop").release.tenant == "shop"


@pytest.mark.parametrize(
    ("command", "field", "value"),
    [
        (Reserve("r-1", [("A", 1), ("A", -1)]), "lines[1].quantity", "-1"),
        (Reserve("r-1", [("A", 2**32)]), "lines[0].quantity", "4294967296"),
        (Reserve("r-1", [("A\udcff", 1)]), "lines[0].sku", r"'A\udcff'"),
        (Reserve("r-1", [("A", 1)], ttl_ms=-1), "ttl_ms", "-1"),
        (Extend("r-1", 2**63), "expires_at_ms", str(2**63)),
        (Release("\ud800"), "reservation_id", r"'\ud800'"),
        (Confirm("r-1", tenant="\ud800"), "tenant", r"'\ud800'"),
    ],
)
def test_a_value_that_cannot_be_carried_names_its_field(
    command: Command, field: str, value: str
) -> None:
    with pytest.raises(HoldfastError) as raised:
        wire.request_of(command, "default")
    assert raised.value.reason is Reason.INVALID_FIELD
    assert raised.value.metadata["field"] == field
    assert raised.value.metadata["value"] == value
    assert str(raised.value).startswith(f"{field}: ")


@pytest.mark.parametrize("lines", [("A", 2), "A", [["A", 2]], [("A", "2")], [("A", 1.5)]])
def test_lines_of_another_type_are_a_mistake_of_the_program(lines: Any) -> None:
    with pytest.raises(TypeError, match=r"lines\S*: must be"):
        wire.request_of(Reserve("r-1", lines), "default")


def test_an_answer_becomes_a_result() -> None:
    answer = pb.CommandResult(
        outcome=pb.OUTCOME_OUT_OF_STOCK,
        replayed=True,
        state=pb.Reservation.EXPIRED,
        expires_at_ms=7,
        shortages=[pb.Shortage(sku="A", location="default", requested=3, available=2)],
        detail="d",
    )
    assert wire.value_of(answer, Result) == Result(
        Outcome.OUT_OF_STOCK, True, State.EXPIRED, 7, (Shortage("A", "default", 3, 2),), "d"
    )


def test_applied_means_in_effect() -> None:
    assert Result(Outcome.APPLIED, replayed=True).applied
    assert not Result(Outcome.OUT_OF_STOCK).applied


def test_a_reservation_is_read_whole() -> None:
    line = pb.ReservationLine(
        sku="A", location="shop-7", quantity=5, shipped=4, cancelled=1, returned=2
    )
    answer = pb.Reservation(
        tenant="shop",
        reservation_id="r-1",
        state=pb.Reservation.FULFILLED,
        lines=[line],
        buyer_id="b-1",
        created_at_ms=1,
        expires_at_ms=2,
        updated_at_ms=3,
    )
    assert wire.value_of(answer, Reservation) == Reservation(
        "shop",
        "r-1",
        State.FULFILLED,
        (ReservationLine("A", "shop-7", 5, 4, 1, 2),),
        "b-1",
        1,
        2,
        3,
    )


def test_a_stock_level_is_read_whole() -> None:
    numbers = dict(
        zip(list(pb.StockLevel.DESCRIPTOR.fields_by_name)[3:], range(1, 10), strict=True)
    )
    answer = pb.StockLevel(tenant="shop", sku="A", location="shop-7", **numbers)
    assert wire.value_of(answer, StockLevel) == StockLevel("shop", "A", "shop-7", **numbers)


def test_a_move_has_no_level_for_outside() -> None:
    level = pb.StockLevel(tenant="shop", sku="A", location="bj", incoming=2, version=3)
    read = StockLevel("shop", "A", "bj", 0, 0, 0, 0, 0, 0, 0, 3, 2)
    came = pb.MoveStockResponse(to_level=level, replayed=True)
    assert wire.stock_move(came) == StockMove(None, read, replayed=True)
    assert wire.stock_move(pb.MoveStockResponse(from_level=level)) == StockMove(read, None)


def test_an_audit_message_is_read_by_its_kind() -> None:
    summary = AuditSummary(True, 1, 2, 3, 4, 5, 6, 7)
    assert wire.audit_from(
        operations_pb.AuditResponse(
            progress=operations_pb.AuditProgress(reservations_checked=1, reservations_total=2)
        )
    ) == AuditProgress(1, 2)
    assert wire.audit_from(
        operations_pb.AuditResponse(
            finding=operations_pb.AuditFinding(invariant="i", row="r", detail="d")
        )
    ) == AuditFinding("i", "r", "d")
    assert (
        wire.audit_from(
            operations_pb.AuditResponse(
                summary=operations_pb.AuditSummary(
                    ok=True,
                    levels=1,
                    reservations=2,
                    buyers=3,
                    journal_entries=4,
                    findings=5,
                    unsettled=6,
                    elapsed_ms=7,
                )
            )
        )
        == summary
    )


def test_a_status_is_read_whole() -> None:
    answer = operations_pb.GetStatusResponse(version="1", store="s", durability="d", trouble="t")
    assert wire.value_of(answer, Status) == Status("1", "s", "d", "t")


@pytest.mark.parametrize(
    "answer",
    [
        pb.CommandResult(outcome=99),  # type: ignore[arg-type]
        pb.CommandResult(),
        pb.CommandResult(outcome=pb.OUTCOME_APPLIED, state=99),  # type: ignore[arg-type]
    ],
)
def test_an_outcome_of_a_newer_contract_is_not_taken_for_an_older_one(
    answer: pb.CommandResult,
) -> None:
    with pytest.raises(HoldfastError, match="upgrade holdfast") as raised:
        wire.value_of(answer, Result)
    assert raised.value.code is grpc.StatusCode.UNKNOWN
    assert not raised.value.retryable


def test_an_audit_message_of_a_newer_contract_is_refused() -> None:
    with pytest.raises(HoldfastError, match="upgrade holdfast"):
        wire.audit_from(operations_pb.AuditResponse())


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (Outcome, pb.Outcome, "OUTCOME_"),
        (State, pb.Reservation.State, "STATE_"),
        (Disposition, pb.Disposition, "DISPOSITION_"),
    ],
)
def test_the_enums_are_those_of_the_contract(ours: Any, theirs: Any, prefix: str) -> None:
    contract = {name.removeprefix(prefix): number for name, number in theirs.items()}
    unspecified = {"UNSPECIFIED": 0} if "UNSPECIFIED" not in ours.__members__ else {}
    assert {member.name: member.value for member in ours} | unspecified == contract


def test_every_outcome_says_what_it_means() -> None:
    assert set(OUTCOMES) == set(Outcome)


def test_every_public_name_can_be_had_from_the_package() -> None:
    for name in holdfast.__dir__():
        assert getattr(holdfast, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Clinet'"):
        holdfast.Clinet  # type: ignore[attr-defined]  # noqa: B018
