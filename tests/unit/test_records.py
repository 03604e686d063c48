"""How values look in the store: what is written is read back, and what is not ours is refused."""

import struct
from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model import TTL_MS_DEFAULT, Line, Reservation, ReservationLine, State, StockLevel
from engine.records import (
    Unreadable,
    buyer_field,
    due_from_ms,
    fingerprint,
    pack,
    pack_body,
    packed_string,
    split_field,
    stock_field,
    sum_lines,
    unpack_level,
    unpack_reservation,
    unpacked_string,
)
from tests.lua.scenario import T0, play
from tests.partition import Partition

NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=16)
LINES = st.lists(st.builds(Line, NAMES, st.integers(1, 1_000_000), NAMES), min_size=1, max_size=9)


def body(lines: list[Line], ttl_ms: int = 0, buyer_id: str = "") -> bytes:
    flat = [part for line in sum_lines(lines) for part in line]
    return unpacked_string(pack_body([ttl_ms or TTL_MS_DEFAULT, buyer_id, *flat]))


def record(state: int, packed_body: bytes, progress: bytes = b"") -> bytes:
    """A record as the script writes it: times in 6 bytes each."""
    times = b"".join(at_ms.to_bytes(6, "big") for at_ms in (T0, T0 + 1, T0 + 2))
    return bytes((state,)) + times + packed_body + progress


# What stands in running stores: none of these may ever change.


def test_a_stock_field_is_the_sku_and_a_location_that_is_not_the_default_one() -> None:
    assert stock_field("TEA", "default") == stock_field("TEA", "") == "TEA"
    assert stock_field("TEA", "north") == "TEA\0north"
    assert buyer_field("li", "TEA") == "li\0TEA"


def test_a_body_is_its_length_and_then_deadline_buyer_and_summed_lines() -> None:
    packed = body([Line("TEA", 2, "north"), Line("TEA", 1), Line("TEA", 3, "north")], 60_000, "li")
    content = [60_000, "li", "TEA", 1, "TEA\0north", 5]
    assert packed == struct.pack(">H", len(packed) - 2) + msgspec.msgpack.encode(content)
    assert body([Line("TEA", 1)]) == body([Line("TEA", 1)], 900_000)


def test_a_fingerprint_is_the_same_in_every_process_and_version() -> None:
    assert fingerprint([("CUP", 4), ("TEA", 5)], 2) == "8db745516fadcc97"
    assert fingerprint("TEA", -9, "盘点") == "f2f4813aba99b4e7"


@given(NAMES, NAMES)
def test_a_stock_field_is_taken_apart_into_what_it_was_made_of(sku: str, location: str) -> None:
    assert split_field(stock_field(sku, location)) == (sku, location)
    assert split_field(stock_field(sku, "default")) == (sku, "default")


@given(LINES, st.randoms(use_true_random=False))
def test_the_content_of_lines_does_not_depend_on_how_they_are_arranged(
    lines: list[Line], random: Random
) -> None:
    in_pieces = [
        piece
        for line in lines
        for piece in (
            [Line(line.sku, 1, line.location), Line(line.sku, line.quantity - 1, line.location)]
            if line.quantity > 1
            else [line]
        )
    ]
    random.shuffle(in_pieces)
    assert sum_lines(in_pieces) == sum_lines(lines) == sorted(sum_lines(lines))
    assert body(in_pieces) == body(lines)


@given(LINES)
def test_other_lines_are_other_content(lines: list[Line]) -> None:
    first = lines[0]
    assert body(lines) != body([*lines, Line(first.sku, 1, first.location)])
    assert body(lines) != body([*lines, Line(first.sku + "x", 1, first.location)])
    assert body(lines) != body(lines, buyer_id="li")
    assert body(lines) != body(lines, ttl_ms=1_000)


@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 65_535])
def test_any_bytes_can_be_a_packed_string(size: int) -> None:
    data = bytes(number % 256 for number in range(size))
    packed = packed_string(data)
    assert unpacked_string(packed) == data
    with_others = msgspec.msgpack.encode(["a", packed, 7])
    before, between, after = msgspec.msgpack.decode(with_others, type=list[msgspec.Raw])
    assert (unpacked_string(before), unpacked_string(between)) == (b"a", data)
    assert msgspec.msgpack.decode(after) == 7


