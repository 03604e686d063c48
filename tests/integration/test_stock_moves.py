"""MoveStock, and Return to another location, over the wire: once, all or nothing, and why not."""

import asyncio
from typing import Any

import grpc
import grpc.aio
import pytest

from holdfast.client import Client
from holdfast.errors import HoldfastError, Reason
from holdfast.inventory.v1 import inventory_pb2 as pb
from holdfast.inventory.v1 import inventory_pb2_grpc as pb_grpc
from holdfast.outcomes import Outcome
from holdfast.types import Bucket, Disposition, StockLevel
from tests.serving import refusal

pytestmark = pytest.mark.asyncio(loop_scope="session")

Counts = tuple[int, int, int]
REFUSED = grpc.StatusCode.FAILED_PRECONDITION


async def counts(client: Client) -> dict[str, Counts]:
    """On hand, damaged and incoming units of MUG, by location."""
    levels = await client.get_stock("MUG")
    return {it.location: (it.on_hand, it.damaged, it.incoming) for it in levels}


async def test_units_go_by_the_road_from_one_warehouse_to_another(client: Client) -> None:
    await client.set_stock("MUG", 9)
    await client.set_stock("MUG", 0, location="bj")
    left = await client.move_stock("MUG", 4, "m1", to_location="bj", to_bucket=Bucket.INCOMING)
    assert isinstance(left.from_level, StockLevel)
    assert isinstance(left.to_level, StockLevel)
    assert (left.from_level.on_hand, left.to_level.incoming, left.replayed) == (5, 4, False)
    came = await client.move_stock(
        "MUG", 4, "m2", from_location="bj", from_bucket=Bucket.INCOMING, to_location="bj"
    )
    assert came.from_level == came.to_level
    assert await counts(client) == {"default": (5, 0, 0), "bj": (4, 0, 0)}
    listed = {level.location: level async for level in client.list_stock()}
    assert listed == {level.location: level for level in await client.get_stock("MUG")}


async def test_a_move_whose_answer_was_lost_is_made_once(client: Client) -> None:
    await client.set_stock("MUG", 9)
    answers = await asyncio.gather(
        *(client.move_stock("MUG", 2, "m1", to_bucket=Bucket.DAMAGED) for _ in range(10))
    )
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 9
    assert {answer.to_level.damaged for answer in answers if answer.to_level} == {2}
    await client.adjust_stock("MUG", 1, "m1")  # ids of adjustments are others
    with pytest.raises(HoldfastError, match="move_id m1 was used before") as raised:
        await client.move_stock("MUG", 3, "m1", to_bucket=Bucket.DAMAGED)
    assert raised.value.reason is Reason.MOVE_ID_REUSED
    assert await counts(client) == {"default": (8, 2, 0)}


async def test_two_moves_and_a_buyer_do_not_share_the_last_unit(client: Client) -> None:
    await client.set_stock("MUG", 1)
    found = await asyncio.gather(
        client.move_stock("MUG", 1, "m1", to_bucket=Bucket.OUTSIDE),
        client.move_stock("MUG", 1, "m2", to_bucket=Bucket.DAMAGED),
        client.reserve("r", [("MUG", 1)]),
        return_exceptions=True,
    )
    moved = [it for it in found[:2] if not isinstance(it, HoldfastError)]
    reserved = not isinstance(found[2], BaseException) and found[2].applied
    assert len(moved) + reserved == 1


async def test_what_leaves_has_no_level_where_it_goes(client: Client) -> None:
    await client.set_stock("MUG", 1)
    bought = await client.move_stock("MUG", 5, "m1", from_bucket=Bucket.OUTSIDE)
    assert (bought.from_level, bought.to_level and bought.to_level.on_hand) == (None, 6)
    scrapped = await client.move_stock("MUG", 2, "m2", to_bucket=Bucket.OUTSIDE)
    assert (scrapped.from_level and scrapped.from_level.on_hand, scrapped.to_level) == (4, None)


BEYOND: list[tuple[str, dict[str, Any]]] = [
    ("tenant", {"tenant": "a/b"}),
    ("sku", {"sku": ""}),
    ("units", {"units": 0}),
    ("units", {"units": -1}),
    ("units", {"units": 10**12 + 1}),
    ("from_bucket", {"from_bucket": pb.BUCKET_UNSPECIFIED}),
    ("from_bucket", {"from_bucket": 9}),
    ("to_bucket", {"to_bucket": 9}),
    ("to_bucket", {"to_bucket": pb.BUCKET_RESELLABLE}),
    ("to_bucket", {"from_bucket": pb.BUCKET_OUTSIDE, "to_bucket": pb.BUCKET_OUTSIDE}),
    ("to_location", {"to_bucket": pb.BUCKET_OUTSIDE, "to_location": "bj"}),
    ("from_location", {"from_location": "l" * 65}),
    ("move_id", {"move_id": ""}),
    ("reason", {"reason": "x" * 257}),
]


