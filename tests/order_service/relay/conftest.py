"""Where the database of a test is, for processes of its own."""

from pathlib import Path

import pytest

from order_service.storage.database import Database, PostgresDatabase


@pytest.fixture
def database_url(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> str:
    """The URL of the test's database."""
    if isinstance(database, PostgresDatabase):
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'orders.db'}"
