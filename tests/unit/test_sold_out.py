"""The memory of the sold-out gate, and how long it lasts."""

import pytest

from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Confirm,
    Disposition,
    Exchange,
    ExchangedUnits,
    Expire,
    Extend,
    Line,
    MoveStock,
    Outcome,
    Purge,
    Release,
    Reserve,
    Result,
    Return,
    SetStock,
    Ship,
    Shortage,
    StoreCommand,
    SweepResult,
)
from engine.sold_out import FIELDS_MAX, KEEP_MS_MAX, SoldOut

SENT_AT = 100.0
WITHIN = SENT_AT + KEEP_MS_MAX / 1000 - 0.001
BEYOND = SENT_AT + KEEP_MS_MAX / 1000

GIVES_BACK: list[StoreCommand] = [
    Release("r"),
    Cancel("r", "c"),
    Return("r", "t", Disposition.RESELLABLE),
    SetStock("TEA", 5),
    AdjustStock("TEA", 5, "a"),
    MoveStock("TEA", 5, Bucket.DAMAGED, Bucket.RESELLABLE, "m"),
]
EXCHANGE = Exchange("new", [Line("TEA", 4)], in_exchange_for=ExchangedUnits("old"))
GIVES_NOTHING: list[StoreCommand] = [
    EXCHANGE,
    Reserve("r", [Line("TEA", 1)]),
    Confirm("r"),
    Extend("r", 1),
    Ship("r", "s"),
]


def refusal(sku: str, requested: int, available: int) -> Result:
    short = Shortage(sku, "default", requested, available)
    return Result(Outcome.OUT_OF_STOCK, shortages=(short,))


def three_left(keep_ms: int = KEEP_MS_MAX) -> SoldOut:
    """A gate that has just heard of 3 units of TEA, and of too few for somebody."""
    sold_out = SoldOut(keep_ms)
    sold_out.learn([reserve(5)], [refusal("TEA", 5, 3)], SENT_AT)
    return sold_out


def reserve(quantity: int, sku: str = "TEA", location: str = "default") -> Reserve:
    return Reserve("new", [Line(sku, quantity, location)])


def test_more_than_there_was_is_refused_for_a_moment_and_then_judged_again() -> None:
    sold_out = three_left()
    assert sold_out.refuses([reserve(4)], WITHIN)
    assert not sold_out.refuses([reserve(4)], BEYOND)


def test_what_may_still_be_there_is_judged() -> None:
    assert not three_left().refuses([reserve(3)], WITHIN)


def test_only_the_sku_and_location_that_was_short_is_refused() -> None:
    sold_out = three_left()
    assert not sold_out.refuses([reserve(4, sku="RICE")], WITHIN)
    assert not sold_out.refuses([reserve(4, location="north")], WITHIN)


@pytest.mark.parametrize(
    "commands",
    [
        [reserve(4), reserve(4)],
        [Reserve("new", [Line("TEA", 4), Line("TEA", 4)])],
        [Confirm("new", reacquire_if_expired=True)],
        [SetStock("TEA", 4)],
        [EXCHANGE],
    ],
    ids=["two commands", "two lines", "another command", "a stock setting", "an exchange"],
)
def test_only_one_reserve_of_one_line_is_refused(commands: list[StoreCommand]) -> None:
    assert not three_left().refuses(commands, WITHIN)


@pytest.mark.parametrize("command", GIVES_BACK, ids=lambda command: type(command).__name__)
def test_whatever_may_give_units_back_ends_it_at_once(command: StoreCommand) -> None:
    sold_out = three_left()
    sold_out.learn([reserve(1), command], [], SENT_AT)
    assert not sold_out.refuses([reserve(4)], WITHIN)


def test_what_gives_nothing_back_leaves_it_be() -> None:
    sold_out = three_left()
    sold_out.learn(GIVES_NOTHING, [], SENT_AT)
    assert sold_out.refuses([reserve(4)], WITHIN)


@pytest.mark.parametrize("sweep", [Expire(100), Purge(100)])
def test_a_sweep_ends_it_if_it_has_handled_something(sweep: StoreCommand) -> None:
    sold_out = three_left()
    sold_out.learn([sweep], [SweepResult(0, False)], SENT_AT)
    assert sold_out.refuses([reserve(4)], WITHIN)
    sold_out.learn([sweep], [SweepResult(1, False)], SENT_AT)
    assert not sold_out.refuses([reserve(4)], WITHIN)


def test_a_shortage_of_a_batch_that_gives_units_back_is_not_remembered() -> None:
    sold_out = SoldOut(KEEP_MS_MAX)
    sold_out.learn([reserve(5), Release("r")], [refusal("TEA", 5, 3)], SENT_AT)
    assert not sold_out


def test_every_shortage_of_a_batch_is_remembered() -> None:
    sold_out = SoldOut(KEEP_MS_MAX)
    tea, cup = refusal("TEA", 5, 3), refusal("CUP", 1, 0)
    sold_out.learn([reserve(5), reserve(5), reserve(1, "CUP")], [tea, tea, cup], SENT_AT)
    assert sold_out.refuses([reserve(4)], WITHIN)
    assert sold_out.refuses([reserve(1, "CUP")], WITHIN)


def test_switched_off_it_remembers_nothing() -> None:
    assert not three_left(keep_ms=0)


def test_names_that_somebody_makes_up_fill_no_memory() -> None:
    sold_out = SoldOut(KEEP_MS_MAX)
    for number in range(FIELDS_MAX + 1):
        sku = f"SKU-{number}"
        sold_out.learn([reserve(1, sku)], [refusal(sku, 1, 0)], SENT_AT)
    assert not sold_out
