"""AdjustStock: every outcome and guard of adjust_stock.lua, in order of precedence."""

import pytest

from engine.model import AdjustStock, SetStock, StockLevel, StockOutcome, StockResult
from engine.scripts import Kind
from tests.lua.scenario import T0, cases, declared_outcomes, outcomes_of, play, play_case
from tests.partition import Partition

# TEA has 93 on hand, 3 of them reserved and 5 confirmed; there is CUP at north only.
TABLE = """
    adjust TEA +7 a1                         -> APPLIED
    adjust TEA -7 a1 reason=broken           -> APPLIED
    adjust CUP@north +1 a1                   -> APPLIED

    # 1. The adjustment's id is known: the same content, other content.
    adjust TEA +7 a1 reason=found
    adjust TEA +7 a1 reason=found            -> APPLIED replayed
    adjust TEA -80 a1
    adjust TEA -80 a1                        -> APPLIED replayed
    adjust TEA +7 a1
    adjust TEA +8 a1                         -> ADJUSTMENT_ID_REUSED
    adjust TEA +7 a1
    adjust TEA -7 a1                         -> ADJUSTMENT_ID_REUSED
    adjust TEA +7 a1 reason=found
    adjust TEA +7 a1 reason=lost             -> ADJUSTMENT_ID_REUSED
    adjust TEA +7 a1
    adjust CUP@north +7 a1                   -> ADJUSTMENT_ID_REUSED

    # 2. No stock level.
    adjust MUG +1 a1                         -> NOT_FOUND
    adjust CUP +1 a1                         -> NOT_FOUND
    adjust CUP@south +1 a1                   -> NOT_FOUND

    # 3. Less on hand than is reserved and confirmed. 4. More than there can be.
    adjust TEA -86 a1                        -> ON_HAND_BELOW_COMMITTED
    adjust TEA -1000 a1                      -> ON_HAND_BELOW_COMMITTED
    adjust TEA -85 a1                        -> APPLIED
    adjust TEA +999_999_999_908 a1           -> INVALID
    adjust TEA +999_999_999_907 a1           -> APPLIED

    # Two reasons at once: the one that is judged first answers.
    adjust TEA +7 a1
    adjust MUG +7 a1                         -> ADJUSTMENT_ID_REUSED
    adjust TEA +7 a1
    adjust TEA -1000 a1                      -> ADJUSTMENT_ID_REUSED
    adjust TEA +7 a1
    adjust TEA +1_000_000_000_000 a1         -> ADJUSTMENT_ID_REUSED
    adjust MUG -5 a1                         -> NOT_FOUND
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.ADJUST_STOCK)


def test_an_adjustment_moves_on_hand_and_nothing_else(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9 safety=2 limit=5
             reserve A TEA:2 buyer=li
             adjust TEA +5 a1
             level TEA  -> on_hand 14 reserved 2 safety_stock 2 limit_per_buyer 5 version 3
             adjust TEA -12 a2
             level TEA  -> on_hand 2 reserved 2 available 0 version 4
        """,
    )


def test_a_replay_answers_the_level_of_now(partition: Partition) -> None:
    add = AdjustStock("TEA", 5, "a1")
    partition.run([SetStock("TEA", 1), add, SetStock("TEA", 0)], T0)
    level = StockLevel("TEA", "default", 0, version=3)
    assert partition.run([add], T0) == [StockResult(StockOutcome.APPLIED, level, replayed=True)]


def test_an_adjustment_that_comes_twice_in_a_batch_is_applied_once(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 1
             adjust TEA +5 a1     -> APPLIED
        +    adjust TEA +5 a1     -> APPLIED replayed
        +    adjust TEA +6 a1     -> ADJUSTMENT_ID_REUSED
        +    adjust TEA +5 a2     -> APPLIED
             level TEA            -> on_hand 11 version 3
        """,
    )


def test_a_refused_adjustment_leaves_its_id_free(partition: Partition) -> None:
    play(
        partition,
        """
        0    adjust TEA -5 a1     -> NOT_FOUND
             stock TEA 1
             adjust TEA -5 a1     -> ON_HAND_BELOW_COMMITTED
             adjust TEA +1_000_000_000_000 a1 -> INVALID
             stock TEA 5
             adjust TEA -5 a1     -> APPLIED
        """,
    )


def test_what_is_added_can_be_sold_by_the_same_batch(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 1
             reserve A TEA:3      -> OUT_OF_STOCK short TEA:3/1
        +    adjust TEA +2 a1     -> APPLIED
        +    reserve A TEA:3      -> APPLIED RESERVED
        +    adjust TEA -1 a2     -> ON_HAND_BELOW_COMMITTED
        """,
    )


def test_what_would_pass_the_most_on_hand_is_named(partition: Partition) -> None:
    partition.run([SetStock("TEA", 1)], T0)
    [answer] = partition.run([AdjustStock("TEA", 10**12, "a1")], T0)
    assert isinstance(answer, StockResult)
    assert answer.detail == "delta: on_hand would pass 1,000,000,000,000; got 1000000000000"
