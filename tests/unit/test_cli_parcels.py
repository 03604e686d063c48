"""Commands on parcels: what they ask the order service for."""

import json
from typing import Any

import pytest

from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from tests.unit.scripted_orders import Commands

PARCEL = order_pb2.Shipment(shipment_id="1-s1", state=order_pb2.Shipment.SOURCING)
ANSWER = pb.ShipmentResult(outcome=order_pb2.ORDER_OUTCOME_APPLIED, shipment=PARCEL)


def asked(orders: Commands, rpc: str, line: str, *more: str) -> Any:
    """The one request that a command has sent."""
    orders.service.answers[rpc] = ANSWER
    ran = orders(line, *more)
    assert ran.exit_status == 0, ran.err
    (request,) = orders.service.requests
    return request


def units(lines: Any) -> list[tuple[str, int]]:
    return [(line.sku, line.quantity) for line in lines]


def test_what_was_picked_in_several_zones_is_packed_together(orders: Commands) -> None:
    line = "orders pack 1-s1 MUG=2 ICE=1 --with 1-s2 --with 1-s3 --weight-g 950"
    request = asked(orders, "ConfirmPacking", line)
    assert units(request.lines) == [("MUG", 2), ("ICE", 1)]
    assert list(request.with_shipment_ids) == ["1-s2", "1-s3"]


def test_an_incident_may_name_units(orders: Commands) -> None:
    line = "orders incidents report 1-s1 missing-item reason MUG=1 TEA=2"
    request = asked(orders, "ReportIncident", line)
    assert request.kind == pb.Incident.MISSING_ITEM
    assert units(request.lines) == [("MUG", 1), ("TEA", 2)]


def test_an_incident_of_units_is_reported_as_a_document_too(orders: Commands) -> None:
    orders.service.answers["ReportIncident"] = ANSWER
    ran = orders("orders incidents report 1-s1 damage reason MUG=1 -o json")
    assert json.loads(ran.out)["shipment"]["state"] == "SOURCING"


@pytest.mark.parametrize(
    ("options", "found", "refund_only"),
    [
        ("", pb.UNITS_FOUND_UNSPECIFIED, False),
        ("--units-missing", pb.UNITS_FOUND_MISSING, False),
        ("--no-units-missing", pb.UNITS_FOUND_THERE, False),
        ("--units-missing --refund-only", pb.UNITS_FOUND_MISSING, True),
    ],
)
def test_who_leaves_a_parcel_out_says_whether_its_units_are_there(
    orders: Commands, options: str, found: int, refund_only: bool
) -> None:
    request = asked(orders, "CancelShipment", f"orders cancel-shipment 1-s1 reason {options}")
    assert (request.units_found, request.refund_only) == (found, refund_only)
