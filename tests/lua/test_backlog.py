"""A backlog of one SKU holds up no command about another: what is due of its own SKUs counts."""

from collections.abc import Iterator

import pytest
import redis

from engine.answers import CUT, NOT_JUDGED, Answer, NotJudged
from engine.model import Confirm, Extend, Line, Outcome, Release, Reserve, SetStock, StoreCommand
from engine.records import due_from_ms
from engine.scripts import batch_script, part_text
from tests.lua.scenario import T0
from tests.partition import Partition

SECOND_MS = 1_000
DUE = T0 + 60 * SECOND_MS
BACKLOG = 12


def with_backlog(partition: Partition, apart_ms: int = 1) -> Partition:
    """A partition that expires one line a call, and has a backlog of A, due one after the other."""
    shop = [SetStock("A", 100), SetStock("B", 9, limit_per_buyer=1), SetStock("C", 2)]
    partition.run(shop, T0)
    for number in range(BACKLOG):
        due_in_ms = 60 * SECOND_MS - number * apart_ms
        partition.run([Reserve(f"a{number}", [Line("A", 1)], due_in_ms)], T0)
    return partition


@pytest.fixture
def behind(store: "redis.Redis") -> Iterator[Partition]:
    store.flushall()
    partition = Partition(store, due_limit=1)
    yield partition
    assert partition.audit() == []


@pytest.fixture
def slow(store: "redis.Redis", monkeypatch: pytest.MonkeyPatch) -> Iterator[Partition]:
    """A partition whose calls look at two reservations each."""
    store.flushall()
    right, few = ("= 4000, 50\n", "INSTANT_MAX = 40000"), ("= 2, 1\n", "INSTANT_MAX = 4")

    def text(part: str) -> str:
        found = part_text(part)
        for number in range(2):
            assert part != "search" or found.count(right[number]) == 1
            found = found.replace(right[number], few[number])
        return found

    monkeypatch.setattr("engine.scripts.part_text", text)
    partition = Partition(store, script=batch_script.__wrapped__(), due_limit=1)
    yield partition
    assert partition.audit() == []


def ask(partition: Partition, command: StoreCommand) -> str:
    (answer,) = partition.judge_once([command], DUE)
    return answer.name if isinstance(answer, NotJudged) else named(answer)


def named(answer: Answer) -> str:
    return answer.outcome.name  # type: ignore[union-attr]


def buy(sku: str, buyer: str = "") -> Reserve:
    return Reserve("new", [Line(sku, 1)], 0, buyer)


def test_who_is_past_the_limit_of_another_sku_is_refused_at_once(behind: Partition) -> None:
    with_backlog(behind)
    behind.run([Reserve("b", [Line("B", 1)], 0, "ann")], T0)
    assert ask(behind, buy("B", "ann")) == "LIMIT_EXCEEDED"
    assert ask(behind, buy("B", "bob")) == "APPLIED"


def test_who_is_short_of_another_sku_is_refused_at_once_whatever_was_due_before(
    behind: Partition,
) -> None:
    with_backlog(behind)
    behind.run([Reserve("soon", [Line("C", 1)], SECOND_MS), Reserve("late", [Line("C", 1)])], T0)
    behind.run([Confirm("soon")], T0)
    assert ask(behind, buy("C")) == "OUT_OF_STOCK"


def test_units_that_are_due_behind_a_backlog_are_had_at_once(behind: Partition) -> None:
    with_backlog(behind)
    for name, sku, buyer in (("b", "B", "ann"), ("c0", "C", ""), ("c1", "C", "")):
        behind.run([Reserve(name, [Line(sku, 1)], 60 * SECOND_MS, buyer)], T0)
    assert ask(behind, buy("B", "ann")) == "APPLIED"
    assert ask(behind, Reserve("other", [Line("C", 1)])) == "APPLIED"


