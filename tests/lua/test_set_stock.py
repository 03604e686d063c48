"""SetStock: every outcome and guard of set_stock.lua, in order of precedence."""

from typing import Any

import pytest

from engine.records import unpack_locations
from engine.scripts import Kind
from tests.lua.scenario import cases, declared_outcomes, outcomes_of, play, play_case
from tests.partition import Partition

# TEA has 93 on hand, 3 of them reserved and 5 confirmed.
TABLE = """
    stock MUG 5                              -> APPLIED
    stock MUG 0                              -> APPLIED
    stock CUP 1                              -> APPLIED
    stock MUG 5 version=0                    -> APPLIED
    stock MUG 5
    stock MUG 6 version=1                    -> APPLIED
    stock MUG 5
    stock MUG 5 safety=1                     -> APPLIED
    stock MUG 5
    stock MUG 5 limit=1                      -> APPLIED

    # 1. An id that was used before: for the same, whatever came since, or for something else.
    stock MUG 5 id=i
    stock MUG 6
    stock MUG 5 id=i                         -> APPLIED replayed
    stock MUG 5 version=0 id=i
    stock MUG 5 version=0 id=i               -> APPLIED replayed
    stock MUG 5 id=i
    stock MUG 6 id=i                         -> ADJUSTMENT_ID_REUSED
    stock MUG 5 id=i
    stock CUP 5 id=i                         -> ADJUSTMENT_ID_REUSED
    stock MUG 5
    adjust MUG 1 i
    stock MUG 9 id=i                         -> APPLIED

    # 2. Another version than was expected.
    stock MUG 5 version=1                    -> VERSION_MISMATCH
    stock MUG 5
    stock MUG 6 version=0                    -> VERSION_MISMATCH
    stock MUG 5
    stock MUG 6 version=2                    -> VERSION_MISMATCH
    stock MUG@north 5
    stock MUG 5 version=1                    -> VERSION_MISMATCH

    # 3. Less on hand than is reserved and confirmed.
    stock TEA 7                              -> ON_HAND_BELOW_COMMITTED
    stock TEA 0                              -> ON_HAND_BELOW_COMMITTED
    stock TEA 8                              -> APPLIED

    # 4. Nothing that would change.
    stock TEA 93 limit=50                    -> APPLIED replayed
    stock MUG 5
    stock MUG 5 version=1                    -> APPLIED replayed

    # Two reasons at once: the one that is judged first answers.
    stock TEA 7 version=1                    -> VERSION_MISMATCH
    stock MUG 5
    stock MUG 5 version=2                    -> VERSION_MISMATCH
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.SET_STOCK)


def test_a_setting_is_overwritten_and_what_is_committed_stays(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 safety=2 limit=5
             reserve A TEA:2 buyer=li
             reserve B TEA:3 buyer=wang
             confirm B
             ship B s1 TEA:1
             return B r1 damaged
             stock TEA 20
             level TEA  -> on_hand 20 reserved 2 confirmed 2 damaged 1 safety_stock 0 \
                           limit_per_buyer 0 available 16 version 7
        """,
    )


def test_what_is_left_out_stays_as_it_is(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 safety=2 limit=5
             stock TEA 20 safety=as-it-is limit=as-it-is
             level TEA  -> on_hand 20 safety_stock 2 limit_per_buyer 5 version 2
             stock TEA as-it-is safety=as-it-is limit=1
             level TEA  -> on_hand 20 safety_stock 2 limit_per_buyer 1 version 3
             stock TEA 20 safety=as-it-is limit=as-it-is  -> APPLIED replayed
             stock CUP 3 safety=as-it-is limit=as-it-is
             level CUP  -> on_hand 3 safety_stock 0 limit_per_buyer 0 version 1
        """,
    )


def test_a_setting_sent_again_does_not_bring_back_what_was_shipped(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 10 id=count-1
             reserve A TEA:2
             confirm A
             ship A s1
             stock TEA 10 id=count-1   -> APPLIED replayed
             level TEA                 -> on_hand 8 version 4
        59m  stock TEA 10 id=count-1   -> APPLIED replayed
        60m  purge 10                  -> 1
             stock TEA 10 id=count-1   -> APPLIED
        """,
    )


def test_the_version_grows_only_when_something_changes(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             level TEA                 -> on_hand 9 version 1
             stock TEA 9               -> APPLIED replayed
             stock TEA 9 safety=1
             stock TEA 9 safety=1 limit=1
             stock TEA 8 safety=1 limit=1
             level TEA                 -> on_hand 8 version 4
        """,
    )


def test_safety_stock_above_on_hand_leaves_nothing_to_sell(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 2 safety=5
             level TEA          -> on_hand 2 available 0
             reserve A TEA:1    -> OUT_OF_STOCK short TEA:1/0
        """,
    )


def test_a_level_can_be_sold_in_the_batch_that_creates_it(partition: Partition) -> None:
    play(
        partition,
        """
        0    reserve A TEA:1           -> UNKNOWN_SKU
        +    stock TEA 1 version=0     -> APPLIED
        +    stock TEA 2 version=0     -> VERSION_MISMATCH
        +    stock TEA 2 version=1     -> APPLIED
        +    reserve A TEA:2           -> APPLIED RESERVED
        +    stock TEA 1               -> ON_HAND_BELOW_COMMITTED
             level TEA                 -> on_hand 2 reserved 2 version 3
        """,
    )


def test_the_greatest_counts_are_kept_to_the_unit(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 1_000_000_000_000 safety=999_999_999_999 limit=4294967295
             reserve A TEA:1 buyer=li  -> APPLIED RESERVED
             reserve B TEA:1 buyer=li  -> OUT_OF_STOCK short TEA:1/0
             level TEA  -> on_hand 1000000000000 reserved 1 safety_stock 999999999999
        """,
    )


def test_each_location_of_a_sku_is_listed_once(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 1
             stock TEA@north 1
             stock TEA@north 2
        +    stock TEA@south 1
        +    stock TEA@west 1
        +    stock TEA@west 2
             stock CUP 1
        """,
    )
    listed: Any = partition.client.hgetall(partition.keys.locations)
    assert {sku: unpack_locations(packed) for sku, packed in listed.items()} == {
        b"TEA": ["north", "south", "west"]
    }
