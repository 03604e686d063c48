"""Refusals: who asks is looked up together with others, and judged wherever that is not sure."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine import refusals
from engine.errors import EngineError, StoreUnreachable
from engine.model import Line, Outcome, Reserve, Result
from engine.partition import OnRefused
from engine.refusals import Refusals
from engine.request import Request

FAR_S = 60.0
REFUSAL = Result(Outcome.OUT_OF_STOCK)


class Desk:
    """Refusals over a store that answers when a test says so; what was asked, judged and failed."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], OnRefused]] = []
        self.is_connected = True
        self.judged: list[str] = []
        self.failed: list[str] = []
        self.turns = 0
        partition: Any = self
        self.refusals = Refusals(partition, self._judge, self._fail, self._turn)

    def refuse(self, reserves: Sequence[Reserve], on_refused: OnRefused) -> bool:
        if self.is_connected:
            self.asked.append(([reserve.reservation_id for reserve in reserves], on_refused))
        return self.is_connected

    def add(self, name: str) -> Request:
        """Somebody who asks for what is sold out."""
        loop = asyncio.get_running_loop()
        commands = [Reserve(name, [Line("TEA", 1)])]
        request = Request(commands, loop.time() + FAR_S, loop.create_future())
        self.refusals.add(request)
        return request

    def _judge(self, requests: list[Request]) -> None:
        self.judged += [request.commands[0].reservation_id for request in requests]  # type: ignore[union-attr]

    def _fail(self, requests: list[Request], failure: EngineError) -> None:
        self.failed += [request.commands[0].reservation_id for request in requests]  # type: ignore[union-attr]

    def _turn(self) -> None:
        self.turns += 1


async def test_as_long_as_others_come_they_are_looked_up_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(refusals, "COMPANY_S", 0.2)
    monkeypatch.setattr(refusals, "COLLECTED_S_MAX", FAR_S)
    desk = Desk()
    for name in "abc":
        desk.add(name)
        await asyncio.sleep(0.1)
    assert desk.asked == []
    async with asyncio.timeout(FAR_S):
        while not desk.asked:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [names for names, _ in desk.asked] == [["a", "b", "c"]]


async def test_nobody_waits_for_others_beyond_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "COMPANY_S", 0.01)
    monkeypatch.setattr(refusals, "COLLECTED_S_MAX", 0.05)
    desk = Desk()
    async with asyncio.timeout(FAR_S):
        while not desk.asked:
            desk.add("one-more")
            await asyncio.sleep(0.001)


async def test_who_has_an_answer_already_is_judged_and_the_others_are_refused() -> None:
    desk = Desk()
    loser, winner = desk.add("loser"), desk.add("winner")
    desk.refusals.ask()
    ((_, on_refused),) = desk.asked
    assert not desk.refusals.idle
    on_refused([REFUSAL, None])
    assert loser.answers.result() == [REFUSAL]
    assert not winner.answers.done()
    assert (desk.judged, desk.failed) == (["winner"], [])
    assert desk.refusals.idle
    assert desk.turns == 1


async def test_where_the_store_does_not_answer_all_fail() -> None:
    desk = Desk()
    desk.add("a"), desk.add("b")
    desk.refusals.ask()
    desk.asked[0][1](StoreUnreachable("gone"))
    assert (desk.judged, desk.failed) == ([], ["a", "b"])
    assert desk.refusals.idle


async def test_where_nothing_is_sure_all_are_judged() -> None:
    desk = Desk()
    desk.add("a")
    desk.refusals.ask()
    desk.asked[0][1](None)
    desk.is_connected = False
    desk.add("b")
    desk.refusals.ask()
    assert desk.judged == ["a", "b"]
    assert desk.refusals.idle


async def test_nobody_is_looked_up_who_does_not_wait_any_more() -> None:
    desk = Desk()
    gone, there = desk.add("gone"), desk.add("there")
    gone.answers.cancel()
    assert list(desk.refusals.waiting) == [gone, there]
    desk.refusals.ask()
    assert [names for names, _ in desk.asked] == [["there"]]