def test_a_long_backlog_is_looked_through_call_by_call_and_not_again(slow: Partition) -> None:
    with_backlog(slow)
    slow.run([Reserve("soon", [Line("C", 1)], SECOND_MS), Reserve("late", [Line("C", 1)])], T0)
    slow.run([Confirm("soon")], T0)
    said = [ask(slow, buy("C"))]
    while said[-1] == "CUT":
        said.append(ask(slow, buy("C")))
    assert said[-1] == "OUT_OF_STOCK"
    assert 2 < len(said) <= BACKLOG
    assert ask(slow, buy("C")) == "OUT_OF_STOCK"


def test_who_waits_while_it_is_looked_through_is_not_overtaken(slow: Partition) -> None:
    with_backlog(slow)
    slow.run([SetStock("C", 4)], T0)
    slow.run([Reserve("soon", [Line("C", 1)], SECOND_MS), Reserve("late", [Line("C", 1)])], T0)
    slow.run([Confirm("soon"), Reserve("c", [Line("C", 1)], 60 * SECOND_MS)], T0)
    wants: list[StoreCommand] = [Reserve("two", [Line("C", 2)]), Reserve("one", [Line("C", 1)])]
    assert slow.judge_once(wants, DUE) == [CUT, CUT]
    assert list(map(named, slow.run(wants, DUE))) == ["APPLIED", "OUT_OF_STOCK"]


def test_more_at_one_instant_than_can_be_looked_at_is_left_to_the_sweep(slow: Partition) -> None:
    with_backlog(slow, apart_ms=0)
    slow.run([Reserve(f"c{n}", [Line("C", 1)], 60 * SECOND_MS) for n in range(2)], T0)
    assert slow.judge_once([Reserve("two", [Line("C", 2)])], DUE) == [NOT_JUDGED]
    (answer,) = slow.run([Reserve("two", [Line("C", 2)])], DUE)
    assert named(answer) == Outcome.APPLIED.name


def test_a_reservation_that_was_extended_is_found_when_it_is_due_later(behind: Partition) -> None:
    # Its first reminder is passed by; it gets another one, at its deadline.
    with_backlog(behind)
    behind.run([Reserve("c0", [Line("C", 1)], 60 * SECOND_MS)], T0)
    behind.run([Reserve("c1", [Line("C", 1)], 3_600 * SECOND_MS)], T0)
    behind.run([Extend("c0", DUE + 10)], T0)
    assert ask(behind, buy("C")) == "OUT_OF_STOCK"
    (answer,) = behind.judge_once([buy("C")], DUE + 10)
    assert named(answer) == "APPLIED"  # type: ignore[arg-type]
    behind.run([Release("c1")], DUE + 10)


def said_at_last(partition: Partition, command: StoreCommand) -> str:
    """The answer to a command that is sent again at once as long as it is cut."""
    for _ in range(4 * BACKLOG):
        said = ask(partition, command)
        if said != "CUT":
            return said
    raise AssertionError("the search does not end")


def test_who_is_past_a_limit_waits_for_no_more_than_the_backlog_of_that_sku(
    behind: Partition,
) -> None:
    with_backlog(behind)
    behind.run([Reserve("live", [Line("B", 1)], 0, "ann")], T0)
    behind.run(
        [Reserve(f"b{n}", [Line("B", 1)], 60 * SECOND_MS, f"buyer-{n}") for n in range(5)], T0
    )
    assert said_at_last(behind, buy("B", "ann")) == "LIMIT_EXCEEDED"
    assert behind.levels()["A", "default"].reserved == BACKLOG
    assert behind.levels()["B", "default"].reserved == 1


def test_a_backlog_of_one_sku_holds_up_no_other_of_the_same_batch(behind: Partition) -> None:
    with_backlog(behind)
    behind.run([SetStock("A", BACKLOG)], T0)
    behind.run([Reserve("soon", [Line("C", 1)], SECOND_MS), Reserve("late", [Line("C", 1)])], T0)
    behind.run([Confirm("soon")], T0)
    wants: list[StoreCommand] = [Reserve("all", [Line("A", BACKLOG)]), Reserve("c", [Line("C", 1)])]
    first, second = behind.judge_once(wants, DUE)
    assert isinstance(first, NotJudged)
    assert named(second) == "OUT_OF_STOCK"  # type: ignore[arg-type]


