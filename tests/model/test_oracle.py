"""Each rule of the oracle in a scenario small enough to be checked by eye."""

import pytest

from engine.model import (
    AdjustStock,
    Cancel,
    Command,
    Confirm,
    Disposition,
    Expire,
    Extend,
    Line,
    Outcome,
    Purge,
    Release,
    Reserve,
    Result,
    Return,
    SetStock,
    Ship,
    Shortage,
    State,
    StockLevel,
    StockOutcome,
    StockResult,
    SweepResult,
)
from tests.model.oracle import AnyCommand, Oracle

T0 = 1_700_000_000_000
MINUTE_MS = 60_000
DAY_MS = 86_400_000
TEA = ("TEA", "default")


@pytest.fixture
def oracle() -> Oracle:
    """Ten units of TEA."""
    oracle = Oracle()
    oracle.run([SetStock("TEA", 10)], T0)
    return oracle


def reserve(reservation_id: str, units: int = 1, buyer_id: str = "") -> Reserve:
    return Reserve(reservation_id, [Line("TEA", units)], MINUTE_MS, buyer_id)


def outcome(oracle: Oracle, command: Command, now_ms: int = T0) -> Outcome:
    """The outcome of a command that comes alone."""
    [answer] = oracle.run([command], now_ms)
    assert isinstance(answer, Result)
    return answer.outcome


def counts(oracle: Oracle) -> tuple[int, int, int, int]:
    """On hand, reserved, confirmed and damaged units of TEA."""
    level = oracle.levels()[TEA]
    return level.on_hand, level.reserved, level.confirmed, level.damaged


def stock_outcome(oracle: Oracle, command: SetStock | AdjustStock) -> StockOutcome:
    """The outcome of a stock setting that comes alone."""
    [answer] = oracle.run([command], T0)
    assert isinstance(answer, StockResult)
    return answer.outcome


def test_a_reserve_holds_its_units_until_the_deadline(oracle: Oracle) -> None:
    answers = oracle.run([reserve("A", 4)], T0)
    assert answers == [Result(Outcome.APPLIED, False, State.RESERVED, T0 + MINUTE_MS)]
    assert counts(oracle) == (10, 4, 0, 0)
    oracle.run([Expire(1)], T0 + MINUTE_MS - 1)
    assert oracle.reservations()["A"].state is State.RESERVED
    oracle.run([Expire(1)], T0 + MINUTE_MS)
    assert oracle.reservations()["A"].state is State.EXPIRED
    assert counts(oracle) == (10, 0, 0, 0)


def test_the_default_deadline_is_fifteen_minutes_and_part_of_the_content(oracle: Oracle) -> None:
    first, again = oracle.run(
        [Reserve("A", [Line("TEA", 1)]), Reserve("A", [Line("TEA", 1)], 900_000)], T0
    )
    assert first == Result(Outcome.APPLIED, False, State.RESERVED, T0 + 900_000)
    assert again == Result(Outcome.APPLIED, True, State.RESERVED, T0 + 900_000)


def test_lines_of_one_sku_and_location_are_summed(oracle: Oracle) -> None:
    short = Reserve("A", [Line("TEA", 6), Line("TEA", 5)])
    assert oracle.run([short], T0) == [
        Result(Outcome.OUT_OF_STOCK, shortages=(Shortage("TEA", "default", 11, 10),))
    ]
    same = Reserve("A", [Line("TEA", 5), Line("TEA", 4)]), Reserve("A", [Line("TEA", 9)])
    assert [answer.replayed for answer in oracle.run(same, T0)] == [False, True]  # type: ignore[union-attr]


def test_every_short_line_is_named_and_sorted() -> None:
    oracle = Oracle()
    oracle.run([SetStock("TEA", 3, "north", safety_stock=1), SetStock("CUP", 0)], T0)
    [answer] = oracle.run([Reserve("A", [Line("TEA", 3, "north"), Line("CUP", 1)])], T0)
    assert answer == Result(
        Outcome.OUT_OF_STOCK,
        shortages=(Shortage("CUP", "default", 1, 0), Shortage("TEA", "north", 3, 2)),
    )


