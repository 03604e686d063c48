"""Reads the texts that belong to names: those under attributes, comments over enum values."""

import ast
import inspect
import re
from pathlib import Path

_VALUE = re.compile(r"((?:^ *//.*\n)+) *(\w+) = \d+;", re.MULTILINE)


def texts_of(kind: type) -> dict[str, str]:
    """The text under each attribute of a class that has one, by the attribute's name."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[str, str] = {}
    for assigned, text in zip(definition.body, definition.body[1:], strict=False):
        name = _assigned_name(assigned)
        if name and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            found[name] = " ".join(str(text.value.value).split())
    return found


def comments_of(proto: Path) -> dict[str, str]:
    """The comment over each enum value of a .proto file, by the value's name."""
    return {
        name: " ".join(comment.replace("//", " ").split())
        for comment, name in _VALUE.findall(proto.read_text(encoding="utf-8"))
    }


def _assigned_name(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""
