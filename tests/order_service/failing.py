"""A database whose n-th statement fails, or whose commit does."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

COMMIT = "COMMIT"


class Statements:
    """Counts statements and commits, and fails the n-th of them (from 1); 0 fails none."""

    def __init__(self, failing: int) -> None:
        self.failing = failing
        self.count = 0
        self.failed = ""

    def passes(self, statement: str) -> None:
        """Called before each. Raises what a lost connection raises."""
        self.count += 1
        if self.count == self.failing:
            self.failed = statement
            raise OperationalError(statement, None, Exception("lost"))


@contextmanager
def statement_fails(number: int) -> Iterator[Statements]:
    """Fails the n-th statement of all databases of this process while it lasts."""
    statements = Statements(number)

    def before_execute(
        _connection: Any, _cursor: Any, statement: str, _parameters: Any, _context: Any, _many: bool
    ) -> None:
        statements.passes(statement)

    def before_commit(_connection: Any) -> None:
        statements.passes(COMMIT)

    event.listen(Engine, "before_cursor_execute", before_execute)
    event.listen(Engine, "commit", before_commit)
    try:
        yield statements
    finally:
        event.remove(Engine, "before_cursor_execute", before_execute)
        event.remove(Engine, "commit", before_commit)
