"""`python -m server`: runs the engine's server with the settings of the environment."""

import os
import sys

import uvloop

from server.config import ConfigError, from_environment
from server.server import StartError, run

EXIT_USAGE = 2


def main() -> int:
    """Runs the server; returns the exit code."""
    try:
        config = from_environment(os.environ)
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
