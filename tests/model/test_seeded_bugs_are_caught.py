"""The model test can fail: it finds each bug that is put into the engine here, one at a time.

`make test` plays a stored story per bug, `make test-long` looks for one at random. That nothing is
found in the engine as it is, test_engine_matches_oracle.py shows.
"""

import pytest
import redis

from tests.model.killing_stories import STORED, find, shows, stored
from tests.model.seeded_bugs import ALL_BUGS, partition_with

HOW_TO_RENEW = "`.venv/bin/python -m tests.model.killing_stories` looks for stories anew"
KILLING_STORIES = stored()
# Seldom met by chance: they show only where a Reserve of the same batch waits for what is due, or a
# move wants what has just lapsed. Which stories come depends on what else is imported, so that a
# search may end without them.
RARE = {"a Release overtakes a Reserve that waits", "a move finds what is due reserved"}


def test_each_bug_has_a_stored_story() -> None:
    assert list(KILLING_STORIES) == list(ALL_BUGS), f"{STORED.name}: {HOW_TO_RENEW}"


@pytest.mark.parametrize("bug", ALL_BUGS)
def test_the_stored_story_of_a_bug_shows_it(store: redis.Redis, bug: str) -> None:
    shown = shows(KILLING_STORIES[bug], bug, store)
    assert shown, f"{STORED.name} is out of date for {bug!r}: {HOW_TO_RENEW}"


@pytest.mark.long
@pytest.mark.parametrize("bug", [bug for bug in ALL_BUGS if bug not in RARE])
def test_a_random_story_shows_a_bug(store: redis.Redis, bug: str) -> None:
    with partition_with(bug, store) as partition:
        assert find(partition), "no random story shows it"
