"""The report of a demo: what it counts, and that it says what is wrong."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from holdfast.demo.buyers import SaleTime
from holdfast.demo.callers import Tally
from holdfast.demo.effects import Effects, Verdict
from holdfast.demo.engine_alone import NO_SALE, EngineSale
from holdfast.demo.ledger import Account, Ledger
from holdfast.demo.money import Sums
from holdfast.demo.order_log import Order, OrderedLine, OrderLog
from holdfast.demo.replay import CrossingAudit, EngineAudit, Plan, Replay
from holdfast.demo.report import Figures, Timing, build_report, figures_of
from holdfast.demo.report_view import view
from holdfast.demo.returns import ReturnsDesk
from holdfast.demo.shop import Happenings
from holdfast.order.v1 import operations_pb2, order_pb2
from holdfast.types import AuditFinding, AuditSummary, StockLevel

SETTING = {"source": "a test", "seed": 7, "stock_ratio": 0.5, "concurrency": 20}
AUDITED = AuditSummary(True, 1, 5, 0, 9, 0, 0, 1)
TIMING = Timing(
    12.5,
    {"Engine alone": 3.0, "Sale": 2.0},
    EngineSale(1_000, 3.0, 90_000, 90_000, [float(n) for n in range(1, 101)]),
)
CROSSED = operations_pb2.AuditOrdersSummary(ok=True, orders=5, lines=5, books_balance=True)
S = order_pb2.Order


def order_pb(account: Account, state: "S.State.ValueType", **more: object) -> order_pb2.Order:
    order: order_pb2.Order = S(
        order_id=account.order_id,
        order_key=f"{account.order.position}.{account.attempt}",
        state=state,
        **more,  # type: ignore[arg-type]
    )
    return order


def made_replay() -> Replay:
    """Five orders of 2 units with 5 in stock: delivered, cancelled after the sale and before, paid
    late and delivered, refused.
    """
    orders = tuple(
        Order(number, f"o{number}", "b", (OrderedLine("A", 2, 100),)) for number in range(5)
    )
    log = OrderLog(orders, (), {"A": "an article"}, {}, 5)
    ledger = Ledger({"A": 5}, orders)
    delivered, cancelled, released, late, refused = ledger.accounts
    for account in ledger.accounts:
        ledger.places(account, lapses=account is late)
        if account is refused:
            ledger.refused(account, "id-4")
            continue
        ledger.reserved(account, f"id-{account.order.position}")
        if account is late:
            ledger.expired(account)
        if account is not released:
            ledger.sold(account)
        if account in (cancelled, released):
            ledger.gives_back(account)
            ledger.gave_back(account)
        else:
            ledger.shipped(account, account.units)
    refund = order_pb2.Refund(state=order_pb2.Refund.DONE, amount_minor=200)
    found = [
        order_pb(delivered, S.DELIVERED),
        order_pb(cancelled, S.CANCELLED, refunds=[refund]),
        order_pb(released, S.CANCELLED),
        order_pb(late, S.COMPLETED),
        order_pb(refused, S.REJECTED),
    ]
    tally = Tally(calls=30, place_ms=[1.0, 2.0, 3.0])
    return Replay(
        plan=Plan(log, ledger.stock, (), (), 20),
        ledger=ledger,
        effects=Effects(),
        tally=tally,
        happened=Happenings(parcels=2, paid_late=1),
        desk=ReturnsDesk((), ledger.accounts),
        sale=SaleTime(2.0, 1.5, 3, 20, 3),
        levels=[StockLevel("default", "A", "default", 1, 0, 0, 0, 0, 1, 0, 1)],
        orders={order.order_id: order for order in found},
        differences=(),
        books=Sums(600, 200),
        money_differences=(),
        callbacks={"callbacks_sent": 10, "callbacks_lost": 1},
        engine_audit=EngineAudit((), AUDITED),
        crossing_audit=CrossingAudit((), (), CROSSED),
    )


def report_of(replay: Replay, timing: Timing = TIMING) -> Figures:
    return build_report(SETTING, replay, timing)


def printed(report: Figures) -> str:
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(view(report))
    return console.export_text()


def test_every_order_and_every_unit_is_counted_where_it_ended() -> None:
    report = report_of(made_replay())
    expected = {
        "ok": True,
        "accepted": 4,
        "accepted_late": 1,
        "refused": 1,
        "sold": 3,
        "released": 1,
        "expired": 1,
        "reacquired": 1,
        "orders_placed": 4,
        "orders_paid": 3,
        "orders_refunded": 1,
        "orders_delivered": 2,
        "orders_completed": 1,
        "units_sold": 4,
        "units_shipped": 4,
        "units_cancelled": 2,
        "units_refused": 2,
        "units_left": 1,
        "sold_out_skus": 0,
        "reservations_per_second": 2.0,
        "calls_per_second": 10.0,
    }
    assert {name: report[name] for name in expected} == expected
    (hot,) = report["hottest"]
    assert (hot["demand"], hot["stock"], hot["sold"], hot["left"]) == (10, 5, 4, 1)


def test_its_json_is_plain_and_no_figure_hides_another() -> None:
    document = report_of(made_replay())
    assert json.loads(json.dumps(document)) == document
    named = sum(len(part) for part in (SETTING, *figures_of(made_replay(), TIMING)))
    assert len(document) == named + len({"ok", "hottest", "problems"})
    assert document["captured_minor"] - document["refunded_minor"] == 400


def test_a_right_report_says_so() -> None:
    text = printed(report_of(made_replay()))
    assert "Every unit went to exactly one order, and every penny with it" in text
    assert "6.00 GBP captured, 2.00 refunded" in text
    assert "FAILED" not in text


def wrong_replays() -> dict[str, Replay]:
    """A replay for each way of being wrong, by what its report has to name."""
    good = made_replay()
    twice = Effects()
    twice.answered("PlaceOrder 1.1", [Verdict("APPLIED", False, "")] * 2)
    finding = AuditFinding("no_negative_counts", "stock A", "it is -1")
    crossing = operations_pb2.AuditOrdersFinding(invariant="books", row="order o", detail="it is 1")
    unsettled = operations_pb2.AuditOrdersUnsettled(row="order u", detail="it moves")
    not_ok = operations_pb2.AuditOrdersSummary(ok=False, findings=1, unsettled=1)
    return {
        "PlaceOrder 1.1 was applied": replace(good, effects=twice),
        "SKU A: on_hand": replace(good, differences=("SKU A: on_hand is 2",)),
        "kept, and due": replace(good, money_differences=("kept, and due",)),
        "no_negative_counts: stock A": replace(
            good,
            engine_audit=EngineAudit((finding,), replace(AUDITED, ok=False, findings=1)),
        ),
        "books: order o: it is 1": replace(
            good, crossing_audit=CrossingAudit((crossing,), (), not_ok)
        ),
        "order u is not settled: it moves": replace(
            good, crossing_audit=CrossingAudit((), (unsettled,), not_ok)
        ),
    }


@pytest.mark.parametrize("named", list(wrong_replays()))
def test_whatever_is_wrong_is_named_and_fails_the_demo(named: str) -> None:
    report = report_of(wrong_replays()[named])
    assert not report["ok"]
    assert any(named in problem for problem in report["problems"])
    text = printed(report)
    assert "Something is wrong" in text
    assert "FAILED" in text


def test_the_engine_s_own_sale_is_told_apart_from_the_whole_way() -> None:
    report = report_of(made_replay())
    expected = {
        "engine_reservations_per_second": 30_000,
        "engine_p50_ms": 50.0,
        "engine_p99_ms": 99.0,
        "engine_concurrency": 1_000,
        "reserving_ms": 1_500,
        "part_ms": {"Engine alone": 3_000, "Sale": 2_000},
        "elapsed_ms": 12_500,
    }
    assert {name: report[name] for name in expected} == expected
    text = printed(report)
    for shown in ("Engine alone, SDK, 1,000 at once", "30,000", "Whole way, 20 buyers at once"):
        assert shown in text
    without = report_of(made_replay(), replace(TIMING, alone=NO_SALE))
    assert without["ok"]
    assert "not tried" in printed(without)


def test_a_unit_that_the_engine_alone_lost_fails_the_demo() -> None:
    alone = replace(TIMING.alone, held_units=89_999)
    report = report_of(made_replay(), replace(TIMING, alone=alone))
    assert not report["ok"]
    assert "the engine alone: 89,999 units are reserved" in report["problems"][0]


def test_units_refused_although_the_engine_has_them_are_undersold() -> None:
    replay = made_replay()
    (level,) = replay.levels
    report = report_of(replace(replay, levels=[replace(level, available=2)]))
    assert report["undersold_units"] == 2
    assert not report["ok"]