def test_an_unknown_sku_is_found_before_a_shortage(oracle: Oracle) -> None:
    both = Reserve("A", [Line("TEA", 11), Line("TEA", 1, "north")])
    assert outcome(oracle, both) is Outcome.UNKNOWN_SKU
    assert oracle.reservations() == {}


def test_the_same_id_with_other_content_is_reused(oracle: Oracle) -> None:
    oracle.run([reserve("A", 1, "li")], T0)
    assert outcome(oracle, reserve("A", 2, "li")) is Outcome.ID_REUSED
    assert outcome(oracle, reserve("A", 1, "wang")) is Outcome.ID_REUSED
    assert outcome(oracle, Reserve("A", [Line("TEA", 1)], 1_000, "li")) is Outcome.ID_REUSED
    assert counts(oracle) == (10, 1, 0, 0)


def test_a_replayed_reserve_answers_the_state_of_now(oracle: Oracle) -> None:
    oracle.run([reserve("A", 10), Confirm("A")], T0)
    assert oracle.run([reserve("A", 10)], T0 + DAY_MS) == [
        Result(Outcome.APPLIED, True, State.CONFIRMED, T0 + MINUTE_MS)
    ]


def test_a_refusal_is_not_remembered(oracle: Oracle) -> None:
    assert outcome(oracle, reserve("A", 11)) is Outcome.OUT_OF_STOCK
    oracle.run([AdjustStock("TEA", 1, "delivery")], T0)
    assert outcome(oracle, reserve("A", 11)) is Outcome.APPLIED


def test_a_limit_counts_the_units_of_a_sku_at_all_locations() -> None:
    oracle = Oracle()
    oracle.run([SetStock("TEA", 9, limit_per_buyer=3), SetStock("TEA", 9, "north")], T0)
    north = Reserve("A", [Line("TEA", 2, "north")], buyer_id="li")
    assert outcome(oracle, north) is Outcome.APPLIED
    assert outcome(oracle, reserve("B", 2, "li")) is Outcome.LIMIT_EXCEEDED
    both = Reserve("B", [Line("TEA", 1), Line("TEA", 1, "north")], buyer_id="li")
    assert outcome(oracle, both) is Outcome.LIMIT_EXCEEDED
    assert outcome(oracle, reserve("B", 1, "li")) is Outcome.APPLIED
    assert outcome(oracle, reserve("C", 3, "wang")) is Outcome.APPLIED
    assert outcome(oracle, reserve("D", 1)) is Outcome.LIMIT_EXCEEDED
    assert oracle.buyers() == {("li", "TEA"): 3, ("wang", "TEA"): 3}


def test_a_buyer_gets_units_back_by_release_expiry_cancel_and_return(oracle: Oracle) -> None:
    oracle.run([reserve(name, 2, "li") for name in "ABCD"], T0)
    assert oracle.buyers() == {("li", "TEA"): 8}
    oracle.run([Release("A"), Confirm("C"), Confirm("D")], T0)
    assert oracle.buyers() == {("li", "TEA"): 6}
    oracle.run([Expire(1)], T0 + MINUTE_MS)
    assert oracle.buyers() == {("li", "TEA"): 4}
    oracle.run([Cancel("C", "c1", [Line("TEA", 1)]), Ship("D", "s1")], T0 + MINUTE_MS)
    assert oracle.buyers() == {("li", "TEA"): 3}
    back = Return("D", "r1", Disposition.DAMAGED, [Line("TEA", 1)])
    oracle.run([back, back], T0 + MINUTE_MS)
    assert oracle.buyers() == {("li", "TEA"): 2}


def test_a_confirm_turns_reserved_units_into_confirmed_ones(oracle: Oracle) -> None:
    answers = oracle.run([Confirm("A"), reserve("A", 4), Confirm("A"), Confirm("A")], T0)
    assert answers[0] == Result(Outcome.NOT_FOUND)
    assert answers[2] == Result(Outcome.APPLIED, False, State.CONFIRMED, T0 + MINUTE_MS)
    assert answers[3] == Result(Outcome.APPLIED, True, State.CONFIRMED, T0 + MINUTE_MS)
    assert counts(oracle) == (10, 0, 4, 0)


