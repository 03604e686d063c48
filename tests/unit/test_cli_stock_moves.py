"""Places as a person types them: a location, what units are there, or outside."""

import pytest

from holdfast.cli.stock_moves import BUCKETS, OUTSIDE, Place, place_of
from holdfast.types import Bucket


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("bj", Place("bj", "resellable"), "bj"),
        ("bj:resellable", Place("bj", "resellable"), "bj"),
        ("bj:damaged", Place("bj", "damaged"), "bj (damaged)"),
        (":incoming", Place("default", "incoming"), "default (incoming)"),
        ("outside", Place("default", "outside"), "outside"),
        ("shelf:9", Place("shelf:9", "resellable"), "shelf:9"),
        ("shelf:9:damaged", Place("shelf:9", "damaged"), "shelf:9 (damaged)"),
        ("outside:resellable", Place("outside", "resellable"), "outside (resellable)"),
    ],
)
def test_a_place_is_a_location_and_what_units_are_there(text: str, place: Place, said: str) -> None:
    assert place_of(text) == place
    assert str(place) == said


@pytest.mark.parametrize("text", ["", "bj:outside", ":outside"])
def test_outside_is_at_no_location(text: str) -> None:
    with pytest.raises(ValueError, match="must be LOCATION, LOCATION:BUCKET or outside"):
        place_of(text)


def test_every_bucket_has_its_word() -> None:
    assert [name.upper() for name in (*BUCKETS, OUTSIDE)] == [bucket.name for bucket in Bucket]
