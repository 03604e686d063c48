"""Docstrings begin with the thing they are about: "Replaces the order's lines", not "What it has".

A first word such as What or Those makes the reader guess a noun that the writer had in mind. Every
docstring counts: of modules, classes and functions, and those below a field or constant.
"""

import ast
import re
from collections.abc import Iterator
from typing import Final

import pytest

from tests.tidy.sources import ROOT, python_files

_RIDDLE: Final = re.compile(
    r"(What|Whatever|Who|Whoever|Whom|Whose|That|Those|These|Such|It|Its|They|Them|The same|So many"
    r"|As many|How many|How much|How long)\b"
)


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """The line and text of each docstring of a module, those of fields and constants included."""
    for node in ast.walk(ast.parse(source)):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                text = statement.value.value
                if isinstance(text, str):
                    yield statement.lineno, text.strip()


def riddles(source: str) -> list[str]:
    """The docstrings of a module that do not begin with their subject or verb."""
    return [
        f"line {line}: {text.splitlines()[0]}"
        for line, text in docstrings(source)
        if _RIDDLE.match(text)
    ]


def test_docstrings_begin_with_their_subject() -> None:
    found = {
        str(path): lines
        for path in python_files()
        if (lines := riddles((ROOT / path).read_text("utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        '"""What it has."""',
        'def f():\n    """Those of its sources."""',
        'class A:\n    x = 1\n    """The same for lines."""',
    ],
)
def test_a_riddle_is_found(source: str) -> None:
    assert len(riddles(source)) == 1
