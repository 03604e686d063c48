"""The entries of `deadlines`, and what waits for more of them to be looked at."""

from collections.abc import Sequence

import pytest
import redis

from engine.answers import NOT_JUDGED, NotJudged
from engine.audit.deadlines import own_entry
from engine.model import (
    AdjustStock,
    Confirm,
    Expire,
    Extend,
    Line,
    Outcome,
    Purge,
    Release,
    Reserve,
    SetStock,
    State,
    StockOutcome,
    StoreCommand,
    SweepResult,
)
from tests.lua.scenario import T0, play
from tests.partition import Partition

ENTRY_LINES_MAX = 100
MINUTE_MS = 60_000
DUE = T0 + MINUTE_MS
ONE = [Line("TEA", 1)]


def reserves(count: int, ttl_ms: int = MINUTE_MS, prefix: str = "r") -> list[StoreCommand]:
    return [Reserve(f"{prefix}{n}", ONE, ttl_ms) for n in range(count)]


def named(partition: Partition) -> list[str]:
    """The ids that entries name, each as often as it is named."""
    return [name for names, _ in partition.deadlines() for name in names]


def test_the_reservations_of_a_batch_share_an_entry_for_each_deadline(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve A TEA:1 ttl=1m
        +    reserve B TEA:1 ttl=2m
        +    reserve C TEA:1 ttl=1m
             reserve D TEA:1 ttl=1m
        """,
    )
    assert sorted(partition.deadlines(), key=str) == [
        (["A", "C"], T0 + MINUTE_MS),
        (["B"], T0 + 2 * MINUTE_MS),
        (["D"], T0 + MINUTE_MS),
    ]


def test_an_entry_names_reservations_of_a_bounded_number_of_lines(partition: Partition) -> None:
    names = [f"sku-{n}" for n in range(2 * ENTRY_LINES_MAX)]
    partition.run([SetStock(sku, 1_000) for sku in names], T0)
    sizes = [1, 2, 97, 1, 150, 100, 99, 2]
    wants = [
        Reserve(f"r{n}", [Line(sku, 1) for sku in names[:lines]], MINUTE_MS)
        for n, lines in enumerate(sizes)
    ]
    partition.run(wants, T0)
    named = sorted(names for names, _ in partition.deadlines())
    assert named == [["r0", "r1", "r2"], ["r3"], ["r4"], ["r5"], ["r6"], ["r7"]]
    # 1 + 2 + 99 lines, then 100 + 150, then 100: as many entries as it takes to have 101.
    swept = [partition.run([Expire(101)], DUE) for _ in range(3)]
    assert swept == [
        [SweepResult(3, more=True)],
        [SweepResult(2, more=True)],
        [SweepResult(3, more=False)],
    ]
    assert partition.deadlines() == []


def test_what_has_ended_or_is_sold_leaves_its_entry_until_that_is_due(partition: Partition) -> None:
    play(
        partition,
        """
        0    stock TEA 9
             reserve sold TEA:1 ttl=1m
        +    reserve released TEA:1 ttl=1m
             confirm sold
             release released
        """,
    )
    assert partition.deadlines() == [(["sold", "released"], DUE)]
    play(partition, "1m expire 10 -> 0")
    assert partition.deadlines() == []


def test_a_reminder_that_is_put_right_does_not_move_time_on(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
              reserve A TEA:1 ttl=1m
              confirm A
        9d    expire 10                  -> 0
        1s    reserve B TEA:1 ttl=1m     -> APPLIED RESERVED until 61s
        """,
    )


