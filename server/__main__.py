"""`python -m server`: runs the engine's server with the settings of the environment."""

import gc
import os
import sys

import uvloop

from server.config import ConfigError, from_environment
from server.server import StartError, run

EXIT_USAGE = 2
GC_THRESHOLD = 50_000


def _collect_seldom() -> None:
    """Spares the garbage collector what lives for ever, and most of its rounds.

    A call leaves next to no cycles behind, but makes enough objects to have all of them looked at
    many times a second.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


def main() -> int:
    """Runs the server; returns the exit code."""
    try:
        config = from_environment(os.environ)
        _collect_seldom()
        uvloop.run(run(config))
    except ConfigError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return EXIT_USAGE
    except StartError as error:
        print(f"holdfast: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
