"""The engine and the oracle judge the same random batches, and must agree on every answer and on
everything that is stored.

HOLDFAST_EXAMPLES says how many random stories to try; one that fails prints how to reproduce it.
"""

import os

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import machine_of
from tests.partition import Partition, rules_alone

EXAMPLES = int(os.environ.get("HOLDFAST_EXAMPLES", "60"))
# Hypothesis looks for a shorter failing story for at most five minutes.
FAILURE_SECONDS_MAX = 400
RANDOM_STORIES = settings(
    max_examples=EXAMPLES,
    stateful_step_count=30,
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

pytestmark = [pytest.mark.more, pytest.mark.timeout(FAILURE_SECONDS_MAX + EXAMPLES)]


def test_the_engine_answers_and_stores_what_the_oracle_does(partition: Partition) -> None:
    run_state_machine_as_test(machine_of(partition), settings=RANDOM_STORIES)


def test_so_do_the_rules_where_they_judge_also_a_few_reserves(store: redis.Redis) -> None:
    partition = Partition(store, script=rules_alone())
    stories = settings(RANDOM_STORIES, max_examples=EXAMPLES // 2)
    run_state_machine_as_test(machine_of(partition), settings=stories)


def test_no_answer_tells_how_much_was_swept_before(store: redis.Redis) -> None:
    partition = Partition(store, due_limit=1)
    stories = settings(RANDOM_STORIES, max_examples=EXAMPLES // 4)
    run_state_machine_as_test(machine_of(partition), settings=stories)
