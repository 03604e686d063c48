"""A store of our own, seen from beside it."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.store.own_trouble import trouble_of_own_store


class Usage(NamedTuple):
    """The answer of `shutil.disk_usage`."""

    total: int
    used: int
    free: int


def test_a_full_disk_is_named_also_while_the_store_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store.log").write_text("Ready to accept connections\n")
    assert trouble_of_own_store(str(tmp_path), answers=True) == ""
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 4_096))
    trouble = trouble_of_own_store(str(tmp_path), answers=True)
    assert str(tmp_path) in trouble
    assert "4,096 bytes left" in trouble


def test_its_last_words_count_only_while_it_is_silent(tmp_path: Path) -> None:
    log = tmp_path / "store.log"
    log.write_text("Error writing to the AOF file: No space left on device\nExiting...\n")
    assert trouble_of_own_store(str(tmp_path), answers=True) == ""
    trouble = trouble_of_own_store(str(tmp_path), answers=False)
    assert "No space left on device" in trouble
    assert "Free space on the disk" in trouble


def test_nothing_is_said_of_a_store_that_is_not_our_own(tmp_path: Path) -> None:
    assert trouble_of_own_store("", answers=False) == ""
    assert trouble_of_own_store(str(tmp_path), answers=False) == ""
