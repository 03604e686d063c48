"""The limit per buyer is of a SKU: the strictest of all its levels, wherever a buyer asks."""

import pytest
import redis

from tests.lua.scenario import play
from tests.partition import Partition


def test_a_limit_is_over_all_locations_of_the_sku(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 9 limit=3
            stock TEA@north 9
            reserve A TEA@north:2 buyer=li             -> APPLIED RESERVED
            reserve B TEA:2 buyer=li                   -> LIMIT_EXCEEDED
            reserve B TEA:1 buyer=li                   -> APPLIED RESERVED
            reserve C TEA:2 TEA@north:2 buyer=wang     -> LIMIT_EXCEEDED
            reserve C TEA:2 TEA@north:1 buyer=wang     -> APPLIED RESERVED
        """,
    )


@pytest.mark.parametrize("joined", ["   ", " + "], ids=["one by one", "in one batch"])
def test_a_location_without_a_limit_of_its_own_has_that_of_another(
    partition: Partition, joined: str
) -> None:
    play(
        partition,
        f"""
        0   stock TEA 9 limit=1
        {joined} stock TEA@north 9
        {joined} reserve A TEA@north:1               -> LIMIT_EXCEEDED
        {joined} reserve A TEA@north:2 buyer=li      -> LIMIT_EXCEEDED
        {joined} reserve A TEA@north:1 buyer=li      -> APPLIED RESERVED
        {joined} reserve B TEA@north:1 buyer=li      -> LIMIT_EXCEEDED
        {joined} reserve B TEA:1 buyer=li            -> LIMIT_EXCEEDED
        {joined} stock TEA@north 8
        {joined} reserve B TEA@north:1 buyer=li      -> LIMIT_EXCEEDED
        """,
    )


def test_the_strictest_of_several_limits_counts_at_each(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 9 limit=3
            stock TEA@north 9 limit=2
            stock TEA@south 9
            reserve A TEA:3 buyer=li            -> LIMIT_EXCEEDED
            reserve A TEA@south:2 buyer=li      -> APPLIED RESERVED
            reserve B TEA:1 buyer=li            -> LIMIT_EXCEEDED
        """,
    )
    assert partition.limits() == {"TEA": 2}


def test_a_limit_that_is_changed_counts_at_once_at_each_location(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 9 limit=1
            stock TEA@north 9
            reserve A TEA@north:2 buyer=li      -> LIMIT_EXCEEDED
            stock TEA 9 limit=2
            reserve A TEA@north:2 buyer=li      -> APPLIED RESERVED
            reserve B TEA@north:1 buyer=li      -> LIMIT_EXCEEDED
            stock TEA 9
            reserve B TEA@north:1 buyer=li      -> APPLIED RESERVED
            stock TEA@north 9 limit=4
            reserve C TEA:2 buyer=li            -> LIMIT_EXCEEDED
            reserve C TEA:1 buyer=li            -> APPLIED RESERVED
        """,
    )


def test_a_sku_without_a_default_level_has_one_limit_as_well(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA@north 9 limit=1
            stock TEA@south 9
            reserve A TEA@south:2 buyer=li      -> LIMIT_EXCEEDED
            reserve A TEA@south:1 buyer=li      -> APPLIED RESERVED
            stock TEA 9
            reserve B TEA:1 buyer=li            -> LIMIT_EXCEEDED
        """,
    )


def test_who_reserved_before_the_limit_was_set_is_refused_when_the_stock_is_taken_again(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             stock TEA@north 9
             reserve A TEA@north:2 ttl=1s buyer=li
        2s   stock TEA 9 limit=1
             confirm A reacquire                 -> LIMIT_EXCEEDED EXPIRED
             stock TEA 9 limit=2
             confirm A reacquire                 -> APPLIED CONFIRMED
        """,
    )


def test_the_limits_of_a_store_of_0_4_0_are_found(partition: Partition) -> None:
    play(partition, "0 stock TEA 9 limit=1 \n stock TEA@north 9")
    partition.client.delete(partition.keys.limits)
    play(
        partition,
        """
        1s  reserve A TEA@north:2 buyer=li      -> LIMIT_EXCEEDED
            reserve A TEA@north:1 buyer=li      -> APPLIED RESERVED
        """,
    )
    assert partition.limits() == {"TEA": 1}


def test_a_limit_is_of_one_shop(store: "redis.Redis") -> None:
    one, other = Partition(store, "one"), Partition(store, "other")
    for shop in (one, other):
        shop.clear()
    play(one, "0 stock TEA 9 limit=1 \n stock TEA@north 9")
    play(other, "0 stock TEA 9 \n stock TEA@north 9")
    play(one, "0 reserve A TEA@north:2 buyer=li -> LIMIT_EXCEEDED")
    play(other, "0 reserve A TEA@north:2 buyer=li -> APPLIED RESERVED")
