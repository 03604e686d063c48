"""Tables on a terminal of 80 columns: every id is there whole, to be copied."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.cli.output import fitting, print_table, table_of
from holdfast.cli.times import local_iso
from holdfast.order.v1 import fulfilment_pb2, operations_pb2, order_pb2, payment_pb2
from tests.serving import running
from tests.unit.scripted_orders import Commands
from tests.waiting import PATIENCE_S

COLUMNS = 80
ORDER = "3766223186315821678"
TASK = "3766223186315821999"
WAVE = "5f2b8c1d9e0a7b34"
AT_MS = 1_900_000_000_000

PAYMENT = order_pb2.Payment(
    payment_id=f"{ORDER}-p1",
    state=order_pb2.Payment.QUARANTINED,
    method="sandbox_transfer",
    amount_minor=1_000_000,
    captured_minor=900_000,
    captured_currency="GBP",
    provider_ref="sandbox-payment-000000000001",
    updated_at_ms=AT_MS,
)
SHIPMENT = order_pb2.Shipment(
    shipment_id=f"{ORDER}-s1",
    state=order_pb2.Shipment.OUT_FOR_DELIVERY,
    location="shanghai-pudong-1",
    lines=[order_pb2.ShipmentLine(sku="A-RATHER-LONG-ARTICLE-NUMBER", quantity=12)],
    carrier="sandbox",
    service="standard",
    waybill="SB000123456789",
    shipped_at_ms=AT_MS,
    delivered_at_ms=AT_MS,
)
INCIDENT = fulfilment_pb2.Incident(
    incident_id=f"{ORDER}-i1",
    shipment_id=f"{ORDER}-s1",
    kind=fulfilment_pb2.Incident.TEMPERATURE,
    state=fulfilment_pb2.Incident.OPEN,
    owner="quality-desk",
    due_at_ms=AT_MS,
    allowed=[fulfilment_pb2.RESOLUTION_RESHIP, fulfilment_pb2.RESOLUTION_REFUND],
)
ANSWERS = {
    "GetOrder": order_pb2.Order(
        order_id=ORDER,
        state=order_pb2.Order.PARTLY_SHIPPED,
        currency="GBP",
        payments=[PAYMENT],
        refunds=[
            order_pb2.Refund(
                refund_id=f"{ORDER}-r1",
                payment_id=f"{ORDER}-p1",
                state=order_pb2.Refund.REQUESTED,
                amount_minor=1_000_000,
                reason="the order was cancelled by its buyer",
            )
        ],
        shipments=[SHIPMENT],
    ),
    "ListOrders": order_pb2.ListOrdersResponse(
        orders=[
            order_pb2.OrderSummary(
                order_id=ORDER,
                order_key="cart-of-customer-7-of-sunday",
                buyer_id="customer-7-of-the-shop",
                state=order_pb2.Order.AWAITING_PAYMENT,
                total_minor=1_000_000,
                currency="GBP",
                created_at_ms=AT_MS,
            )
        ]
    ),
    "GetTimeline": order_pb2.GetTimelineResponse(
        entries=[
            order_pb2.TimelineEntry(
                at_ms=AT_MS,
                subject="shipment",
                part_id=f"{ORDER}-s1",
                to_state="OUT_FOR_DELIVERY",
                actor="carrier:sandbox",
                why="sandbox: OUT_FOR_DELIVERY",
            )
        ]
    ),
    "ListShipments": fulfilment_pb2.ListShipmentsResponse(shipments=[SHIPMENT]),
    "ListIncidents": fulfilment_pb2.ListIncidentsResponse(incidents=[INCIDENT]),
    "ListPicks": fulfilment_pb2.ListPicksResponse(
        picks=[
            fulfilment_pb2.Pick(
                shipment_id=f"{ORDER}-s1",
                wave_id=WAVE,
                location="shanghai-pudong-1",
                zone="cold",
                sku="A-RATHER-LONG-ARTICLE-NUMBER",
                quantity=12,
                due_at_ms=AT_MS,
            )
        ]
    ),
    "ListQuarantined": payment_pb2.ListQuarantinedResponse(payments=[PAYMENT]),
    "ListTasks": operations_pb2.ListTasksResponse(
        tasks=[
            operations_pb2.Task(
                task_id=TASK,
                order_id=ORDER,
                kind="NOTIFY_MERCHANT",
                due_at_ms=AT_MS,
                attempts=3,
                last_error="the receiver cannot be reached: no connection to it",
            )
        ]
    ),
}
LINES = (
    f"orders get {ORDER}",
    "orders list",
    f"orders timeline {ORDER}",
    "orders shipments",
    "orders incidents list",
    "orders picks",
    "orders quarantine list",
    "orders tasks",
)
# One process for all of them: starting one takes most of the time.
PROGRAM = """
import sys
from holdfast.cli.__main__ import run
target, *lines = sys.argv[1:]
for line in lines:
    print("<", line)
    assert run([*line.split(), "--orders-target", target]) == 0
