"""The progress bar of the demo: one bar, which shows the stage it is in."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn


class Stages:
    """The stages of a demo, one after the other, on one bar."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def enter(self, name: str, steps: int | None = None) -> None:
        """Begins a stage of so many steps; None if nobody can tell."""
        self._progress.reset(self._task, description=name, total=steps)

    def step(self) -> None:
        """One step of the stage is done."""
        self._progress.advance(self._task)

    def reach(self, step: int, steps: int) -> None:
        """`step` of `steps` are done."""
        self._progress.update(self._task, completed=step, total=steps)


@contextmanager
def stages(console: Console) -> Iterator[Stages]:
    """A bar on `console` for as long as the block runs; nothing is shown where no person looks."""
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        yield Stages(progress)
