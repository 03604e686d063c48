"""Random stories of a shop: whatever goes wrong, nothing is sold twice, no cent is lost, and no
order is stuck.

HOLDFAST_EXAMPLES says how many stories to try; one that fails prints how to reproduce it.
"""

import asyncio
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.order_service.conftest import emptied
from tests.order_service.model.buying import Buying
from tests.order_service.model.shipping import Shipping
from tests.order_service.model.stage import Stage, stage_in
from tests.order_service.model.trouble import Trouble

# By default the same few stories each time; `make test-long` tries others, and far more.
EXAMPLES = int(os.environ.get("HOLDFAST_EXAMPLES", "15"))
# Hypothesis looks for a shorter failing story for at most five minutes.
FAILURE_S_MAX = 400
EXAMPLE_S_MAX = 10
STORIES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=40,
    deadline=None,
    derandomize="HOLDFAST_EXAMPLES" not in os.environ,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

pytestmark = [pytest.mark.more, pytest.mark.timeout(FAILURE_S_MAX + EXAMPLES * EXAMPLE_S_MAX)]


class ShopMachine(Buying, Shipping, Trouble):
    """Everybody, and everything that goes wrong."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Where the stories are played."""
    with stage_in(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


def test_every_story_ends_well_on_sqlite(
    stage: Stage, sqlite_template: Path, tmp_path: Path
) -> None:
    numbers = count()

    class OnSqlite(ShopMachine):
        @classmethod
        def database_url(cls) -> str:
            path = tmp_path / f"orders-{next(numbers)}.db"
            shutil.copy(sqlite_template, path)
            return f"sqlite:///{path}"

    OnSqlite.stage = stage
    run_state_machine_as_test(OnSqlite, settings=STORIES)


def test_every_story_ends_well_on_postgres(stage: Stage, postgres_url: str) -> None:
    class OnPostgres(ShopMachine):
        @classmethod
        def database_url(cls) -> str:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(asyncio.run, emptied(postgres_url)).result()
            return postgres_url

    OnPostgres.stage = stage
    stories = settings(STORIES, max_examples=max(EXAMPLES // 5, 1))
    run_state_machine_as_test(OnPostgres, settings=stories)
