"""`holdfast orders` without a service: its arguments, its names, its documents, wrong usage."""

import json
from typing import Any

import pytest

from holdfast.cli.__main__ import run
from holdfast.cli.arguments import ArticleUnits, units_of_article
from holdfast.cli.failures import USAGE, Failure
from holdfast.cli.orders import arguments as arguments
from holdfast.cli.orders.arguments import Wanted, wanted_line
from holdfast.cli.orders.connection import accepted
from holdfast.cli.orders.serve import orders_environment
from holdfast.cli.orders.tables import order_document
from holdfast.cli.output import enum_name, plain
from holdfast.order.v1 import fulfilment_pb2, order_pb2
from holdfast.order_channel import RPCS, OrderConnection
from order_service.order.tasks import TaskKind
from tests.unit.scripted_orders import Commands

NOWHERE = "127.0.0.1:1"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("MUG=2@12.50", Wanted("MUG", 2, "12.50")),
        ("A=B@C=3@1", Wanted("A=B@C", 3, "1")),
        ("龙井=1@48", Wanted("龙井", 1, "48")),
    ],
)
def test_a_line_names_an_article_its_units_and_its_price(text: str, wanted: Wanted) -> None:
    assert wanted_line(text) == wanted


@pytest.mark.parametrize("text", ["MUG", "MUG=2", "MUG@2", "=2@1", "MUG=@1", "MUG=2@", "MUG=0@1"])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be"):
        wanted_line(text)


def test_units_are_an_article_and_a_number() -> None:
    assert units_of_article("A=B=3") == ArticleUnits("A=B", 3)
    with pytest.raises(ValueError, match="SKU=QUANTITY"):
        units_of_article("MUG")


@pytest.mark.parametrize(
    ("argument", "enum"),
    [
        (arguments.OrderStateName, order_pb2.Order.State),
        (arguments.ShipmentStateName, order_pb2.Shipment.State),
        (arguments.SourceName, order_pb2.OrderSource),
        (arguments.ShortageName, order_pb2.ShortagePolicy),
        (arguments.WishName, order_pb2.DeliveryWish),
        (arguments.IncidentName, fulfilment_pb2.Incident.Kind),
        (arguments.TrackingName, fulfilment_pb2.TrackingEvent.Kind),
        (arguments.ResolutionName, fulfilment_pb2.Resolution),
    ],
)
def test_the_names_that_a_shell_completes_are_those_of_the_contract(
    argument: Any, enum: Any
) -> None:
    (parameter,) = argument.__metadata__
    names = [choice.name for choice in parameter.choices]
    assert names == [enum_name(enum.DESCRIPTOR, number) for number in enum.values() if number]
    assert names
    assert not any(name.startswith(("UNSPECIFIED", "ORDER_SOURCE")) for name in names)


def test_the_kinds_of_tasks_are_those_of_the_order_service() -> None:
    assert list(arguments.TASK_KINDS) == list(TaskKind)


@pytest.mark.parametrize("typed", ["awaiting-payment", "AWAITING_PAYMENT", "Awaiting-Payment"])
def test_a_name_may_be_written_in_any_case_with_dashes_or_underlines(
    orders: Commands, typed: str
) -> None:
    orders.service.answers["ListOrders"] = order_pb2.ListOrdersResponse()
    assert orders(f"orders list --state {typed}").exit_status == 0
    (request,) = orders.service.requests
    assert request.state == order_pb2.Order.AWAITING_PAYMENT


def test_every_request_is_for_one_rpc_that_a_client_has() -> None:
    assert len(set(RPCS.values())) == len(RPCS)
    for rpc in RPCS.values():
        assert rpc.partition(".")[0] in OrderConnection._fields


def test_a_message_is_a_document_with_numbers_and_names() -> None:
    order = order_pb2.Order(
        order_id="O", state=order_pb2.Order.CONFIRMED, source=order_pb2.ORDER_SOURCE_WEB
    )
    order.lines.add(sku="MUG", quantity=2)
    document = plain(order_pb2.OrderResult(outcome=order_pb2.ORDER_OUTCOME_APPLIED, order=order))
    assert document["outcome"] == "APPLIED"
    assert document["order"]["state"] == "CONFIRMED"
    assert document["order"]["source"] == "WEB"
    assert document["order"]["created_at_ms"] == 0
    assert document["order"]["lines"][0]["quantity"] == 2
    assert document["order"]["amounts"] is None
    json.dumps(document)