@given(LINES, st.sampled_from([state for state in State if state]))
def test_a_record_is_read_as_it_was_written(lines: list[Line], state: State) -> None:
    summed = sum_lines(lines)
    counts = [count for number in range(len(summed)) for count in (number, 1, 2)]
    progress = pack([counts, ["sm1", "0123456789abcdef"]])
    assert unpack_reservation(
        "A", record(state, body(lines, 60_000, "li"), progress)
    ) == Reservation(
        "A",
        state,
        tuple(
            ReservationLine(*split_field(field), quantity, number, 1, 2)
            for number, (field, quantity) in enumerate(summed)
        ),
        "li",
        *(T0, T0 + 1, T0 + 2),
    )


def test_what_the_script_wrote_is_read_in_every_state(partition: Partition) -> None:
    play(
        partition,
        """
        0     stock TEA 9
              stock 茶杯@仓 9
              release tombstone
              reserve A TEA:4 茶杯@仓:2 buyer=li ttl=1m
        1s    confirm A
        2s    ship A s1 TEA:3
              cancel A c1 TEA:1
              return A r1 damaged TEA:2
        """,
    )
    lines = (ReservationLine("TEA", "default", 4, 3, 1, 2), ReservationLine("茶杯", "仓", 2))
    assert partition.reservations() == {
        "tombstone": Reservation("tombstone", State.RELEASED, (), "", T0, 0, T0),
        "A": Reservation("A", State.CONFIRMED, lines, "li", T0, T0 + 60_000, T0 + 2_000),
    }
    assert partition.levels() == {
        ("TEA", "default"): StockLevel("TEA", "default", 6, 0, 0, 2, 0, 0, 6),
        ("茶杯", "仓"): StockLevel("茶杯", "仓", 9, 0, 2, 0, 0, 0, 3),
    }


GOOD = record(State.RESERVED, body([Line("TEA", 1)]))


def with_body(*content: object) -> bytes:
    packed = msgspec.msgpack.encode(content)
    return record(State.RESERVED, len(packed).to_bytes(2, "big") + packed)


@pytest.mark.parametrize(
    "found",
    {
        "nothing": b"",
        "a word": b"not ours",
        "a header and no more": GOOD[:21],
        "half a body": GOOD[:-1],
        "an unknown state": b"\x63" + GOOD[1:],
        "a body that is not packed": record(State.RESERVED, b"\0\x03abc"),
        "a body without a buyer": with_body(60_000),
        "a field without a quantity": with_body(60_000, "li", "TEA"),
        "a quantity without a field": with_body(60_000, "li", 1, "TEA"),
        "a quantity that is text": with_body(60_000, "li", "TEA", "1"),
        "progress that is not packed": GOOD + b"xyz",
        "progress of another shape": GOOD + pack([1, 2, 3]),
    }.items(),
    ids=lambda item: item[0],
)
def test_a_record_that_is_not_ours_is_unreadable_and_named(found: tuple[str, bytes]) -> None:
    with pytest.raises(Unreadable, match="the record of reservation A"):
        unpack_reservation("A", found[1])


@given(st.binary(max_size=60))
def test_no_bytes_are_so_strange_that_reading_them_fails_otherwise(found: bytes) -> None:
    try:
        unpack_reservation("A", found)
        unpack_reservation("A", GOOD[:21] + found)
    except Unreadable:
        pass


@pytest.mark.parametrize(
    "packed",
    [b"", b"not ours", pack([1, 2, 3]), pack([1] * 10), pack(["1"] * 8), pack({"on_hand": 1})],
)
def test_a_level_that_is_not_ours_is_unreadable_and_named(packed: bytes) -> None:
    with pytest.raises(Unreadable, match=r"the stock level of 'TEA\\x00north'"):
        unpack_level("TEA\0north", packed)


def test_a_level_is_read_as_it_was_written() -> None:
    packed = pack([1, 2, 3, 4, 5, 6, 7, 8])
    level = unpack_level("TEA\0north", packed)
    assert level == StockLevel("TEA", "north", 1, 2, 3, 4, 5, 6, 7)
    assert due_from_ms(packed) == 8


def test_a_level_to_which_units_are_on_their_way_has_one_number_more() -> None:
    packed = pack([1, 2, 3, 4, 5, 6, 7, 8, 9])
    level = unpack_level("TEA\0north", packed)
    assert level == StockLevel("TEA", "north", 1, 2, 3, 4, 5, 6, 7, incoming=9)
    assert due_from_ms(packed) == 8