def test_an_expired_reservation_is_sold_only_if_asked_and_in_stock(oracle: Oracle) -> None:
    oracle.run([reserve("A", 7)], T0)
    later_ms = T0 + MINUTE_MS
    assert outcome(oracle, Confirm("A"), later_ms) is Outcome.ALREADY_EXPIRED
    oracle.run([reserve("B", 4)], later_ms)
    assert oracle.run([Confirm("A", reacquire_if_expired=True)], later_ms) == [
        Result(
            Outcome.OUT_OF_STOCK,
            False,
            State.EXPIRED,
            T0 + MINUTE_MS,
            (Shortage("TEA", "default", 7, 6),),
        )
    ]
    oracle.run([Release("B")], later_ms)
    assert outcome(oracle, Confirm("A", reacquire_if_expired=True), later_ms) is Outcome.APPLIED
    assert counts(oracle) == (10, 0, 7, 0)


def test_a_reacquired_reservation_may_not_pass_the_limit(oracle: Oracle) -> None:
    oracle.run([reserve("A", 2, "li")], T0)
    later_ms = T0 + MINUTE_MS
    oracle.run([SetStock("TEA", 10, limit_per_buyer=3), reserve("B", 2, "li")], later_ms)
    reacquire = Confirm("A", reacquire_if_expired=True)
    assert outcome(oracle, reacquire, later_ms) is Outcome.LIMIT_EXCEEDED
    assert oracle.reservations()["A"].state is State.EXPIRED


def test_a_release_of_an_id_never_seen_leaves_a_tombstone(oracle: Oracle) -> None:
    answers = oracle.run([Release("A"), Release("A"), reserve("A"), Confirm("A")], T0)
    assert answers == [
        Result(Outcome.APPLIED, False, State.RELEASED),
        Result(Outcome.APPLIED, True, State.RELEASED),
        Result(Outcome.ALREADY_RELEASED, False, State.RELEASED),
        Result(Outcome.ALREADY_RELEASED, False, State.RELEASED),
    ]


def test_a_released_reservation_is_not_a_tombstone(oracle: Oracle) -> None:
    answers = oracle.run([reserve("A"), Release("A"), reserve("A"), reserve("A", 2)], T0)
    assert answers[2] == Result(Outcome.APPLIED, True, State.RELEASED, T0 + MINUTE_MS)
    assert answers[3] == Result(Outcome.ID_REUSED, False, State.RELEASED, T0 + MINUTE_MS)
    assert counts(oracle) == (10, 0, 0, 0)


def test_an_extend_moves_the_deadline_at_most_seven_days_ahead(oracle: Oracle) -> None:
    oracle.run([reserve("A")], T0)
    week_ms = 7 * DAY_MS
    assert outcome(oracle, Extend("A", T0)) is Outcome.INVALID
    assert outcome(oracle, Extend("A", T0 + week_ms + 1)) is Outcome.INVALID
    assert oracle.run([Extend("A", T0 + week_ms), Extend("A", T0 + week_ms)], T0) == [
        Result(Outcome.APPLIED, False, State.RESERVED, T0 + week_ms),
        Result(Outcome.APPLIED, True, State.RESERVED, T0 + week_ms),
    ]
    assert outcome(oracle, Extend("A", T0 + 1)) is Outcome.APPLIED
    assert outcome(oracle, Extend("A", T0 + 2), T0 + 1) is Outcome.ALREADY_EXPIRED


def test_shipped_units_leave_and_come_back_on_sale_or_damaged(oracle: Oracle) -> None:
    oracle.run([reserve("A", 4), Confirm("A"), Ship("A", "s1", [Line("TEA", 3)])], T0)
    assert counts(oracle) == (7, 0, 1, 0)
    oracle.run([Return("A", "r1", Disposition.RESELLABLE, [Line("TEA", 1)])], T0)
    assert counts(oracle) == (8, 0, 1, 0)
    oracle.run([Return("A", "r2", Disposition.DAMAGED)], T0)
    assert counts(oracle) == (8, 0, 1, 2)
    assert oracle.reservations()["A"].state is State.CONFIRMED
    assert outcome(oracle, Return("A", "r3", Disposition.DAMAGED)) is Outcome.QUANTITY_EXCEEDED