def test_what_is_personal_is_shown_only_when_asked_for() -> None:
    order = order_pb2.Order(delivery=order_pb2.Delivery(name="Ada Lee"))
    assert "Ada" not in json.dumps(order_document(order, personal=False))
    assert "Ada" in json.dumps(order_document(order, personal=True))


def test_a_refusal_is_a_failure_with_its_reason() -> None:
    refused = order_pb2.OrderResult(
        outcome=order_pb2.ORDER_OUTCOME_OUT_OF_STOCK, detail="MUG: 1 of 2 units"
    )
    with pytest.raises(Failure, match="MUG: 1 of 2 units") as raised:
        accepted(refused)
    assert (raised.value.reason, raised.value.exit_status) == ("OUT_OF_STOCK", 1)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("orders plcae", 'Did you mean "place"?'),
        ("orders list --state lost-it", 'Choose from: "reserving", "backordered", '),
        ("orders list --state shiped", 'Did you mean "shipped"?'),
        ("orders tasks --kind confrim", 'Did you mean "confirm"?'),
        ("orders list --source fax", '"web", "app", "phone", "shop", "import"'),
        ("orders place --line MUG=2 --buyer b --name n --phone p", "SKU=QUANTITY@PRICE"),
        ("orders place --line MUG=2@1.234 --buyer b --name n --phone p", "--line: must be an amo"),
        ("orders place --buyer b --name n --phone p", "--line"),
        ("orders pack O-s1 MUG --weight-g 1", "must be SKU=QUANTITY"),
        (
            "orders incidents report O-s1 temperature warm",
            'Choose from: "delay", "loss", "damage", "wrong-item", "missing-item". See',
        ),
        ("orders record O-s1 eaten", 'Choose from: "collected", "in-transit"'),
        ("orders record O-s1 signed --amount 5", "give --amount with cash-collected"),
        ("orders record O-s1 cash-collected", "give --amount with cash-collected"),
        ("orders replay", "give TASK_IDS, --kind, --order or --all"),
        ("orders articles put MUG --temperature-min cold", "must be degrees Celsius such as 4"),
        ("orders temperature O-s1 probe warm", "DEGREES: must be degrees Celsius such as 4"),
        ("orders serve", "no database: give --database-url, or --data-dir"),
        ("explain", "THING requires an argument"),
    ],
)
def test_wrong_usage_says_what_and_how(
    line: str,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HOLDFAST_DATABASE_URL", "HOLDFAST_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert run(line.split()) == USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err


def test_a_service_that_is_not_there_is_exit_status_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["orders", "list", "--orders-target", NOWHERE, "-o", "json"]) == 3
    error = json.loads(capsys.readouterr().err)["error"]
    assert error["reason"] == "UNAVAILABLE"
    assert f"{NOWHERE} " in error["message"]
    assert "--orders-target or HOLDFAST_ORDERS_TARGET" in error["message"]


def test_the_target_may_stand_before_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--orders-target", NOWHERE, "orders", "list"]) == 3
    assert NOWHERE in capsys.readouterr().err


def test_serve_hands_its_options_to_the_service() -> None:
    given = {"PATH": "/bin", "HOLDFAST_DATABASE_URL": "postgresql://a/b"}
    environment = orders_environment(given, 7610, "::1", 7611, None, None, "h:1")
    assert environment == given | {
        "HOLDFAST_ORDERS_LISTEN": "[::1]:7610",
        "HOLDFAST_CALLBACKS_LISTEN": "[::1]:7611",
        "HOLDFAST_TARGET": "h:1",
    }


def test_a_number_that_leads_to_no_order_is_exit_status_1(orders: Commands) -> None:
    orders.service.answers["FindOrders"] = order_pb2.FindOrdersResponse()
    ran = orders("orders find 1Z999")
    assert ran.exit_status == 1
    assert "no order has the number 1Z999" in ran.err


def test_a_number_finds_orders_and_says_what_it_is(orders: Commands) -> None:
    found = order_pb2.FoundOrder(by="waybill", order=order_pb2.OrderSummary(order_id="4" * 19))
    orders.service.answers["FindOrders"] = order_pb2.FindOrdersResponse(found=[found])
    ran = orders("orders find 1Z999")
    assert ran.exit_status == 0
    assert "waybill" in ran.out
    assert "4" * 19 in ran.out


def test_a_list_in_which_nothing_fits_says_so(orders: Commands) -> None:
    orders.service.answers["ListOrders"] = order_pb2.ListOrdersResponse()
    ran = orders("orders list --buyer custmer-1")
    assert ran.exit_status == 0
    assert "Nothing fits" in ran.err