@pytest.mark.parametrize(("field", "changed"), BEYOND)
async def test_a_move_beyond_a_bound_is_refused_and_names_the_field(
    client: Client, channel: grpc.aio.Channel, field: str, changed: dict[str, Any]
) -> None:
    stock: Any = pb_grpc.StockServiceStub(channel)
    usual: dict[str, Any] = {"tenant": client.tenant, "sku": "MUG", "units": 1, "move_id": "m"}
    buckets = {"from_bucket": pb.BUCKET_RESELLABLE, "to_bucket": pb.BUCKET_DAMAGED}
    places = {"to_bucket": pb.BUCKET_RESELLABLE, "to_location": "default"}
    asked = (
        usual | buckets | (places if changed == {"to_bucket": pb.BUCKET_RESELLABLE} else changed)
    )
    error = await refusal(stock.MoveStock(pb.MoveStockRequest(**asked)))
    assert (error.reason, error.metadata["field"]) == (Reason.INVALID_FIELD, field)


async def test_every_refusal_of_a_move_says_what_there_is_and_changes_nothing(
    client: Client,
) -> None:
    await client.set_stock("MUG", 9, safety_stock=2)
    await client.reserve("held", [("MUG", 3)])
    await client.reserve("sold", [("MUG", 1)])
    await client.confirm("sold")
    before = await client.get_stock("MUG")
    of_default = "Of 9 on hand 3 are reserved, 1 confirmed and 2 safety stock"
    short: list[tuple[Bucket, str, str]] = [
        (Bucket.RESELLABLE, "3", of_default),
        (Bucket.DAMAGED, "0", "No more are damaged"),
        (Bucket.INCOMING, "0", "No more are incoming"),
    ]
    for bucket, movable, why in short:
        with pytest.raises(HoldfastError, match=f"cannot leave default: {movable} can") as raised:
            await client.move_stock("MUG", 4, "m1", from_bucket=bucket, to_bucket=Bucket.OUTSIDE)
        error = raised.value
        assert (error.code, error.reason) == (REFUSED, Reason.NOT_ENOUGH_UNITS)
        assert (error.metadata["movable"], error.metadata["why"]) == (movable, why)
    nowhere: list[tuple[str, dict[str, Any]]] = [
        ("bj", {"to_location": "bj"}),
        ("sh", {"from_location": "sh", "to_location": "bj"}),
        ("sh", {"from_location": "sh", "to_bucket": Bucket.OUTSIDE}),
        ("bj", {"from_bucket": Bucket.OUTSIDE, "to_location": "bj"}),
    ]
    for location, places in nowhere:
        with pytest.raises(HoldfastError, match=f"MUG at {location} in .* create it") as raised:
            await client.move_stock("MUG", 4, "m1", **places)
        assert raised.value.reason is Reason.STOCK_NOT_FOUND
    assert await client.get_stock("MUG") == before
    assert (await client.move_stock("MUG", 3, "m1", to_bucket=Bucket.DAMAGED)).replayed is False


async def test_units_come_back_to_the_location_that_a_return_names(client: Client) -> None:
    await client.set_stock("MUG", 9, limit_per_buyer=3)
    await client.reserve("r", [("MUG", 3)], buyer_id="li")
    await client.confirm("r")
    await client.ship("r", "s1")
    nowhere = await client.return_units("r", "b1", [("MUG", 1)], to_location="bj")
    assert nowhere.outcome is Outcome.UNKNOWN_SKU
    await client.set_stock("MUG", 0, location="bj")
    back = await client.return_units("r", "b1", [("MUG", 1)], to_location="bj")
    assert (back.outcome, back.replayed) == (Outcome.APPLIED, False)
    again = await client.return_units("r", "b1", [("MUG", 1)])
    assert again.outcome is Outcome.ID_REUSED
    assert await counts(client) == {"default": (6, 0, 0), "bj": (1, 0, 0)}
    with pytest.raises(HoldfastError, match="to_location: must be empty for LOST units"):
        await client.return_units("r", "b2", disposition=Disposition.LOST, to_location="bj")
