"""For each seeded bug one short story that shows it, found at random or written, and stored.

`python -m tests.model.killing_stories BUG...` looks for the stories of these bugs anew, or of all
bugs, and stores them: needed where a bug is new, or where a stored story no longer shows its own.
"""

import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import machine_of
from tests.model.oracle import Answer, AnyCommand
from tests.model.seeded_bugs import ALL_BUGS, due_limit_of, partition_with
from tests.model.side_by_side import SideBySide
from tests.partition import Partition
from tests.serving import own_store

STORED = Path(__file__).with_name("killing_stories.json")
STORIES = settings(
    max_examples=250,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_TYPES: dict[str, Any] = {kind.__name__: kind for kind in AnyCommand.__args__}


class Batch(msgspec.Struct, array_like=True):
    """Commands that are judged together, and when."""

    now_ms: int
    commands: list[tuple[str, dict[str, Any]]]
    """The type of each and its fields."""


Story = list[Batch]


def play(story: Story, partition: Partition) -> None:
    """Has the engine and the oracle judge a story; AssertionError where they differ."""
    side_by_side = SideBySide(partition)
    for batch in story:
        commands = [msgspec.convert(fields, _TYPES[name]) for name, fields in batch.commands]
        side_by_side.run(commands, batch.now_ms)
        side_by_side.compare_state()


def shows(story: Story, bug: str, client: "redis.Redis") -> bool:
    """Whether the engine and the oracle differ on a story with the bug, and agree without it."""
    if _differ(story, Partition(client, due_limit=due_limit_of(bug))):
        return False
    with partition_with(bug, client) as partition:
        return _differ(story, partition)


def _differ(story: Story, partition: Partition) -> bool:
    try:
        play(story, partition)
    except AssertionError:
        return True
    return False


def find(partition: Partition) -> Story:
    """A random story on which the engine and the oracle differ; [] if there was none."""
    story: Story = []

    class Recording(SideBySide):
        def __init__(self, partition: Partition) -> None:
            super().__init__(partition)
            story.clear()

        def run(self, commands: Sequence[AnyCommand], now_ms: int) -> list[Answer]:
            named = [(type(one).__name__, msgspec.to_builtins(one)) for one in commands]
            story.append(Batch(now_ms, named))
            return super().run(commands, now_ms)

    try:
        run_state_machine_as_test(machine_of(partition, Recording), settings=STORIES)
    except AssertionError:
        return story
    return []


def shortened(story: Story, is_enough: Callable[[Story], bool]) -> Story:
    """The story without each batch and each command that it can do without."""
    for number in reversed(range(len(story))):
        without = story[:number] + story[number + 1 :]
        if is_enough(without):
            story = without
    for number in range(len(story)):
        for position in reversed(range(len(story[number].commands))):
            without = _without_command(story, number, position)
            if without[number].commands and is_enough(without):
                story = without
    return story


def _without_command(story: Story, number: int, position: int) -> Story:
    now_ms, commands = story[number].now_ms, story[number].commands
    fewer = Batch(now_ms, commands[:position] + commands[position + 1 :])
    return [*story[:number], fewer, *story[number + 1 :]]


def stored() -> dict[str, Story]:
    """The stories as they were stored, by bug."""
    return msgspec.json.decode(STORED.read_bytes(), type=dict[str, Story])


def store(stories: dict[str, Story]) -> None:
    """Stores the stories of all bugs, one batch a line."""
    lines = (
        f"{_json(bug)}: [\n" + ",\n".join(map(_json, stories[bug])) + "\n]" for bug in ALL_BUGS
    )
    STORED.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def main(bugs: Sequence[str]) -> None:
    """Finds and stores the stories of some bugs."""
    stories = stored() if STORED.exists() else {}
    with tempfile.TemporaryDirectory() as directory, own_store(Path(directory)) as running:
        client: redis.Redis = running.client()
        for bug in bugs:
            with partition_with(bug, client) as partition:
                found = find(partition)
            story = shortened(found, partial(shows, bug=bug, client=client))
            print(f"{bug}: {len(story)} batches" if story else f"{bug}: no story shows it")
            stories[bug] = story
    store(stories)


if __name__ == "__main__":
    main(sys.argv[1:] or ALL_BUGS)
