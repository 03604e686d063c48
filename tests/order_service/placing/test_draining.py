"""An order service that stops writes down first what it has reserved for who waits."""

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from order_service.app import App
from order_service.config import from_environment
from order_service.order.placed import ShortagePolicy
from order_service.order.states import OrderState
from tests.order_service.placing.wanted import ARTICLES, order
from tests.waiting import PATIENCE_S


async def test_an_order_service_drains_between_a_reserve_and_what_follows_from_it(
    sqlite_template: Path, engine_target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(sqlite_template, tmp_path / "orders.db")
    settings = {"HOLDFAST_TARGET": engine_target, "HOLDFAST_DATA_DIR": str(tmp_path)}
    app = App(from_environment(settings), CollectorRegistry())
    await app.catalogue.put("draining", list(ARTICLES.values()))
    wanted = order(
        {"TEA": 2},
        tenant="draining",
        shortage_policy=ShortagePolicy.WAIT,
        payment_method="cash_on_delivery",
    )
    await app.engine.set_stock("TEA", 0, tenant="draining")
    waiting = (await app.placing.place(wanted, "buyer")).order
    assert waiting.state is OrderState.BACKORDERED
    await app.engine.set_stock("TEA", 2, tenant="draining")
    reserve, reserved = app.engine.reserve, asyncio.Event()

    async def slow(*about: Any, **values: Any) -> Any:
        result = await reserve(*about, **values)
        reserved.set()
        await asyncio.sleep(0.1)
        return result

    monkeypatch.setattr(app.engine, "reserve", slow)
    await app.start()
    await asyncio.wait_for(reserved.wait(), PATIENCE_S)
    await app.drain()
    left = await app.orders.get(waiting.order_id)
    await app.close()
    assert left.state is OrderState.CONFIRMING
