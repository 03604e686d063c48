"""Claims of waiting orders: pure sums of the units that they keep from others."""

import pytest

from order_service.placing.claims import Waiting, claims_on, related

Units = dict[str, int]


def queue(*units: Units) -> list[Waiting]:
    """Orders that wait, the oldest first."""
    return [Waiting(str(number), f"buyer-{number}", each) for number, each in enumerate(units)]


@pytest.mark.parametrize(
    ("waiting", "free", "claims"),
    [
        # One article: what there is of it is kept, and nobody overtakes.
        (queue({"X": 5}), {"X": 4}, {"X": 5}),
        (queue({"X": 5}), {}, {"X": 5}),
        (queue({"X": 2}, {"X": 1}), {"X": 2}, {"X": 3}),
        # X could not be used before Y comes.
        (queue({"X": 5, "Y": 1}), {"X": 5}, {"Y": 1}),
        (queue({"X": 5, "Y": 1}), {"X": 9, "Y": 0}, {"Y": 1}),
        (queue({"X": 5, "Y": 1}), {"X": 3, "Y": 1}, {"X": 5}),
        (queue({"X": 5, "Y": 1}), {"X": 3, "Y": 0}, {}),
        (queue({"X": 5, "Y": 1}), {"X": 5, "Y": 1}, {"X": 5, "Y": 1}),
        # The Y that is there is of the order before, which can have it.
        (queue({"Y": 1}, {"X": 1, "Y": 1}), {"X": 1, "Y": 1}, {"Y": 2}),
        (queue({"X": 1, "Y": 1}, {"Y": 1}), {"X": 1, "Y": 1}, {"X": 1, "Y": 2}),
        (queue({"X": 1, "Y": 1, "Z": 1}, {"X": 1}), {"X": 1, "Y": 1}, {"Z": 1, "X": 1}),
    ],
)
def test_a_waiting_order_keeps_what_it_can_use(
    waiting: list[Waiting], free: Units, claims: Units
) -> None:
    assert claims_on(waiting, free) == claims


def test_who_has_a_say_in_an_article_is_found_through_the_others_of_each_order() -> None:
    waiting = queue({"Z": 1}, {"Y": 1, "Z": 1}, {"A": 1}, {"X": 1, "Y": 1})
    assert related(waiting, ["X"]) == [waiting[0], waiting[1], waiting[3]]
    assert related(waiting, ["A"]) == [waiting[2]]
    assert related(waiting, ["B"]) == []
