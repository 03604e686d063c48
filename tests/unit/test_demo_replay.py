"""The demo against engines in memory: a right one, and wrong ones that its figures have to expose.

Every one of them passes its own audit: what finds the wrong ones is what the buyers were told.
"""

import asyncio
import io
import json
import random
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import cast

import pytest
from rich.console import Console

import engine.model as rules
from holdfast.client import Client
from holdfast.commands import Command, Confirm, Reserve
from holdfast.demo.callers import APPLY_COMMANDS_MAX, APPLY_LINES_MAX, ask, batches, for_each
from holdfast.demo.order_log import Order, OrderLog, ReturnLine, initial_stock_units
from holdfast.demo.plan import (
    NO_MISHAP,
    Buyer,
    Delivery,
    Ending,
    Mishap,
    MishapKind,
    PlannedReturn,
)
from holdfast.demo.progress import stages
from holdfast.demo.replay import replay
from holdfast.demo.report import DemoReport, Setting, build_report, percentile
from holdfast.demo.report_view import view
from holdfast.outcomes import Outcome
from holdfast.types import AuditSummary, Disposition, Line, Result, Shortage, State, StockLevel
from tests.model.oracle import Oracle
from tests.model.records import Held, Place

MISHAPS = [
    NO_MISHAP,
    Mishap(MishapKind.TWICE_AT_ONCE),
    Mishap(MishapKind.TWICE_IN_A_ROW),
    Mishap(MishapKind.KILLED, 0.0),
    Mishap(MishapKind.KILLED, 50.0),
]


