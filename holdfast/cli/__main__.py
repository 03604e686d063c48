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
    from cyclopts import CycloptsError

    from holdfast.cli.app import app, as_cyclopts_reads, import_what_is_listed
    from holdfast.cli.failures import REFUSED, Failure, failure_of_usage, print_failure
    from holdfast.cli.output import wants_json

    try:
        read = as_cyclopts_reads(arguments)
        import_what_is_listed(read)
        status = app(
            read,
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
        sys.stdout.flush()
    except (CycloptsError, Failure) as error:
        failure = error if isinstance(error, Failure) else failure_of_usage(error)
        print_failure(failure, as_json=wants_json(arguments))
        return failure.exit_status
    except BrokenPipeError:
        # Whoever read our output has seen enough (`holdfast stock list | head`).
        # What is still buffered must go somewhere, or the interpreter complains when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return status or 0


if __name__ == "__main__":
    main()