def test_no_confirmed_unit_left_ends_a_reservation(oracle: Oracle) -> None:
    oracle.run([reserve("A", 2), Confirm("A"), reserve("B", 2), Confirm("B")], T0)
    oracle.run([Ship("A", "s1", [Line("TEA", 1)]), Cancel("A", "c1"), Cancel("B", "c1")], T0)
    states = {name: row.state for name, row in oracle.reservations().items()}
    assert states == {"A": State.FULFILLED, "B": State.CANCELLED}
    assert counts(oracle) == (9, 0, 0, 0)
    assert outcome(oracle, Ship("A", "s2")) is Outcome.QUANTITY_EXCEEDED
    assert outcome(oracle, Ship("B", "s2")) is Outcome.ALREADY_CANCELLED
    assert outcome(oracle, Release("A")) is Outcome.ALREADY_CONFIRMED
    assert outcome(oracle, Release("B")) is Outcome.ALREADY_CANCELLED


def test_a_movement_is_replayed_by_its_own_id(oracle: Oracle) -> None:
    one = [Line("TEA", 1)]
    oracle.run([reserve("A", 4), Confirm("A"), Ship("A", "m", one)], T0)
    assert outcome(oracle, Ship("A", "m")) is Outcome.ID_REUSED
    again, other_kind = oracle.run([Ship("A", "m", one), Cancel("A", "m", one)], T0)
    assert again == Result(Outcome.APPLIED, True, State.CONFIRMED, T0 + MINUTE_MS)
    assert other_kind == Result(Outcome.APPLIED, False, State.CONFIRMED, T0 + MINUTE_MS)
    assert counts(oracle) == (9, 0, 2, 0)


def test_a_movement_of_more_than_is_left_changes_nothing(oracle: Oracle) -> None:
    oracle.run([reserve("A", 2), Confirm("A")], T0)
    before = oracle.levels(), oracle.reservations()
    for lines in ([Line("TEA", 1), Line("TEA", 2)], [Line("TEA", 1), Line("CUP", 1)]):
        assert outcome(oracle, Ship("A", "s1", lines)) is Outcome.QUANTITY_EXCEEDED
    assert (oracle.levels(), oracle.reservations()) == before


def test_nothing_moves_before_it_is_confirmed_or_after_it_has_ended(oracle: Oracle) -> None:
    oracle.run([reserve("A"), Release("B")], T0)
    assert outcome(oracle, Ship("A", "m")) is Outcome.NOT_CONFIRMED
    assert outcome(oracle, Ship("A", "m"), T0 + MINUTE_MS) is Outcome.ALREADY_EXPIRED
    assert outcome(oracle, Cancel("B", "m"), T0 + MINUTE_MS) is Outcome.ALREADY_RELEASED
    assert outcome(oracle, Cancel("C", "m"), T0 + MINUTE_MS) is Outcome.NOT_FOUND


def test_the_version_grows_by_one_with_every_command_that_changes_a_count(oracle: Oracle) -> None:
    commands: list[AnyCommand] = [
        reserve("A", 2),
        reserve("A", 2),
        Confirm("A"),
        Extend("A", T0 + 1),
        Ship("A", "s1"),
        Return("A", "r1", Disposition.DAMAGED),
        SetStock("TEA", 8),
        SetStock("TEA", 8, limit_per_buyer=1),
        AdjustStock("TEA", 1, "adj"),
        reserve("B", 1, "li"),
    ]
    versions = []
    for command in commands:
        oracle.run([command], T0)
        versions.append(oracle.levels()[TEA].version)
    assert versions == [2, 2, 3, 3, 4, 5, 5, 6, 7, 8]
    oracle.run([Expire(1)], T0 + MINUTE_MS)
    assert oracle.levels()[TEA].version == 9


