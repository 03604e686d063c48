"""Fixtures of all tests: one real store for the session, a partition in it that starts empty."""

from collections.abc import Iterator

import pytest
import redis
from hypothesis import settings

from tests.left_behind import (  # noqa: F401 - pytest finds hooks here
    pytest_sessionfinish,
    pytest_sessionstart,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.partition import Partition
from tests.serving import own_store

# A machine that is busy is no fault of the code: properties are held against no clock.
settings.register_profile("unhurried", parent=settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session", autouse=True)
def no_columns() -> Iterator[None]:
    """Tables are as wide as they are, whatever COLUMNS says where the tests are started."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("COLUMNS", raising=False)
        yield


@pytest.fixture(scope="session")
def store_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A store of the session's own, without fsync: what is tested with it is not durability."""
    directory = tmp_path_factory.mktemp("store")
    with own_store(directory, appendonly="no", appendfsync="no") as store:
        yield store.url


@pytest.fixture
def store(store_url: str) -> Iterator["redis.Redis"]:
    """A client of the session's store."""
    with redis.Redis.from_url(store_url) as client:
        yield client


@pytest.fixture
def partition(store: "redis.Redis") -> Iterator[Partition]:
    """An empty partition; whatever a test did to it, its invariants hold in the end."""
    store.flushall()
    partition = Partition(store)
    yield partition
    assert partition.audit() == []
