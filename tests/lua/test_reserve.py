"""Reserve: every outcome and guard of reserve.lua, in order of precedence."""

import pytest

from engine.model import Line, Outcome, Reserve, Result, SetStock, Shortage, State
from engine.scripts import Kind
from tests.lua.scenario import (
    CAST_NAMES,
    T0,
    cases,
    declared_outcomes,
    outcomes_of,
    play,
    play_case,
    reservations_of,
)
from tests.partition import Partition

TABLE = """
    reserve never-seen TEA:1 buyer=li                     -> APPLIED RESERVED until 902s
    reserve never-seen TEA:1 buyer=li ttl=1s              -> APPLIED RESERVED until 3s
    reserve never-seen TEA:1 buyer=li ttl=7d              -> APPLIED RESERVED until 604_802s

    # 1. The id is known: a tombstone, the same content, other content.
    reserve tombstone TEA:1 buyer=li                      -> ALREADY_RELEASED RELEASED until none
    reserve live TEA:3 CUP@north:2 buyer=li               -> APPLIED RESERVED replayed until 15m
    reserve live CUP@north:2 TEA:3 buyer=li               -> APPLIED RESERVED replayed until 15m
    reserve live TEA:1 CUP@north:2 TEA:2 buyer=li         -> APPLIED RESERVED replayed until 15m
    reserve live TEA:3 CUP@north:2 buyer=li ttl=15m       -> APPLIED RESERVED replayed until 15m
    reserve lapsed TEA:3 ttl=1s buyer=li                  -> APPLIED EXPIRED replayed until 1s
    reserve released TEA:3 buyer=li                       -> APPLIED RELEASED replayed until 15m
    reserve sold TEA:4 CUP@north:2 buyer=li               -> APPLIED CONFIRMED replayed until 15m
    reserve part-shipped TEA:4 CUP@north:2 buyer=li       -> APPLIED CONFIRMED replayed until 15m
    reserve fulfilled TEA:4 buyer=li                      -> APPLIED FULFILLED replayed until 15m
    reserve cancelled TEA:4 buyer=li                      -> APPLIED CANCELLED replayed until 15m
    reserve live TEA:4 CUP@north:2 buyer=li               -> ID_REUSED RESERVED until 15m
    reserve live TEA:3 buyer=li                           -> ID_REUSED RESERVED
    reserve live TEA:3 CUP@north:2 CUP:1 buyer=li         -> ID_REUSED RESERVED
    reserve live TEA:3 CUP:2 buyer=li                     -> ID_REUSED RESERVED
    reserve live TEA:3 CUP@north:2 buyer=wang             -> ID_REUSED RESERVED
    reserve live TEA:3 CUP@north:2                        -> ID_REUSED RESERVED
    reserve live TEA:3 CUP@north:2 buyer=li ttl=14m       -> ID_REUSED RESERVED
    reserve lapsed TEA:4 ttl=1s buyer=li                  -> ID_REUSED EXPIRED until 1s
    reserve released TEA:4 buyer=li                       -> ID_REUSED RELEASED
    reserve sold TEA:4 buyer=li                           -> ID_REUSED CONFIRMED
    reserve part-shipped TEA:1 CUP@north:2 buyer=li       -> ID_REUSED CONFIRMED
    reserve fulfilled TEA:3 buyer=li                      -> ID_REUSED FULFILLED
    reserve cancelled TEA:3 buyer=li                      -> ID_REUSED CANCELLED

    # 2. A line without a stock level.
    reserve never-seen MUG:1                              -> UNKNOWN_SKU
    reserve never-seen CUP:1                              -> UNKNOWN_SKU
    reserve never-seen TEA:1 CUP@south:1 buyer=li         -> UNKNOWN_SKU

    # 3. Short lines: all of them, with what is available.
    reserve never-seen CUP@north:35                       -> OUT_OF_STOCK short CUP@north:35/34
    reserve never-seen CUP@north:34                       -> APPLIED RESERVED
    reserve never-seen CUP@north:18 CUP@north:17          -> OUT_OF_STOCK short CUP@north:35/34
    reserve never-seen TEA:1 CUP@north:35 buyer=li        -> OUT_OF_STOCK short CUP@north:35/34

    # 4. The limit: 50 units of TEA a buyer, and li has 15.
    reserve never-seen TEA:35 buyer=li                    -> APPLIED RESERVED
    reserve never-seen TEA:36 buyer=li                    -> LIMIT_EXCEEDED
    reserve never-seen TEA:18 TEA:18 buyer=li             -> LIMIT_EXCEEDED
    reserve never-seen TEA:50 buyer=wang                  -> APPLIED RESERVED
    reserve never-seen TEA:51 buyer=wang                  -> LIMIT_EXCEEDED
    reserve never-seen TEA:1                              -> LIMIT_EXCEEDED
    reserve never-seen CUP@north:1 TEA:1                  -> LIMIT_EXCEEDED
    reserve never-seen CUP@north:1                        -> APPLIED RESERVED

    # Two reasons at once: the one that is judged first answers.
    reserve tombstone MUG:1                               -> ALREADY_RELEASED RELEASED
    reserve tombstone TEA:999                             -> ALREADY_RELEASED RELEASED
    reserve live MUG:1                                    -> ID_REUSED RESERVED
    reserve live TEA:999 buyer=li                         -> ID_REUSED RESERVED
    reserve live TEA:3 CUP@north:2                        -> ID_REUSED RESERVED
    reserve never-seen CUP@north:35 MUG:1                 -> UNKNOWN_SKU
    reserve never-seen TEA:1 MUG:1                        -> UNKNOWN_SKU
    reserve never-seen TEA:86                             -> OUT_OF_STOCK short TEA:86/85
    reserve never-seen TEA:86 buyer=li                    -> OUT_OF_STOCK short TEA:86/85
    reserve never-seen TEA:85 buyer=li                    -> LIMIT_EXCEEDED
"""


