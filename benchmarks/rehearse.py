"""`make rehearse`: a flash sale from Locust, headless, in a minute, against one worker.

`python -m benchmarks.rehearse` starts a Holdfast with a store of its own in a temporary directory
(fsync on every write, every feature on), or takes the running one at `--target`; runs
`benchmarks/locustfile.py` on it; and ends with its table, audit and gate, and its exit code: 0 the
gate is passed, 1 it is not, 2 an option cannot be used, 3 no server serves. `--help` lists the
options of the sale with their units. Locust's report, with the audit in it, and the account as JSON
stay in `benchmarks/results`.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.flash_sale.options import OptionError, add_to, flags_of, settings_from
from benchmarks.servers import server

HERE = Path(__file__).parent


@contextmanager
def target_of(target: str) -> Iterator[str]:
    """`target`, or if it is empty that of a server which lasts as long as the block."""
    if target:
        yield target
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-rehearse-") as directory:
        print("Starting a Holdfast with a store of its own", flush=True)
        with server(Path(directory)) as running:
            yield running.target


def locust_command(target: str, results: Path, options: Sequence[str]) -> list[str]:
    """Locust without its web page, with its reports in `results`."""
    return [
        *(sys.executable, "-m", "locust", "-f", str(HERE / "locustfile.py"), "--headless"),
        *("--only-summary", "--host", target, "--html", str(results / "rehearsal.html")),
        *("--csv", str(results / "rehearsal"), "--audit-file", str(results / "rehearsal.json")),
        *options,
    ]


def ended(command: Sequence[str]) -> int:
    """Runs a command to its end and gives its exit code; Ctrl-C reaches it, too, and it reports."""
    with subprocess.Popen(command) as process:
        while True:
            with contextlib.suppress(KeyboardInterrupt):
                return process.wait()


def parser() -> argparse.ArgumentParser:
    """The options of this command, and those of the sale, which go on to Locust."""
    made = argparse.ArgumentParser(
        prog="holdfast rehearse --",
        description="Rehearses a flash sale. Options that are not listed go to Locust as they are.",
        allow_abbrev=False,
    )
    made.add_argument("--target", default="", help="HOST:PORT of a Holdfast that runs already")
    made.add_argument("--results", type=Path, default=HERE / "results", help="where reports go")
    add_to(made)
    return made


def main(arguments: Sequence[str]) -> int:
    """Rehearses; returns the exit code."""
    reader = parser()
    known, others = reader.parse_known_args(arguments)
    try:
        settings = settings_from(vars(known))
    except OptionError as error:
        reader.error(str(error))
    known.results.mkdir(parents=True, exist_ok=True)
    with target_of(known.target) as target:
        command = locust_command(target, known.results, [*flags_of(settings), *others])
        exit_code = ended(command)
    if exit_code in (0, 1):
        print(f"Report: {known.results / 'rehearsal.html'}", flush=True)
    return exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
