"""SetStock of a part of the settings, once per id, and of many levels at once."""

from typing import Any

import grpc.aio
import pytest

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.types import StockSetting
from tests.serving import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_what_is_not_given_stays_as_it_is(client: Client) -> None:
    await client.set_stock("MUG", 50, safety_stock=5, limit_per_buyer=2)
    level = await client.set_stock("MUG", 60)
    assert (level.on_hand, level.safety_stock, level.limit_per_buyer) == (60, 5, 2)
    level = await client.set_stock("MUG", 60, limit_per_buyer=0)
    assert (level.safety_stock, level.limit_per_buyer) == (5, 0)
    (result,) = await client.set_stock_levels([StockSetting("MUG", None, safety_stock=1)])
    assert result.level is not None
    assert (result.level.on_hand, result.level.safety_stock) == (60, 1)


async def test_a_message_without_names_sets_all_as_it_always_did(
    client: Client, channel: grpc.aio.Channel
) -> None:
    await client.set_stock("MUG", 50, safety_stock=5, limit_per_buyer=2)
    stock: Any = pb_grpc.StockServiceStub(channel)
    level = await stock.SetStock(pb.SetStockRequest(tenant=client.tenant, sku="MUG", on_hand=60))
    assert (level.on_hand, level.safety_stock, level.limit_per_buyer) == (60, 0, 0)


async def test_a_setting_whose_answer_was_lost_can_be_sent_again(client: Client) -> None:
    await client.set_stock("MUG", 10, setting_id="count-1")
    await client.adjust_stock("MUG", -2, "count-1")  # another id than the setting's
    level = await client.set_stock("MUG", 10, setting_id="count-1")
    assert level.on_hand == 8
    with pytest.raises(HoldfastError, match="setting_id count-1 was used before") as raised:
        await client.set_stock("MUG", 11, setting_id="count-1")
    assert raised.value.reason is Reason.SETTING_ID_REUSED


async def test_of_many_settings_each_is_judged_alone(client: Client) -> None:
    await client.set_stock("MUG", 5)
    await client.reserve("r", [("MUG", 5)])
    results = await client.set_stock_levels(
        [
            StockSetting("TEA", 3),
            StockSetting("MUG", 4),
            StockSetting("", 4),
            StockSetting("TEA", 9, expected_version=7),
            StockSetting("TEA", 4, expected_version=1),
        ]
    )
    assert [result.reason for result in results] == [
        "",
        "ON_HAND_BELOW_COMMITTED",
        "INVALID_FIELD",
        "VERSION_MISMATCH",
        "",
    ]
    assert results[2].detail.startswith("sku: ")
    assert results[4].level is not None
    assert results[4].level.on_hand == 4


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.SetStockLevelsRequest(), "settings"),
        (pb.SetStockLevelsRequest(settings=[pb.SetStockRequest()] * 1_001), "settings"),
        (pb.SetStockLevelsRequest(settings=[pb.SetStockRequest(tenant="other")]), "settings"),
        (pb.SetStockLevelsRequest(settings=[pb.SetStockRequest(only=["colour"])]), "only"),
    ],
)
async def test_a_request_that_is_wrong_as_a_whole_is_refused_as_a_whole(
    channel: grpc.aio.Channel, request_: pb.SetStockLevelsRequest, field: str
) -> None:
    stock: Any = pb_grpc.StockServiceStub(channel)
    error = await refusal(stock.SetStockLevels(request_))
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, field)