class EngineInMemory:
    """The methods of `Client` that the demo calls, answered by an oracle. Its audit is blind."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle

    async def reserve(
        self, reservation_id: str, lines: Sequence[Line], *, ttl_ms: int, buyer_id: str
    ) -> Result:
        return await self._judge(
            rules.Reserve(reservation_id, _lines(lines), ttl_ms, buyer_id),
        )

    async def confirm(self, reservation_id: str, *, reacquire_if_expired: bool) -> Result:
        return await self._judge(rules.Confirm(reservation_id, reacquire_if_expired))

    async def release(self, reservation_id: str) -> Result:
        return await self._judge(rules.Release(reservation_id))

    async def ship(self, reservation_id: str, shipment_id: str, lines: Sequence[Line]) -> Result:
        return await self._judge(rules.Ship(reservation_id, shipment_id, _lines(lines)))

    async def cancel(self, reservation_id: str, own_id: str, lines: Sequence[Line]) -> Result:
        return await self._judge(rules.Cancel(reservation_id, own_id, _lines(lines)))

    async def return_units(
        self,
        reservation_id: str,
        return_id: str,
        lines: Sequence[Line],
        *,
        disposition: Disposition,
    ) -> Result:
        back = rules.Disposition(disposition)
        return await self._judge(rules.Return(reservation_id, return_id, back, _lines(lines)))

    async def apply(self, commands: Iterable[Command]) -> list[Result]:
        return [await ask(cast(Client, self), command) for command in commands]

    async def set_stock(self, sku: str, on_hand: int) -> None:
        self._oracle.run([rules.SetStock(sku, on_hand)], _now_ms())

    async def list_stock(self) -> AsyncIterator[StockLevel]:
        for level in self._oracle.levels().values():
            counts = (level.on_hand, level.reserved, level.confirmed, level.damaged)
            yield StockLevel("default", level.sku, "default", *counts, 0, level.available, 0, 1)

    async def audit(self) -> AsyncIterator[AuditSummary]:
        yield AuditSummary(True, 0, 0, 0, 0, 0, 0, 0)

    async def _judge(self, command: rules.Command) -> Result:
        await asyncio.sleep(0)
        (answer,) = self._oracle.run([command], _now_ms())
        assert isinstance(answer, rules.Result)
        return Result(
            Outcome(answer.outcome),
            answer.replayed,
            State(answer.state),
            answer.expires_at_ms,
            tuple(
                Shortage(short.sku, short.location, short.requested, short.available)
                for short in answer.shortages
            ),
        )


def _lines(lines: Sequence[Line]) -> list[rules.Line]:
    return [rules.Line(line.sku, line.quantity, line.location) for line in lines]


def _now_ms() -> int:
    return round(time.time() * 1_000)


class Generous(Oracle):
    """Sells the same unit twice."""

    def _shortages(self, lines: dict[Place, int]) -> tuple[rules.Shortage, ...]:
        return tuple(
            short for short in super()._shortages(lines) if short.requested > short.available + 1
        )


class Stingy(Oracle):
    """Never sells the last unit."""

    def _shortages(self, lines: dict[Place, int]) -> tuple[rules.Shortage, ...]:
        return tuple(
            rules.Shortage(*place, requested=units, available=max(level.available - 1, 0))
            for place, units in lines.items()
            if units >= (level := self._level(place)).available
        )


class Leaky(Oracle):
    """Keeps the units of a released reservation."""

    def _reserved(self, place: Place) -> int:
        kept = sum(
            held.lines[place].quantity
            for held in self._held.values()
            if held.state is rules.State.RELEASED and place in held.lines
        )
        return super()._reserved(place) + kept


class Forgetful(Oracle):
    """Does not know an id again."""

    def _reserve(self, command: rules.Reserve, held: Held | None) -> rules.Result:
        return super()._reserve(command, None)


class Hoarder(Oracle):
    """Answers that it shipped, and keeps the units."""

    def _level(self, place: Place) -> rules.StockLevel:
        level = super()._level(place)
        shipped = sum(
            held.lines[place].shipped for held in self._held.values() if place in held.lines
        )
        values = {name: getattr(level, name) for name in level.__struct_fields__}
        return rules.StockLevel(**values | {"on_hand": level.on_hand + shipped})


def made_log(orders: int) -> OrderLog:
    """Orders of one to three units of four articles, and a return of every tenth."""
    rng = random.Random(5)
    made = tuple(
        Order(
            number,
            f"o{number}",
            f"b{number % 7}",
            tuple(Line(sku, rng.randint(1, 3)) for sku in rng.choices("ABCD", k=2)),
        )
        for number in range(orders)
    )
    returns = tuple(
        ReturnLine(order.position + 20, f"r{order.position}", order.buyer_id, "A", 2)
        for order in made[::10]
    )
    rows = 2 * orders + len(returns)
    return OrderLog(made, returns, {"A": "an article"}, {}, rows)


def made_buyers(log: OrderLog) -> list[Buyer]:
    """Buyers of every kind but those who wait for a deadline, with every kind of mishap."""
    rng = random.Random(6)
    return [
        Buyer(
            order,
            rng.choice([Ending.CONFIRM, Ending.CONFIRM, Ending.RELEASE]),
            rng.choice(list(Delivery)),
            0,
            tuple(rng.choices(MISHAPS, k=4)),
        )
        for order in log.orders
    ]


async def report_on(
    oracle: Oracle,
    log: OrderLog,
    buyers: Sequence[Buyer],
    *,
    stock_ratio: float = 0.5,
    concurrency: int = 20,
) -> DemoReport:
    stock = initial_stock_units(log.demand_units(), stock_ratio)
    returns = [PlannedReturn(line, Disposition.RESELLABLE) for line in log.returns]
    clients = [cast(Client, EngineInMemory(oracle))] * 2
    setting = Setting("a test", 1, stock_ratio, concurrency)
    with stages(Console(quiet=True)) as at:
        return build_report(await replay(setting, log, stock, buyers, returns, clients, at), 1.0)


@pytest.mark.parametrize("concurrency", [1, 20, 1_000])
async def test_a_right_engine_is_found_right(concurrency: int) -> None:
    log = made_log(120)
    report = await report_on(Oracle(), log, made_buyers(log), concurrency=concurrency)
    assert report.problems == ()
    assert report.ok
    figures = report.to_json()
    assert figures["accepted"] + figures["refused"] == figures["orders"] == 120
    assert figures["accepted"] > 40
    assert figures["refused"] > 0
    assert figures["returns"] > 0
    assert figures["returns"] + figures["unmatched_returns"] == figures["return_lines"] == 12
    assert figures["duplicates_sent"] > figures["duplicates_replayed"] > 0
    assert figures["clients_killed"] == figures["clients_resumed"] > 0
    assert 0 < figures["killed_after_effect"] < figures["clients_killed"]
    assert figures["units_sold"] <= figures["stock_units"] + figures["returned_units"]


async def test_what_there_is_goes_to_those_who_come_first() -> None:
    orders = tuple(Order(number, f"o{number}", "b", (Line("A", 2),)) for number in range(5))
    buyers = [Buyer(order, Ending.CONFIRM, Delivery.WHOLE, 0, (NO_MISHAP,)) for order in orders]
    log = OrderLog(orders, (), {}, {}, 5)
    report = await report_on(Oracle(), log, buyers, stock_ratio=0.5, concurrency=1)
    assert report.ok
    assert (report.orders.accepted, report.orders.refused) == (2, 3)
    assert (report.log.stock_units, report.units.units_sold, report.units.units_left) == (5, 4, 1)
    assert (report.units.units_refused, report.units.sold_out_skus) == (6, 0)
    assert report.hottest[0].left == 1


async def test_units_that_come_back_are_offered_to_those_who_were_refused() -> None:
    orders = tuple(Order(number, f"o{number}", f"b{number}", (Line("A", 4),)) for number in (1, 2))
    buyers = [Buyer(order, Ending.CONFIRM, Delivery.WHOLE, 0, (NO_MISHAP,)) for order in orders]
    log = OrderLog(orders, (ReturnLine(3, "r", "b1", "A", 3),), {}, {}, 3)
    report = await report_on(Oracle(), log, buyers, stock_ratio=0.625, concurrency=1)
    assert report.ok
    assert (report.orders.accepted, report.orders.accepted_late) == (2, 1)
    (hot,) = report.hottest
    assert (hot.demand, hot.stock, hot.back, hot.sold, hot.left) == (8, 5, 3, 8, 0)
    assert report.units.sold_out_skus == 1


async def test_with_stock_for_everybody_nobody_is_refused() -> None:
    log = made_log(60)
    report = await report_on(Oracle(), log, made_buyers(log), stock_ratio=1)
    assert report.ok
    assert (report.orders.accepted, report.orders.refused) == (60, 0)


async def test_a_lapsed_order_expires_and_is_taken_again_only_if_it_asks() -> None:
    log = made_log(6)
    buyers = [
        Buyer(order, ending, Delivery.WHOLE, 1_000, tuple(MISHAPS))
        for order, ending in zip(
            log.orders, [Ending.LAPSE, Ending.LAPSE_AND_REACQUIRE] * 3, strict=True
        )
    ]
    report = await report_on(Oracle(), log, buyers, stock_ratio=1)
    assert report.problems == ()
    assert (report.orders.expired, report.orders.reacquired, report.orders.sold) == (6, 3, 3)
    assert report.speed.sale_ms < 1_000


@pytest.mark.parametrize(
    ("oracle", "figure"),
    [
        (Generous, "oversold_units"),
        (Stingy, "undersold_units"),
        (Leaky, "undersold_units"),
        (Forgetful, "double_effects"),
        (Hoarder, "ledger_differences"),
    ],
)
async def test_a_wrong_engine_is_found_out(oracle: type[Oracle], figure: str) -> None:
    log = made_log(120)
    report = await report_on(oracle(), log, made_buyers(log))
    assert report.to_json()[figure] > 0
    assert not report.ok


async def test_a_failed_audit_is_a_failed_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    async def audit(self: EngineInMemory) -> AsyncIterator[AuditSummary]:
        yield AuditSummary(False, 1, 1, 1, 1, 0, 1, 1)

    monkeypatch.setattr(EngineInMemory, "audit", audit)
    log = made_log(10)
    report = await report_on(Oracle(), log, made_buyers(log))
    assert report.to_json()["audit_ok"] is False
    assert not report.ok


async def test_a_return_is_taken_from_several_earlier_orders_of_its_buyer() -> None:
    orders = tuple(
        Order(position, f"o{position}", buyer, (Line("A", 3),))
        for position, buyer in enumerate(["b", "b", "other", "b"])
    )
    returns = (
        ReturnLine(2, "r1", "b", "A", 5),
        ReturnLine(2, "r2", "b", "A", 4),
        ReturnLine(9, "r3", "b", "A", 1),
        ReturnLine(9, "r4", "b", "B", 1),
        ReturnLine(9, "r5", "", "A", 1),
    )
    log = OrderLog(orders, returns, {}, {}, 9)
    buyers = [Buyer(order, Ending.CONFIRM, Delivery.WHOLE, 0, (NO_MISHAP,)) for order in orders]
    report = await report_on(Oracle(), log, buyers, stock_ratio=1)
    assert report.problems == ()
    # r1 takes all of o0 and 2 of o1, r2 the last one of o1, r3 one of o3.
    assert (report.returns.returns, report.returns.returned_units) == (3, 7)
    assert (report.returns.unmatched_returns, report.returns.unmatched_return_units) == (2, 5)


async def test_the_report_shows_what_is_wrong_and_its_json_is_plain() -> None:
    log = made_log(120)
    report = await report_on(Generous(), log, made_buyers(log))
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(view(report))
    text = console.export_text()
    assert "Something is wrong" in text
    assert report.problems[0][:60] in text.replace("\n", "")
    assert json.loads(json.dumps(report.to_json())) == report.to_json()


def test_batches_keep_the_order_and_the_bounds_of_apply() -> None:
    wide = [Reserve(f"w{number}", [Line("A", 1)] * 200) for number in range(50)]
    narrow = [Confirm(f"n{number}") for number in range(500)]
    parts = list(batches([*wide, *narrow]))
    assert [command for part in parts for command in part] == [*wide, *narrow]
    for part in parts:
        assert len(part) <= APPLY_COMMANDS_MAX
        assert sum(200 for one in part if isinstance(one, Reserve)) <= APPLY_LINES_MAX
    assert list(batches([])) == []


async def test_so_many_are_served_at_once_and_no_more() -> None:
    inside = most = 0
    served = []

    async def serve(number: int) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0)
        inside -= 1
        served.append(number)

    await for_each(range(50), 7, serve)
    assert (most, sorted(served)) == (7, list(range(50)))


@pytest.mark.parametrize(
    ("share", "value"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1), (0.0, 1)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value
    assert percentile([3.0], share) == 3.0
