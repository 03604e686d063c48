"""The entry of `holdfast`: runs a command and turns how it ends into an exit status."""

import gc
import os
import sys
from collections.abc import Sequence


def main() -> None:
    """Runs the command of this process's arguments and exits."""
    # Most commands end before there is garbage worth looking for; looking takes a fifth of --help.
    gc.set_threshold(100_000)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a text file
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Runs a command; the answer is its exit status, one of `holdfast.cli.failures`."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        from holdfast.cli.failures import INTERRUPTED

        return INTERRUPTED


def _run(arguments: Sequence[str]) -> int:
    from holdfast.cli.app import app, as_cyclopts_reads, show_what_is_listed

    try:
        read = as_cyclopts_reads(arguments)
        show_what_is_listed(read)
        status = app(
            read,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except BrokenPipeError:
        from holdfast.cli.failures import REFUSED

        # Whoever read our output has seen enough (`holdfast stock list | head`).
        # What is still buffered must go somewhere, or the interpreter complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    except Exception as error:  # noqa: BLE001 - what is no failure of a command is raised again
        return _failed(error, arguments)
    return status or 0


def _failed(error: Exception, arguments: Sequence[str]) -> int:
    """Says how a command failed, and gives its exit status. What is no failure of ours goes on."""
    from cyclopts import CycloptsError

    from holdfast.cli.failures import Failure, failure_of_usage, print_failure
    from holdfast.cli.output import wants_json

    if isinstance(error, CycloptsError):
        error = failure_of_usage(error)
    if not isinstance(error, Failure):
        raise error
    print_failure(error, as_json=wants_json(arguments))
    return error.exit_status


if __name__ == "__main__":
    main()
