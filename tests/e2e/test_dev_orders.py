"""`holdfast dev` with order service and sandbox: an order's way by command line, and the end."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.ran import Ran
from tests.embedded import is_alive
from tests.serving import READY
from tests.serving import running as started
from tests.waiting import PATIENCE_S, until

ORDERS_READY = "Orders are ready on "
ADDRESS = ("--name", "Ada Lee", "--phone", "02079460000", "--country", "GB", "--city", "London")
PLACE = ("--postcode", "SW1A 1AA", "--street", "1 High Street")


class Dev(NamedTuple):
    """A running `holdfast dev`."""

    process: "subprocess.Popen[str]"
    target: str
    orders_target: str
    directory: Path

    def holdfast(self, line: str, *more: str) -> Ran:
        """Runs a command against it, in a process of its own; the line's words are split."""
        environment = os.environ | {
            "HOLDFAST_TARGET": self.target,
            "HOLDFAST_ORDERS_TARGET": self.orders_target,
        }
        ran = subprocess.run(
            [sys.executable, "-m", "holdfast.cli", *line.split(), *more],
            env=environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def document(self, line: str, *more: str) -> Any:
        """The JSON document of a command that is done."""
        ran = self.holdfast(line, *more, "-o", "json")
        assert ran.exit_status == 0, ran.err
        return json.loads(ran.out)

    def parts(self) -> list[int]:
        """The processes that it has started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in listed.split()]


@contextmanager
def running(directory: Path) -> Iterator[Dev]:
    """`holdfast dev` in a directory, on free ports."""
    command = [sys.executable, "-m", "holdfast.cli", "dev", "--port", "0", "--data-dir", "data"]
    with (
        (directory / "dev.log").open("ab") as log,
        started(command, cwd=directory, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(2)]
        assert lines[0].startswith(READY), (directory / "dev.log").read_text()
        assert lines[1].startswith(ORDERS_READY)
        targets = [line.split(" on ", 1)[1].split()[0] for line in lines]
        yield Dev(process, targets[0], targets[1], directory)
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """A running `holdfast dev` with 100 mugs."""
    with running(tmp_path_factory.mktemp("dev")) as started:
        assert started.holdfast("stock set MUG 100").exit_status == 0
        put = started.holdfast("orders articles put MUG 12.50 --currency GBP", "--title", "A mug")
        assert put.exit_status == 0, put.err
        yield started


def place(dev: Dev, *more: str, buyer: str = "b-7") -> str:
    """Places an order for two mugs; its id."""
    line = "orders place --line MUG=2@12.50 --currency GBP --method sandbox_card"
    document = dev.document(line, "--buyer", buyer, *ADDRESS, *PLACE, *more)
    assert document["order"]["state"] == "AWAITING_PAYMENT"
    assert "delivery" not in document["order"]
    return str(document["order"]["order_id"])


def state(dev: Dev, order_id: str) -> str:
    """Where an order is."""
    return str(dev.document(f"orders get {order_id}")["order"]["state"])


def pay(dev: Dev, order_id: str) -> None:
    """Pays as the buyer does: on the provider's page."""
    url = dev.document(f"orders pay {order_id}")["action_url"]
    request = urllib.request.Request(url, method="POST")
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        request, timeout=PATIENCE_S
    ).close()


def pack(dev: Dev, order_id: str) -> str:
    """Brings the one parcel of a paid order as far as its waybill; its id."""
    until(lambda: state(dev, order_id) == "IN_FULFILMENT", "paid, confirmed and reviewed")
    (shipment,) = dev.document(f"orders shipments {order_id}")["shipments"]
    parcel = str(shipment["shipment_id"])
    assert dev.holdfast(f"orders pick {parcel}").exit_status == 0
    assert dev.holdfast(f"orders pack {parcel} MUG=2 --weight-g 700").exit_status == 0
    until(
        lambda: dev.document(f"orders track {parcel}")["shipment"]["state"] == "LABELLED", "waybill"
    )
    return parcel


