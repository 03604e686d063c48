"""Batches laid out as columns: what is summed, numbered and shared, without a store."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from engine.columns import Head, lay_out
from engine.model import (
    AdjustStock,
    Bucket,
    Cancel,
    Confirm,
    Disposition,
    Expire,
    Extend,
    Line,
    MoveStock,
    Purge,
    Release,
    Reserve,
    Return,
    SetStock,
    Ship,
    StoreCommand,
)
from engine.records import fingerprint, unpacked_string
from engine.scripts import Kind

HEAD = Head(7, "epoch-1", 8, "epoch-2", 100, (1, 2, 3), 5, 9)


class Laid(msgspec.Struct):
    """The columns of a batch, unpacked."""

    head: list[Any]
    kinds: list[int]
    numbers: list[int]
    strings: list[msgspec.Raw]
    ids: list[str]
    fields: list[str]
    buyers: list[str]

    def texts(self) -> list[bytes]:
        return [unpacked_string(raw) for raw in self.strings]


def laid(*commands: StoreCommand) -> Laid:
    arguments = lay_out(commands).arguments(HEAD)
    types = [list[Any], list[int], list[int], list[msgspec.Raw], list[str], list[str], list[str]]
    unpacked = [
        msgspec.msgpack.decode(argument, type=of)
        for argument, of in zip(arguments, types, strict=True)
    ]
    return Laid(*unpacked)


def test_the_head_says_what_the_batch_expects_of_the_store() -> None:
    assert laid(Release("A")).head == [7, "epoch-1", 8, "epoch-2", 100, [1, 2, 3], 5, 9]


def test_kinds_and_ids_come_in_the_order_of_the_commands() -> None:
    columns = laid(
        Expire(9),
        Release("A"),
        SetStock("TEA", 1),
        Confirm("B"),
        Purge(9),
        Extend("A", 1),
        AdjustStock("TEA", 1, "a1"),
        Ship("C", "s1"),
        Cancel("D", "c1"),
        Return("E", "r1", Disposition.DAMAGED),
        Reserve("F", [Line("TEA", 1)]),
    )
    assert [Kind(kind).name for kind in columns.kinds] == [
        *("EXPIRE", "RELEASE", "SET_STOCK", "CONFIRM", "PURGE", "EXTEND", "ADJUST_STOCK"),
        *("SHIP", "CANCEL", "RETURN", "RESERVE"),
    ]
    assert columns.ids == ["A", "B", "A", "C", "D", "E", "F"]


def test_lines_of_one_sku_and_location_are_summed_and_sorted() -> None:
    lines = [Line("TEA", 1, "north"), Line("TEA", 2), Line("CUP", 3), Line("TEA", 4, "north")]
    columns = laid(Reserve("A", lines, 1_000))
    assert columns.fields == ["CUP", "TEA", "TEA\0north"]
    assert columns.numbers == [1_000, 3, 1, 3, 0, 2, 2, 0, 3, 5, 0]


def test_a_level_and_a_buyer_have_one_position_in_the_whole_batch() -> None:
    columns = laid(
        Reserve("A", [Line("TEA", 1)], 1_000, "li"),
        SetStock("CUP", 9),
        Reserve("B", [Line("CUP", 2), Line("TEA", 3)], 1_000, "li"),
        AdjustStock("TEA", 1, "a1"),
        Reserve("C", [Line("TEA", 4)], 1_000, "wang"),
    )
    assert columns.fields == ["TEA", "CUP"]
    assert columns.buyers == ["li\0TEA", "li\0CUP", "wang\0TEA"]
    reserve_a, reserve_b, reserve_c = [1, 1, 1], [2, 2, 2, 1, 3, 1], [1, 4, 3]
    assert columns.numbers == [
        *(1_000, 1, *reserve_a),
        *(9, 0, 0, -1),
        *(1_000, 2, *reserve_b),
        1,
        *(1_000, 1, *reserve_c),
    ]


def test_a_buyers_units_of_a_sku_are_one_count_over_all_its_locations() -> None:
    columns = laid(Reserve("A", [Line("TEA", 1), Line("TEA", 2, "north")], 1_000, "li"))
    assert columns.fields == ["TEA", "TEA\0north"]
    assert columns.buyers == ["li\0TEA"]
    assert columns.numbers == [1_000, 2, 1, 1, 1, 2, 2, 1]


def test_no_deadline_means_the_default_one_also_in_the_content() -> None:
    default, explicit = (laid(Reserve("A", [Line("TEA", 1)], ttl_ms)) for ttl_ms in (0, 900_000))
    assert default.numbers == explicit.numbers == [900_000, 1, 1, 1, 0]
    assert default.strings == explicit.strings


@pytest.mark.parametrize(
    ("expected_version", "laid_out"), [(None, -1), (0, 0), (1, 1), (2**53, 2**53)]
)
def test_any_version_is_told_from_none(expected_version: int | None, laid_out: int) -> None:
    columns = laid(SetStock("TEA", 9, expected_version=expected_version))
    assert columns.numbers == [9, 0, 0, laid_out]


def movements(movement_id: str, lines: Sequence[Line]) -> list[StoreCommand]:
    return [
        Ship("A", movement_id, list(lines)),
        Cancel("A", movement_id, list(lines)),
        Return("A", movement_id, Disposition.RESELLABLE, list(lines)),
        Return("A", movement_id, Disposition.DAMAGED, list(lines)),
        Cancel("A", movement_id, list(lines), Disposition.LOST),
    ]


def key_and_content(movement: StoreCommand) -> list[bytes]:
    first = 2 if isinstance(movement, Return) else 0  # after the location and the exchange
    return laid(movement).texts()[first : first + 2]


def test_the_ids_of_shipments_cancellations_and_returns_never_meet() -> None:
    keys = [key_and_content(movement)[0] for movement in movements("m1", [])]
    assert keys == [b"sm1", b"cm1", b"rm1", b"rm1", b"cm1"]


def test_a_cancellation_to_sale_has_the_content_that_it_had_before_there_was_a_choice() -> None:
    unset, resellable = (
        laid(Cancel("A", "c1", [Line("TEA", 3)], disposition))
        for disposition in (Disposition.UNSPECIFIED, Disposition.RESELLABLE)
    )
    assert unset.numbers == resellable.numbers == [Disposition.RESELLABLE, 1, 3]
    assert unset.strings == resellable.strings
    assert unset.texts()[1].decode() == fingerprint([("TEA", 3)], 0)


def test_a_return_to_its_own_locations_has_the_content_that_it_had_before_it_could_name_one() -> (
    None
):
    damaged = Disposition.DAMAGED
    own, north, default = (
        laid(Return("A", "r1", damaged, [Line("TEA", 3)], location)).texts()
        for location in ("", "north", "default")
    )
    assert own[:4] == [b"", b"", b"rr1", fingerprint([("TEA", 3)], damaged).encode()]
    assert (north[0], default[0]) == (b"north", b"default")
    assert len({own[3], north[3], default[3]}) == 3


def test_the_content_of_a_movement_is_its_summed_lines_and_where_they_go() -> None:
    one_line, split, no_lines, other = (
        [key_and_content(movement)[1] for movement in movements("m1", lines)]
        for lines in (
            [Line("TEA", 3)],
            [Line("TEA", 1), Line("TEA", 2)],
            [],
            [Line("TEA", 3, "north")],
        )
    )
    assert one_line == split
    for contents in (one_line, no_lines, other):
        ship, cancel, resellable, damaged, lost = contents
        assert ship == cancel  # their ids are apart anyway
        assert len({ship, resellable, damaged, lost}) == 4
    assert not {*one_line} & {*no_lines} | {*one_line} & {*other} | {*no_lines} & {*other}


def test_the_content_of_a_move_is_all_but_its_id_whose_sign_no_adjustment_has() -> None:
    resellable, damaged, outside = Bucket.RESELLABLE, Bucket.DAMAGED, Bucket.OUTSIDE
    moves = [
        MoveStock("TEA", 1, resellable, damaged, "m1"),
        MoveStock("TEA", 1, resellable, damaged, "m2"),
        MoveStock("TEA", 2, resellable, damaged, "m1"),
        MoveStock("CUP", 1, resellable, damaged, "m1"),
        MoveStock("TEA", 1, damaged, resellable, "m1"),
        MoveStock("TEA", 1, resellable, outside, "m1"),
        MoveStock("TEA", 1, outside, damaged, "m1"),
        MoveStock("TEA", 1, resellable, damaged, "m1", "north"),
        MoveStock("TEA", 1, resellable, damaged, "m1", to_location="north"),
        MoveStock("TEA", 1, resellable, damaged, "m1", reason="drop"),
    ]
    first, other_id, *others = [laid(move).texts()[3] for move in moves]
    assert first == other_id
    assert len({first, *others}) == len(moves) - 1
    assert laid(moves[0]).texts()[2] == b">m1"


def test_the_content_of_an_adjustment_is_all_but_its_id() -> None:
    adjustments = [
        AdjustStock("TEA", 1, "a1"),
        AdjustStock("TEA", 1, "a2"),
        AdjustStock("TEA", -1, "a1"),
        AdjustStock("CUP", 1, "a1"),
        AdjustStock("TEA", 1, "a1", "north"),
        AdjustStock("TEA", 1, "a1", reason="found"),
    ]
    first, other_id, *others = [laid(adjustment).texts()[2] for adjustment in adjustments]
    assert first == other_id
    assert len({first, *others}) == 5
