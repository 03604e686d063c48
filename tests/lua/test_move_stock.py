"""MoveStock: every outcome and guard of move_stock.lua, in order of precedence."""

from typing import Any

import msgspec
import pytest

from engine.model import Bucket, MoveStock, SetStock, StockResult
from engine.scripts import Kind
from tests.lua.scenario import T0, cases, declared_outcomes, outcomes_of, play, play_case
from tests.lua.test_journal import journal
from tests.partition import DAY_MS, Partition

# TEA has 93 on hand, 3 of them reserved and 5 confirmed; there is CUP at north only.
TABLE = """
    move TEA 85 resellable damaged m1             -> APPLIED
    move TEA 7 outside resellable m1              -> APPLIED
    move TEA 7 resellable outside m1              -> APPLIED
    move TEA 7 outside incoming m1 reason=bought  -> APPLIED
    move CUP 34 resellable@north outside m1       -> APPLIED
    stock TEA@north 0
    move TEA 85 resellable resellable@north m1    -> APPLIED
    stock TEA@north 0
    move TEA 85 resellable incoming@north m1      -> APPLIED

    # 1. The move's id is known: the same content, other content. Other ids are other ids.
    move TEA 7 resellable damaged m1
    move TEA 7 resellable damaged m1              -> APPLIED replayed
    move TEA 85 resellable damaged m1
    move TEA 85 resellable damaged m1             -> APPLIED replayed
    move TEA 7 resellable damaged m1
    move TEA 8 resellable damaged m1              -> ADJUSTMENT_ID_REUSED
    move TEA 7 resellable damaged m1
    move TEA 7 damaged resellable m1              -> ADJUSTMENT_ID_REUSED
    move TEA 7 resellable damaged m1
    move TEA 7 resellable outside m1              -> ADJUSTMENT_ID_REUSED
    move TEA 7 resellable damaged m1
    move TEA 7 resellable damaged m1 reason=drop  -> ADJUSTMENT_ID_REUSED
    stock TEA@north 0
    move TEA 7 resellable resellable@north m1
    move TEA 7 resellable@north resellable m1     -> ADJUSTMENT_ID_REUSED
    move TEA 7 resellable damaged m1
    move CUP 7 outside resellable@north m1        -> ADJUSTMENT_ID_REUSED
    adjust TEA +1 m1
    stock TEA 94 id=m1
    move TEA 7 resellable damaged m1              -> APPLIED
    move TEA 7 resellable damaged m1
    adjust TEA +1 m1                              -> APPLIED

    # 2. No stock level, on either side.
    move MUG 1 outside resellable m1              -> NOT_FOUND
    move MUG 1 resellable outside m1              -> NOT_FOUND
    move CUP 1 resellable@north resellable m1     -> NOT_FOUND
    move CUP 1 resellable resellable@north m1     -> NOT_FOUND

    # 3. Fewer may leave than are to be moved.
    move TEA 86 resellable damaged m1             -> NOT_ENOUGH_UNITS
    move TEA 1 damaged resellable m1              -> NOT_ENOUGH_UNITS
    move TEA 1 incoming resellable m1             -> NOT_ENOUGH_UNITS
    stock TEA 93 safety=80
    move TEA 6 resellable outside m1              -> NOT_ENOUGH_UNITS
    stock TEA 93 safety=80
    move TEA 5 resellable outside m1              -> APPLIED
    stock TEA 93 safety=99
    move TEA 1 resellable outside m1              -> NOT_ENOUGH_UNITS

    # 4. More than there can be.
    move TEA 999_999_999_908 outside resellable m1   -> INVALID
    move TEA 999_999_999_907 outside resellable m1   -> APPLIED
    move TEA 1_000_000_000_000 outside incoming m1   -> APPLIED
    move TEA 1 outside damaged m1
    move TEA 1_000_000_000_000 outside damaged m2    -> INVALID

    # Two reasons at once: the one that is judged first answers.
    move TEA 7 resellable damaged m1
    move MUG 7 resellable damaged m1              -> ADJUSTMENT_ID_REUSED
    move TEA 7 resellable damaged m1
    move TEA 99 resellable damaged m1             -> ADJUSTMENT_ID_REUSED
    move TEA 99 resellable resellable@south m1    -> NOT_FOUND
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.MOVE_STOCK)


def test_a_move_within_a_level_is_one_change_of_it(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 safety=2 limit=5
             move TEA 3 resellable damaged m1
             level TEA                       -> on_hand 6 damaged 3 available 4 version 2
             move TEA 2 damaged resellable m2
             level TEA                       -> on_hand 8 damaged 1 available 6 version 3
             move TEA 1 damaged outside m3
             level TEA                       -> on_hand 8 safety_stock 2 limit_per_buyer 5 version 4
        """,
    )