def test_an_order_goes_its_whole_way_by_command_line(dev: Dev) -> None:
    order_id = place(dev)
    assert dev.holdfast(f"orders receipt {order_id}").exit_status == 1
    pay(dev, order_id)
    until(lambda: state(dev, order_id) == "IN_FULFILMENT", "paid, confirmed and reviewed")
    (shipment,) = dev.document(f"orders shipments {order_id}")["shipments"]
    parcel = shipment["shipment_id"]
    assert dev.holdfast(f"orders pick {parcel}").exit_status == 0
    wrong = dev.holdfast(f"orders pack {parcel} MUG=1 --weight-g 700")
    assert (wrong.exit_status, "2 expected, 1 scanned" in wrong.err) == (1, True)
    assert dev.holdfast(f"orders pack {parcel} MUG=2 --weight-g 700").exit_status == 0
    until(
        lambda: dev.document(f"orders track {parcel}")["shipment"]["state"] == "LABELLED", "waybill"
    )
    assert dev.holdfast(f"orders ship {parcel}").exit_status == 0
    assert state(dev, order_id) == "SHIPPED"
    first = dev.holdfast(f"orders receipt {order_id}")
    assert "TOTAL GBP                            25.00" in first.out
    assert dev.holdfast(f"orders receipt {order_id}").out == first.out
    until(
        lambda: dev.document(f"explain {order_id}")["reservation"]["state"] == "FULFILLED",
        "shipped",
    )
    timeline = dev.document(f"explain {order_id}")["timeline"]
    subjects = {entry["subject"] for entry in timeline}
    assert subjects >= {"order", f"{order_id}-p1", "stock", parcel}
    assert [entry["at_ms"] for entry in timeline] == sorted(entry["at_ms"] for entry in timeline)
    shown = dev.holdfast(f"explain {order_id}").out
    for word in ("CAPTURED", "IN_FULFILMENT", "LABELLED", "FULFILLED"):
        assert word in shown
    assert "Ada" not in shown
    until(lambda: state(dev, order_id) == "DELIVERED", "the sandbox's carrier delivers")
    events = dev.document(f"orders track {parcel}")["events"]
    assert [events[0]["kind"], events[-1]["kind"]] == ["COLLECTED", "SIGNED"]
    assert dev.holdfast(f"orders complete {order_id}").out == f"Completed {order_id}.\n"
    assert state(dev, order_id) == "COMPLETED"


def test_the_outside_world_does_what_it_is_told(dev: Dev) -> None:
    data = ("--data-dir", str(dev.directory / "data"))
    assert (dev.directory / "data" / "sandbox" / "access.json").stat().st_mode & 0o777 == 0o600
    order_id = place(dev)
    assert dev.holdfast(f"orders pay {order_id}").exit_status == 0
    wrong = dev.holdfast(f"sandbox wrong-amount {order_id}", *data)
    assert wrong.out == f"Paid 24.99 GBP for {order_id}-p1.\n", wrong.err
    assert "was paid before" in dev.holdfast(f"sandbox pay {order_id}", *data).out
    lost = place(dev)
    assert dev.holdfast(f"orders pay {lost}").exit_status == 0
    before = dev.document("sandbox status", *data)["provider"]["callbacks_lost"]
    assert dev.document(f"sandbox lose {lost}-p1", *data)["kind"] == "CAPTURED"
    assert dev.document("sandbox status", *data)["provider"]["callbacks_lost"] == before + 1
    unknown = dev.holdfast("sandbox decline NEVER-SEEN", *data)
    assert (unknown.exit_status, "no payment NEVER-SEEN" in unknown.err) == (1, True)
    elsewhere = dev.holdfast("sandbox status", "--data-dir", "/nowhere")
    assert (elsewhere.exit_status, "Start `holdfast dev`" in elsewhere.err) == (2, True)
    page = urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
        str(dev.document("sandbox status", *data)["url"]), timeout=PATIENCE_S
    )
    assert f"{order_id}-p1" in page.read().decode()