def test_who_was_extended_is_moved_when_the_old_entry_is_due_and_expires_at_the_new_deadline(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0            stock TEA 9
                     reserve A TEA:1 ttl=1m
        +            reserve B TEA:1 ttl=1m
                     extend A 3m
                     extend A 2m
        """,
    )
    assert sorted(partition.deadlines()) == [(["A"], DUE + MINUTE_MS), (["A", "B"], DUE)]
    play(partition, "extend A 3m \n 1m expire 10 -> 1")
    assert partition.deadlines() == [(["A"], DUE + 2 * MINUTE_MS)]
    play(partition, "179_999ms expire 10 -> 0 \n 3m expire 10 -> 1")
    assert partition.deadlines() == []


def test_extending_to_and_fro_does_not_add_entries_without_end(partition: Partition) -> None:
    partition.run([SetStock("TEA", 9)], T0)
    partition.run(reserves(2), T0)
    for second in range(300):
        now_ms = T0 + second * 1_000
        partition.run([Extend("r0", now_ms + 90_000), Extend("r1", now_ms + 80_000)], now_ms)
        partition.run([Extend("r1", now_ms + 2_000), Extend("r0", now_ms + 3_000)], now_ms)
        partition.run([Expire(10)], now_ms)
        assert len(partition.deadlines()) <= 3
    states = {row.state for row in partition.reservations().values()}
    assert states == {State.RESERVED}


def test_one_reserved_and_brought_forward_in_one_batch_is_reminded_of_in_time(
    partition: Partition,
) -> None:
    play(
        partition,
        """
        0     stock TEA 9
        0     reserve A TEA:1 ttl=1m
        +     extend A 10s
        10s   expire 10    -> 1
        """,
    )


def test_an_id_used_anew_is_reminded_of_at_its_new_deadline(partition: Partition) -> None:
    play(
        partition,
        """
        0      stock TEA 9
               reserve A TEA:1 ttl=3d
               release A
        2d     purge 10                   -> 1
               reserve A TEA:1 ttl=1m     -> APPLIED RESERVED
        """,
    )
    assert partition.deadlines() == [(["A"], T0 + 2 * 86_400_000 + MINUTE_MS)]
    play(partition, "2d expire 10 -> 0 \n 3d expire 10 -> 1")


def test_an_entry_with_nobody_to_expire_counts_against_the_bound_all_the_same(
    store: redis.Redis,
) -> None:
    store.flushall()
    partition = Partition(store, due_limit=1)
    partition.run([SetStock("TEA", 9)], T0)
    for name in ("a-sold", "b-left"):
        partition.run([Reserve(name, ONE, MINUTE_MS)], T0)
    partition.run([Confirm("a-sold")], T0)
    swept = [partition.run([Expire(1)], DUE) for _ in range(3)]
    assert swept == [
        [SweepResult(0, more=True)],
        [SweepResult(1, more=False)],
        [SweepResult(0, more=False)],
    ]
    assert partition.audit() == []


# The shop of the tests below, in which a batch expires one reservation, and one more of a SKU that
# is asked for: four are due, of TEA.
SHORT: list[StoreCommand] = [SetStock("TEA", 4), SetStock("CUP", 1), SetStock("TEA", 1, "north")]


@pytest.fixture
def short(store: redis.Redis) -> Partition:
    """Four reservations of TEA are due; one batch can expire two of them."""
    store.flushall()
    partition = Partition(store, due_limit=1)
    partition.run(SHORT, T0)
    for number in range(4):
        partition.run([Reserve(f"due-{number}", ONE, MINUTE_MS, "li")], T0)
    return partition


def outcomes(answers: Sequence[object]) -> list[str]:
    """The outcomes by name; CUT for a command that is to be sent again at once."""
    return [
        answer.name if isinstance(answer, NotJudged) else answer.outcome.name  # type: ignore[attr-defined]
        for answer in answers
    ]


def test_who_may_be_short_only_for_what_is_due_is_not_judged_and_the_others_are(
    short: Partition,
) -> None:
    wants: list[StoreCommand] = [
        Reserve("A", [Line("TEA", 4)]),
        Reserve("B", [Line("CUP", 1)]),
        Release("C"),
        Reserve("D", [Line("CUP", 1)]),
    ]
    answers = short.judge_once(wants, DUE)
    assert outcomes(answers) == ["CUT", "APPLIED", "APPLIED", "OUT_OF_STOCK"]
    assert outcomes(short.run(wants[:1], DUE)) == ["APPLIED"]
    assert short.audit() == []


@pytest.mark.parametrize(
    "later",
    [
        Reserve("B", ONE),
        Reserve("B", [Line("CUP", 1), Line("TEA", 1)]),
        Reserve("B", [Line("TEA", 1, "north")]),
        Reserve("A", [Line("CUP", 1)]),
        Confirm("A"),
        Confirm("sold-north"),
        Release("A"),
        Release("sold-north"),
        Extend("sold-north", DUE + 5),
        SetStock("TEA", 50),
        SetStock("TEA", 50, "west"),
        AdjustStock("TEA", 5, "found"),
        Purge(10),
    ],
)
def test_a_later_one_with_an_id_or_a_sku_in_common_waits_too(
    short: Partition, later: StoreCommand
) -> None:
    short.run([Reserve("sold-north", [Line("TEA", 1, "north")])], T0)
    wants: list[StoreCommand] = [Reserve("A", [Line("TEA", 4)]), later]
    assert outcomes(short.judge_once(wants, DUE)) == ["CUT", "CUT"]


def test_what_waits_for_one_that_waits_waits_too(short: Partition) -> None:
    wants: list[StoreCommand] = [
        Reserve("A", [Line("TEA", 4)]),
        Reserve("B", [Line("CUP", 1), Line("TEA", 1)]),
        Reserve("C", [Line("CUP", 1)]),
    ]
    assert outcomes(short.judge_once(wants, DUE)) == ["CUT"] * 3


@pytest.mark.parametrize(
    "command",
    [
        Reserve("A", [Line("TEA", 4)]),
        SetStock("TEA", 0),
        SetStock("TEA", 5, expected_version=3),
        AdjustStock("TEA", -4, "lost"),
    ],
)
def test_nobody_is_refused_for_what_is_due(short: Partition, command: StoreCommand) -> None:
    assert outcomes(short.judge_once([command], DUE)) == ["CUT"]


@pytest.mark.parametrize("command", [Reserve("A", ONE), Confirm("lapsed", True)])
def test_who_needs_no_more_than_came_back_is_served_at_once(
    short: Partition, command: StoreCommand
) -> None:
    short.run([AdjustStock("TEA", 1, "a"), Reserve("lapsed", ONE, 1_000)], T0)
    short.run([Expire(1)], T0 + 1_000)
    short.run([AdjustStock("TEA", -1, "b")], T0 + 1_000)
    assert outcomes(short.judge_once([command], DUE)) == ["APPLIED"]


def test_a_limit_is_not_passed_by_what_is_due_elsewhere(short: Partition) -> None:
    short.run([SetStock("TEA", 9, "north", limit_per_buyer=2)], T0)
    wants: list[StoreCommand] = [Reserve("A", [Line("TEA", 2, "north")], 0, "li")]
    assert outcomes(short.judge_once(wants, DUE)) == ["CUT"]
    assert outcomes(short.run(wants, DUE)) == ["APPLIED"]
    assert short.audit() == []


def test_who_is_short_of_what_is_not_due_is_refused_at_once(short: Partition) -> None:
    short.run([SetStock("MUG", 1), Reserve("live", [Line("MUG", 1)])], T0)
    short.run([SetStock("POT", 1), Reserve("sold", [Line("POT", 1)]), Confirm("sold")], T0)
    wants: list[StoreCommand] = [
        Reserve("A", [Line("MUG", 1)]),
        Reserve("B", [Line("POT", 1)]),
        SetStock("MUG", 0),
        AdjustStock("POT", -1, "lost"),
    ]
    assert outcomes(short.judge_once(wants, DUE)) == [
        *[Outcome.OUT_OF_STOCK.name] * 2,
        *[StockOutcome.ON_HAND_BELOW_COMMITTED.name] * 2,
    ]


def test_a_deadline_brought_forward_is_known_to_its_level(short: Partition) -> None:
    short.run([SetStock("MUG", 1), Reserve("live", [Line("MUG", 1)])], T0)
    version = short.levels()["MUG", "default"].version
    short.run([Extend("live", DUE - 1)], T0)
    assert short.levels()["MUG", "default"].version == version
    wants: list[StoreCommand] = [Reserve("A", [Line("MUG", 1)])]
    assert outcomes(short.judge_once(wants, DUE)) != ["OUT_OF_STOCK"]
    assert outcomes(short.run(wants, DUE)) == ["APPLIED"]


def test_an_entry_is_packed_as_the_script_packs_it(partition: Partition) -> None:
    for name in ("A", "x" * 31, "y" * 32, "z" * 64):
        partition.run([SetStock("TEA", 9), Reserve(name, ONE)], T0)
        assert partition.client.zscore(partition.keys.deadlines, own_entry(name, 1))


def test_not_judged_is_outcome_0() -> None:
    assert NOT_JUDGED.value == 0
    assert NOT_JUDGED.value not in set(Outcome)
