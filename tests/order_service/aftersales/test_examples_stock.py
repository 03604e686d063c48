"""Examples of what after-sales asks of the engine: units that come back elsewhere, are made good
again, or were never there.
"""

from tests.lua.scenario import play
from tests.partition import Partition


def test_example_18_a_unit_comes_back_to_another_warehouse_than_it_left(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock A 10
             stock A@bj 0
             reserve F A:3
             confirm F
             ship F s1
             level A                            -> on_hand 7
             return F leg-1 resellable A:1 to=bj
             level A@bj                         -> on_hand 1 available 1
             level A                            -> on_hand 7
             lines F                            -> A:3/3/0/1
             return F leg-1 resellable A:1 to=bj        -> APPLIED FULFILLED replayed
             return F leg-1 resellable A:1 to=default   -> ID_REUSED FULFILLED
        """,
    )


def test_example_19_a_refurbished_unit_is_on_sale_once_however_often_it_is_moved(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock A 10
             reserve F A:3
             confirm F
             ship F s1
             return F leg-1 damaged A:1
             level A                            -> on_hand 7 damaged 1
             move A 1 damaged resellable leg-1 reason=REFURBISH
             level A                            -> on_hand 8 damaged 0
             move A 1 damaged resellable leg-1 reason=REFURBISH -> APPLIED replayed
             level A                            -> on_hand 8 damaged 0
        """,
    )


def test_example_20_a_unit_that_is_not_found_leaves_the_books_and_is_had_elsewhere(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock A 2
             stock A@bj 5
             reserve F A:2
             confirm F
             cancel F not-found lost A:1
             level A                            -> on_hand 1 confirmed 1 available 0
             reserve F-x A@bj:1
             confirm F-x
             level A@bj                         -> on_hand 5 confirmed 1 available 4
             cancel F not-found lost A:1        -> APPLIED CONFIRMED replayed
             cancel F not-found A:1             -> ID_REUSED CONFIRMED
             level A                            -> on_hand 1 confirmed 1
        """,
    )