"""


_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def on_a_terminal(*arguments: str) -> str:
    """The output of a program on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    with running(
        [sys.executable, "-c", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment | {"TERM": "xterm", "NO_COLOR": "1"},
    ) as process:
        os.close(theirs)
        printed = b"".join(read_to_end(ours))
        assert process.wait(PATIENCE_S) == 0, printed.decode()
    return _ESCAPES.sub("", printed.decode())


def read_to_end(file: int) -> Iterator[bytes]:
    """The output on a terminal, until no process has it open any more."""
    while True:
        try:
            yield os.read(file, 65_536)
        except OSError:  # how a terminal ends
            os.close(file)
            return


def ids_in(document: Any) -> Iterator[str]:
    """The ids in a document, other than of who buys."""
    if isinstance(document, list):
        for item in document:
            yield from ids_in(item)
    if isinstance(document, dict):
        for name, value in document.items():
            if name.endswith("_id") and name != "buyer_id" and value:
                yield value
            yield from ids_in(value)


def test_every_id_of_a_document_is_in_the_table_on_80_columns(orders: Commands) -> None:
    orders.service.answers |= ANSWERS
    shown = on_a_terminal(PROGRAM, orders.service.target, *LINES).split("<")[1:]
    for line, table in zip(LINES, shown, strict=True):
        ids = set(ids_in(orders(line, "-o", "json").json()))
        assert ids
        assert [found for found in ids if found not in table] == [], table
        assert "…" not in table
        assert max(map(len, table.splitlines())) <= COLUMNS, table


@pytest.mark.parametrize(
    ("room", "widths"),
    [(40, [13, 22]), (30, [13, 17]), (18, [8, 10]), (17, None)],
)
def test_a_column_is_as_wide_as_its_words_and_no_narrower(
    room: int, widths: list[int] | None
) -> None:
    columns = [["State", "IN_FULFILMENT"], ["Why", "paid, confirmed, ready"]]
    assert fitting(columns, room) == widths


def test_where_there_is_room_times_have_their_seconds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_table(("When", "What"), [("2030-03-17 17:46:40+00:00", "word " * 30)])
    assert "2030-03-17 17:46:40+00:00" in capsys.readouterr().out


def test_a_table_of_more_ids_than_fit_still_has_all(orders: Commands) -> None:
    program = (
        "import sys; from holdfast.cli.output import fitting, print_table; "
        "print_table(('A', 'B', 'C', 'D'), [sys.argv[1:]])"
    )
    ids = [f"{ORDER}-{letter}1" for letter in "prsi"]
    shown = on_a_terminal(program, *ids).replace("\r\n", "")
    for found in ids:
        assert found in shown


def test_a_column_prints_a_field_as_people_read_it(capsys: pytest.CaptureFixture[str]) -> None:
    difference = payment_pb2.Difference(
        kind=payment_pb2.DIFFERENCE_KIND_CAPTURE_DIFFERS,
        here_minor=1_250,
        currency="GBP",
        repaired=True,
    )
    table_of(
        {
            "Kind": "kind",
            "Here": "here_minor",
            "Repaired": "repaired",
            "Theirs": "provider_ref",
            "Twice": lambda found: found.here_minor * 2,
        }
    )([difference])
    row = capsys.readouterr().out.splitlines()[3]
    assert row.split() == ["CAPTURE_DIFFERS", "12.50", "yes", "-", "2,500"]


def test_a_moment_is_printed_in_local_time(capsys: pytest.CaptureFixture[str]) -> None:
    table_of({"Shipped": "shipped_at_ms"})([SHIPMENT])
    assert local_iso(AT_MS) in capsys.readouterr().out
