"""An order service, as it is built, derives what follows for an order with each decision."""

import shutil
from pathlib import Path

from msgspec import structs
from prometheus_client import CollectorRegistry

from order_service.app import App
from order_service.config import from_environment
from order_service.fulfilment.planning import plan_shipments
from order_service.order.draft import Draft
from order_service.order.states import OrderEvent, OrderState
from order_service.order.tasks import TaskKind
from order_service.payment.attempts import pay_on_delivery
from tests.order_service.clock import START_MS
from tests.order_service.fulfilment.parcels import ARTICLES, ON_DELIVERY, paid_order


def _planned(draft: Draft) -> None:
    pay_on_delivery(draft, "cash", "cash_on_delivery")
    draft.move(draft.order, OrderEvent.STOCK_CONFIRMED)
    plan_shipments(draft, ARTICLES, "")


async def test_an_order_service_reminds_of_picks_as_its_settings_say(
    sqlite_template: Path, tmp_path: Path
) -> None:
    shutil.copy(sqlite_template, tmp_path / "orders.db")
    settings = {
        "HOLDFAST_TARGET": "127.0.0.1:9",
        "HOLDFAST_DATA_DIR": str(tmp_path),
        "HOLDFAST_PICK_WITHIN_MS": "60000",
    }
    app = App(from_environment(settings), CollectorRegistry(), lambda: START_MS)
    new = structs.replace(
        paid_order(**ON_DELIVERY), state=OrderState.RESERVING, version=0, parts={}
    )
    await app.orders.place(new, _planned, "test")
    order = await app.orders.get(new.order_id)
    await app.close()
    due = [task.due_at_ms for task in order.tasks if task.kind == TaskKind.PICK_DUE]
    assert due == [START_MS + 60_000]
