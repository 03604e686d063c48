"""A question before what cannot be undone, and words about what has changed nothing."""

import io
import sys
from typing import Any

import pytest

from holdfast.cli.asking import make_sure
from holdfast.cli.failures import Failure
from holdfast.cli.output import PIPED_WIDTH, stdout_console
from holdfast.order.v1 import fulfilment_pb2 as pb
from holdfast.order.v1 import order_pb2
from tests.unit.scripted_orders import Commands


class Terminal(io.StringIO):
    """A terminal on which somebody types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "done"), [("y\n", True), ("YES\n", True), ("\n", False)])
def test_a_person_is_asked_and_anything_but_yes_is_no(
    monkeypatch: pytest.MonkeyPatch, typed: str, done: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys, "stderr", Terminal())
    if done:
        make_sure("Cancel?", yes=False)
    else:
        with pytest.raises(Failure, match="nothing was done"):
            make_sure("Cancel?", yes=False)
    make_sure("Cancel?", yes=True)


def test_a_script_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    make_sure("Cancel?", yes=False)


@pytest.mark.parametrize("kind", ["lost", "damaged"])
def test_a_delivered_parcel_that_is_said_to_be_lost_says_that_nothing_changed(
    orders: Commands, kind: str
) -> None:
    shipment = order_pb2.Shipment(shipment_id="1-s1", state=order_pb2.Shipment.DELIVERED)
    orders.service.answers["GetShipment"] = pb.GetShipmentResponse(shipment=shipment)
    orders.service.answers["RecordTracking"] = answered(shipment)
    ran = orders(f"orders record 1-s1 {kind}")
    assert (ran.exit_status, "changes nothing" in ran.err) == (1, True)
    assert "orders incidents report 1-s1" in ran.err
    assert orders("orders record 1-s1 signed").exit_status == 0


def answered(shipment: order_pb2.Shipment) -> Any:
    """The answer to a command that moves a shipment."""
    return pb.ShipmentResult(outcome=order_pb2.ORDER_OUTCOME_APPLIED, shipment=shipment)


def test_a_table_that_is_piped_is_as_wide_as_columns_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert stdout_console().width == PIPED_WIDTH
    monkeypatch.setenv("COLUMNS", "72")
    assert stdout_console().width == 72