def test_more_skus_than_are_looked_for_in_a_call_are_looked_for_in_turn(behind: Partition) -> None:
    with_backlog(behind)
    skus = [f"S{number}" for number in range(20)]
    for sku in skus:
        behind.run([SetStock(sku, 2), Reserve(f"{sku}-soon", [Line(sku, 1)], SECOND_MS)], T0)
        behind.run([Reserve(f"{sku}-late", [Line(sku, 1)]), Confirm(f"{sku}-soon")], T0)
    wants: list[StoreCommand] = [Reserve(f"new-{sku}", [Line(sku, 1)]) for sku in skus]
    calls = 0
    while wants:
        calls += 1
        answers = behind.judge_once(wants, DUE)
        assert NOT_JUDGED not in answers
        wants = [w for w, said in zip(wants, answers, strict=True) if isinstance(said, NotJudged)]
    assert 1 < calls <= len(skus)


def with_branches(partition: Partition) -> Partition:
    """A partition with a backlog of A, where B has a limit and is sold at two places."""
    with_backlog(partition)
    partition.run([SetStock("B", 9, "north", limit_per_buyer=1), SetStock("B", 9, "south")], T0)
    return partition


@pytest.mark.parametrize("place", ["default", "north", "south"])
def test_who_is_past_the_limit_of_a_sku_with_several_locations_is_refused_at_once(
    behind: Partition, place: str
) -> None:
    with_branches(behind)
    behind.run([Reserve("b", [Line("B", 1, "south")], 0, "ann")], T0)
    assert ask(behind, Reserve("new", [Line("B", 1, place)], 0, "ann")) == "LIMIT_EXCEEDED"
    assert ask(behind, Reserve("new", [Line("B", 1, place)], 0, "bob")) == "APPLIED"


def test_units_of_the_buyer_that_are_due_at_another_location_are_given_back_at_once(
    behind: Partition,
) -> None:
    with_branches(behind)
    behind.run([Reserve("b", [Line("B", 1, "south")], 60 * SECOND_MS, "ann")], T0)
    assert ask(behind, Reserve("new", [Line("B", 1, "north")], 0, "ann")) == "APPLIED"


def test_limits_of_skus_with_very_many_locations_are_judged_call_by_call(
    behind: Partition,
) -> None:
    skus = ("X", "Y", "Z")
    for sku in skus:
        behind.run([SetStock(sku, 9, f"p{n}", limit_per_buyer=1) for n in range(600)], T0)
        behind.run([Reserve(f"of-{sku}", [Line(sku, 1, "p0")], 0, "ann")], T0)
    with_backlog(behind)
    wants: list[StoreCommand] = [Reserve(f"w-{s}", [Line(s, 1, "p1")], 0, "ann") for s in skus]
    first = behind.judge_once(wants, DUE)
    assert [named(answer) for answer in first[:2]] == ["LIMIT_EXCEEDED"] * 2  # type: ignore[arg-type]
    assert first[2] is NOT_JUDGED
    assert ask(behind, wants[2]) == "LIMIT_EXCEEDED"


def test_a_backlog_of_its_own_is_not_looked_through_again_from_its_start(
    behind: Partition,
) -> None:
    with_backlog(behind)
    (want,) = wants = [Reserve("all", [Line("A", 100)])]
    bounds = []
    for _ in range(4):
        assert ask(behind, want) == "CUT"
        bounds.append(due_from_ms(behind.client.hget(behind.keys.stock, "A")))  # type: ignore[arg-type]
    assert bounds == sorted(set(bounds))
    assert list(map(named, behind.run(wants, DUE))) == ["APPLIED"]
