"""Migrations are one line: each has a number of its own, which is the name of its file."""

from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

FOLDER = Path(__file__).parents[2] / "order_service" / "storage" / "migrations"
FILES = sorted((FOLDER / "versions").glob("[0-9]*.py"))
FIRST = 2  # no database of before is left
LAST = FIRST + len(FILES) - 1


@pytest.mark.parametrize("number", range(FIRST, LAST + 1))
def test_each_has_the_next_number_and_comes_after_the_one_before(number: int) -> None:
    file = FILES[number - FIRST]
    assert file.name.startswith(f"{number:04}_"), file.name
    revision = ScriptDirectory(str(FOLDER)).get_revision(f"{number:04}")
    assert Path(revision.path).name == file.name
    assert revision.down_revision == (f"{number - 1:04}" if number > FIRST else None)


def test_there_is_one_last() -> None:
    assert ScriptDirectory(str(FOLDER)).get_heads() == [f"{LAST:04}"]
