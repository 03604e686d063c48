"""The memory of how far stores were seen: what one process has noted, all know, also later ones."""

import json
from pathlib import Path

import pytest

from engine.seen import NOTHING_SEEN, Acceptance, Seen
from engine.seen_files import ACCEPTED, SeenFiles, SeenUnusable

SHOP = Seen("epoch-1", 5)


def place(directory: Path) -> SeenFiles:
    return SeenFiles(directory, pytest.fail)


def test_what_was_noted_is_known_to_those_who_are_there_and_to_those_who_come(
    tmp_path: Path,
) -> None:
    here, beside = place(tmp_path), place(tmp_path)
    assert here.latest("shop") == NOTHING_SEEN
    here.note("shop", SHOP)
    for sequence in (6, 7, 1 << 60):
        here.note("shop", SHOP._replace(sequence=sequence))
        assert beside.latest("shop") == SHOP._replace(sequence=sequence)
    here.note("other", Seen("epoch-2", 1))
    later = place(tmp_path)  # `here` has not been closed: it may have been killed
    assert later.tenants() == ["other", "shop"]
    assert later.latest("shop").sequence == 1 << 60


def test_the_furthest_that_any_process_has_seen_counts(tmp_path: Path) -> None:
    here, beside = place(tmp_path), place(tmp_path)
    here.note("shop", SHOP)
    beside.note("shop", SHOP._replace(sequence=4))
    assert here.latest("shop") == beside.latest("shop") == SHOP


def test_a_file_is_taken_over_from_a_process_that_is_gone(tmp_path: Path) -> None:
    first = place(tmp_path)
    first.note("shop", SHOP)
    first.close()
    second = place(tmp_path)
    second.note("shop", SHOP._replace(sequence=9))
    second.note("other", SHOP)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.seen"]
    assert place(tmp_path).latest("shop").sequence == 9


def test_what_a_person_accepted_goes_before_all_that_was_seen_and_is_written_down(
    tmp_path: Path,
) -> None:
    here, beside = place(tmp_path), place(tmp_path)
    for one in (here, beside):
        one.note("shop", SHOP)
    after = Seen("", 0, 1)
    beside.accept(Acceptance("shop", SHOP, after, "emptied on purpose"))
    assert here.latest("shop") == place(tmp_path).latest("shop") == after
    here.note("shop", Seen("epoch-3", 1, 1))
    assert beside.latest("shop") == Seen("epoch-3", 1, 1)
    line = json.loads((tmp_path / ACCEPTED).read_text())
    assert (line["tenant"], line["reason"]) == ("shop", "emptied on purpose")
    assert line["seen"] == {"epoch": "epoch-1", "sequence": 5, "accepted": 0}


def test_a_slot_that_was_not_on_disk_when_the_machine_crashed_is_passed_over(
    tmp_path: Path,
) -> None:
    here = place(tmp_path)
    here.note("shop", SHOP)
    here.note("other", SHOP)
    here.close()
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    slot = len(data) // 3
    file.write_bytes(data[:slot] + bytes(slot) + data[2 * slot :])
    again = place(tmp_path)
    assert again.tenants() == ["other"]
    again.note("shop", SHOP)
    assert place(tmp_path).latest("shop") == SHOP


@pytest.mark.parametrize("head", [b"", b"holdf", bytes(128), b"holdfast".ljust(128, b"\0")])
def test_a_file_whose_head_was_not_on_disk_when_the_machine_crashed_is_ours_all_the_same(
    tmp_path: Path, head: bytes
) -> None:
    (tmp_path / "1.seen").write_bytes(head)
    place(tmp_path).note("shop", SHOP)
    assert place(tmp_path).latest("shop") == SHOP
    assert (tmp_path / "1.seen").read_bytes().startswith(b"holdfast seen 1\n")


def test_who_is_there_reads_the_file_that_came_in_place_of_one_moved_away(tmp_path: Path) -> None:
    gone, here = place(tmp_path), place(tmp_path)
    gone.note("shop", Seen("epoch-1", 9))
    assert here.latest("shop") == Seen("epoch-1", 9)
    gone.close()
    (tmp_path / "1.seen").rename(tmp_path / "1.away")
    place(tmp_path).note("shop", Seen("epoch-2", 3))
    assert here.latest("shop") == Seen("epoch-2", 3)


def test_what_could_not_be_brought_onto_the_disk_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = place(tmp_path)
    here.note("shop", SHOP)
    brought: list[int] = []
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no disk")))
        with pytest.raises(OSError, match="no disk"):
            here.sync()
    monkeypatch.setattr("os.fsync", brought.append)
    here.sync()
    assert len(brought) == 1


def test_a_file_that_is_not_ours_and_a_place_that_is_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "1.seen").write_bytes(b"something else".ljust(200))
    with pytest.raises(SeenUnusable, match=r"1\.seen"):
        place(tmp_path)
    with pytest.raises(SeenUnusable, match="cannot be used"):
        place(tmp_path / "1.seen" / "below")


@pytest.mark.parametrize(
    ("now", "is_lost"),
    [
        (Seen("epoch-1", 5), False),
        (Seen("epoch-1", 6), False),
        (Seen("epoch-1", 4), True),
        (Seen("epoch-2", 9), True),
        (Seen("", 0), True),
    ],
)
def test_a_store_has_lost_something_if_it_is_another_or_further_back(
    now: Seen, is_lost: bool
) -> None:
    assert SHOP.lost_by(now) == is_lost
    assert not NOTHING_SEEN.lost_by(now)