@pytest.mark.parametrize("case", cases(TABLE))
def test_each_outcome_comes_in_order_of_precedence(partition: Partition, case: str) -> None:
    play_case(partition, case)


def test_the_table_has_every_outcome_and_every_state() -> None:
    assert outcomes_of(TABLE) == declared_outcomes(Kind.RESERVE)
    assert reservations_of(TABLE) == CAST_NAMES


def test_the_last_unit_goes_to_exactly_one_reservation(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 2
            reserve A TEA:1  -> APPLIED RESERVED
            reserve B TEA:1  -> APPLIED RESERVED
        +   reserve C TEA:1  -> OUT_OF_STOCK short TEA:1/0
            level TEA        -> on_hand 2 reserved 2 available 0
        """,
    )


def test_safety_stock_is_never_sold(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 10 safety=4
            reserve A TEA:7  -> OUT_OF_STOCK short TEA:7/6
            reserve A TEA:6  -> APPLIED RESERVED
            stock TEA 10 safety=9
            reserve B TEA:1  -> OUT_OF_STOCK short TEA:1/0
        """,
    )


def test_lines_of_one_sku_and_location_are_one_line(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 10
            stock TEA@north 3
            reserve A TEA:6 TEA:5                            -> OUT_OF_STOCK short TEA:11/10
            reserve A TEA:6 TEA@north:3 TEA:4                -> APPLIED RESERVED
            lines A                                          -> TEA:10/0/0/0 TEA@north:3/0/0/0
            level TEA                                        -> on_hand 10 reserved 10 version 2
        """,
    )


def test_the_largest_request_is_summed_and_judged_as_it_is(partition: Partition) -> None:
    most = Reserve("A", [Line("TEA", 1_000_000)] * 200)
    partition.run([SetStock("TEA", 199_999_999)], T0)
    short = Shortage("TEA", "default", 200_000_000, 199_999_999)
    assert partition.run([most], T0) == [Result(Outcome.OUT_OF_STOCK, shortages=(short,))]
    partition.run([SetStock("TEA", 200_000_000)], T0)
    assert partition.run([most], T0) == [
        Result(Outcome.APPLIED, False, State.RESERVED, T0 + 900_000)
    ]


def test_every_short_line_is_named_by_sku_and_location(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 2
            stock TEA@north 5
            stock CUP 0
            reserve A TEA@north:6 TEA:3 CUP:1    -> OUT_OF_STOCK short CUP:1/0 TEA:3/2 TEA@north:6/5
            reserve A TEA@north:5 TEA:3          -> OUT_OF_STOCK short TEA:3/2
            level TEA@north                      -> on_hand 5 version 1
        """,
    )