@pytest.mark.long
@pytest.mark.parametrize("command", ["refuse", "return-parcel"])
def test_a_parcel_that_turns_at_the_door_comes_back_and_waits_for_a_decision(
    dev: Dev, command: str
) -> None:
    order_id = place(dev)
    pay(dev, order_id)
    parcel = pack(dev, order_id)
    data = f"--data-dir {dev.directory / 'data'}"
    answer = dev.document(f"sandbox {command} {order_id} {data}")
    assert answer == {"shipment_id": parcel, "replayed": False}
    assert dev.holdfast(f"orders ship {parcel}").exit_status == 0

    def has_come_back() -> bool:
        shipment = dev.document(f"orders track {parcel}")["shipment"]
        return bool(shipment["state"] == "RETURNED")

    until(has_come_back, "the parcel comes back")
    listed = dev.document("orders incidents list --kind return")["incidents"]
    assert parcel in {incident["shipment_id"] for incident in listed}
    late = dev.holdfast(f"sandbox lose-parcel {parcel} {data}")
    assert (late.exit_status, "end of its journey" in late.err) == (1, True)


def test_what_a_carrier_says_by_telephone_delivers_too(dev: Dev) -> None:
    order_id = place(dev)
    pay(dev, order_id)
    parcel = pack(dev, order_id)
    # The carrier had the parcel before we heard of it: a parcel that is signed for was shipped.
    signed = dev.holdfast(f"orders record {parcel} signed --event-id tel-1 --place Leeds")
    assert (signed.exit_status, signed.out) == (0, f"{parcel} is DELIVERED.\n")
    again = dev.holdfast(f"orders record {parcel} signed --event-id tel-1 --place Leeds")
    assert "nothing was changed now" in again.out
    assert dev.holdfast(f"orders complete {order_id}").exit_status == 0


def test_an_order_that_gets_less_says_what_is_missing(dev: Dev) -> None:
    assert dev.holdfast("stock set CUP 3").exit_status == 0
    assert dev.holdfast("orders articles put CUP 2 --currency GBP").exit_status == 0
    line = "orders place --line CUP=4@2 --currency GBP --method sandbox_card --buyer b-8"
    wanted = (line, "--shortage", "ship-available", "--key", "few", *ADDRESS, *PLACE)
    placed = dev.holdfast(*wanted)
    assert placed.exit_status == 0, placed.err
    expected = "AWAITING_PAYMENT, 6.00 GBP. Note: CUP: 3 of 4 units; it is for what there is."
    assert expected in placed.out
    document = dev.document(*wanted)
    assert document["shortages"] == [{"sku": "CUP", "requested": 4, "available": 3}]


def test_money_goes_back_and_the_books_agree(dev: Dev) -> None:
    order_id = place(dev)
    pay(dev, order_id)
    until(lambda: state(dev, order_id) == "IN_FULFILMENT", "paid")
    assert "5.00 GBP" in dev.holdfast(f"orders refund {order_id} 5 chipped --key r-1").out
    assert dev.holdfast(f"orders refund {order_id} 100 all").exit_status == 1
    cancelled = dev.holdfast(f"orders cancel {order_id} unwanted")
    assert cancelled.out == f"Cancelled {order_id}.\n"
    assert "nothing was changed now" in dev.holdfast(f"orders cancel {order_id} unwanted").out

    def all_back() -> bool:
        refunds = dev.document(f"orders payments {order_id}")["refunds"]
        done = [refund["amount_minor"] for refund in refunds if refund["state"] == "DONE"]
        return bool(sum(done) == 2_500)

    until(all_back, "all money went back")
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert "entries match our books" in dev.holdfast(f"orders reconcile sandbox {day}").out