def test_set_stock_expects_a_version_and_keeps_what_is_committed(oracle: Oracle) -> None:
    oracle.run([reserve("A", 4), reserve("B", 1), Confirm("B")], T0)
    version = oracle.levels()[TEA].version
    wrong_version = SetStock("TEA", 5, expected_version=version - 1)
    assert stock_outcome(oracle, wrong_version) is StockOutcome.VERSION_MISMATCH
    assert stock_outcome(oracle, SetStock("TEA", 4)) is StockOutcome.ON_HAND_BELOW_COMMITTED
    right_version = SetStock("TEA", 5, expected_version=version)
    assert stock_outcome(oracle, right_version) is StockOutcome.APPLIED
    assert oracle.run([SetStock("NEW", 1, expected_version=1)], T0) == [
        StockResult(StockOutcome.VERSION_MISMATCH)
    ]
    assert oracle.run([SetStock("NEW", 1, expected_version=0)], T0) == [
        StockResult(StockOutcome.APPLIED, StockLevel("NEW", "default", 1))
    ]


def test_an_adjustment_is_applied_once(oracle: Oracle) -> None:
    found = AdjustStock("TEA", 2, "adj", reason="found two")
    first, again = oracle.run([found, found], T0)
    level = StockLevel("TEA", "default", 12, version=2)
    assert first == StockResult(StockOutcome.APPLIED, level)
    assert again == StockResult(StockOutcome.APPLIED, level, replayed=True)
    other = AdjustStock("TEA", 3, "adj", reason="found two")
    assert stock_outcome(oracle, other) is StockOutcome.ADJUSTMENT_ID_REUSED
    too_many = AdjustStock("TEA", -13, "adj-2")
    assert stock_outcome(oracle, too_many) is StockOutcome.ON_HAND_BELOW_COMMITTED
    too_high = AdjustStock("TEA", 10**12, "adj-2")
    assert stock_outcome(oracle, too_high) is StockOutcome.INVALID
    assert stock_outcome(oracle, AdjustStock("NEW", 1, "adj-2")) is StockOutcome.NOT_FOUND


def test_time_never_goes_back_behind_a_batch_that_wrote(oracle: Oracle) -> None:
    oracle.run([reserve("A")], T0 - DAY_MS)
    assert oracle.reservations()["A"].created_at_ms == T0
    oracle.run([Confirm("nobody")], T0 + DAY_MS)
    # That batch wrote, although its command did not: A was due.
    oracle.run([Release("C")], T0 + 1)
    assert oracle.reservations()["C"].updated_at_ms == T0 + DAY_MS
    oracle.run([Confirm("nobody")], T0 + 2 * DAY_MS)
    oracle.run([Release("B")], T0 + DAY_MS + 1)
    assert oracle.reservations()["B"].updated_at_ms == T0 + DAY_MS + 1


def test_what_has_ended_is_purged_after_its_retention(oracle: Oracle) -> None:
    oracle.run([reserve("A"), Confirm("A"), Cancel("A", "c"), Release("B")], T0)
    oracle.run([AdjustStock("TEA", 1, "adj"), reserve("C", 2, "li"), Confirm("C")], T0)
    oracle.run([Ship("C", "s"), reserve("D")], T0)
    assert oracle.run([Purge(9)], T0 + DAY_MS - 1) == [SweepResult(0, more=False)]
    assert oracle.run([Purge(2)], T0 + DAY_MS) == [SweepResult(2, more=True)]
    assert oracle.run([Purge(2)], T0 + DAY_MS) == [SweepResult(1, more=False)]
    assert set(oracle.reservations()) == {"C", "D"}
    back = Return("C", "r", Disposition.DAMAGED, [Line("TEA", 1)])
    oracle.run([back], T0 + 30 * DAY_MS - 1)
    assert oracle.buyers() == {("li", "TEA"): 1}
    assert oracle.run([Purge(9)], T0 + 30 * DAY_MS) == [SweepResult(2, more=False)]
    assert oracle.reservations() == {}
    assert oracle.buyers() == {}


def test_a_reacquired_reservation_is_not_purged(oracle: Oracle) -> None:
    oracle.run([reserve("A")], T0)
    later_ms = T0 + MINUTE_MS
    oracle.run([Expire(1), Confirm("A", reacquire_if_expired=True)], later_ms)
    oracle.run([Purge(9)], later_ms + 40 * DAY_MS)
    assert oracle.reservations()["A"].state is State.CONFIRMED