def test_short_lines_are_sorted_by_the_name_of_their_location(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 0
            stock TEA@aisle 0
            stock TEA@north 0
            reserve A TEA@north:1 TEA:1 TEA@aisle:1 \
                -> OUT_OF_STOCK short TEA@aisle:1/0 TEA:1/0 TEA@north:1/0
        """,
    )


def test_a_refusal_is_not_remembered(partition: Partition) -> None:
    play(
        partition,
        """
        0   reserve A TEA:2   -> UNKNOWN_SKU
            stock TEA 1 limit=1
            reserve A TEA:2   -> OUT_OF_STOCK short TEA:2/1
            stock TEA 2 limit=1
            reserve A TEA:2   -> LIMIT_EXCEEDED
            stock TEA 2
            reserve A TEA:2   -> APPLIED RESERVED
        """,
    )


def test_a_replay_answers_the_state_of_now_after_sell_out_expiry_and_confirmation(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0     stock TEA 4
              reserve A TEA:2 ttl=1m
              reserve B TEA:2 ttl=1m
              reserve C TEA:1             -> OUT_OF_STOCK short TEA:1/0
              reserve A TEA:2 ttl=1m      -> APPLIED RESERVED replayed until 1m
              confirm A
              extend B 2m
        1m    reserve A TEA:2 ttl=1m      -> APPLIED CONFIRMED replayed until 1m
              reserve B TEA:2 ttl=1m      -> APPLIED RESERVED replayed until 2m
        2m    reserve B TEA:2 ttl=1m      -> APPLIED EXPIRED replayed until 2m
              stock TEA 2
              reserve B TEA:2 ttl=1m      -> APPLIED EXPIRED replayed until 2m
        """,
    )


def test_a_reserve_overtaken_by_its_own_release_takes_nothing(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 2
            release A
            reserve A TEA:2 buyer=li   -> ALREADY_RELEASED RELEASED until none
            level TEA                  -> on_hand 2 version 1
            buyer li TEA               -> 0
        """,
    )


def test_units_that_were_shipped_count_for_the_limit_until_they_come_back(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0   stock TEA 9 limit=3
            reserve A TEA:3 buyer=li
            confirm A
            reserve B TEA:1 buyer=li     -> LIMIT_EXCEEDED
            ship A s1
            reserve B TEA:1 buyer=li     -> LIMIT_EXCEEDED
            return A r1 damaged TEA:1
            reserve B TEA:2 buyer=li     -> LIMIT_EXCEEDED
            reserve B TEA:1 buyer=li     -> APPLIED RESERVED
        """,
    )


@pytest.mark.parametrize(
    "gives_back",
    [
        "release A",
        "1m level TEA -> on_hand 9 reserved 3",  # time alone: the next batch expires A
        "confirm A \n cancel A c1",
        "confirm A \n ship A s1 \n return A r1 resellable",
        "confirm A \n ship A s1 \n return A r1 damaged",
    ],
)
def test_what_is_given_back_leaves_room_under_the_limit(
    partition: Partition, gives_back: str
) -> None:
    play(
        partition,
        f"""
        0   stock TEA 9 limit=3
            reserve A TEA:3 buyer=li ttl=1m
            reserve B TEA:3 buyer=li       -> LIMIT_EXCEEDED
            {gives_back}
            reserve B TEA:3 buyer=li       -> APPLIED RESERVED
            buyer li TEA                   -> 3
        """,
    )


def test_units_are_counted_for_a_buyer_while_no_limit_is_set(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 9
            reserve A TEA:3 buyer=li     -> APPLIED RESERVED
            stock TEA 9 limit=3
            reserve B TEA:1 buyer=li     -> LIMIT_EXCEEDED
            reserve C TEA:1              -> LIMIT_EXCEEDED
            stock TEA 9
            reserve C TEA:1              -> APPLIED RESERVED
        """,
    )


def test_the_largest_limit_there_is_limits_nobody(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 1_000_000_000_000 limit=4294967295
            reserve A TEA:1_000_000 buyer=li     -> APPLIED RESERVED
            level TEA  -> on_hand 1000000000000 reserved 1000000 limit_per_buyer 4294967295
        """,
    )


def test_the_version_grows_by_one_whatever_a_reserve_takes(partition: Partition) -> None:
    play(
        partition,
        """
        0   stock TEA 9
            stock CUP 9
            reserve A TEA:1 TEA:2 CUP:1 buyer=li
            level TEA                    -> on_hand 9 reserved 3 version 2
            level CUP                    -> on_hand 9 reserved 1 version 2
            reserve A TEA:3 CUP:1 buyer=li     -> APPLIED RESERVED replayed
            level TEA                    -> on_hand 9 reserved 3 version 2
        """,
    )