def test_the_contact_log_and_a_correction(dev: Dev) -> None:
    order_id = place(dev, "--remark", "Gift wrap")
    said = ("Ring twice", "--author", "buyer", "--channel", "phone")
    assert dev.holdfast(f"orders remark {order_id}", *said).exit_status == 0
    corrected = dev.holdfast(
        f"orders correct {order_id} --confirmed-via phone", "--street", "3 High Street"
    )
    assert corrected.exit_status == 0, corrected.err
    entries = dev.document(f"orders remarks {order_id}")["remarks"]
    assert [entry["text"].splitlines()[0] for entry in entries[:2]] == ["Gift wrap", "Ring twice"]
    assert "3 High Street" in dev.holdfast(f"orders get {order_id} --personal").out
    assert "High Street" not in dev.holdfast(f"orders get {order_id}").out


def test_a_list_is_narrowed_and_says_when_there_is_more(dev: Dev) -> None:
    placed = [place(dev, buyer="lister") for _ in range(2)]
    shown = dev.holdfast("orders list --buyer lister --limit 1")
    assert placed[1] in shown.out
    assert placed[0] not in shown.out
    assert "There are more" in shown.err
    found = dev.document("orders list --buyer lister --state awaiting-payment")
    assert [order["order_id"] for order in found["orders"]] == placed[::-1]
    assert not found["truncated"]


def test_a_sku_is_explained_by_who_holds_it(dev: Dev) -> None:
    order_id = place(dev)
    explained = dev.document("explain MUG")
    assert explained["kind"] == "sku"
    assert order_id in {holder["reservation_id"] for holder in explained["holders"]}
    unknown = dev.holdfast("explain NO-SUCH-THING")
    assert (unknown.exit_status, "NO-SUCH-THING" in unknown.err) == (1, True)


def test_an_unknown_order_is_exit_status_1_and_a_document(dev: Dev) -> None:
    ran = dev.holdfast("orders get NEVER-SEEN -o json")
    error = json.loads(ran.err)["error"]
    assert (ran.exit_status, error["reason"]) == (1, "ORDER_NOT_FOUND")
    assert error["details"] == {"order_id": "NEVER-SEEN"}


def test_all_parts_end_with_dev_and_orders_are_there_again(tmp_path: Path) -> None:
    with running(tmp_path) as dev:
        parts = dev.parts()
        assert len(parts) == 3
        dev.holdfast("stock set MUG 10")
        dev.holdfast("orders articles put MUG 12.50 --currency GBP")
        order_id = place(dev)
        dev.process.kill()
        until(lambda: not any(map(is_alive, parts)), "the parts end with dev")
    with running(tmp_path) as dev:
        assert state(dev, order_id) == "AWAITING_PAYMENT"
        parts = dev.parts()
        dev.process.terminate()
        assert dev.process.wait(PATIENCE_S) == 0
        assert not any(map(is_alive, parts))


@pytest.mark.parametrize("part", [0, 1, 2], ids=["engine", "sandbox", "order service"])
def test_when_a_part_ends_all_end(tmp_path: Path, part: int) -> None:
    with running(tmp_path) as dev:
        parts = dev.parts()
        os.kill(parts[part], signal.SIGKILL)
        assert dev.process.wait(PATIENCE_S) == 1
        assert not any(map(is_alive, parts))
    assert "a part of it has ended" in (tmp_path / "dev.log").read_text()


@pytest.mark.long
@pytest.mark.parametrize(
    ("part", "name"), [(0, "the engine"), (1, "the sandbox"), (2, "the order service")]
)
def test_when_a_part_hangs_it_is_named_and_all_end(tmp_path: Path, part: int, name: str) -> None:
    with running(tmp_path) as dev:
        parts = dev.parts()
        os.kill(parts[part], signal.SIGSTOP)
        assert dev.process.wait(PATIENCE_S) == 1
        assert not any(map(is_alive, parts))
    assert f"holdfast: {name} hangs, and is ended" in (tmp_path / "dev.log").read_text()
