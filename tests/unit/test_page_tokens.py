"""The order of a list, and the tokens that say where it goes on."""

import pytest

from engine.listing import Names, PageTokenInvalid, Position, bucket_of, position_of


@pytest.mark.parametrize(
    "position", [Position(0), Position(2**62, 4_095, b"SKU\0north"), Position(7, 1, b"\xff" * 129)]
)
def test_a_page_token_says_where_to_go_on(position: Position) -> None:
    assert position_of(position.token()) == position
    with pytest.raises(PageTokenInvalid):
        position_of(position.token() + "A")


def test_names_are_given_in_one_order_whatever_was_found_first() -> None:
    names = [b"%d" % number for number in range(500)]
    one, other = Names(), Names()
    one.add(names)
    for first in range(0, 500, 7):
        other.add(reversed(names[first : first + 50]))  # a scan may name a row again
    assert one.count == other.count == 500
    everything = one.after(Position(0), 1_000)
    assert everything == other.after(Position(0), 1_000)
    assert everything == sorted(names, key=lambda name: (bucket_of(name), name))
    middle = everything[200]
    assert one.after(Position(0, bucket_of(middle), middle), 10) == everything[201:211]