def test_units_between_two_locations_are_on_their_way_in_one_and_on_sale_in_none(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             stock TEA@bj 1
             move TEA 4 resellable incoming@bj m1
             level TEA                       -> on_hand 5 version 2
             level TEA@bj                    -> on_hand 1 incoming 4 available 1 version 2
             reserve A TEA@bj:2              -> OUT_OF_STOCK short TEA@bj:2/1
             move TEA 3 incoming@bj resellable@bj m2
             move TEA 1 incoming@bj damaged@bj m3
             level TEA@bj                    -> on_hand 4 damaged 1 available 4 version 4
             reserve A TEA@bj:2              -> APPLIED RESERVED
        """,
    )


def test_units_that_are_due_are_free_to_be_moved(partition: Partition) -> None:
    play(
        partition,
        """
        0       stock TEA 5
                reserve A TEA:5 ttl=1s
        999ms   move TEA 5 resellable outside m1      -> NOT_ENOUGH_UNITS
        1s      move TEA 5 resellable outside m1      -> APPLIED
                confirm A                             -> ALREADY_EXPIRED EXPIRED
        """,
    )


def test_a_reserve_after_a_move_in_one_batch_finds_what_it_left(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 5
        +    stock TEA@bj 0
        +    move TEA 5 resellable resellable@bj m1
        +    reserve A TEA:1                 -> OUT_OF_STOCK short TEA:1/0
        +    reserve B TEA@bj:5              -> APPLIED RESERVED
        +    move TEA 1 resellable@bj resellable m2   -> NOT_ENOUGH_UNITS
        """,
    )


def test_a_level_has_no_ninth_number_but_while_units_are_incoming(partition: Partition) -> None:
    def numbers() -> list[int]:
        packed: Any = partition.client.hget(partition.keys.stock, "TEA")
        found: list[int] = msgspec.msgpack.decode(packed)
        return found

    play(partition, "0 stock TEA 9 \n move TEA 4 outside incoming m1")
    assert numbers()[8:] == [4]
    play(
        partition,
        """
        0    reserve A TEA:2
             confirm A
             ship A s1 TEA:1
             stock TEA 12
             adjust TEA +1 a1
             return A r1 damaged
             level TEA                       -> on_hand 13 confirmed 1 damaged 1 incoming 4
             move TEA 4 incoming resellable m2
             level TEA                       -> on_hand 17 confirmed 1 damaged 1
        """,
    )
    assert len(numbers()) == 8


def test_an_id_is_kept_as_long_as_a_fulfilled_reservation(partition: Partition) -> None:
    play(
        partition,
        """
        0        stock TEA 5
                 move TEA 1 resellable damaged m1
        29d      purge 10                                  -> 0
                 move TEA 1 resellable damaged m1          -> APPLIED replayed
        30d      purge 10                                  -> 1
                 move TEA 1 resellable damaged m1          -> APPLIED
                 level TEA                                 -> on_hand 3 damaged 2
        """,
    )


def test_the_journal_has_where_units_came_from_and_went_and_why(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 5
        +    stock TEA@bj 0
        1s   move TEA 2 resellable incoming@bj m1 reason=跨仓调拨
             move TEA 3 outside damaged@bj m2
        """,
    )
    subjects = [
        [msgspec.msgpack.decode(subject) for subject in entry.subjects]
        for _, entry in journal(partition)
    ]
    resellable, damaged, incoming, outside = [bucket.value for bucket in Bucket][1:]
    assert subjects[1:] == [
        ["TEA", [2, "TEA", resellable, "TEA\0bj", incoming, "m1", "跨仓调拨"]],
        ["TEA\0bj", [3, "", outside, "TEA\0bj", damaged, "m2", ""]],
    ]
    assert partition.sequence == 4
    assert partition.audit() == []


def test_what_would_pass_the_most_of_a_bucket_is_named(partition: Partition) -> None:
    partition.run([SetStock("TEA", 1)], T0)
    too_many = MoveStock("TEA", 10**12, Bucket.OUTSIDE, Bucket.RESELLABLE, "m1")
    [answer] = partition.run([too_many], T0 + DAY_MS)
    assert isinstance(answer, StockResult)
    assert (
        answer.detail == "units: RESELLABLE units would pass 1,000,000,000,000; got 1000000000000"
    )
